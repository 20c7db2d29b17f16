//! Which mapping files: `-f`, else `FOREBAY_FILE`, else `mappings/`.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::Args;

use super::output::{colour_on_stderr, say};
use crate::clock;
use crate::mapping::{self, Code, Diagnostic, Loaded, Mapping, Severity};

const DEFAULT: &str = "mappings";

/// The mapping files of a command.
#[derive(Clone, Debug, Args)]
pub(super) struct FileArgs {
    /// A mapping file, or a folder of *.yaml, *.yml and *.json; may be repeated. The variable takes
    /// several, separated by colons [default: mappings/] [env: FOREBAY_FILE]
    // By hand, because clap would split the flag's value at colons, too.
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Mapping files or folders (same as -f)
    #[arg(value_name = "PATH")]
    bare: Vec<PathBuf>,
}

impl FileArgs {
    /// Where a daemon reads its mappings, now and at every reload.
    pub(super) fn places(&self, may_be_none: bool) -> Places {
        let named = self.named();
        Places { named: named.is_some(), paths: named.unwrap_or_else(|| vec![DEFAULT.into()]), may_be_none }
    }

    fn named(&self) -> Option<Vec<PathBuf>> {
        named(self.files.iter().chain(&self.bare).cloned().collect())
    }
}

/// These, or those of the variable.
fn named(given: Vec<PathBuf>) -> Option<Vec<PathBuf>> {
    if !given.is_empty() {
        return Some(given);
    }
    let variable = env::var_os("FOREBAY_FILE").unwrap_or_default();
    let named: Vec<PathBuf> = env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty()).collect();
    (!named.is_empty()).then_some(named)
}

/// These, those of the variable, or `mappings/`.
pub(super) fn named_or_default(given: Vec<PathBuf>) -> Vec<PathBuf> {
    named(given).unwrap_or_else(|| vec![DEFAULT.into()])
}

/// The mapping files of a daemon.
#[derive(Clone, Debug)]
pub(super) struct Places {
    paths: Vec<PathBuf>,
    /// Somebody has named them: they have to exist.
    named: bool,
    /// Mappings come from elsewhere, too: where there are no files, there need be none.
    may_be_none: bool,
}

impl Places {
    /// Reads and checks them.
    pub(super) fn load(&self) -> Loaded {
        let mut loaded = load(&self.paths);
        loaded.diagnostics.retain(|found| match found.code {
            Code::FolderEmpty => !self.may_be_none,
            Code::PathMissing => !self.may_be_none || self.named,
            _ => true,
        });
        if !self.named {
            let missing = |found: &&mut Diagnostic| found.code == Code::PathMissing;
            loaded.diagnostics.iter_mut().filter(missing).for_each(|found| *found = no_folder(&self.paths));
        }
        loaded
    }
}

/// The problem of somebody who has named no files, where there is no folder for them.
fn no_folder(paths: &[PathBuf]) -> Diagnostic {
    let folder = paths.first().map(PathBuf::as_path).unwrap_or_else(|| Path::new(DEFAULT));
    let message = format!("no {}/ folder here", folder.display());
    let help = "write one (`forebay schema` describes its files), name other files with `-f`, or run `forebay import`";
    Diagnostic::of_file(Code::PathMissing, Severity::Error, folder, message).with_help(help)
}

/// Reads and checks mapping files.
pub(super) fn load(paths: &[PathBuf]) -> Loaded {
    mapping::load(paths, &|name| env::var(name).ok(), clock::host_unix_ms())
}

/// The mapping of that name, or the only one. `usage` shows how to name one.
pub(super) fn one_mapping(loaded: &Loaded, name: Option<&str>, usage: &str) -> anyhow::Result<Mapping> {
    let names: Vec<&str> = loaded.mappings.iter().map(|mapping| mapping.name.as_str()).collect();
    let found = match (name, &*loaded.mappings) {
        (Some(name), mappings) => mappings.iter().find(|mapping| mapping.name == name).cloned(),
        (None, [only]) if !loaded.has_errors() => Some(only.clone()),
        (None, []) => None,
        (None, _) => bail!("the files have several mappings: {}\nhelp: name one: `{usage}`", names.join(", ")),
    };
    for diagnostic in &loaded.diagnostics {
        if found.as_ref().is_none_or(|found| diagnostic.mapping.as_ref() == Some(&found.name)) {
            say(&format!("{}\n", diagnostic.render(colour_on_stderr())));
        }
    }
    found.ok_or_else(|| match (name, &*names) {
        (Some(name), []) => anyhow!("the files have no mapping {name:?} without errors"),
        (Some(name), names) => {
            anyhow!("the files have no mapping {name:?} without errors\nhelp: they have {}", names.join(", "))
        }
        (None, _) => anyhow!("the files have no mapping without errors"),
    })
}

/// How many errors and warnings there are.
pub(super) fn tally(diagnostics: &[Diagnostic]) -> (usize, usize) {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    (errors, diagnostics.len() - errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_other_mappings_a_folder_may_be_empty_but_what_is_named_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let load = |path: PathBuf, named, may_be_none| {
            let codes = Places { paths: vec![path], named, may_be_none }.load().diagnostics;
            codes.into_iter().map(|found| found.code).collect::<Vec<_>>()
        };
        let (empty, absent) = (folder.path().to_owned(), folder.path().join("absent"));
        for named in [true, false] {
            assert_eq!(load(empty.clone(), named, true), []);
            assert_eq!(load(empty.clone(), named, false), [Code::FolderEmpty]);
            assert_eq!(load(absent.clone(), named, false), [Code::PathMissing]);
        }
        assert_eq!(load(absent.clone(), false, true), []);
        assert_eq!(load(absent, true, true), [Code::PathMissing]);
        std::fs::write(empty.join("a.yaml"), "Name: a\n").unwrap();
        assert!(!load(empty, true, true).is_empty(), "errors of files stay");
    }
}
