//! One record of a DynamoDB stream, written once as the JSON object that the function will see.
//!
//! Members and their order are those of AWS's own mapping.

use aws_sdk_dynamodbstreams::types::{Identity, Record as DynamoDbRecord, StreamRecord as Change};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::attributes::write_attributes;
use crate::clock::WallClock;
use crate::json::{write_integer, write_seconds, write_string};
use crate::machine::{Record, Screening, StreamRecord};
use crate::source::fragments::encode_all;
use crate::source::time::unix_ms;

/// What the names of a record's own members and its short values take, roughly.
const MEMBERS: usize = 400;

/// The version of the record's format, where a record does not say it.
const EVENT_VERSION: &str = "1.1";

/// Encodes the records of one stream.
pub(super) struct Encoder {
    /// From `eventSource` to the opening of `dynamodb`: the same for every record.
    middle: Vec<u8>,
    /// `eventSourceARN` and the closing brace.
    tail: Vec<u8>,
    /// The time of arrival of records that do not say it.
    wall: WallClock,
}

/// The answer has a record that the function could not name, and that no checkpoint could cover.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoSequenceNumber;

/// An answer's records.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) records: Vec<StreamRecord>,
    /// How many attribute values are of a type that this version does not know.
    pub(super) unknown: usize,
}

impl Encoder {
    pub(super) fn new(stream_arn: &str, region: &str, wall: WallClock) -> Self {
        let mut middle = b",\"eventSource\":\"aws:dynamodb\",\"awsRegion\":".to_vec();
        write_string(&mut middle, region);
        middle.extend_from_slice(b",\"dynamodb\":{\"ApproximateCreationDateTime\":");
        let mut tail = b",\"eventSourceARN\":".to_vec();
        write_string(&mut tail, stream_arn);
        tail.push(b'}');
        Self { middle, tail, wall }
    }

    /// Encodes an answer's records, all or none: to leave one out would lose it.
    pub(super) fn records(&self, answer: &[DynamoDbRecord]) -> Result<Encoded, NoSequenceNumber> {
        let mut unknown = 0;
        let fixed = MEMBERS + self.middle.len() + self.tail.len();
        let size = |record: &DynamoDbRecord| {
            let bytes = record.dynamodb.as_ref().and_then(|change| change.size_bytes).unwrap_or(0);
            // Types and punctuation make small attributes about twice as long. No item is over 400 KB.
            fixed + 2 * usize::try_from(bytes).unwrap_or(0).min(1024 * 1024)
        };
        let records = encode_all(answer, size, |record, out| self.record(record, &mut unknown, out))?;
        Ok(Encoded { records, unknown })
    }

    fn record(
        &self,
        record: &DynamoDbRecord,
        unknown: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<StreamRecord, NoSequenceNumber> {
        let change = record.dynamodb.as_ref().ok_or(NoSequenceNumber)?;
        let sequence =
            change.sequence_number.as_deref().filter(|sequence| !sequence.is_empty()).ok_or(NoSequenceNumber)?;
        let arrived = change.approximate_creation_date_time.and_then(unix_ms).unwrap_or_else(|| (self.wall)());

        out.push(b'{');
        if let Some(id) = &record.event_id {
            out.extend_from_slice(b"\"eventID\":");
            write_string(out, id);
            out.push(b',');
        }
        if let Some(name) = &record.event_name {
            out.extend_from_slice(b"\"eventName\":");
            write_string(out, name.as_str());
            out.push(b',');
        }
        out.extend_from_slice(b"\"eventVersion\":");
        write_string(out, record.event_version.as_deref().unwrap_or(EVENT_VERSION));
        out.extend_from_slice(&self.middle);
        write_seconds(out, arrived);
        let key_hash = write_change(out, change, sequence, unknown);
        out.push(b'}');
        if let Some(identity) = &record.user_identity {
            write_identity(out, identity);
        }
        out.extend_from_slice(&self.tail);
        let record = Record {
            id: sequence.into(),
            fragment: Bytes::new(),
            arrived_unix_ms: arrived,
            screening: Screening::Passes,
        };
        Ok(StreamRecord { record, key_hash })
    }
}

/// What follows the time in `dynamodb`. Answers the hash of the item's key.
fn write_change(out: &mut Vec<u8>, change: &Change, sequence: &str, unknown: &mut usize) -> u64 {
    let mut key_hash = xxh3_64(b"");
    if let Some(keys) = &change.keys {
        out.extend_from_slice(b",\"Keys\":");
        let start = out.len();
        *unknown += write_attributes(out, keys);
        // Sorted names, types and values: what was just written is the key's canonical form.
        key_hash = xxh3_64(&out[start..]);
    }
    if let Some(image) = &change.new_image {
        out.extend_from_slice(b",\"NewImage\":");
        *unknown += write_attributes(out, image);
    }
    if let Some(image) = &change.old_image {
        out.extend_from_slice(b",\"OldImage\":");
        *unknown += write_attributes(out, image);
    }
    out.extend_from_slice(b",\"SequenceNumber\":");
    write_string(out, sequence);
    if let Some(bytes) = change.size_bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
        out.extend_from_slice(b",\"SizeBytes\":");
        write_integer(out, bytes);
    }
    if let Some(view) = &change.stream_view_type {
        out.extend_from_slice(b",\"StreamViewType\":");
        write_string(out, view.as_str());
    }
    key_hash
}

/// Who made the change, where it was the service itself: items that outlived their time to live.
fn write_identity(out: &mut Vec<u8>, identity: &Identity) {
    let members = [("\"type\":", &identity.r#type), ("\"principalId\":", &identity.principal_id)];
    let members = members.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    out.extend_from_slice(b",\"userIdentity\":{");
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        write_string(out, value);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_sdk_dynamodbstreams::primitives::DateTime;
    use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, StreamViewType};
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/2026-11-20T00:00:00.000";

    fn change() -> aws_sdk_dynamodbstreams::types::builders::StreamRecordBuilder {
        Change::builder()
            .approximate_creation_date_time(DateTime::from_secs(1_764_085_660))
            .keys("id", AttributeValue::S("x".into()))
            .new_image("n", AttributeValue::N("7".into()))
            .new_image("id", AttributeValue::S("x".into()))
            .sequence_number("4421584500000000017450439091")
            .size_bytes(26)
            .stream_view_type(StreamViewType::NewAndOldImages)
    }

    fn record(change: Change) -> aws_sdk_dynamodbstreams::types::builders::RecordBuilder {
        DynamoDbRecord::builder()
            .event_id("c4ca4238a0b923820dcc509a6f75849b")
            .event_name(OperationType::Insert)
            .event_version("1.1")
            .event_source("aws:dynamodb")
            .aws_region("elsewhere")
            .dynamodb(change)
    }

    fn encoded(record: DynamoDbRecord) -> (StreamRecord, String) {
        let mut encoded = Encoder::new(ARN, "us-east-1", Arc::new(|| NOW)).records(&[record]).unwrap();
        assert_eq!(encoded.unknown, 0);
        let record = encoded.records.pop().unwrap();
        let text = String::from_utf8(record.record.fragment.to_vec()).unwrap();
        (record, text)
    }

    #[test]
    fn a_record_has_awss_members_in_awss_order() {
        let (record, text) = encoded(record(change().build()).build());
        assert_eq!(
            text,
            concat!(
                r#"{"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"INSERT","eventVersion":"1.1","#,
                r#""eventSource":"aws:dynamodb","awsRegion":"us-east-1","#,
                r#""dynamodb":{"ApproximateCreationDateTime":1764085660.0,"Keys":{"id":{"S":"x"}},"#,
                r#""NewImage":{"id":{"S":"x"},"n":{"N":"7"}},"SequenceNumber":"4421584500000000017450439091","#,
                r#""SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},"#,
                r#""eventSourceARN":"arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/2026-11-20T00:00:00.000"}"#
            )
        );
        assert_eq!(&*record.record.id, "4421584500000000017450439091");
        assert_eq!(record.record.arrived_unix_ms, 1_764_085_660_000);
        assert_eq!(record.key_hash, xxh3_64(br#"{"id":{"S":"x"}}"#));
    }

    #[test]
    fn a_deletion_by_time_to_live_says_who_deleted() {
        let identity = Identity::builder().r#type("Service").principal_id("dynamodb.amazonaws.com").build();
        let old = change().set_new_image(None).old_image("id", AttributeValue::S("x".into())).build();
        let (_, text) = encoded(record(old).event_name(OperationType::Remove).user_identity(identity).build());
        assert!(text.contains(r#""OldImage":{"id":{"S":"x"}},"SequenceNumber""#), "{text}");
        assert!(!text.contains("NewImage\":"), "{text}");
        let identity = r#"},"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},"eventSourceARN""#;
        assert!(text.contains(identity), "{text}");

        let empty = record(change().build()).user_identity(Identity::builder().build()).build();
        assert!(encoded(empty).1.contains(r#","userIdentity":{},"eventSourceARN""#));
    }

    #[test]
    fn times_keep_their_milliseconds() {
        for (time, json) in [
            (DateTime::from_secs(1_764_085_660), "1764085660.0,"),
            (DateTime::from_secs_f64(1_764_085_660.25), "1764085660.25,"),
            (DateTime::from_secs_f64(1_764_085_660.987), "1764085660.987,"),
        ] {
            let (_, text) = encoded(record(change().approximate_creation_date_time(time).build()).build());
            assert!(text.contains(&format!("\"ApproximateCreationDateTime\":{json}")), "{text}");
        }
    }

    #[test]
    fn what_a_record_lacks_is_left_out_or_filled_in() {
        let bare = DynamoDbRecord::builder().dynamodb(Change::builder().sequence_number("7").build()).build();
        let (record, text) = encoded(bare);
        assert!(text.starts_with(r#"{"eventVersion":"1.1","eventSource":"aws:dynamodb","#), "{text}");
        assert!(text.contains(r#","SequenceNumber":"7"},"eventSourceARN""#), "{text}");
        assert_eq!(record.record.arrived_unix_ms, NOW, "the time of arrival is now");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(json["dynamodb"]["ApproximateCreationDateTime"].is_f64());
    }

    #[test]
    fn a_record_that_no_checkpoint_can_cover_spoils_the_answer() {
        for bad in [
            DynamoDbRecord::builder().build(),
            record(change().set_sequence_number(None).build()).build(),
            record(change().sequence_number("").build()).build(),
        ] {
            let answer = [record(change().build()).build(), bad];
            assert_eq!(
                Encoder::new(ARN, "us-east-1", Arc::new(|| NOW)).records(&answer).unwrap_err(),
                NoSequenceNumber
            );
        }
    }

    #[test]
    fn unknown_events_and_views_are_handed_on() {
        let change = change().stream_view_type(StreamViewType::from("DIFF")).size_bytes(-1).build();
        let (_, text) = encoded(record(change).event_name(OperationType::from("MERGE")).event_version("2.0").build());
        assert!(text.contains(r#""eventName":"MERGE","eventVersion":"2.0","#), "{text}");
        assert!(text.contains(r#"091","StreamViewType":"DIFF"}"#), "{text}");
    }

    #[test]
    fn the_key_alone_makes_the_hash() {
        use AttributeValue::{N, S};
        let hash = |pairs: &[(&str, AttributeValue)], image: &str| {
            let keys = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let change = change().set_keys(Some(keys)).new_image("i", S(image.into())).build();
            encoded(record(change).build()).0.key_hash
        };
        let (pk, sk) = (("pk", S("1".into())), ("sk", N("2".into())));
        let first = hash(&[pk.clone(), sk.clone()], "a");
        assert_eq!(first, hash(&[sk, pk.clone()], "b"));
        for other in
            [[pk.clone(), ("sk", S("2".into()))], [pk.clone(), ("sk", N("20".into()))], [pk, ("st", N("2".into()))]]
        {
            assert_ne!(first, hash(&other, "a"));
        }
    }

    proptest! {
        #[test]
        fn any_record_reads_back_as_it_was(
            id in any::<String>(), sequence in ".+", key in any::<String>(), text in any::<String>(), size: u32,
            ms in 0_i64..4_102_444_800_000,
        ) {
            let change = Change::builder()
                .approximate_creation_date_time(DateTime::from_millis(ms))
                .keys("k", AttributeValue::S(key.clone()))
                .old_image("t", AttributeValue::S(text.clone()))
                .sequence_number(&sequence)
                .size_bytes(i64::from(size))
                .build();
            let (record, json) = encoded(record(change).event_id(&id).build());
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&json["eventID"], &id);
            prop_assert_eq!(&json["dynamodb"]["SequenceNumber"], &sequence);
            prop_assert_eq!(&json["dynamodb"]["Keys"]["k"]["S"], &key);
            prop_assert_eq!(&json["dynamodb"]["OldImage"]["t"]["S"], &text);
            prop_assert_eq!(json["dynamodb"]["SizeBytes"].as_u64(), Some(u64::from(size)));
            prop_assert_eq!(record.record.arrived_unix_ms as i64, ms);
        }
    }
}
