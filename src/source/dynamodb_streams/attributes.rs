//! DynamoDB JSON: attributes with their types, as events carry them.

use std::collections::HashMap;

use aws_sdk_dynamodbstreams::types::AttributeValue;

use crate::json::{Object, write_base64, write_list, write_string};

/// Writes attributes sorted by name, so that an item always has the same bytes: the SDK hands them out in no order.
///
/// Answers how many values are of a type that this version does not know. Such a value is written as `{}`: its content
/// is lost in the SDK, and any other value would be a lie.
///
/// Values stand in each other up to 32 levels deep, and the SDK refuses an answer that goes much deeper.
pub(super) fn write_attributes(out: &mut Vec<u8>, attributes: &HashMap<String, AttributeValue>) -> usize {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| name.as_str());
    let mut unknown = 0;
    let mut object = Object::begin(out);
    for (name, value) in sorted {
        unknown += write_value(object.key(name), value);
    }
    object.end();
    unknown
}

fn write_value(out: &mut Vec<u8>, value: &AttributeValue) -> usize {
    let mut unknown = 0;
    match value {
        AttributeValue::S(text) => typed(out, "S", |out| write_string(out, text)),
        // Numbers are texts in DynamoDB JSON: they have more digits than JSON's readers keep.
        AttributeValue::N(number) => typed(out, "N", |out| write_string(out, number)),
        AttributeValue::B(binary) => typed(out, "B", |out| write_base64(out, binary.as_ref())),
        AttributeValue::Bool(truth) => typed(out, "BOOL", |out| write_bool(out, *truth)),
        AttributeValue::Null(truth) => typed(out, "NULL", |out| write_bool(out, *truth)),
        AttributeValue::M(members) => typed(out, "M", |out| unknown += write_attributes(out, members)),
        AttributeValue::L(items) => {
            typed(out, "L", |out| write_list(out, items, |out, item| unknown += write_value(out, item)));
        }
        AttributeValue::Ss(texts) => {
            typed(out, "SS", |out| write_list(out, texts, |out, text| write_string(out, text)));
        }
        AttributeValue::Ns(numbers) => {
            typed(out, "NS", |out| write_list(out, numbers, |out, number| write_string(out, number)));
        }
        AttributeValue::Bs(binaries) => {
            typed(out, "BS", |out| write_list(out, binaries, |out, binary| write_base64(out, binary.as_ref())));
        }
        _ => {
            out.extend_from_slice(b"{}");
            unknown += 1;
        }
    }
    unknown
}

/// `{"TYPE":…}`
fn typed(out: &mut Vec<u8>, kind: &str, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\":");
    write(out);
    out.push(b'}');
}

fn write_bool(out: &mut Vec<u8>, truth: bool) {
    out.extend_from_slice(if truth { b"true" } else { b"false" });
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodbstreams::primitives::Blob;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn written(value: AttributeValue) -> (String, usize) {
        let mut out = Vec::new();
        let unknown = write_attributes(&mut out, &HashMap::from([("a".to_owned(), value)]));
        (String::from_utf8(out).unwrap(), unknown)
    }

    fn map(pairs: Vec<(&str, AttributeValue)>) -> AttributeValue {
        AttributeValue::M(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    #[test]
    fn every_type_is_written_as_dynamodb_writes_it() {
        use AttributeValue::{B, Bool, Bs, L, N, Ns, Null, S, Ss};
        let text = |text: &str| text.to_owned();
        for (value, json) in [
            (S(text("x \"y\"\n")), r#"{"S":"x \"y\"\n"}"#),
            (S(text("")), r#"{"S":""}"#),
            (N(text("-12345678901234567890.123456789")), r#"{"N":"-12345678901234567890.123456789"}"#),
            (B(Blob::new(*b"foobar")), r#"{"B":"Zm9vYmFy"}"#),
            (B(Blob::new([])), r#"{"B":""}"#),
            (Bool(true), r#"{"BOOL":true}"#),
            (Bool(false), r#"{"BOOL":false}"#),
            (Null(true), r#"{"NULL":true}"#),
            (Ss(vec![text("b"), text("a")]), r#"{"SS":["b","a"]}"#),
            (Ns(vec![text("1"), text("2.5")]), r#"{"NS":["1","2.5"]}"#),
            (Bs(vec![Blob::new([0]), Blob::new([255])]), r#"{"BS":["AA==","/w=="]}"#),
            (L(vec![]), r#"{"L":[]}"#),
            (L(vec![N(text("1")), L(vec![Null(true)])]), r#"{"L":[{"N":"1"},{"L":[{"NULL":true}]}]}"#),
            (map(vec![]), r#"{"M":{}}"#),
            (
                map(vec![("z", Bool(true)), ("B", N(text("1"))), ("a\"", S(text("é"))), ("", Null(true))]),
                r#"{"M":{"":{"NULL":true},"B":{"N":"1"},"a\"":{"S":"é"},"z":{"BOOL":true}}}"#,
            ),
        ] {
            assert_eq!(written(value), (format!("{{\"a\":{json}}}"), 0));
        }
    }

    #[test]
    fn thirty_two_levels_are_written() {
        let mut value = AttributeValue::S("deep".into());
        let mut json = json!({"S": "deep"});
        for level in 0..32 {
            (value, json) = if level % 2 == 0 {
                (AttributeValue::L(vec![value]), json!({"L": [json]}))
            } else {
                (map(vec![("m", value)]), json!({"M": {"m": json}}))
            };
        }
        let read: Value = serde_json::from_str(&written(value).0).unwrap();
        assert_eq!(read, json!({"a": json}));
    }

    fn any_value() -> impl Strategy<Value = (AttributeValue, Value)> {
        let base64 = |bytes: &[u8]| base64_simd::STANDARD.encode_to_string(bytes);
        let leaf = prop_oneof![
            any::<String>().prop_map(|text| (AttributeValue::S(text.clone()), json!({"S": text}))),
            any::<i64>().prop_map(|n| (AttributeValue::N(n.to_string()), json!({"N": n.to_string()}))),
            any::<Vec<u8>>().prop_map(move |bytes| {
                let json = json!({"B": base64(&bytes)});
                (AttributeValue::B(Blob::new(bytes)), json)
            }),
            any::<bool>().prop_map(|truth| (AttributeValue::Bool(truth), json!({"BOOL": truth}))),
            Just((AttributeValue::Null(true), json!({"NULL": true}))),
            any::<Vec<String>>().prop_map(|texts| (AttributeValue::Ss(texts.clone()), json!({"SS": texts}))),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| {
                    let (values, jsons): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                    (AttributeValue::L(values), json!({"L": jsons}))
                }),
                proptest::collection::btree_map(any::<String>(), inner, 0..5).prop_map(|members| {
                    let json: serde_json::Map<String, Value> =
                        members.iter().map(|(name, (_, json))| (name.clone(), json.clone())).collect();
                    let values = members.into_iter().map(|(name, (value, _))| (name, value)).collect();
                    (AttributeValue::M(values), json!({"M": json}))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_reads_back_as_it_was((value, json) in any_value()) {
            let (first, _) = written(value.clone());
            prop_assert_eq!(serde_json::from_str::<Value>(&first).unwrap(), json!({"a": json}));
            prop_assert_eq!(written(value).0, first, "the same bytes each time");
        }
    }
}
