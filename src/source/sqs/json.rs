//! The sender's message attributes as JSON.

use std::collections::HashMap;

use aws_sdk_sqs::types::MessageAttributeValue;

use crate::json::{Object, write_base64, write_list, write_string};

/// The sender's own attributes. As with AWS, only the applicable one of `stringValue` and `binaryValue` is there,
/// and the two lists always are, although SQS never fills them.
pub(super) fn write_custom(out: &mut Vec<u8>, attributes: &HashMap<String, MessageAttributeValue>) {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| name.as_str());
    let mut object = Object::begin(out);
    for (name, value) in sorted {
        let mut members = object.object(name);
        if let Some(binary) = &value.binary_value {
            write_base64(members.key("binaryValue"), binary.as_ref());
        } else if let Some(text) = &value.string_value {
            write_string(members.key("stringValue"), text);
        }
        let texts = members.key("stringListValues");
        write_list(texts, value.string_list_values(), |out, text| write_string(out, text));
        let binaries = members.key("binaryListValues");
        write_list(binaries, value.binary_list_values(), |out, binary| write_base64(out, binary.as_ref()));
        write_string(members.key("dataType"), &value.data_type);
        members.end();
    }
    object.end();
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::primitives::Blob;

    use super::*;

    fn written(value: MessageAttributeValue) -> String {
        let mut out = Vec::new();
        write_custom(&mut out, &HashMap::from([("a".to_owned(), value)]));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lists_are_written_should_sqs_ever_fill_them() {
        let value = MessageAttributeValue::builder()
            .data_type("String.Array")
            .string_list_values("x")
            .string_list_values("\"y\"")
            .binary_list_values(Blob::new(*b"z"))
            .build()
            .unwrap();
        assert_eq!(
            written(value),
            r#"{"a":{"stringListValues":["x","\"y\""],"binaryListValues":["eg=="],"dataType":"String.Array"}}"#
        );
    }

    #[test]
    fn an_empty_binary_is_a_value_and_wins_over_a_text() {
        let value = MessageAttributeValue::builder()
            .data_type("Binary")
            .binary_value(Blob::new([]))
            .string_value("stray")
            .build()
            .unwrap();
        assert_eq!(
            written(value),
            r#"{"a":{"binaryValue":"","stringListValues":[],"binaryListValues":[],"dataType":"Binary"}}"#
        );
    }
}
