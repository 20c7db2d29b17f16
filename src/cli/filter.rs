//! `forebay filter`: tries event patterns on records, and touches nothing.

mod input;
mod line;
mod peek;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::connect::block_on;
use super::exit::{CliError, Exit, Outcome};
use super::files::{load, one_mapping};
use super::output::{colour_on_stderr, say};
use crate::filter::{Filters, Pattern, View};
use crate::mapping::{self, Mapping, SourceKind};
use crate::parameters::MOST_FILTERS;
use line::Lines;

const AFTER_HELP: &str = "\
Prints one JSON line for each record. Exit codes: 0 all records matched, 1 some did not, 2 a pattern is invalid or the \
records cannot be read.
Examples:
  forebay filter --source sqs --pattern '{\"body\": {\"type\": [\"order.created\"]}}' --explain event.json
  forebay filter -f mappings/orders.yaml orders event.json
  forebay filter -f mappings/ orders --peek 5";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, override_usage = "\
forebay filter --pattern <JSON>... [--source <SOURCE>] [--explain] [FILE]
       forebay filter -f <PATH>... <NAME> [--explain] [FILE]
       forebay filter -f <PATH>... <NAME> [--explain] --peek <N>")]
pub(super) struct FilterArgs {
    /// An event pattern as JSON; may be repeated: one of them must match
    #[arg(long = "pattern", value_name = "JSON", required_unless_present = "files", conflicts_with = "files")]
    patterns: Vec<String>,
    /// The kind of the records
    #[arg(long, value_enum, default_value_t, conflicts_with = "files")]
    source: Source,
    /// A mapping file, or a folder of them, with the mapping whose filters to try; may be repeated
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// With -f: the mapping, and then the file of records. With --pattern: the file of records. Without a file, or with
    /// "-": stdin. One record a line, or one JSON document: a record, an array of records, or an event with `Records`
    #[arg(value_name = "NAME|FILE", num_args = 0..=2)]
    positional: Vec<String>,
    /// Show for each pattern which field failed first, and why
    #[arg(long)]
    explain: bool,
    /// Take up to N records from the mapping's source instead of a file. This spends a receive of each message of a
    /// queue, and makes it visible again at once; records of a stream are only read
    #[arg(long, value_name = "N", conflicts_with = "patterns", value_parser = clap::value_parser!(u32).range(1..=100))]
    peek: Option<u32>,
}

/// What the records are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Source {
    /// Records of a queue, as the function gets them.
    Sqs,
    /// Records of a Kinesis stream, as the function gets them.
    Kinesis,
    /// Records of a DynamoDB stream, as the function gets them.
    #[value(name = "dynamodb")]
    DynamoDb,
    /// Any JSON: the document as it is.
    #[default]
    Event,
}

impl Source {
    const fn kind(self) -> Option<SourceKind> {
        match self {
            Self::Sqs => Some(SourceKind::Sqs),
            Self::Kinesis => Some(SourceKind::Kinesis),
            Self::DynamoDb => Some(SourceKind::DynamoDb),
            Self::Event => None,
        }
    }
}

impl FilterArgs {
    pub(super) fn execute(self) -> Outcome {
        // Exit code 1 means that something did not match, so whatever keeps us from knowing is 2.
        match self.run() {
            Err(error) if error.is::<peek::Interrupted>() => Ok(Exit::Interrupted),
            done => done.map_err(CliError::usage),
        }
    }

    fn run(self) -> anyhow::Result<Exit> {
        if self.files.is_empty() {
            let ([] | [_]) = self.positional.as_slice() else {
                bail!(
                    "unexpected {:?}: --pattern takes one file\nhelp: a mapping's NAME needs -f: `forebay filter -f \
                     PATH NAME`",
                    self.positional[1]
                );
            };
            let filters = of_patterns(&self.patterns, self.source.kind())?;
            return try_file(Lines::new(filters, None, self.explain), self.positional.first());
        }
        let (name, file) = match self.positional.as_slice() {
            [] => (None, None),
            [name] => (Some(name), None),
            [name, file, ..] => (Some(name), Some(file)),
        };
        let mapping = one_mapping(&load(&self.files), name.map(String::as_str), "forebay filter -f PATH NAME")?;
        let filters = of_mapping(&mapping)?;
        let lines = Lines::new(filters, Some(&mapping), self.explain);
        match (self.peek, file) {
            (Some(_), Some(file)) => bail!(
                "{file:?} and --peek cannot be combined\nhelp: both say where the records come from: omit one of the \
                 two"
            ),
            (Some(most), None) => block_on(peek::peek(&mapping, most, lines))?,
            (None, file) => try_file(lines, file),
        }
    }
}

/// The patterns of the command line. What is wrong with them is shown with a caret under it.
fn of_patterns(texts: &[String], kind: Option<SourceKind>) -> anyhow::Result<Filters> {
    if texts.len() > MOST_FILTERS {
        bail!("{} patterns: a mapping may have at most {MOST_FILTERS}", texts.len());
    }
    let mut patterns = Vec::new();
    for text in texts {
        let (pattern, diagnostics) = mapping::parse_pattern(Path::new("--pattern"), text, kind);
        for diagnostic in diagnostics {
            say(&format!("{}\n", diagnostic.render(colour_on_stderr())));
        }
        patterns.extend(pattern);
    }
    if patterns.len() < texts.len() {
        bail!("nothing was matched: {} of {} patterns have an error", texts.len() - patterns.len(), texts.len());
    }
    Ok(Filters::new(kind.map_or(View::Event, SourceKind::view), patterns)?)
}

fn of_mapping(mapping: &Mapping) -> anyhow::Result<Filters> {
    if mapping.filters.is_empty() {
        say(&format!("the mapping {} has no filters: every record reaches the function", mapping.name));
    }
    let patterns: Result<Vec<_>, _> = mapping.filters.iter().map(|text| Pattern::parse(text)).collect();
    Ok(Filters::new(mapping.source.kind().view(), patterns?)?)
}

/// Tries the records of a file, or of stdin.
fn try_file(mut lines: Lines, file: Option<&String>) -> anyhow::Result<Exit> {
    let (name, mut records) = match file.map(String::as_str) {
        None | Some("-") => ("stdin", input::Input::new(std::io::stdin().lock().into(), lines.view())),
        Some(path) => {
            let opened = std::fs::File::open(path).with_context(|| format!("{path} cannot be read"))?;
            (path, input::Input::new(input::Bytes::file(opened), lines.view()))
        }
    };
    while let Some(record) = records.next(name)? {
        if !lines.print(None, &record)? {
            return Ok(Exit::Done);
        }
    }
    if lines.count() == 0 {
        bail!("{name} has no record");
    }
    Ok(lines.exit())
}
