//! Sources of every kind for the tests of the API, and a function that tells what it was given.

use std::time::Duration;

use aws_sdk_lambda::types::LastUpdateStatus;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::{Line, Notes};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::tables::Table;
use crate::harness::zip;
use crate::harness::{Account, Emulator, Queue};

/// In seconds: long enough for a busy machine to extend it in time. A poll that is given up goes on in the emulator,
/// and hides messages for this long.
const VISIBILITY: u32 = 20;

/// The timeout of functions, in seconds: no longer than messages are hidden, or the API refuses the pair.
pub(crate) const TIMEOUT: i32 = 20;

/// Which kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Standard,
    Fifo,
    Kinesis,
    DynamoDb,
}

/// A source with a name of its own in its account.
pub(crate) enum Source {
    Queue(Queue),
    Kinesis(Stream),
    DynamoDb(Table),
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Standard, Self::Fifo, Self::Kinesis, Self::DynamoDb];

    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::Kinesis | Self::DynamoDb)
    }

    /// An account of its own, and a place for a forebay in it.
    pub(crate) async fn site(self, emulator: &Emulator) -> (Account, Site) {
        let account = emulator.account().await;
        let site = Kinesis::shared().site(&account);
        (account, site)
    }

    /// Makes a source; a stream has one shard.
    pub(crate) async fn source(self, account: &Account, name: &str) -> Source {
        match self {
            Self::Standard => {
                let visibility = [(QueueAttributeName::VisibilityTimeout, &*VISIBILITY.to_string())];
                Source::Queue(account.create_queue(name, &visibility).await)
            }
            Self::Fifo => Source::Queue(account.create_fifo_queue(name, VISIBILITY).await),
            Self::Kinesis => Source::Kinesis(Kinesis::shared().create_stream(account, name, 1).await),
            Self::DynamoDb => Source::DynamoDb(Table::create(account, name).await),
        }
    }

    /// What a Create needs beside source and function.
    pub(crate) fn start(self) -> Value {
        if self.is_stream() { json!({"StartingPosition": "TRIM_HORIZON"}) } else { json!({}) }
    }

    /// A pattern that lets pass what begins with `keep`.
    pub(crate) fn keeping(self) -> Value {
        let keep = json!([{"prefix": "keep"}]);
        let pattern = match self {
            Self::Standard | Self::Fifo => json!({ "body": keep }),
            Self::Kinesis => json!({"data": {"text": keep}}),
            Self::DynamoDb => json!({"dynamodb": {"NewImage": {"data": {"S": keep}}}}),
        };
        json!({"Filters": [{"Pattern": pattern.to_string()}]})
    }

    /// The configuration of a mapping with AWS's defaults, as a client sees it: without what is null.
    pub(crate) fn defaults(self, source: &str, function: &str, state: &str) -> Value {
        let mut shown = json!({
            "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "EventSourceArn": source, "FunctionArn": function,
            "FunctionResponseTypes": [], "State": state, "StateTransitionReason": "USER_INITIATED",
        });
        if self.is_stream() {
            let more = json!({
                "StartingPosition": "TRIM_HORIZON", "BatchSize": 100, "ParallelizationFactor": 1,
                "DestinationConfig": {"OnFailure": {}}, "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1,
                "BisectBatchOnFunctionError": false, "TumblingWindowInSeconds": 0,
                "LastProcessingResult": "No records processed", "StateTransitionReason": "User action",
            });
            merge(&mut shown, &more);
        }
        shown
    }
}

/// Puts the members of one object into another.
pub(crate) fn merge(object: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
}

impl Source {
    pub(crate) fn arn(&self) -> &str {
        match self {
            Self::Queue(queue) => &queue.arn,
            Self::Kinesis(stream) => &stream.arn,
            Self::DynamoDb(table) => &table.arn,
        }
    }

    /// Adds records in this order: `KEY TEXT`, of which the key is group, partition key or item.
    pub(crate) async fn put(&self, account: &Account, records: &[(&str, String)]) {
        match self {
            Self::Queue(queue) => {
                for records in records.chunks(10) {
                    let entries = records.iter().enumerate().map(|(index, (key, text))| {
                        let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(text);
                        let fifo = queue.arn.ends_with(".fifo");
                        let entry = entry.set_message_group_id(fifo.then(|| (*key).to_owned()));
                        entry.set_message_deduplication_id(fifo.then(|| text.replace(' ', "-"))).build().unwrap()
                    });
                    let request = account.sqs.send_message_batch().queue_url(&queue.url);
                    let answer = request.set_entries(Some(entries.collect())).send().await.unwrap();
                    assert_eq!(answer.successful.len(), records.len(), "{:?}", answer.failed);
                }
            }
            Self::Kinesis(stream) => {
                // Patterns look into the fields of a stream's data.
                let data: Vec<String> = records.iter().map(|(_, text)| json!({ "text": text }).to_string()).collect();
                let records: Vec<(&str, &str)> =
                    records.iter().zip(&data).map(|((key, _), data)| (*key, &**data)).collect();
                stream.put(&records).await;
            }
            Self::DynamoDb(table) => {
                for (key, text) in records {
                    table.put(key, text).await;
                }
            }
        }
    }
}

/// One invocation, with the texts of its records and the version of the code that ran.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) version: String,
    pub(crate) texts: Vec<String>,
}

/// What functions told.
pub(crate) type Journal = Notes<Told>;

impl Line for Told {
    const NOTE: &str = "
def text(record):
    if 'body' in record:
        return record['body']
    if 'kinesis' in record:
        return json.loads(base64.b64decode(record['kinesis']['data']))['text']
    return record['dynamodb']['NewImage']['data']['S']
def note(event):
    write({'version': VERSION, 'texts': [text(record) for record in event['Records']]})
";
}

impl Journal {
    /// The source of a function that tells, fails where a text begins with `fail`, and lasts while it is held.
    pub(crate) fn code(&self, version: &str) -> String {
        let held = self.held();
        self.source(&format!(
            "VERSION = {version:?}\n\
             def handler(event, context):\n    \
                 note(event)\n    \
                 if any(text(record).startswith('fail') for record in event['Records']):\n        \
                     raise ValueError('told to fail')\n    \
                 while os.path.exists({held:?}):\n        \
                     time.sleep(0.05)\n"
        ))
    }

    /// All texts so far, in the order in which they were told.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        self.entries().iter().flat_map(|told| told.texts.clone()).collect()
    }

    /// Waits until exactly these texts have come since there were `before`: in this order, or in any.
    pub(crate) async fn comes(&mut self, before: usize, expected: &[String], in_order: bool) {
        let what = format!("{expected:?} come");
        eventually(SOON, &what, async || (self.texts().len() >= before + expected.len()).then_some(())).await;
        let (mut came, mut expected) = (self.texts().split_off(before), expected.to_vec());
        if !in_order {
            came.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(came, expected);
    }

    /// Which code ran last.
    pub(crate) fn last_version(&mut self) -> String {
        self.entries().last().unwrap().version.clone()
    }
}

impl Account {
    /// Gives a function other code, and waits until it is there.
    pub(crate) async fn recode(&self, name: &str, source: &str) {
        let code = zip::stored("main.py", source.as_bytes());
        self.lambda.update_function_code().function_name(name).zip_file(code.into()).send().await.unwrap();
        eventually(SOON, &format!("{name} has its new code"), async || {
            let known = self.lambda.get_function_configuration().function_name(name).send().await.unwrap();
            matches!(known.last_update_status, None | Some(LastUpdateStatus::Successful)).then_some(())
        })
        .await;
    }

    /// Publishes what a function is now; the version's number.
    pub(crate) async fn publish(&self, name: &str) -> String {
        self.lambda.publish_version().function_name(name).send().await.unwrap().version.unwrap()
    }

    /// Names a version of a function.
    pub(crate) async fn alias(&self, function: &str, alias: &str, version: &str) {
        let request = self.lambda.create_alias().function_name(function).name(alias).function_version(version);
        request.send().await.unwrap();
    }
}

/// How long nothing must come, where nothing may come. No machine is too busy for this: one that is too slow to bring
/// what is wrong only misses it.
pub(crate) async fn a_while() {
    tokio::time::sleep(Duration::from_millis(1500)).await;
}
