//! What a failure destination must be told, to the letter.

use std::time::Duration;

use serde_json::Value;

use crate::harness::feeds::{Feed, formatted};
use crate::harness::ledger::SeenRecord;
use crate::harness::process::{SOON, eventually};
use crate::harness::{Account, Queue};

/// Records that were given up together.
#[derive(Clone, Debug)]
pub(crate) struct GivenUp {
    /// `condition`.
    pub(crate) condition: &'static str,
    /// `approximateInvokeCount`.
    pub(crate) invokes: u32,
    /// `functionError` of the last answer; `None` where a record has no `responseContext`.
    pub(crate) answer: Option<Option<&'static str>>,
    /// Their data.
    pub(crate) data: Vec<&'static str>,
}

impl GivenUp {
    /// Their retries are used up.
    pub(crate) fn exhausted(data: &[&'static str], invokes: u32, error: Option<&'static str>) -> Self {
        Self { condition: "RetryAttemptsExhausted", invokes, answer: Some(error), data: data.to_vec() }
    }

    /// They are too old.
    pub(crate) fn expired(data: &[&'static str], invokes: u32) -> Self {
        Self { condition: "RecordAgeExceeded", invokes, answer: None, data: data.to_vec() }
    }

    /// Compares the text of a failure record with what it must be; what cannot be known before is checked for its form.
    pub(crate) async fn check(&self, text: &str, function: &str, feed: &Feed) {
        let record: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}"));
        let request = record["requestContext"]["requestId"].as_str().unwrap_or_default();
        assert!(is_uuid(request), "no request id: {text}");
        let timestamp = record["timestamp"].as_str().unwrap_or_default();
        assert!(is_recent(timestamp), "no time of just now, in milliseconds: {text}");
        assert_eq!(text, self.text(request, timestamp, function, feed).await);
    }

    async fn text(&self, request: &str, timestamp: &str, function: &str, feed: &Feed) -> String {
        let (info, format) = feed.failure_format();
        let known = feed.records().await;
        let find = |data: &&str| known.iter().find(|record| record.data == **data).unwrap_or_else(|| panic!("{data}?"));
        let records: Vec<&SeenRecord> = self.data.iter().map(find).collect();
        let (first, last) = (records[0], records[records.len() - 1]);
        let answer = self.answer.map_or_else(String::new, |error| {
            let error = error.map_or_else(|| "null".to_owned(), |error| format!("\"{error}\""));
            format!(r#""responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":{error}}},"#)
        });
        format!(
            concat!(
                r#"{{"requestContext":{{"requestId":"{request}","functionArn":"{function}","condition":"{condition}","#,
                r#""approximateInvokeCount":{invokes}}},{answer}"version":"1.0","timestamp":"{timestamp}","{info}":{{"#,
                r#""shardId":"{shard}","startSequenceNumber":"{start}","endSequenceNumber":"{end}","#,
                r#""approximateArrivalOfFirstRecord":"{first_arrival}","approximateArrivalOfLastRecord":"{last_arrival}","#,
                r#""batchSize":{size},"streamArn":"{stream}"}}}}"#
            ),
            request = request,
            function = function,
            condition = self.condition,
            invokes = self.invokes,
            answer = answer,
            timestamp = timestamp,
            info = info,
            shard = feed.shard().await,
            start = first.sequence,
            end = last.sequence,
            first_arrival = formatted(first.arrived, format),
            last_arrival = formatted(last.arrived, format),
            size = records.len(),
            stream = feed.arn(),
        )
    }
}

/// Waits until a queue has so many messages; their bodies in the order in which they were sent.
pub(crate) async fn bodies(account: &Account, queue: &Queue, count: usize) -> Vec<String> {
    let messages = eventually(SOON, &format!("{count} messages in {}", queue.arn), async || {
        let messages = account.messages(queue).await;
        (messages.len() >= count).then_some(messages)
    })
    .await;
    messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

/// Five groups of lower-case hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let hexadecimal = |char: char| char == '-' || char.is_ascii_digit() || ('a'..='f').contains(&char);
    groups == [8, 4, 4, 4, 12] && text.chars().all(hexadecimal)
}

/// Like `2022-07-13T13:48:01.123Z`, and of the last minutes.
fn is_recent(text: &str) -> bool {
    let Ok(time) = text.parse::<jiff::Timestamp>() else { return false };
    let age = jiff::Timestamp::now().duration_since(time);
    text.len() == "2022-07-13T13:48:01.123Z".len()
        && !age.is_negative()
        && age.unsigned_abs() < Duration::from_secs(300)
}
