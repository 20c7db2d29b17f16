//! AWS's invocation record of a failure, as bytes.
//!
//! The order of members and the forms of times are those of AWS's own records. Queues have no such record on AWS:
//! theirs has the shape of the record of an asynchronous invocation, which carries what was sent and what came back.

use super::names::{function_arn, whole_seconds, with_ms};
use crate::json::Object;
use crate::machine::{FailedBatch, FailedResponse, FailedSpan, Failure, WindowInfo};
use crate::mapping::Mapping;

/// `version` of every record.
const VERSION: &str = "1.0";

/// Writes the failure records of one mapping.
pub(super) struct Encoder {
    function_arn: String,
    source_arn: String,
    /// The member that says which records it is about, and whether its times are cut to seconds.
    batch_info: (&'static str, bool),
    /// Records of streams carry the event in messages, too.
    payload: bool,
}

/// A record that fits into a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The record.
    pub(super) text: String,
    /// The member that was left out because the record would have been too large with it.
    pub(super) omitted: Option<&'static str>,
}

/// A record that fits into no message, although everything that may be left out was left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Oversized {
    /// The record's size in bytes.
    pub(super) bytes: usize,
}

/// What becomes of a large member.
#[derive(Clone, Copy)]
enum Part {
    /// It is there.
    Whole,
    /// It is not there, and the record says so.
    Omitted,
    /// It is not there.
    Absent,
}

impl Encoder {
    pub(super) fn new(mapping: &Mapping) -> Self {
        Self {
            function_arn: function_arn(mapping),
            source_arn: mapping.source.id().to_owned(),
            batch_info: mapping.source.rules().shown.batch_info,
            payload: mapping.poller.on_failure_payload,
        }
    }

    /// The record as an object in S3, which has no limit that matters: nothing is left out.
    pub(super) fn object(&self, failure: &Failure) -> Vec<u8> {
        self.write(failure, Part::Whole)
    }

    /// The record as a message of at most `limit` bytes.
    pub(super) fn message(&self, failure: &Failure, limit: usize) -> Result<Message, Oversized> {
        let (member, forms): (_, &[Part]) = match failure.batch {
            FailedBatch::Stream { .. } if self.payload => ("payload", &[Part::Whole, Part::Omitted]),
            FailedBatch::Stream { .. } => ("payload", &[Part::Absent]),
            FailedBatch::Queue { .. } if failure.response.is_some() => {
                ("responsePayload", &[Part::Whole, Part::Omitted])
            }
            FailedBatch::Queue { .. } => ("responsePayload", &[Part::Absent]),
        };
        let mut bytes = 0;
        for form in forms {
            let text = sendable(self.write(failure, *form));
            bytes = text.len();
            if bytes <= limit {
                return Ok(Message { text, omitted: matches!(form, Part::Omitted).then_some(member) });
            }
        }
        Err(Oversized { bytes })
    }

    /// The record; `large` is what becomes of the event of a stream, or of what the function returned for a queue.
    fn write(&self, failure: &Failure, large: Part) -> Vec<u8> {
        let mut out = Vec::new();
        let mut record = Object::begin(&mut out);
        match &failure.batch {
            FailedBatch::Stream { shard, span, window } => {
                self.request_context(record.object("requestContext"), failure);
                if let Some(response) = &failure.response {
                    response_context(record.object("responseContext"), response);
                }
                record.value("version", VERSION);
                record.value("timestamp", &with_ms(failure.unix_ms));
                let (key, in_seconds) = self.batch_info;
                let time = if in_seconds { whole_seconds } else { with_ms };
                self.batch_info(record.object(key), shard, span.as_ref(), time);
                if let Some(window) = window {
                    time_window_info(record.object("timeWindowInfo"), window);
                }
                match large {
                    Part::Whole => record.text("payload", &failure.payload),
                    Part::Omitted => record.value("payloadOmitted", &true),
                    Part::Absent => {}
                }
            }
            FailedBatch::Queue { message_id, receive_count, sent_unix_ms, .. } => {
                record.value("version", VERSION);
                record.value("timestamp", &with_ms(failure.unix_ms));
                self.request_context(record.object("requestContext"), failure);
                record.json_or_text("requestPayload", &failure.payload);
                if let Some(response) = &failure.response {
                    response_context(record.object("responseContext"), response);
                    match large {
                        Part::Whole => record.json_or_text("responsePayload", &response.payload),
                        Part::Omitted => record.value("responsePayloadOmitted", &true),
                        Part::Absent => {}
                    }
                }
                let mut info = record.object("SQSMessageInfo");
                info.value("messageId", &**message_id);
                info.value("queueArn", &self.source_arn);
                info.value("approximateReceiveCount", receive_count);
                info.value("sentTimestamp", &with_ms(*sent_unix_ms));
                info.end();
            }
        }
        record.end();
        out
    }

    fn request_context(&self, mut context: Object<'_>, failure: &Failure) {
        context.value("requestId", &failure.request_id);
        context.value("functionArn", &self.function_arn);
        context.value("condition", failure.condition.as_str());
        context.value("approximateInvokeCount", &failure.invokes);
        context.end();
    }

    /// The final invoke of a window has no records, and then there is only where it was.
    fn batch_info(&self, mut info: Object<'_>, shard: &str, span: Option<&FailedSpan>, time: fn(u64) -> String) {
        info.value("shardId", shard);
        if let Some(span) = span {
            info.value("startSequenceNumber", &*span.start);
            info.value("endSequenceNumber", &*span.end);
            info.value("approximateArrivalOfFirstRecord", &time(span.first_unix_ms));
            info.value("approximateArrivalOfLastRecord", &time(span.last_unix_ms));
            info.value("batchSize", &span.records);
        }
        info.value("streamArn", &self.source_arn);
        info.end();
    }
}

/// `functionError` is `null` when the function returned but reported a failure.
fn response_context(mut context: Object<'_>, response: &FailedResponse) {
    context.value("statusCode", &response.status);
    context.value("executedVersion", &response.executed_version);
    context.value("functionError", &response.function_error);
    context.end();
}

fn time_window_info(mut info: Object<'_>, window: &WindowInfo) {
    let mut bounds = info.object("window");
    bounds.value("start", &whole_seconds(window.start_unix_ms));
    bounds.value("end", &whole_seconds(window.end_unix_ms));
    bounds.end();
    info.value("isFinalInvokeForWindow", &window.is_final);
    info.value("isWindowTerminatedEarly", &window.early);
    info.end();
}

/// A record as SQS takes it. SQS refuses two characters that JSON allows and DynamoDB stores; in JSON they can stand
/// only inside of strings, where an escape means the same.
fn sendable(record: Vec<u8>) -> String {
    let text = String::from_utf8(record).expect("only texts were written");
    if text.contains(['\u{fffe}', '\u{ffff}']) {
        text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
