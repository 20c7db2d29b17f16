//! boto3 as a client of the API: one Python process for each test, which serves as many calls at once as it is given.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

use crate::harness::process::SOON;

/// Access key and secret.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) String, pub(crate) String);

/// One call, as boto3's names and values say it.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) endpoint: &'a str,
    /// None: unsigned.
    pub(crate) key: Option<&'a Key>,
    /// As `create_event_source_mapping`.
    pub(crate) operation: &'a str,
    pub(crate) arguments: Value,
    /// boto3 sends what it would itself refuse.
    pub(crate) loose: bool,
    /// boto3's paginator asks for all pages, with this configuration; the answer is then an array of them.
    pub(crate) pages: Option<Value>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Value,
    /// The body as it was sent.
    pub(crate) wire: String,
    /// What boto3 made of it; of an error what `ClientError.response` has.
    pub(crate) body: Value,
    pub(crate) failed: bool,
}

impl Reply {
    /// The error's code and message; fails when it is none.
    pub(crate) fn error(&self) -> (&str, &str) {
        assert!(self.failed, "this was to fail: {self:?}");
        let error = &self.body["Error"];
        (error["Code"].as_str().unwrap(), error["Message"].as_str().unwrap())
    }

    /// The answer; fails when it is an error.
    pub(crate) fn answer(self) -> Value {
        assert!(!self.failed, "this was to succeed: {self:?}");
        self.body
    }
}

type Waiting = Arc<Mutex<BTreeMap<u64, oneshot::Sender<Value>>>>;

/// A Python process that calls for us. It ends with this.
pub(crate) struct Boto {
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
    _process: Child,
}

impl Boto {
    pub(crate) fn start() -> Self {
        Self::with_skew(0)
    }

    /// Its clock goes wrong by so many seconds when it signs.
    pub(crate) fn with_skew(seconds: i64) -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/boto.py");
        let mut command = python();
        command.arg("-B").arg(script).arg(format!("--skew={seconds}")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let waiting = Waiting::default();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        tokio::spawn({
            let waiting = Arc::clone(&waiting);
            async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer: Value = serde_json::from_str(&line).unwrap();
                    let asked = waiting.lock().unwrap().remove(&answer["id"].as_u64().unwrap()).unwrap();
                    // Nobody waits any more when a test has failed meanwhile.
                    let _ = asked.send(answer);
                }
                // Whoever still waits learns that nothing comes.
                waiting.lock().unwrap().clear();
            }
        });
        let input = tokio::sync::Mutex::new(process.stdin.take().unwrap());
        Self { input, waiting, next: AtomicU64::new(0), _process: process }
    }

    /// Makes a call, and waits for what comes back.
    pub(crate) async fn call(&self, call: Call<'_>) -> Reply {
        self.attempt(call.clone()).await.unwrap_or_else(|raised| panic!("{call:?}: {raised}"))
    }

    /// The same, where it may be that nothing comes back.
    pub(crate) async fn attempt(&self, call: Call<'_>) -> Result<Reply, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut line = json!({
            "id": id, "endpoint": call.endpoint, "key": call.key.map(|Key(access, secret)| [access, secret]),
            "operation": call.operation, "arguments": call.arguments, "loose": call.loose,
        });
        if let Some(pages) = &call.pages {
            line["pages"] = pages.clone();
        }
        let (sender, answered) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        self.input.lock().await.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(SOON, answered).await;
        let mut answer = answer.unwrap_or_else(|_| panic!("no answer to {call:?}")).expect("boto3's process ended");
        if let Some(raised) = answer["raised"].as_str() {
            return Err(raised.to_owned());
        }
        let failed = answer.get("error").is_some();
        Ok(Reply {
            status: u16::try_from(answer["status"].as_u64().unwrap()).unwrap(),
            headers: answer["headers"].take(),
            wire: answer["wire"].as_str().unwrap().to_owned(),
            body: answer[if failed { "error" } else { "answer" }].take(),
            failed,
        })
    }
}

/// Python with the packages of the tests, and nothing of this process's environment but where programs are.
pub(crate) fn python() -> Command {
    let venv = std::env::var_os("FOREBAY_TEST_VENV")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv"), PathBuf::from);
    let mut command = Command::new(venv.join("bin/python"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    command
}
