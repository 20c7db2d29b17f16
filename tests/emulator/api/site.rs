//! A forebay that serves the API, with a client of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::boto::{Boto, Call, Key, Reply};
use crate::api::command::{aws, words};
use crate::api::sources::merge;
use crate::harness::process::{Daemon, SOON, Site, eventually};

const KEYS: &str = "FOREBAY_API_KEYS";

/// The path that mappings have in the API.
pub(crate) const MAPPINGS: &str = "event_source_mapping";

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// boto3.
    Boto,
    /// The `aws` command.
    Command,
}

/// Code and message of an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A running forebay with the API, and who calls it.
pub(crate) struct Api {
    pub(crate) site: Site,
    pub(crate) key: Key,
    pub(crate) boto: Boto,
    pub(crate) client: Client,
    daemon: Option<Daemon>,
    endpoint: String,
}

impl Api {
    /// Starts forebay at a site, with a key that only this test has.
    pub(crate) async fn start(mut site: Site, client: Client) -> Self {
        let key = Key(format!("AKIA{:016X}", fastrand::u64(..)), format!("{:032x}", fastrand::u128(..)));
        // The second of two: a list is read as one.
        site.set_variable(KEYS, &format!("AKIAOTHER:a-secret-of-nobody,{}:{}", key.0, key.1));
        let mut api = Self { site, key, boto: Boto::start(), client, daemon: None, endpoint: String::new() };
        api.run().await;
        api
    }

    async fn run(&mut self) {
        let daemon = self.site.run_with(&["--aws-api", "127.0.0.1:0"]).await;
        let said = daemon.said("forebay runs").remove(0);
        self.endpoint = format!("http://{}", said["aws_api"].as_str().expect("the log says where the API is"));
        self.daemon = Some(daemon);
    }

    /// SIGKILL, and a new start on the same store.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.daemon.take().unwrap().kill().await;
        self.run().await;
    }

    /// SIGTERM, and a clean end.
    pub(crate) async fn stop(mut self) -> Site {
        self.daemon.take().unwrap().stop().await;
        self.site
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Calls with boto3, and shows all that came back.
    pub(crate) async fn reply(&self, operation: &str, arguments: Value) -> Reply {
        self.patiently(self.of(operation, arguments)).await
    }

    /// Calls with boto3, and again when it is asked to try again: on a busy machine a source or a function may not
    /// answer in time.
    async fn patiently(&self, call: Call<'_>) -> Reply {
        eventually(SOON, "nothing says to try again", async || {
            let reply = self.boto.call(call.clone()).await;
            let busy = reply.failed && is_busy(reply.error().0, reply.error().1);
            (!busy).then_some(reply)
        })
        .await
    }

    /// The call that boto3 is to make.
    pub(crate) fn of<'a>(&'a self, operation: &'a str, arguments: Value) -> Call<'a> {
        Call { endpoint: &self.endpoint, key: Some(&self.key), operation, arguments, loose: true, pages: None }
    }

    /// Calls with the client of this test.
    pub(crate) async fn call(&self, operation: &str, arguments: Value) -> Result<Value, Refusal> {
        match self.client {
            Client::Boto => {
                let reply = self.patiently(Call { loose: false, ..self.of(operation, arguments) }).await;
                if reply.failed {
                    let (code, message) = reply.error();
                    return Err(Refusal { code: code.to_owned(), message: message.to_owned() });
                }
                Ok(reply.body)
            }
            Client::Command => {
                let words = words(operation, &arguments);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                eventually(SOON, "nothing says to try again", async || {
                    let printed = aws(&self.endpoint, Some(&self.key), &words).await;
                    if printed.code == Some(0) {
                        return Some(Ok(printed.json()));
                    }
                    let (code, message) = printed.error();
                    (!is_busy(&code, &message)).then_some(Err(Refusal { code, message }))
                })
                .await
            }
        }
    }

    /// The same for what must succeed.
    pub(crate) async fn ask(&self, operation: &str, arguments: Value) -> Value {
        let shown = arguments.to_string();
        self.call(operation, arguments).await.unwrap_or_else(|refusal| panic!("{operation} {shown}: {refusal:?}"))
    }

    pub(crate) async fn create(&self, arguments: Value) -> Value {
        self.ask(&format!("create_{MAPPINGS}"), arguments).await
    }

    pub(crate) async fn get(&self, uuid: &str) -> Value {
        self.ask(&format!("get_{MAPPINGS}"), json!({ "UUID": uuid })).await
    }

    /// Changes a mapping; `change` are the members beside its UUID.
    pub(crate) async fn update(&self, uuid: &str, change: &Value) -> Value {
        let mut arguments = json!({ "UUID": uuid });
        merge(&mut arguments, change);
        self.ask(&format!("update_{MAPPINGS}"), arguments).await
    }

    pub(crate) async fn delete(&self, uuid: &str) -> Value {
        self.ask(&format!("delete_{MAPPINGS}"), json!({ "UUID": uuid })).await
    }

    /// The mappings that a List with these arguments shows, all pages.
    pub(crate) async fn list(&self, arguments: Value) -> Vec<Value> {
        // The command gathers the pages itself, boto3 is told to.
        let operation = format!("list_{MAPPINGS}s");
        let pages = match self.client {
            Client::Boto => {
                let call = Call { pages: Some(json!({})), ..self.of(&operation, arguments) };
                self.boto.call(call).await.answer()
            }
            Client::Command => json!([self.ask(&operation, arguments).await]),
        };
        let of = |page: &Value| page["EventSourceMappings"].as_array().unwrap().clone();
        pages.as_array().unwrap().iter().flat_map(of).collect()
    }

    /// The tags of a mapping.
    pub(crate) async fn tags(&self, arn: &str) -> BTreeMap<String, String> {
        let answer = self.ask("list_tags", json!({ "Resource": arn })).await;
        serde_json::from_value(answer["Tags"].clone()).unwrap()
    }

    /// Waits until a mapping has this state; it as it is then.
    pub(crate) async fn becomes(&self, uuid: &str, state: &str) -> Value {
        eventually(SOON, &format!("{uuid} is {state}"), async || {
            let shown = self.reply(&format!("get_{MAPPINGS}"), json!({ "UUID": uuid })).await.answer();
            (shown["State"] == state).then_some(shown)
        })
        .await
    }

    /// Changes a mapping as soon as it is not in the middle of another change, and waits until it has done so.
    pub(crate) async fn changes(&self, uuid: &str, change: &Value) -> Value {
        let stable = self.settled(uuid).await;
        let answer = self.update(uuid, change).await;
        let wished = match &change["Enabled"] {
            Value::Bool(true) => "Enabled",
            Value::Bool(false) => "Disabled",
            _ => stable["State"].as_str().unwrap(),
        };
        self.becomes(uuid, wished).await;
        answer
    }

    /// Waits until a mapping is not in the middle of a change.
    pub(crate) async fn settled(&self, uuid: &str) -> Value {
        eventually(SOON, &format!("{uuid} is in no transition"), async || {
            let shown = self.reply(&format!("get_{MAPPINGS}"), json!({ "UUID": uuid })).await.answer();
            matches!(shown["State"].as_str(), Some("Enabled" | "Disabled")).then_some(shown)
        })
        .await
    }

    /// Waits until Get says that there is no such mapping; how long that took.
    pub(crate) async fn vanishes(&self, uuid: &str) -> Duration {
        let asked = Instant::now();
        eventually(SOON, &format!("{uuid} is gone"), async || {
            let reply = self.reply(&format!("get_{MAPPINGS}"), json!({ "UUID": uuid })).await;
            if reply.failed {
                assert_eq!(reply.error(), ("ResourceNotFoundException", GONE));
                assert_eq!(reply.status, 404);
                return Some(());
            }
            assert_eq!(reply.body["State"], "Deleting");
            None
        })
        .await;
        asked.elapsed()
    }
}

/// Whether an error is the machine's, which had no time, and no answer to what was asked.
fn is_busy(code: &str, message: &str) -> bool {
    let unanswered = message.contains(": no answer within ") && message.ends_with("; nothing was changed, try again");
    code == "TooManyRequestsException" || (code == "ServiceException" && unanswered)
}

/// What AWS says of a mapping that it does not know.
pub(crate) const GONE: &str = "The resource you requested does not exist.";

/// The UUID in an answer.
pub(crate) fn uuid(answer: &Value) -> &str {
    answer["UUID"].as_str().unwrap()
}

/// The mapping's own ARN in an answer.
pub(crate) fn arn(answer: &Value) -> &str {
    answer["EventSourceMappingArn"].as_str().unwrap()
}
