//! `forebay export`: mapping files of what was made through the AWS API.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::checkpoint::place::{PlaceArgs, Purpose};
use super::connect::block_on;
use super::exit::{Exit, Outcome};
use super::folder;
use super::output::say;
use crate::clock;
use crate::import::exported;
use crate::store::Definition;

const AFTER_HELP: &str = "\
Each file has one mapping, named by its UUID, as `forebay import` and `forebay run` read it. Delete a mapping through \
the AWS API before you run its file: otherwise both run.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ExportArgs {
    /// The mappings, by their UUIDs; without any, all
    names: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    /// The folder for the mapping files, one for each mapping; "-" is stdout
    #[arg(short, long, value_name = "FOLDER", default_value = "-")]
    output: PathBuf,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

impl ExportArgs {
    pub(super) fn execute(self) -> Outcome {
        let place = self.place.open(Purpose::Rescue)?;
        let definitions = block_on(place.definitions())??;
        let (files, trouble) = files(&definitions, &self.names);
        for line in &trouble {
            say(line);
        }
        if definitions.is_empty() && self.names.is_empty() {
            say("the AWS API has no mappings");
        }
        let written: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        folder::write(&self.output, self.force, &written)?;
        Ok(match (trouble.is_empty(), files.is_empty()) {
            (true, _) => place.exit(),
            (false, true) => Exit::Failed,
            (false, false) => Exit::Partly,
        })
    }
}

/// The mapping files by name, and what is to be said.
fn files(definitions: &BTreeMap<String, Definition>, names: &[String]) -> (BTreeMap<String, String>, Vec<String>) {
    let mut files = BTreeMap::new();
    let mut trouble = Vec::new();
    for name in names.iter().filter(|name| !definitions.contains_key(*name)) {
        trouble.push(format!("error: the AWS API has no mapping {name:?}\nhelp: `forebay list` shows all mappings"));
    }
    let wanted = definitions.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    for (name, Definition { parameters, deleting, .. }) in wanted {
        if *deleting {
            trouble.push(format!("left out: {name} is being deleted"));
            continue;
        }
        match exported(name, parameters, clock::host_unix_ms()) {
            Ok((text, errors)) => {
                trouble.extend(
                    errors
                        .iter()
                        .map(|error| format!("warning: {name} has an error in this version of forebay: {error}")),
                );
                files.insert(name.clone(), text);
            }
            Err(why) => trouble.push(format!("left out: {name}: {why}")),
        }
    }
    (files, trouble)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn definition(parameters: Value, deleting: bool) -> Definition {
        let Value::Object(parameters) = parameters else { unreachable!() };
        Definition { parameters, modified_unix_ms: 1_760_000_000_000, deleting }
    }

    #[test]
    fn what_cannot_be_exported_is_told() {
        let sound = json!({
            "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q",
            "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f",
        });
        let definitions = BTreeMap::from([
            ("a".to_owned(), definition(sound.clone(), false)),
            ("b".to_owned(), definition(sound, true)),
            ("c".to_owned(), definition(json!({ "FunctionName": "f" }), false)),
        ]);
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
            let (files, trouble) = files(&definitions, &names);
            (files.into_keys().collect::<Vec<_>>().join(" "), trouble.join("\n"))
        };
        assert_eq!(of(&["a"]), ("a".into(), String::new()));
        assert_eq!(of(&["a", "b"]), ("a".into(), "left out: b is being deleted".into()));
        let (files, trouble) = of(&[]);
        assert!(
            files == "a c" && trouble.contains("warning: c has an error in this version of forebay: "),
            "{trouble}"
        );
        assert!(of(&["x"]).1.starts_with("error: the AWS API has no mapping \"x\"\nhelp: "));
    }
}
