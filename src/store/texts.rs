//! Checkpoints by shard as JSON: an object of their text forms.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Kept;
use crate::machine::{Checkpoint, NotACheckpoint};

/// The longest shard id that AWS hands out.
const LONGEST_SHARD: usize = 128;

/// Checkpoints as they are shown to clients: those of the version before know `checkpoints` as `marks`. Both names have
/// the same value until the next version.
#[derive(Debug)]
pub(crate) struct ShownToClients<'a>(pub(crate) &'a Kept);

/// The checkpoints of a mapping as they are read, under either name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    source: String,
    checkpoints: Option<BTreeMap<String, String>>,
    marks: Option<BTreeMap<String, String>>,
}

struct Texts<'a>(&'a BTreeMap<Arc<str>, Checkpoint>);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(shard, checkpoint)| (&**shard, checkpoint.to_string())))
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Kept", 2)?;
        object.serialize_field("source", &self.source)?;
        object.serialize_field("checkpoints", &Texts(&self.checkpoints))?;
        object.end()
    }
}

impl Serialize for ShownToClients<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Kept", 3)?;
        object.serialize_field("source", &self.0.source)?;
        object.serialize_field("checkpoints", &Texts(&self.0.checkpoints))?;
        object.serialize_field("marks", &Texts(&self.0.checkpoints))?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { source, checkpoints, marks } = Written::deserialize(deserializer)?;
        let texts = match (checkpoints, marks) {
            (Some(new), Some(old)) if new != old => {
                return Err(D::Error::custom(
                    "`checkpoints` and `marks`, its old name, differ: write `checkpoints` only",
                ));
            }
            (Some(texts), _) | (None, Some(texts)) => texts,
            (None, None) => return Err(D::Error::missing_field("checkpoints")),
        };
        let checkpoints = texts.into_iter().map(|(shard, text)| {
            if !is_shard(&shard) {
                return Err(D::Error::custom(format!("{shard:?} is not a shard id")));
            }
            let checkpoint =
                text.parse().map_err(|error: NotACheckpoint| D::Error::custom(format!("shard {shard}: {error}")))?;
            Ok((shard.into(), checkpoint))
        });
        Ok(Self { source, checkpoints: checkpoints.collect::<Result<_, _>>()? })
    }
}

/// Whether AWS could call a shard that.
pub(crate) fn is_shard(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=LONGEST_SHARD).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::ShownToClients;
    use crate::machine::Checkpoint;
    use crate::store::Kept;

    fn read(text: &str) -> Result<Kept, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn checkpoints_are_texts_under_both_names() {
        let checkpoints =
            [("shardId-1".into(), Checkpoint::After("7".into())), ("shardId-2".into(), Checkpoint::End(None))].into();
        let kept = Kept { source: "arn".into(), checkpoints };
        let texts = r#"{"shardId-1":"AFTER:7","shardId-2":"END"}"#;
        let exported = serde_json::to_string(&kept).unwrap();
        assert_eq!(exported, format!(r#"{{"source":"arn","checkpoints":{texts}}}"#));
        let shown = serde_json::to_string(&ShownToClients(&kept)).unwrap();
        assert_eq!(shown, format!(r#"{{"source":"arn","checkpoints":{texts},"marks":{texts}}}"#));
        let old = format!(r#"{{"source":"arn","marks":{texts}}}"#);
        for text in [exported, shown, old] {
            assert_eq!(read(&text).as_ref(), Ok(&kept), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (checkpoints, said) in [
            (r#"{"shardId-1":"SOON"}"#, "shard shardId-1: \"SOON\" is no position"),
            (r#"{"":"END"}"#, "\"\" is not a shard id"),
            (r#"{"a/b":"END"}"#, "\"a/b\" is not a shard id"),
            (r#"{"shardId-1":5}"#, "invalid type"),
            ("[]", "invalid type"),
        ] {
            let error = read(&format!(r#"{{"source":"arn","checkpoints":{checkpoints}}}"#)).unwrap_err();
            assert!(error.contains(said), "{checkpoints}: {error}");
        }
        for (text, said) in [
            (r#"{"source":"arn"}"#, "missing field `checkpoints`"),
            (r#"{"source":"arn","checkpoints":{},"marks":{"a":"END"}}"#, "differ"),
            (r#"{"source":"arn","checkpoints":{},"more":1}"#, "unknown field `more`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
