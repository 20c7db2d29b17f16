//! Reads what a function returned under `ReportBatchItemFailures`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The member that names the records that failed.
const NAME: &str = "batchItemFailures";
const MISSPELT: &str = "a member is spelled almost as batchItemFailures: write it exactly so";
const WRAPPED: &str = "batchItemFailures is in the body of an HTTP answer: return it at the top level";

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
/// * `batchItemFailures` in another spelling (case, `_`, `-`) or in the `body` of an HTTP answer fails the whole batch,
///   where AWS deletes everything; next to the member in its exact form it is ignored;
/// * ids may repeat; other members next to the known ones are ignored.
pub(crate) fn read(payload: &[u8], ids: &[&str]) -> Answer {
    if payload.iter().all(u8::is_ascii_whitespace) {
        return Answer::Success;
    }
    let reply: Reply<'_> = match serde_json::from_slice(payload) {
        Ok(reply) => reply,
        Err(error) if error.is_data() => return Answer::Malformed("batchItemFailures is not a list of objects"),
        Err(_) => return Answer::Malformed("the answer is not JSON"),
    };
    let items = match reply {
        Reply::Failures(items) => items,
        Reply::Nothing => return Answer::Success,
        Reply::Slip(reason) => return Answer::Malformed(reason),
    };
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    let mut named = BTreeSet::new();
    for item in items {
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

/// What the answer has to say.
enum Reply<'a> {
    /// The members of `batchItemFailures`.
    Failures(Vec<Item<'a>>),
    /// There is no such member.
    Nothing,
    /// There is none, but one that was meant to be it.
    Slip(&'static str),
}

/// Whether a name is `batchItemFailures` but for case, underscores and hyphens.
fn is_nearly(name: &str) -> bool {
    let letters = name.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
    letters.map(|byte| byte.to_ascii_lowercase()).eq(NAME.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// The names of an object.
type Names<'a> = BTreeMap<Cow<'a, str>, IgnoredAny>;

/// The `body` of an HTTP answer.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Object(#[serde(borrow)] Names<'a>),
    Other(IgnoredAny),
}

impl Body<'_> {
    fn names_failures(&self) -> bool {
        let is_among = |names: &Names<'_>| names.keys().any(|name| is_nearly(name));
        match self {
            Self::Text(text) => serde_json::from_str::<Names<'_>>(text).is_ok_and(|names| is_among(&names)),
            Self::Object(names) => is_among(names),
            Self::Other(_) => false,
        }
    }
}

impl<'de> Deserialize<'de> for Reply<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Reply<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an answer")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reply<'de>, A::Error> {
                let (mut items, mut is_misspelt) = (None, false);
                let (mut has_status, mut body) = (false, None);
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        NAME => items = Some(map.next_value::<Option<Vec<Item<'de>>>>()?.unwrap_or_default()),
                        "body" => body = Some(map.next_value::<Body<'de>>()?),
                        name => {
                            has_status |= name == "statusCode";
                            is_misspelt |= is_nearly(name);
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(match items {
                    Some(items) => Reply::Failures(items),
                    None if is_misspelt => Reply::Slip(MISSPELT),
                    None if has_status && body.is_some_and(|body| body.names_failures()) => Reply::Slip(WRAPPED),
                    None => Reply::Nothing,
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Reply<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Reply::Nothing)
            }

            fn visit_unit<E>(self) -> Result<Reply<'de>, E> {
                Ok(Reply::Nothing)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Reply<'de>, E> {
                Ok(Reply::Nothing)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Reply<'de>, E> {
                Ok(Reply::Nothing)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Reply<'de>, E> {
                Ok(Reply::Nothing)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Reply<'de>, E> {
                Ok(Reply::Nothing)
            }

            fn visit_str<E>(self, _: &str) -> Result<Reply<'de>, E> {
                Ok(Reply::Nothing)
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
mod tests;
