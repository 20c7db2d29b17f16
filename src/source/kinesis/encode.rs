//! One record of Kinesis, written once as the JSON object that the function will see.
//!
//! Members and their order are those of AWS's own mapping. `encryptionType` is no member of the event.

use aws_sdk_kinesis::types::Record as KinesisRecord;
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::clock::WallClock;
use crate::json::{base64_len, write_base64, write_seconds, write_string};
use crate::machine::{Record, Screening, StreamRecord};
use crate::source::fragments::encode_all;
use crate::source::time::unix_ms;

/// What the names of a record's own members, and its time, take.
const MEMBERS: usize = 200;

/// Encodes the records of one stream.
pub(super) struct Encoder {
    /// From `eventName` to the closing brace: the same for every record.
    tail: Vec<u8>,
    /// The time of arrival of records that do not say it.
    wall: WallClock,
}

/// The answer has a record that the function could not name, and that no checkpoint could cover.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoSequenceNumber;

impl Encoder {
    /// `role` is what AWS would show as the function's execution role; empty where it is not known.
    pub(super) fn new(stream_arn: &str, region: &str, role: &str, wall: WallClock) -> Self {
        let mut tail = b",\"eventName\":\"aws:kinesis:record\",\"invokeIdentityArn\":".to_vec();
        write_string(&mut tail, role);
        tail.extend_from_slice(b",\"awsRegion\":");
        write_string(&mut tail, region);
        tail.extend_from_slice(b",\"eventSourceARN\":");
        write_string(&mut tail, stream_arn);
        tail.push(b'}');
        Self { tail, wall }
    }

    /// Encodes an answer's records, all or none: to leave one out would lose it.
    pub(super) fn records(&self, shard: &str, answer: &[KinesisRecord]) -> Result<Vec<StreamRecord>, NoSequenceNumber> {
        // As it stands inside the string of `eventID`.
        let mut head = Vec::with_capacity(shard.len() + 3);
        write_string(&mut head, shard);
        head.pop();
        head.push(b':');
        let size = |record: &KinesisRecord| self.size(head.len(), record);
        encode_all(answer, size, |record, out| self.record(&head, record, out))
    }

    /// The bytes of a fragment whose texts need no escapes, or a few more.
    fn size(&self, head: usize, record: &KinesisRecord) -> usize {
        let key = record.partition_key.as_ref().map_or(4, |key| key.len() + 2);
        let data = base64_len(record.data.as_ref().len());
        MEMBERS + head + self.tail.len() + key + 2 * record.sequence_number.len() + data
    }

    fn record(&self, head: &[u8], record: &KinesisRecord, out: &mut Vec<u8>) -> Result<StreamRecord, NoSequenceNumber> {
        let sequence = record.sequence_number.as_str();
        if sequence.is_empty() {
            return Err(NoSequenceNumber);
        }
        let arrived = record.approximate_arrival_timestamp.and_then(unix_ms).unwrap_or_else(|| (self.wall)());
        out.extend_from_slice(b"{\"kinesis\":{\"kinesisSchemaVersion\":\"1.0\",\"partitionKey\":");
        match &record.partition_key {
            Some(key) => write_string(out, key),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"sequenceNumber\":");
        let start = out.len();
        write_string(out, sequence);
        let sequence_json = start..out.len();
        out.extend_from_slice(b",\"data\":");
        write_base64(out, record.data.as_ref());
        out.extend_from_slice(b",\"approximateArrivalTimestamp\":");
        write_seconds(out, arrived);
        out.extend_from_slice(b"},\"eventSource\":\"aws:kinesis\",\"eventVersion\":\"1.0\",\"eventID\":");
        out.extend_from_slice(head);
        out.extend_from_within(sequence_json.start + 1..sequence_json.end);
        out.extend_from_slice(&self.tail);
        // A stream that spreads its records by itself promises no order to records without a key: any `Lane` will do.
        let key_hash = xxh3_64(record.partition_key.as_deref().unwrap_or(sequence).as_bytes());
        let record = Record {
            id: sequence.into(),
            fragment: Bytes::new(),
            arrived_unix_ms: arrived,
            screening: Screening::Passes,
        };
        Ok(StreamRecord { record, key_hash })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_sdk_kinesis::primitives::{Blob, DateTime};
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const ARN: &str = "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream";
    const ROLE: &str = "arn:aws:iam::123456789012:role/lambda-role";
    const SHARD: &str = "shardId-000000000006";
    const SEQUENCE: &str = "49590338271490256608559692538361571095921575989136588898";

    fn encoder() -> Encoder {
        Encoder::new(ARN, "us-east-2", ROLE, Arc::new(|| NOW))
    }

    fn record() -> aws_sdk_kinesis::types::builders::RecordBuilder {
        KinesisRecord::builder()
            .partition_key("1")
            .sequence_number(SEQUENCE)
            .data(Blob::new(*b"Hello, this is a test."))
            .approximate_arrival_timestamp(DateTime::from_secs_f64(1_545_084_650.987))
    }

    fn encoded(record: KinesisRecord) -> (StreamRecord, String) {
        let mut records = encoder().records(SHARD, &[record]).unwrap();
        let record = records.pop().unwrap();
        let text = String::from_utf8(record.record.fragment.to_vec()).unwrap();
        (record, text)
    }

    #[test]
    fn a_record_has_awss_members_in_awss_order() {
        let (record, text) = encoded(record().build().unwrap());
        assert_eq!(
            text,
            concat!(
                r#"{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1","#,
                r#""sequenceNumber":"49590338271490256608559692538361571095921575989136588898","#,
                r#""data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","approximateArrivalTimestamp":1545084650.987},"#,
                r#""eventSource":"aws:kinesis","eventVersion":"1.0","#,
                r#""eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898","#,
                r#""eventName":"aws:kinesis:record","#,
                r#""invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role","awsRegion":"us-east-2","#,
                r#""eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}"#
            )
        );
        assert_eq!(&*record.record.id, SEQUENCE);
        assert_eq!((record.key_hash, record.record.arrived_unix_ms), (xxh3_64(b"1"), 1_545_084_650_987));
    }

    #[test]
    fn times_are_floats_of_seconds() {
        for (seconds, json) in [
            (1_545_084_650.0, "1545084650.0}"),
            (1_545_084_650.5, "1545084650.5}"),
            (1_545_084_650.001, "1545084650.001}"),
            (1_545_084_650.999_9, "1545084651.0}"),
        ] {
            let time = DateTime::from_secs_f64(seconds);
            let (_, text) = encoded(record().approximate_arrival_timestamp(time).build().unwrap());
            assert!(text.contains(&format!("\"approximateArrivalTimestamp\":{json}")), "{text}");
        }
    }

    #[test]
    fn what_a_record_lacks_is_filled_in() {
        let bare = record().set_approximate_arrival_timestamp(None).set_partition_key(None).data(Blob::new([]));
        let (record, text) = encoded(bare.build().unwrap());
        assert!(text.contains(r#""partitionKey":null,"#) && text.contains(r#""data":"","#), "{text}");
        assert_eq!(record.record.arrived_unix_ms, NOW, "the time of arrival is now");
        assert_eq!(record.key_hash, xxh3_64(SEQUENCE.as_bytes()));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(json["kinesis"]["approximateArrivalTimestamp"].is_f64());
    }

    #[test]
    fn without_a_role_the_member_is_empty() {
        let records =
            Encoder::new(ARN, "us-east-2", "", Arc::new(|| NOW)).records(SHARD, &[record().build().unwrap()]).unwrap();
        let text = std::str::from_utf8(&records[0].record.fragment).unwrap();
        assert!(text.contains(r#""invokeIdentityArn":"","awsRegion""#), "{text}");
    }

    #[test]
    fn a_record_that_no_checkpoint_can_cover_spoils_the_answer() {
        let answer = [record().build().unwrap(), record().sequence_number("").build().unwrap()];
        assert_eq!(encoder().records(SHARD, &answer).unwrap_err(), NoSequenceNumber);
    }

    #[test]
    fn the_size_is_known_beforehand() {
        let large = record().data(Blob::new(vec![7; 100_000])).build().unwrap();
        for record in [record().build().unwrap(), large, record().data(Blob::new([])).build().unwrap()] {
            let guess = encoder().size(SHARD.len() + 2, &record);
            let (record, _) = encoded(record);
            let bytes = record.record.fragment.len();
            assert!(bytes <= guess && bytes + 32 > guess, "{bytes} of {guess}");
        }
    }

    #[test]
    fn many_records_share_buffers_and_keep_their_order() {
        let answer: Vec<_> = (0..1_000)
            .map(|index| record().sequence_number((1_000 + index).to_string()).data(Blob::new(vec![1; index])).build())
            .map(Result::unwrap)
            .collect();
        let records = encoder().records(SHARD, &answer).unwrap();
        for (index, record) in records.iter().enumerate() {
            let json: serde_json::Value = serde_json::from_slice(&record.record.fragment).unwrap();
            assert_eq!(json["eventID"], format!("{SHARD}:{}", 1_000 + index));
            assert_eq!(json["kinesis"]["data"].as_str().unwrap().len() + 2, base64_len(index));
        }
    }

    proptest! {
        #[test]
        fn any_record_reads_back_as_it_was(
            key in any::<String>(), sequence in ".+", shard in any::<String>(), data: Vec<u8>,
            ms in 0_i64..4_102_444_800_000,
        ) {
            let record = record()
                .partition_key(&key)
                .sequence_number(&sequence)
                .data(Blob::new(data.clone()))
                .approximate_arrival_timestamp(DateTime::from_millis(ms))
                .build()
                .unwrap();
            let records = encoder().records(&shard, &[record]).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&records[0].record.fragment).unwrap();
            prop_assert_eq!(&json["kinesis"]["partitionKey"], &key);
            prop_assert_eq!(&json["kinesis"]["sequenceNumber"], &sequence);
            prop_assert_eq!(&json["eventID"], &format!("{shard}:{sequence}"));
            let encoded = json["kinesis"]["data"].as_str().unwrap();
            prop_assert_eq!(base64_simd::STANDARD.decode_to_vec(encoded).unwrap(), data);
            let seconds = json["kinesis"]["approximateArrivalTimestamp"].as_f64().unwrap();
            prop_assert_eq!((seconds * 1000.0).round() as i64, ms);
            prop_assert_eq!(records[0].key_hash, xxh3_64(key.as_bytes()));
        }
    }
}
