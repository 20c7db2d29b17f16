//! FIFO queues in the emulator, and what functions note of their message groups.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde::Deserialize;

use crate::harness::ledger::{Line, Notes};
use crate::harness::process::{SOON, eventually};
use crate::harness::{Account, Queue};

/// One invocation with messages of a FIFO queue, whose bodies are their numbers in their groups: 0, 1, 2, …
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Turn {
    /// When it began, as Unix time in seconds.
    pub(crate) began: f64,
    /// When it was noted, which is the last that it did.
    pub(crate) ended: f64,
    /// Its messages.
    pub(crate) records: Vec<Dealt>,
}

/// One message of an invocation.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Dealt {
    pub(crate) group: String,
    pub(crate) number: usize,
    pub(crate) receives: u32,
    /// Whether the function answers that it is processed.
    pub(crate) done: bool,
}

/// What a function noted of message groups.
pub(crate) type Turns = Notes<Turn>;

/// Messages by group.
pub(crate) type Numbers = BTreeMap<String, BTreeSet<usize>>;

impl Line for Turn {
    const NOTE: &str = "
def group(record):
    return record['attributes']['MessageGroupId']
def number(record):
    return int(record['body'])
def receives(record):
    return int(record['attributes']['ApproximateReceiveCount'])
def ids(records):
    return [record['messageId'] for record in records]
def report(failed):
    return {'batchItemFailures': [{'itemIdentifier': id} for id in failed]}
def note(event, failed=(), began=None):
    now = time.time()
    records = [{'group': group(r), 'number': number(r), 'receives': receives(r), 'done': r['messageId'] not in failed}
               for r in event['Records']]
    write({'began': began or now, 'ended': now, 'records': records})
";
}

impl Turns {
    /// Number, receive count and outcome of the messages of one group, as they came.
    pub(crate) fn of(&mut self, group: &str) -> Vec<(usize, u32, bool)> {
        let records = self.entries().iter().flat_map(|turn| &turn.records);
        records.filter(|dealt| dealt.group == group).map(|dealt| (dealt.number, dealt.receives, dealt.done)).collect()
    }

    /// How many messages were processed so far, those that were processed again included.
    pub(crate) fn done(&mut self) -> usize {
        self.entries().iter().flat_map(|turn| &turn.records).filter(|dealt| dealt.done).count()
    }

    /// How many invocations ran side by side at most.
    pub(crate) fn peak(&mut self) -> usize {
        let turns = self.entries();
        let runs = |turn: &Turn, at: f64| turn.began <= at && at < turn.ended;
        turns.iter().map(|turn| turns.iter().filter(|other| runs(other, turn.began)).count()).max().unwrap_or(0)
    }
}

impl Account {
    /// Makes the FIFO queue `NAME.fifo`.
    pub(crate) async fn create_fifo_queue(&self, name: &str, visibility: u32) -> Queue {
        let visibility = visibility.to_string();
        let attributes =
            [(QueueAttributeName::FifoQueue, "true"), (QueueAttributeName::VisibilityTimeout, &*visibility)];
        self.create_queue(&format!("{name}.fifo"), &attributes).await
    }

    /// Makes the FIFO queue `NAME.fifo`, and one for its dead letters: a message is moved there after `receives`
    /// receives.
    pub(crate) async fn create_fifo_pair(&self, name: &str, visibility: u32, receives: u32) -> (Queue, Queue) {
        let dead = self.create_fifo_queue(&format!("{name}-dead"), 30).await;
        let queue = self.create_fifo_queue(name, visibility).await;
        self.redrive(&queue, &dead, receives).await;
        (queue, dead)
    }

    /// From now on a message of the queue is moved to the other one after so many receives.
    pub(crate) async fn redrive(&self, queue: &Queue, dead: &Queue, receives: u32) {
        let policy = serde_json::json!({"deadLetterTargetArn": dead.arn, "maxReceiveCount": receives}).to_string();
        let request = self.sqs.set_queue_attributes().queue_url(&queue.url);
        request.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.unwrap();
    }

    /// Sends messages to groups, in this order, ten at a time.
    pub(crate) async fn send_groups(&self, queue: &Queue, messages: &[(String, usize)]) {
        for messages in messages.chunks(10) {
            let entries = messages.iter().enumerate().map(|(index, (group, number))| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(number.to_string())
                    .message_group_id(group)
                    .message_deduplication_id(format!("{group}-{number}"))
                    .build()
                    .unwrap()
            });
            let request = self.sqs.send_message_batch().queue_url(&queue.url).set_entries(Some(entries.collect()));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.successful.len(), messages.len(), "{:?}", answer.failed);
        }
    }

    /// The messages of a FIFO queue, visible or not, by group.
    pub(crate) async fn numbers(&self, queue: &Queue) -> Numbers {
        let mut numbers = Numbers::new();
        for message in self.messages(queue).await {
            let number = message["Body"].as_str().unwrap().parse().unwrap();
            numbers.entry(message["MessageGroupId"].as_str().unwrap().to_owned()).or_default().insert(number);
        }
        numbers
    }

    /// Waits until nothing is left in a queue.
    pub(crate) async fn emptied(&self, queue: &Queue) {
        let empty = async || self.messages(queue).await.is_empty().then_some(());
        eventually(SOON, &format!("{} is empty", queue.url), empty).await;
    }
}

/// Now, as Unix time in seconds.
pub(crate) fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// So many messages for each of these groups, in turn: first those numbered 0, then those numbered 1, …
pub(crate) fn in_turn(groups: &[&str], count: usize) -> Vec<(String, usize)> {
    (0..count).flat_map(|number| groups.iter().map(move |group| ((*group).to_owned(), number))).collect()
}
