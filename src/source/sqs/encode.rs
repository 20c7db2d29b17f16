//! One message, written once as the JSON object that the function will see.
//!
//! Members and their order are those of AWS's own mapping: `messageId`, `receiptHandle`, `body`, `attributes`,
//! `messageAttributes`, `md5OfMessageAttributes`, `md5OfBody`, `eventSource`, `eventSourceARN`, `awsRegion`.
//! The order of `attributes` is that of AWS's samples; message attributes, which SQS hands out in no order, are
//! sorted by name so that a message always gives the same bytes.
//!
//! Texts are only escaped as JSON asks for; nothing is parsed, normalised or cut.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use bytes::Bytes;

use super::json::write_custom;
use crate::clock::WallClock;
use crate::json::write_string;
use crate::machine::{self, Receipt, Record, Screening};

/// System attributes in the order in which they are written.
const ORDER: [MessageSystemAttributeName; 9] = [
    MessageSystemAttributeName::ApproximateReceiveCount,
    MessageSystemAttributeName::AwsTraceHeader,
    MessageSystemAttributeName::SentTimestamp,
    MessageSystemAttributeName::SequenceNumber,
    MessageSystemAttributeName::MessageGroupId,
    MessageSystemAttributeName::SenderId,
    MessageSystemAttributeName::MessageDeduplicationId,
    MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
    MessageSystemAttributeName::DeadLetterQueueSourceArn,
];

/// What the fixed parts and the names of a record take, roughly; the texts come on top.
const FIXED_SIZE: usize = 640;

/// Encodes the messages of one queue.
pub(super) struct Encoder {
    /// From `eventSource` to the closing brace: the same for every message.
    tail: Vec<u8>,
    /// AWS writes `"md5OfMessageAttributes": null` for a message without attributes when the mapping has a
    /// batching window, and leaves the member out when it has none.
    null_md5: bool,
    /// The time of arrival of messages that do not say it.
    wall: WallClock,
}

impl Encoder {
    pub(super) fn new(queue_arn: &str, region: &str, windowed: bool, wall: WallClock) -> Self {
        let mut tail = b",\"eventSource\":\"aws:sqs\",\"eventSourceARN\":".to_vec();
        write_string(&mut tail, queue_arn);
        tail.extend_from_slice(b",\"awsRegion\":");
        write_string(&mut tail, region);
        tail.push(b'}');
        Self { tail, null_md5: windowed, wall }
    }

    /// Encodes one message, or says which member it lacks that it cannot be delivered without.
    pub(super) fn message(&self, message: Message) -> Result<machine::Message, &'static str> {
        let id = message.message_id.filter(|id| !id.is_empty()).ok_or("MessageId")?;
        let handle = message.receipt_handle.filter(|handle| !handle.is_empty()).ok_or("ReceiptHandle")?;
        let body = message.body.unwrap_or_default();
        let attributes = message.attributes.unwrap_or_default();
        let values = SystemAttributes::of(&attributes);

        let mut out = Vec::with_capacity(FIXED_SIZE + self.tail.len() + id.len() + handle.len() + body.len());
        out.extend_from_slice(b"{\"messageId\":");
        write_string(&mut out, &id);
        out.extend_from_slice(b",\"receiptHandle\":");
        write_string(&mut out, &handle);
        out.extend_from_slice(b",\"body\":");
        write_string(&mut out, &body);
        out.extend_from_slice(b",\"attributes\":");
        values.write(&mut out);
        out.extend_from_slice(b",\"messageAttributes\":");
        let custom = message.message_attributes.filter(|custom| !custom.is_empty());
        match &custom {
            Some(custom) => write_custom(&mut out, custom),
            None => out.extend_from_slice(b"{}"),
        }
        match message.md5_of_message_attributes.filter(|md5| !md5.is_empty()) {
            Some(md5) => {
                out.extend_from_slice(b",\"md5OfMessageAttributes\":");
                write_string(&mut out, &md5);
            }
            None if self.null_md5 => out.extend_from_slice(b",\"md5OfMessageAttributes\":null"),
            None => {}
        }
        out.extend_from_slice(b",\"md5OfBody\":");
        match &message.md5_of_body {
            Some(md5) => write_string(&mut out, md5),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(&self.tail);

        let group = values.get(&MessageSystemAttributeName::MessageGroupId).map(Arc::from);
        let receive_count = values.number(&MessageSystemAttributeName::ApproximateReceiveCount).unwrap_or(1);
        let arrived_unix_ms = values
            .number(&MessageSystemAttributeName::SentTimestamp)
            .or_else(|| values.number(&MessageSystemAttributeName::ApproximateFirstReceiveTimestamp))
            .unwrap_or_else(|| (self.wall)());
        let record =
            Record { id: id.into(), fragment: Bytes::from(out), arrived_unix_ms, screening: Screening::Passes };
        Ok(machine::Message { record, receipt: Receipt::new(handle), receive_count, group })
    }
}

/// A message's system attributes, each in its place.
struct SystemAttributes<'m> {
    known: [Option<&'m str>; ORDER.len()],
    /// Those that SQS has learned since this was written, by name.
    others: Vec<(&'m str, &'m str)>,
}

impl<'m> SystemAttributes<'m> {
    fn of(attributes: &'m HashMap<MessageSystemAttributeName, String>) -> Self {
        let mut known = [None; ORDER.len()];
        let mut others = Vec::new();
        #[expect(clippy::iter_over_hash_type, reason = "every entry goes to its own place; the others are sorted")]
        for (name, value) in attributes {
            if let Some(place) = ORDER.iter().position(|candidate| candidate == name) {
                known[place] = Some(value.as_str());
            } else if name.as_str() != "SqsManagedSseEnabled" {
                // That one belongs to the queue; AWS does not let it into events either.
                others.push((name.as_str(), value.as_str()));
            }
        }
        others.sort_unstable();
        Self { known, others }
    }

    fn get(&self, name: &MessageSystemAttributeName) -> Option<&'m str> {
        ORDER.iter().position(|candidate| candidate == name).and_then(|place| self.known[place])
    }

    fn number<T: std::str::FromStr>(&self, name: &MessageSystemAttributeName) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let known = ORDER.iter().zip(self.known).filter_map(|(name, value)| Some((name.as_str(), value?)));
        for (index, (name, value)) in known.chain(self.others.iter().copied()).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_string(out, name);
            out.push(b':');
            write_string(out, value);
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::primitives::Blob;
    use aws_sdk_sqs::types::MessageAttributeValue;
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const ARN: &str = "arn:aws:sqs:us-east-2:123456789012:my-queue";

    fn encoder(windowed: bool) -> Encoder {
        Encoder::new(ARN, "us-east-2", windowed, Arc::new(|| NOW))
    }

    fn message() -> aws_sdk_sqs::types::builders::MessageBuilder {
        Message::builder()
            .message_id("059f36b4-87a3-44ab-83d2-661975830a7d")
            .receipt_handle("AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a")
            .body("Test message.")
            .md5_of_body("e4e68fb7bd0e697a0ae8f1bb342846b3")
            .attributes(MessageSystemAttributeName::SenderId, "AIDAIENQZJOLO23YVJ4VO")
            .attributes(MessageSystemAttributeName::ApproximateFirstReceiveTimestamp, "1545082649185")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1545082649183")
    }

    fn value(kind: &str) -> aws_sdk_sqs::types::builders::MessageAttributeValueBuilder {
        MessageAttributeValue::builder().data_type(kind)
    }

    fn text(record: &machine::Message) -> &str {
        std::str::from_utf8(&record.record.fragment).unwrap()
    }

    #[test]
    fn a_plain_message_has_awss_members_in_awss_order() {
        let record = encoder(false).message(message().build()).unwrap();
        assert_eq!(
            text(&record),
            concat!(
                r#"{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a","#,
                r#""body":"Test message.","attributes":{"ApproximateReceiveCount":"2","SentTimestamp":"1545082649183","#,
                r#""SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1545082649185"},"#,
                r#""messageAttributes":{},"md5OfBody":"e4e68fb7bd0e697a0ae8f1bb342846b3","eventSource":"aws:sqs","#,
                r#""eventSourceARN":"arn:aws:sqs:us-east-2:123456789012:my-queue","awsRegion":"us-east-2"}"#
            )
        );
        assert_eq!(&*record.record.id, "059f36b4-87a3-44ab-83d2-661975830a7d");
        assert_eq!(record.receipt.as_str(), "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a");
        assert_eq!((record.group.as_deref(), record.receive_count), (None, 2));
        assert_eq!(record.record.arrived_unix_ms, 1_545_082_649_183);
    }

    #[test]
    fn the_md5_of_attributes_depends_on_attributes_and_window() {
        let with = || message().message_attributes("A", value("String").string_value("x").build().unwrap());
        let hashed = || with().md5_of_message_attributes("d25a6aea97eb8f585bfa92d314504a92");
        let part = r#""md5OfMessageAttributes":"d25a6aea97eb8f585bfa92d314504a92","md5OfBody""#;
        for windowed in [false, true] {
            let record = encoder(windowed).message(hashed().build()).unwrap();
            assert!(text(&record).contains(part), "{}", text(&record));
        }
        let record = encoder(true).message(message().build()).unwrap();
        assert!(text(&record).contains(r#""messageAttributes":{},"md5OfMessageAttributes":null,"md5OfBody""#));
        let record = encoder(false).message(message().build()).unwrap();
        assert!(!text(&record).contains("md5OfMessageAttributes"));
    }

    #[test]
    fn message_attributes_are_written_as_aws_writes_them() {
        let message = message()
            .message_attributes("N", value("Number.int").string_value("0012.3400").build().unwrap())
            .message_attributes("Bin", value("Binary").binary_value(Blob::new([0, 255, 16])).build().unwrap())
            .message_attributes("Author", value("String").string_value("John \"J\" Grisham").build().unwrap())
            .build();
        let record = encoder(false).message(message).unwrap();
        let part = concat!(
            r#""messageAttributes":{"#,
            r#""Author":{"stringValue":"John \"J\" Grisham","stringListValues":[],"binaryListValues":[],"dataType":"String"},"#,
            r#""Bin":{"binaryValue":"AP8Q","stringListValues":[],"binaryListValues":[],"dataType":"Binary"},"#,
            r#""N":{"stringValue":"0012.3400","stringListValues":[],"binaryListValues":[],"dataType":"Number.int"}},"#
        );
        assert!(text(&record).contains(part), "{}", text(&record));
    }

    #[test]
    fn system_attributes_are_ordered_and_the_queues_own_stays_out() {
        let message = message()
            .attributes(MessageSystemAttributeName::MessageGroupId, "g 1")
            .attributes(MessageSystemAttributeName::SequenceNumber, "18849496460467696128")
            .attributes(MessageSystemAttributeName::MessageDeduplicationId, "d1")
            .attributes(MessageSystemAttributeName::AwsTraceHeader, "Root=1-5e3d83c1-e6a0db584850d61342823d4c")
            .attributes(MessageSystemAttributeName::DeadLetterQueueSourceArn, "arn:aws:sqs:us-east-2:1:src")
            .attributes(MessageSystemAttributeName::from("SqsManagedSseEnabled"), "true")
            .attributes(MessageSystemAttributeName::from("Zebra"), "z")
            .attributes(MessageSystemAttributeName::from("Aardvark"), "a")
            .build();
        let record = encoder(false).message(message).unwrap();
        let part = concat!(
            r#""attributes":{"ApproximateReceiveCount":"2","AWSTraceHeader":"Root=1-5e3d83c1-e6a0db584850d61342823d4c","#,
            r#""SentTimestamp":"1545082649183","SequenceNumber":"18849496460467696128","MessageGroupId":"g 1","#,
            r#""SenderId":"AIDAIENQZJOLO23YVJ4VO","MessageDeduplicationId":"d1","#,
            r#""ApproximateFirstReceiveTimestamp":"1545082649185","DeadLetterQueueSourceArn":"arn:aws:sqs:us-east-2:1:src","#,
            r#""Aardvark":"a","Zebra":"z"},"#
        );
        assert!(text(&record).contains(part), "{}", text(&record));
        assert_eq!(record.group.as_deref(), Some("g 1"));
    }

    #[test]
    fn what_a_message_lacks_is_filled_in_or_named() {
        let bare = Message::builder().message_id("m").receipt_handle("r").build();
        let record = encoder(false).message(bare).unwrap();
        let part = r#""body":"","attributes":{},"messageAttributes":{},"md5OfBody":null,"eventSource""#;
        assert!(text(&record).contains(part), "{}", text(&record));
        assert_eq!(record.receive_count, 1);
        assert_eq!(record.record.arrived_unix_ms, NOW, "the time of arrival is now");

        for (message, lacking) in [
            (Message::builder().receipt_handle("r").build(), "MessageId"),
            (Message::builder().message_id("").receipt_handle("r").build(), "MessageId"),
            (Message::builder().message_id("m").build(), "ReceiptHandle"),
            (Message::builder().message_id("m").receipt_handle("").build(), "ReceiptHandle"),
        ] {
            assert_eq!(encoder(false).message(message).unwrap_err(), lacking);
        }
    }

    #[test]
    fn numbers_that_are_none_are_delivered_as_they_came() {
        for (count, read) in [("", 1), ("many", 1), ("-3", 1), ("4294967296", 1), ("4294967295", u32::MAX)] {
            let message = message().attributes(MessageSystemAttributeName::ApproximateReceiveCount, count).build();
            let record = encoder(false).message(message).unwrap();
            assert_eq!(record.receive_count, read, "{count:?}");
            assert!(text(&record).contains(&format!("\"ApproximateReceiveCount\":\"{count}\"")));
        }
        let message = message().attributes(MessageSystemAttributeName::SentTimestamp, "yesterday").build();
        let record = encoder(false).message(message).unwrap();
        assert_eq!(record.record.arrived_unix_ms, 1_545_082_649_185, "the first receive stands in");
    }

    proptest! {
        #[test]
        fn any_message_becomes_json_with_the_very_same_texts(
            body in ".*", name in ".*", text in ".*", binary: Vec<u8>, handle in ".+", id in ".+",
        ) {
            let message = message()
                .message_id(&id)
                .receipt_handle(&handle)
                .body(&body)
                .message_attributes(format!("s{name}"), value("String").string_value(&text).build().unwrap())
                .message_attributes(format!("b{name}"),
                value("Binary").binary_value(Blob::new(binary.clone())).build().unwrap())
                .build();
            let record = encoder(true).message(message).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&record.record.fragment).unwrap();
            prop_assert_eq!(&json["messageId"], &id);
            prop_assert_eq!(&json["receiptHandle"], &handle);
            prop_assert_eq!(&json["body"], &body);
            prop_assert_eq!(&json["messageAttributes"][format!("s{name}")]["stringValue"], &text);
            let encoded = json["messageAttributes"][format!("b{name}")]["binaryValue"].as_str().unwrap();
            prop_assert_eq!(base64_simd::STANDARD.decode_to_vec(encoded).unwrap(), binary);
        }
    }
}
