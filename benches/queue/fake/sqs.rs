//! The SQS operations that a poller and its tests use, in the AWS JSON 1.0 protocol.

use std::borrow::Cow;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::messages::Queue;
use super::state::{Shared, unix_us};
use crate::common::{Answer, error, json};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Call<'a> {
    #[serde(borrow)]
    queue_url: Cow<'a, str>,
    #[serde(borrow)]
    queue_name: Cow<'a, str>,
    attribute_names: Vec<Cow<'a, str>>,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u64>,
    wait_time_seconds: Option<u64>,
    #[serde(borrow)]
    receipt_handle: Cow<'a, str>,
    #[serde(borrow)]
    message_body: Cow<'a, str>,
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    receipt_handle: Cow<'a, str>,
    visibility_timeout: Option<u64>,
    #[serde(borrow)]
    message_body: Cow<'a, str>,
}

/// Answers one SQS call.
pub(super) async fn answer(operation: &str, body: &Bytes, state: &Shared) -> Answer {
    state.borrow_mut().call(operation);
    let call: Call<'_> = match serde_json::from_slice(body) {
        Ok(call) => call,
        Err(problem) => return invalid(&problem.to_string()),
    };
    match operation {
        "ReceiveMessage" => receive(&call, state).await,
        "DeleteMessageBatch" => batch(&call, state, |entry, queue| queue.delete(&entry.receipt_handle)),
        "ChangeMessageVisibilityBatch" => batch(&call, state, |entry, queue| {
            let visibility = Duration::from_secs(entry.visibility_timeout.unwrap_or(0));
            queue.change_visibility(&entry.receipt_handle, visibility, Instant::now())
        }),
        "DeleteMessage" => one(&call, state, |queue| queue.delete(&call.receipt_handle)),
        "ChangeMessageVisibility" => one(&call, state, |queue| {
            let visibility = Duration::from_secs(call.visibility_timeout.unwrap_or(0));
            queue.change_visibility(&call.receipt_handle, visibility, Instant::now())
        }),
        "GetQueueUrl" => queue_url(&call, state),
        "GetQueueAttributes" => attributes(&call, state),
        "SendMessage" => send(&call, state),
        "SendMessageBatch" => send_batch(&call, state),
        _ => invalid(&format!("the fake does not know {operation}")),
    }
}

async fn receive(call: &Call<'_>, state: &Shared) -> Answer {
    state.borrow_mut().counts.first_receive_unix_us.get_or_insert_with(unix_us);
    let max = call.max_number_of_messages.unwrap_or(1);
    let visibility = call.visibility_timeout.map(Duration::from_secs);
    let end = Instant::now() + Duration::from_secs(call.wait_time_seconds.unwrap_or(0));
    loop {
        let arrivals = {
            let mut state = state.borrow_mut();
            let Some(queue) = state.queue(&call.queue_url) else { return missing() };
            let now = Instant::now();
            let taken = queue.receive(max, visibility, now, unix_us() / 1000);
            if !taken.is_empty() {
                let body = write_messages(queue, &taken);
                state.counts.received += taken.len() as u64;
                state.counts.first_message.get_or_insert(now);
                return json(StatusCode::OK, body);
            }
            Rc::clone(&queue.arrivals)
        };
        let _waiting = Waiting::new(state);
        if tokio::time::timeout_at(end, arrivals.notified()).await.is_err() {
            state.borrow_mut().counts.empty_receives += 1;
            return json(StatusCode::OK, "{}");
        }
    }
}

/// Counts a long poll for as long as it waits, also when its client goes away.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(state: &'a Shared) -> Self {
        state.borrow_mut().counts.waiting += 1;
        Self(state)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let counts = &mut self.0.borrow_mut().counts;
        counts.waiting = counts.waiting.saturating_sub(1);
    }
}

fn write_messages(queue: &Queue, taken: &[u32]) -> String {
    let mut out = String::with_capacity(taken.len() * 2048);
    out.push_str(r#"{"Messages":["#);
    for (place, &index) in taken.iter().enumerate() {
        let message = &queue.messages[index as usize];
        // Writing to a String cannot fail.
        write!(
            out,
            r#"{comma}{{"MessageId":"{id}","ReceiptHandle":"{handle}","MD5OfBody":"{md5}","Body":{body},"Attributes":{{"SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"{first}","ApproximateReceiveCount":"{count}","SentTimestamp":"{sent}""#,
            comma = if place == 0 { "" } else { "," },
            id = message.id,
            handle = queue.handle(index),
            md5 = message.md5,
            body = message.body,
            first = message.first_received_unix_ms,
            count = message.receives,
            sent = message.sent_unix_ms,
        )
        .ok();
        if queue.groups.is_some() {
            write!(
                out,
                r#","MessageGroupId":"group-{group:05}","MessageDeduplicationId":"{id}","SequenceNumber":"188{index:017}""#,
                group = message.group,
                id = message.id,
            )
            .ok();
        }
        out.push_str("}}");
    }
    out.push_str("]}");
    out
}

fn batch(call: &Call<'_>, state: &Shared, act: impl Fn(&Entry<'_>, &mut Queue) -> bool) -> Answer {
    let mut state = state.borrow_mut();
    let Some(queue) = state.queue(&call.queue_url) else { return missing() };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let before = queue.deleted;
    for entry in &call.entries {
        if act(entry, queue) {
            good.push(serde_json::json!({ "Id": entry.id }));
        } else {
            bad.push(serde_json::json!({
                "Id": entry.id, "SenderFault": true, "Code": "ReceiptHandleIsInvalid",
                "Message": "The receipt handle is not that of the latest delivery.",
            }));
        }
    }
    let deleted = queue.deleted > before;
    queue.call_ended(unix_us() / 1000);
    state.counts.stale += bad.len() as u64;
    if deleted {
        state.counts.last_delete = Some(Instant::now());
    }
    json(StatusCode::OK, serde_json::json!({ "Successful": good, "Failed": bad }).to_string())
}

fn one(call: &Call<'_>, state: &Shared, act: impl FnOnce(&mut Queue) -> bool) -> Answer {
    let mut state = state.borrow_mut();
    let Some(queue) = state.queue(&call.queue_url) else { return missing() };
    let before = queue.deleted;
    let (done, deleted) = (act(queue), queue.deleted > before);
    queue.call_ended(unix_us() / 1000);
    if deleted {
        state.counts.last_delete = Some(Instant::now());
    }
    if done {
        return json(StatusCode::OK, "{}");
    }
    state.counts.stale += 1;
    error(StatusCode::BAD_REQUEST, "com.amazonaws.sqs#ReceiptHandleIsInvalid", "not the latest delivery's handle")
}

fn queue_url(call: &Call<'_>, state: &Shared) -> Answer {
    let mut state = state.borrow_mut();
    let base = state.base.clone();
    match state.queue(&call.queue_name) {
        Some(queue) => {
            let url = format!("{base}/000000000000/{}", queue.name);
            json(StatusCode::OK, serde_json::json!({ "QueueUrl": url }).to_string())
        }
        None => missing(),
    }
}

fn attributes(call: &Call<'_>, state: &Shared) -> Answer {
    let mut state = state.borrow_mut();
    let Some(queue) = state.queue(&call.queue_url) else { return missing() };
    let visible = queue.messages.len() - queue.deleted - queue.hidden;
    let mut all = vec![
        ("QueueArn", format!("arn:aws:sqs:us-east-1:000000000000:{}", queue.name)),
        ("VisibilityTimeout", queue.visibility.as_secs().to_string()),
        ("ApproximateNumberOfMessages", visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", queue.hidden.to_string()),
        ("ApproximateNumberOfMessagesDelayed", "0".to_owned()),
        ("MessageRetentionPeriod", "345600".to_owned()),
        ("DelaySeconds", "0".to_owned()),
        ("ReceiveMessageWaitTimeSeconds", "0".to_owned()),
        ("MaximumMessageSize", "1048576".to_owned()),
    ];
    if queue.groups.is_some() {
        all.push(("FifoQueue", "true".to_owned()));
    }
    let wanted = |name: &str| call.attribute_names.iter().any(|want| want == "All" || want == name);
    let chosen: serde_json::Map<String, serde_json::Value> =
        all.into_iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.to_owned(), value.into())).collect();
    json(StatusCode::OK, serde_json::json!({ "Attributes": chosen }).to_string())
}

fn send(call: &Call<'_>, state: &Shared) -> Answer {
    let mut state = state.borrow_mut();
    let Some(queue) = state.queue(&call.queue_url) else { return missing() };
    let index = queue.send(&call.message_body, unix_us() / 1000);
    let message = &queue.messages[index];
    json(StatusCode::OK, serde_json::json!({ "MessageId": message.id, "MD5OfMessageBody": message.md5 }).to_string())
}

fn send_batch(call: &Call<'_>, state: &Shared) -> Answer {
    let mut state = state.borrow_mut();
    let Some(queue) = state.queue(&call.queue_url) else { return missing() };
    let sent: Vec<_> = call
        .entries
        .iter()
        .map(|entry| {
            let index = queue.send(&entry.message_body, unix_us() / 1000);
            let message = &queue.messages[index];
            serde_json::json!({ "Id": entry.id, "MessageId": message.id, "MD5OfMessageBody": message.md5 })
        })
        .collect();
    json(StatusCode::OK, serde_json::json!({ "Successful": sent, "Failed": [] }).to_string())
}

fn missing() -> Answer {
    error(StatusCode::BAD_REQUEST, "com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
}

fn invalid(message: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, "com.amazonaws.sqs#InvalidParameterValue", message)
}
