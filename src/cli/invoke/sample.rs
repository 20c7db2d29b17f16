//! An event with one record, for a function that is tried without one of its own.

use serde_json::{Value, json};

use crate::mapping::SourceSpec;

/// An event of this source, as the function would get it.
pub(super) fn event(source: &SourceSpec) -> Value {
    let arn = source.arn();
    let mut record: Value = serde_json::from_str(source.rules().sample).expect("the sample of a source is JSON");
    record["awsRegion"] = arn.region.as_str().into();
    record["eventSourceARN"] = arn.text.as_str().into();
    json!({ "Records": [record] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::SourceKind;

    #[test]
    fn the_sample_of_each_source_is_a_record_of_it() {
        for kind in [SourceKind::Sqs, SourceKind::Fifo, SourceKind::Kinesis, SourceKind::DynamoDb] {
            let record: Value = serde_json::from_str(kind.rules().sample).unwrap();
            let service = if kind == SourceKind::Fifo { "sqs" } else { kind.as_str() };
            assert_eq!(record["eventSource"], format!("aws:{service}"));
            let is_of_fifo = record["attributes"]["MessageGroupId"].is_string();
            assert_eq!(is_of_fifo, kind == SourceKind::Fifo, "{record}");
        }
    }
}
