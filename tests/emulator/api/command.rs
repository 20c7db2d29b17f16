//! The `aws` command as a client of the API. One Python process imports it, and forks for each call.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::api::boto::{Key, python};
use crate::harness::REGION;
use crate::harness::process::SOON;

/// What the command printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Printed {
    /// What it printed as JSON, or null where it printed nothing; fails when the command did.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        if self.stdout.trim().is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Code and message of the error that the API answered; fails when the command did not.
    pub(crate) fn error(&self) -> (String, String) {
        assert!(!matches!(self.code, Some(0) | None), "this was to fail: {self:?}");
        let (_, error) = self.stderr.split_once("An error occurred (").unwrap_or_else(|| panic!("{self:?}"));
        let (code, rest) = error.split_once(") when calling the ").unwrap();
        let (_, message) = rest.split_once(" operation: ").unwrap();
        (code.to_owned(), message.lines().next().unwrap_or_default().to_owned())
    }
}

/// Who waits for the answer to a call.
type Waiting = Arc<Mutex<BTreeMap<u64, oneshot::Sender<Printed>>>>;

/// The process that forks for each call, for all tests of this process. It ends when its standard input does.
struct Forks {
    input: Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
}

impl Forks {
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Forks> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/aws.py");
        let mut command = python().into_std();
        command.arg("-B").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.env("AWS_MAX_ATTEMPTS", "1").env("NO_PROXY", "127.0.0.1").spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let waiting = Waiting::default();
        std::thread::spawn({
            let waiting = Arc::clone(&waiting);
            move || {
                for line in BufReader::new(output).lines() {
                    let answer: Value = serde_json::from_str(&line.unwrap()).unwrap();
                    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
                    let code = answer["code"].as_i64().map(|code| i32::try_from(code).unwrap());
                    let printed = Printed { code, stdout: text("stdout"), stderr: text("stderr") };
                    let asked = waiting.lock().unwrap().remove(&answer["id"].as_u64().unwrap()).unwrap();
                    // Nobody waits any more when a test has failed meanwhile.
                    asked.send(printed).ok();
                }
                // Whoever still waits learns that nothing comes.
                waiting.lock().unwrap().clear();
                process.wait().unwrap();
            }
        });
        Self { input: Mutex::new(input), waiting, next: AtomicU64::new(0) }
    }

    async fn call(&self, arguments: &[&str], environment: &Value) -> Printed {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let line = json!({ "id": id, "arguments": arguments, "environment": environment });
        let (sender, answered) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        writeln!(self.input.lock().unwrap(), "{line}").unwrap();
        let answer = tokio::time::timeout(SOON, answered).await;
        answer.expect("a command that ends").expect("the process of the commands ended")
    }
}

/// Runs `aws lambda …` against an endpoint.
pub(crate) async fn aws(endpoint: &str, key: Option<&Key>, arguments: &[&str]) -> Printed {
    let common = ["--endpoint-url", endpoint, "--region", REGION, "--output", "json"];
    let unsigned: &[&str] = if key.is_some() { &[] } else { &["--no-sign-request"] };
    let environment = match key {
        Some(Key(access, secret)) => json!({ "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret }),
        None => json!({}),
    };
    Forks::shared().call(&[&["lambda"], arguments, &common, unsigned].concat(), &environment).await
}

/// The same call as the command takes it: `create_event_source_mapping` with `{"BatchSize": 5, "Enabled": false}` is
/// `create-event-source-mapping --batch-size 5 --no-enabled`.
pub(crate) fn words(operation: &str, arguments: &Value) -> Vec<String> {
    let mut words = vec![operation.replace('_', "-")];
    for (name, value) in arguments.as_object().unwrap() {
        let name = kebab(name);
        match value {
            Value::Bool(false) => words.push(format!("--no-{name}")),
            Value::Bool(true) => words.push(format!("--{name}")),
            Value::String(text) => words.extend([format!("--{name}"), text.clone()]),
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
                words.push(format!("--{name}"));
                words.extend(items.iter().map(|item| item.as_str().unwrap().to_owned()));
            }
            other => words.extend([format!("--{name}"), other.to_string()]),
        }
    }
    words
}

/// `MaximumRetryAttempts` as `maximum-retry-attempts`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_small {
            kebab.push('-');
        }
        after_small = letter.is_lowercase();
        kebab.extend(letter.to_lowercase());
    }
    kebab
}
