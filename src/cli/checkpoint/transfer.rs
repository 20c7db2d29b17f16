//! Checkpoints from one store to another.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use super::place::{Place, PlaceError};
use crate::cli::exit::{CliError, Exit, Outcome, say_error};
use crate::cli::output::{counted, data, json, say};
use crate::store::Kept;

/// What this program writes and reads.
const VERSION: u64 = 1;

/// What `export` prints. Stable within a version.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    version: u64,
    mappings: BTreeMap<String, Kept>,
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

/// The checkpoints of these mappings, or of all.
pub(super) async fn export(place: &Place, names: &[String]) -> anyhow::Result<String> {
    let mut mappings = BTreeMap::new();
    if names.is_empty() {
        mappings = place.all().await?;
    }
    for name in names {
        mappings.insert(name.clone(), place.one(name).await?);
    }
    json(&Document { version: VERSION, mappings })
}

/// Reads and checks a whole export.
pub(super) fn read(file: Option<&Path>) -> Result<Document, CliError> {
    let mut text = Vec::new();
    let name = match file.filter(|file| *file != Path::new("-")) {
        Some(file) => {
            text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            file.display().to_string()
        }
        None => {
            std::io::stdin().lock().read_to_end(&mut text).context("stdin cannot be read")?;
            "stdin".to_owned()
        }
    };
    parse(&text)
        .with_context(|| format!("nothing was changed: {name} is not an export of checkpoints"))
        .map_err(CliError::usage)
}

fn parse(text: &[u8]) -> anyhow::Result<Document> {
    let Head { version } = serde_json::from_slice(text)?;
    if version != VERSION {
        return Err(anyhow!("its version is {version}, and this forebay reads version {VERSION}"));
    }
    Ok(serde_json::from_slice(text)?)
}

/// Replaces the checkpoints of each mapping: all of them, or none.
pub(super) async fn import(place: &Place, document: Document, force: bool) -> Outcome {
    let all = document.mappings.len();
    let mut failed = 0;
    for (name, kept) in &document.mappings {
        match place.replace(name, kept, force).await {
            Ok(()) => data(&format!("{name} {}\n", counted(kept.checkpoints.len(), "shard")))?,
            // What keeps the first from being imported keeps all from it.
            Err(error) if !error.concerns_one() => return Err(error.into()),
            Err(error) => {
                refuse(&error);
                failed += 1;
            }
        }
    }
    if all == 0 {
        say("the export has no mapping");
    }
    Ok(match failed {
        0 => Exit::Done,
        failed if failed == all => Exit::Failed,
        _ => Exit::Partly,
    })
}

fn refuse(error: &PlaceError) {
    say_error(&anyhow!("{error}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Checkpoint;

    #[test]
    fn what_is_written_is_read() {
        let checkpoints = [("shardId-0".into(), Checkpoint::After("5".into()))].into();
        let mappings = [("orders".to_owned(), Kept { source: "arn".into(), checkpoints })].into();
        let document = Document { version: VERSION, mappings };
        assert_eq!(parse(json(&document).unwrap().as_bytes()).unwrap(), document);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for (text, said) in [
            ("", "EOF"),
            ("[]", "expected struct"),
            ("{}", "missing field `version`"),
            (r#"{"version":2,"mappings":{},"more":1}"#, "its version is 2, and this forebay reads version 1"),
            (r#"{"version":1}"#, "missing field `mappings`"),
            (r#"{"version":1,"mappings":{},"more":1}"#, "unknown field `more`"),
            (r#"{"version":1,"mappings":{"a":{"checkpoints":{}}}}"#, "missing field `source`"),
            (
                r#"{"version":1,"mappings":{"a":{"source":"arn","checkpoints":{"s":"SOON"}}}}"#,
                "shard s: \"SOON\" is no position",
            ),
            (r#"{"version":1,"mappings":{}} trailing"#, "trailing characters"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
