//! The `aws` command as a client of the API.

use std::time::Duration;

use serde_json::Value;

use crate::api::boto::{Key, python};
use crate::harness::REGION;

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

/// Runs `aws lambda …` against an endpoint.
pub(crate) async fn aws(endpoint: &str, key: Option<&Key>, arguments: &[&str]) -> Printed {
    let mut command = python();
    command.args(["-B", "-m", "awscli", "lambda"]).args(arguments);
    command.args(["--endpoint-url", endpoint, "--region", REGION, "--output", "json"]);
    match key {
        Some(Key(access, secret)) => command.env("AWS_ACCESS_KEY_ID", access).env("AWS_SECRET_ACCESS_KEY", secret),
        None => command.arg("--no-sign-request"),
    };
    command.env("AWS_MAX_ATTEMPTS", "1").env("NO_PROXY", "127.0.0.1");
    let output = tokio::time::timeout(Duration::from_secs(120), command.output()).await;
    let output = output.expect("a command that ends").unwrap();
    Printed {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
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
