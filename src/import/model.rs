//! What an import is asked for, and what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::value::Unknown;
use crate::mapping::text::{Span, Text};

/// What a file is read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What it looks like.
    #[default]
    Auto,
    /// Answers of AWS's API, and mapping files.
    Aws,
    /// Templates of CloudFormation and SAM.
    Template,
    /// `serverless.yml`.
    Serverless,
}

/// What is known beyond the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) dialect: Dialect,
    /// `AWS::Region`.
    pub(crate) region: Option<String>,
    /// `AWS::AccountId`.
    pub(crate) account: Option<String>,
    /// Parameters of templates, names of resources, and all else that a file refers to, by name.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Mappings are written with `Enabled: false`.
    pub(crate) disabled: bool,
    /// Milliseconds since the Unix epoch: starting positions in time lie before it.
    pub(crate) now: u64,
}

/// One mapping that was carried over.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    /// Unique among all mappings of one import, even if the case of letters is ignored.
    pub(crate) name: String,
    /// The mapping file: AWS's names and values; `${NAME:-default}` stands for a variable.
    pub(crate) text: String,
    /// None where the file is one of forebay's.
    pub(crate) at_aws: Option<AtAws>,
}

/// AWS's own mapping, as the mapping file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AtAws {
    /// Where an answer of AWS's says it.
    pub(crate) uuid: Option<String>,
    pub(crate) source: String,
    pub(crate) function: String,
    pub(crate) enabled: bool,
    /// `StartingPosition`.
    pub(crate) start: Option<String>,
}

/// Something that could not be carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
    /// A mapping, or a part of one.
    pub(crate) what: String,
    pub(crate) why: String,
    /// What to do.
    pub(crate) help: String,
}

/// What a file gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Import {
    pub(crate) mappings: Vec<Imported>,
    /// By line.
    pub(crate) left: Vec<Left>,
    /// What was carried over in a way that its reader should know, with its place.
    pub(crate) notes: Vec<String>,
    /// Those of `Options::parameters` that were asked for.
    pub(crate) used: BTreeSet<String>,
    /// Variables without a default that the mappings need in forebay's environment.
    pub(crate) variables: BTreeSet<String>,
}

/// What must differ between all mappings of one import.
#[derive(Default)]
pub(crate) struct Taken {
    /// Names in small letters: some file systems know no others.
    pub(super) names: BTreeSet<String>,
    pub(super) pairs: super::check::Pairs,
}

/// A text that is read, and what has become of it so far.
pub(super) struct Task<'a> {
    pub(super) text: &'a Text<'a>,
    pub(super) options: &'a Options,
    pub(super) import: Import,
}

impl Task<'_> {
    /// Notes what is not carried over: all that is unknown of it.
    pub(super) fn leave(&mut self, what: impl Into<String>, unknown: Unknown) {
        let what = what.into();
        for Unknown { span, why, help, .. } in unknown.each() {
            let (file, line) = (self.text.file.clone(), self.text.line(span));
            self.import.left.push(Left { file, line, what: what.clone(), why, help });
        }
    }

    /// Notes something about what is carried over, once.
    pub(super) fn note(&mut self, span: Span, text: &str) {
        let note = format!("{}:{}: {text}", self.text.file.display(), self.text.line(span));
        if !self.import.notes.contains(&note) {
            self.import.notes.push(note);
        }
    }
}
