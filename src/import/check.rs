//! Whether forebay will take what was made: it is read as any mapping file is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::mapping::interpolate::Env;
use crate::mapping::{Code, FunctionRef, Mapping, Severity, parse_at, same_function};

/// The sources and functions of all mappings so far, and the names of their mappings.
#[derive(Default)]
pub(super) struct Pairs {
    seen: BTreeMap<String, Vec<(FunctionRef, String)>>,
}

impl Pairs {
    /// Notes a mapping. The name of another one with the same source and function, if there is one.
    pub(super) fn note(&mut self, mapping: &Mapping) -> Option<String> {
        let seen = self.seen.entry(mapping.source.id().to_owned()).or_default();
        if let Some((_, name)) = seen.iter().find(|(function, _)| same_function(function, &mapping.function)) {
            return Some(name.clone());
        }
        seen.push((mapping.function.clone(), mapping.name.clone()));
        None
    }
}

/// A mapping file, as forebay reads it.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// None where it needs a variable that has no default.
    pub(super) mapping: Option<Mapping>,
    pub(super) variables: BTreeSet<String>,
    /// What is wrong with it, and what to do, in one sentence each.
    pub(super) errors: Vec<(String, String)>,
}

/// Reads a mapping file.
pub(super) fn check(file: &str, text: &str, now: u64) -> Checked {
    let bare = read(file, text, now, &|_| None);
    if !bare.variables.iter().any(|name| stand_in(name).is_some()) {
        return bare;
    }
    // What does not depend on the region and the account is checked all the same.
    let filled = read(file, text, now, &|name| stand_in(name).map(Into::into));
    Checked { variables: bare.variables, ..filled }
}

/// Some region, and some account: import writes variables for those that it does not know.
fn stand_in(name: &str) -> Option<&'static str> {
    match name {
        "AWS_REGION" => Some("us-east-1"),
        "AWS_ACCOUNT_ID" => Some("000000000000"),
        _ => None,
    }
}

fn read(file: &str, text: &str, now: u64, env: Env<'_>) -> Checked {
    let loaded = parse_at(Path::new(file), text, env, now);
    let mut checked = Checked::default();
    for diagnostic in loaded.diagnostics {
        if diagnostic.severity != Severity::Error {
            continue;
        }
        match diagnostic.code {
            Code::UndefinedVariable => {
                let name = diagnostic.message.split('`').nth(1).unwrap_or_default();
                checked.variables.insert(name.into());
            }
            _ => checked.errors.push((diagnostic.message, diagnostic.help.unwrap_or_default())),
        }
    }
    checked.mapping = loaded.mappings.into_iter().next();
    checked
}
