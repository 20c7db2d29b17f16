//! Reads what a function returned under `ReportBatchItemFailures`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a function's answer says of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Every record succeeded.
    Success,
    /// The records at these indices failed (ascending, each once); the others succeeded.
    Partial(Vec<usize>),
    /// The form is not one that AWS takes: the whole batch failed.
    Malformed(&'static str),
}

/// Reads `{"batchItemFailures":[{"itemIdentifier":"…"}]}` for the records with these ids.
///
/// The rules are AWS's for queues (`ReportBatchItemFailures`, Lambda Developer Guide and recordings):
/// nothing, `null`, `{}`, and a missing, `null` or empty list are success; every other list must hold objects
/// whose `itemIdentifier` is the non-empty id of a record of the batch. One bad member fails the whole batch.
/// Where AWS is not known, or known to lose messages:
/// * `[{}]` (AWS deletes everything) fails the whole batch;
/// * a string, a list, a number or a boolean in place of the object is a success, as it is for streams;
/// * ids may repeat; members beside the known ones are ignored.
pub(crate) fn read(payload: &[u8], ids: &[&str]) -> Answer {
    if payload.iter().all(u8::is_ascii_whitespace) {
        return Answer::Success;
    }
    let answer: Reply<'_> = match serde_json::from_slice(payload) {
        Ok(answer) => answer,
        Err(error) if error.is_data() => return Answer::Malformed("batchItemFailures is not a list of objects"),
        Err(_) => return Answer::Malformed("the answer is not JSON"),
    };
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    let mut named = BTreeSet::new();
    for item in answer.0 {
        match item {
            Item::Id(id) if id.is_empty() => return Answer::Malformed("an itemIdentifier is empty"),
            Item::Id(id) if !known.contains(&*id) => {
                return Answer::Malformed("an itemIdentifier names no record of the batch");
            }
            Item::Id(id) => named.insert(id),
            Item::Missing => return Answer::Malformed("a member of batchItemFailures has no itemIdentifier"),
            Item::NoString => return Answer::Malformed("an itemIdentifier is not a string"),
        };
    }
    if named.is_empty() {
        return Answer::Success;
    }
    // A queue may deliver a message twice into one batch: then its id stands for both.
    Answer::Partial((0..ids.len()).filter(|&index| named.contains(ids[index])).collect())
}

/// One member of the list.
enum Item<'a> {
    Id(Cow<'a, str>),
    Missing,
    NoString,
}

/// The members of `batchItemFailures`; none where the answer has no such list.
struct Reply<'a>(Vec<Item<'a>>);

impl<'de> Deserialize<'de> for Reply<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Reply<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an answer")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reply<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if key == "batchItemFailures" {
                        items = map.next_value::<Option<Vec<Item<'de>>>>()?.unwrap_or_default();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Reply(items))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Reply<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Reply(Vec::new()))
            }

            fn visit_unit<E>(self) -> Result<Reply<'de>, E> {
                Ok(Reply(Vec::new()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Reply<'de>, E> {
                Ok(Reply(Vec::new()))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Reply<'de>, E> {
                Ok(Reply(Vec::new()))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Reply<'de>, E> {
                Ok(Reply(Vec::new()))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Reply<'de>, E> {
                Ok(Reply(Vec::new()))
            }

            fn visit_str<E>(self, _: &str) -> Result<Reply<'de>, E> {
                Ok(Reply(Vec::new()))
            }
        }
        deserializer.deserialize_any(Object)
    }
}

impl<'de> Deserialize<'de> for Item<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Item<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an itemIdentifier")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item<'de>, A::Error> {
                let mut item = Item::Missing;
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if key == "itemIdentifier" {
                        item = match map.next_value::<Identifier<'de>>()?.0 {
                            Some(id) => Item::Id(id),
                            None => Item::NoString,
                        };
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(item)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A string, or `None` for any other JSON value.
struct Identifier<'a>(Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Identifier<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Identifier<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an identifier")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Identifier<'de>, E> {
                Ok(Identifier(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Identifier<'de>, E> {
                Ok(Identifier(Some(Cow::Owned(text.into()))))
            }

            fn visit_unit<E>(self) -> Result<Identifier<'de>, E> {
                Ok(Identifier(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Identifier<'de>, E> {
                Ok(Identifier(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Identifier<'de>, E> {
                Ok(Identifier(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Identifier<'de>, E> {
                Ok(Identifier(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Identifier<'de>, E> {
                Ok(Identifier(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Identifier<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Identifier(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Identifier<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Identifier(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &[&str] = &["m-0", "m-1", "m-2"];

    fn malformed(payload: &str) -> &'static str {
        match read(payload.as_bytes(), IDS) {
            Answer::Malformed(reason) => reason,
            other => panic!("{payload} was read as {other:?}"),
        }
    }

    #[test]
    fn every_form_of_success() {
        for payload in [
            "",
            " \n",
            "null",
            "{}",
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
            r#"{"statusCode":200,"nested":{"batchItemFailures":[{"itemIdentifier":"m-0"}]}}"#,
            r#""""#,
            r#""ok""#,
            "[]",
            "[1,[2]]",
            "7",
            "-7",
            "7.5",
            "true",
        ] {
            assert_eq!(read(payload.as_bytes(), IDS), Answer::Success, "{payload}");
        }
    }

    #[test]
    fn named_records_fail_and_the_others_succeed() {
        for (payload, failed) in [
            (r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#, vec![1]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"m-2"},{"itemIdentifier":"m-0"}]}"#, vec![0, 2]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"m-1"},{"itemIdentifier":"m-1"}]}"#, vec![1]),
            (r#"{"note":[1],"batchItemFailures":[{"why":{"x":1},"itemIdentifier":"m-1"}],"more":0}"#, vec![1]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"m\u002d1"}]}"#, vec![1]),
        ] {
            assert_eq!(read(payload.as_bytes(), IDS), Answer::Partial(failed), "{payload}");
        }
    }

    #[test]
    fn a_message_delivered_twice_fails_twice() {
        let payload = br#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#;
        assert_eq!(read(payload, &["m-1", "m-0", "m-1"]), Answer::Partial(vec![0, 2]));
    }

    #[test]
    fn every_malformed_form_fails_the_whole_batch() {
        for payload in ["{", "nul", "{}x", r#"{"batchItemFailures":["#, "\u{feff}{}", "<html>"] {
            assert_eq!(malformed(payload), "the answer is not JSON", "{payload}");
        }
        assert_eq!(read(b"\xff\xfe", IDS), Answer::Malformed("the answer is not JSON"));
        for list in [r#""m-1""#, "1", "true", r#"{"itemIdentifier":"m-1"}"#, r#"["m-1"]"#, "[null]", "[[]]", "[1]"] {
            let payload = format!(r#"{{"batchItemFailures":{list}}}"#);
            assert_eq!(malformed(&payload), "batchItemFailures is not a list of objects", "{payload}");
        }
        for (item, reason) in [
            (r#"{"itemIdentifier":""}"#, "an itemIdentifier is empty"),
            (r#"{"itemIdentifier":"m-9"}"#, "an itemIdentifier names no record of the batch"),
            ("{}", "a member of batchItemFailures has no itemIdentifier"),
            (r#"{"foo":"notvalid"}"#, "a member of batchItemFailures has no itemIdentifier"),
            (r#"{"itemIdentifier":null}"#, "an itemIdentifier is not a string"),
            (r#"{"itemIdentifier":123}"#, "an itemIdentifier is not a string"),
            (r#"{"itemIdentifier":-1.5}"#, "an itemIdentifier is not a string"),
            (r#"{"itemIdentifier":true}"#, "an itemIdentifier is not a string"),
            (r#"{"itemIdentifier":["m-1"]}"#, "an itemIdentifier is not a string"),
            (r#"{"itemIdentifier":{"a":"m-1"}}"#, "an itemIdentifier is not a string"),
        ] {
            let alone = format!(r#"{{"batchItemFailures":[{item}]}}"#);
            assert_eq!(malformed(&alone), reason, "{alone}");
            let after_a_good_one = format!(r#"{{"batchItemFailures":[{{"itemIdentifier":"m-1"}},{item}]}}"#);
            assert_eq!(malformed(&after_a_good_one), reason, "{after_a_good_one}");
        }
    }
}
