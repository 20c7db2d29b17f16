//! Marks by shard as JSON: an object of their text forms.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use crate::machine::{Mark, NotAMark};

/// The longest shard id that AWS hands out.
const LONGEST_SHARD: usize = 128;

pub(super) fn serialize<S: Serializer>(marks: &BTreeMap<Arc<str>, Mark>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(marks.iter().map(|(shard, mark)| (&**shard, mark.to_string())))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Arc<str>, Mark>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
    let marks = texts.into_iter().map(|(shard, text)| {
        if !is_shard(&shard) {
            return Err(D::Error::custom(format!("{shard:?} is no shard id")));
        }
        let mark = text.parse().map_err(|error: NotAMark| D::Error::custom(format!("shard {shard}: {error}")))?;
        Ok((shard.into(), mark))
    });
    marks.collect()
}

/// Whether AWS could call a shard that.
pub(crate) fn is_shard(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=LONGEST_SHARD).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use crate::machine::Mark;
    use crate::store::Kept;

    #[test]
    fn marks_are_told_as_texts() {
        let marks = [("shardId-1".into(), Mark::After("7".into())), ("shardId-2".into(), Mark::End(None))].into();
        let kept = Kept { source: "arn".into(), marks };
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(text, r#"{"source":"arn","marks":{"shardId-1":"AFTER:7","shardId-2":"END"}}"#);
        assert_eq!(serde_json::from_str::<Kept>(&text).unwrap(), kept);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (marks, said) in [
            (r#"{"shardId-1":"SOON"}"#, "shard shardId-1: \"SOON\" is no position"),
            (r#"{"":"END"}"#, "\"\" is no shard id"),
            (r#"{"a/b":"END"}"#, "\"a/b\" is no shard id"),
            (r#"{"shardId-1":5}"#, "invalid type"),
            ("[]", "invalid type"),
        ] {
            let text = format!(r#"{{"source":"arn","marks":{marks}}}"#);
            let error = serde_json::from_str::<Kept>(&text).unwrap_err().to_string();
            assert!(error.contains(said), "{marks}: {error}");
        }
        assert!(serde_json::from_str::<Kept>(r#"{"source":"arn","marks":{},"more":1}"#).is_err());
    }
}
