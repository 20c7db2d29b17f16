//! From paths to mappings: every file is read, and every problem of every file is reported.

use std::path::{Path, PathBuf};

use super::build::{self, Built};
use super::code::Code;
use super::diagnostic::Diagnostic;
use super::interpolate::Env;
use super::model::Mapping;
use super::paths::{self, PATIENCE, Step};
use super::reader::{MOST, Reader};
use super::text::{Span, Text};
use super::{events, layout, unique};

/// What the files hold.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// How many mappings the files hold, those with errors included.
    pub found: usize,
    /// The mappings without errors, by name.
    pub mappings: Vec<Mapping>,
    /// All problems of all files, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether anything is wrong beyond warnings.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads files and folders. Of a folder: `*.yaml`, `*.yml` and `*.json` in it, by name, without
/// its own folders, hidden files and `schema.json`. A file that is named itself is read with any
/// extension. `env` answers for the variables in `${…}`.
///
/// `now` is in milliseconds since the Unix epoch: a `StartingPositionTimestamp` may not lie after it.
///
/// Only regular files are opened, and a disk that does not answer is not waited for without end: that is a problem like
/// others.
pub fn load(paths: &[PathBuf], env: Env<'_>, now: u64) -> Loaded {
    let mut all = All::at(now);
    let steps = paths::read(paths.to_vec());
    let mut touched = paths.first().cloned().unwrap_or_default();
    loop {
        match steps.recv_timeout(PATIENCE) {
            Ok(Step::Touches(path)) => touched = path,
            Ok(Step::Text(file, text)) => all.file(&file, &text, env),
            Ok(Step::Problem(diagnostic)) => all.diagnostics.push(*diagnostic),
            Ok(Step::End) => break,
            Err(error) => {
                all.diagnostics.push(*paths::unanswered(&touched, error));
                break;
            }
        }
    }
    all.finish()
}

/// Reads the text of one file as [`parse_at`] does, and takes every time for past. Never panics, with any text.
pub fn parse(file: &Path, text: &str, env: Env<'_>) -> Loaded {
    parse_at(file, text, env, u64::MAX)
}

/// Reads the text of one file as at a given time, in milliseconds since the Unix epoch. Pure, and never panics.
pub fn parse_at(file: &Path, text: &str, env: Env<'_>, now: u64) -> Loaded {
    let mut all = All::at(now);
    all.file(file, text, env);
    all.finish()
}

/// What has been read so far.
struct All {
    now: u64,
    found: usize,
    mappings: Vec<Mapping>,
    diagnostics: Vec<Diagnostic>,
    unique: unique::Unique,
}

impl All {
    fn at(now: u64) -> Self {
        Self { now, found: 0, mappings: Vec::new(), diagnostics: Vec::new(), unique: unique::Unique::default() }
    }

    fn file(&mut self, file: &Path, text: &str, env: Env<'_>) {
        let text = Text::new(file, text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut reader = Reader::new(&text, Some(env), self.now);
        let (documents, flaw) = events::documents(text.text);
        if documents.is_empty() && flaw.is_none() {
            let help = "write at least `EventSourceArn: …` and `FunctionName: …`, or remove the file";
            reader.error(Code::FileEmpty, Span::default(), "the file holds no mapping", help);
        }
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        for candidate in layout::candidates(&mut reader, documents, &stem) {
            self.found += 1;
            let Built { name, pair, listener, mapping } = build::build(&mut reader, &candidate);
            let mut sound = true;
            if let Some((name, span)) = &name {
                sound &= self.unique.name(&mut reader, name, *span);
            }
            if let Some(pair) = pair {
                sound &= self.unique.pair(&mut reader, pair);
            }
            if let Some(listener) = listener {
                sound &= self.unique.listener(&mut reader, listener);
            }
            self.mappings.extend(mapping.filter(|_| sound));
            if reader.is_full() {
                break;
            }
        }
        reader.mapping = None;
        if let Some(flaw) = flaw {
            let help = match flaw.code {
                Code::TooLarge => "write less into one file, and follow fewer aliases",
                Code::Alias => "write `&name` before the value that `*name` stands for",
                _ if text.place(flaw.span).shown.contains("${") => {
                    "inside braces and brackets, put values with `${…}` in quotes"
                }
                _ => "check quotes, brackets and indentation at the caret and just before it",
            };
            reader.error(flaw.code, flaw.span, flaw.message, help);
        }
        if reader.is_full() {
            let message = format!("the file has more problems than these {MOST}");
            let help = "fix these first, and check the file again";
            reader.diagnostics.push(*paths::failed(Code::TooLarge, file, message, help));
        }
        reader.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column, diagnostic.code));
        self.diagnostics.append(&mut reader.diagnostics);
    }

    fn finish(mut self) -> Loaded {
        self.mappings.sort_by(|a, b| a.name.cmp(&b.name));
        self.diagnostics.sort_by(|a, b| a.file.cmp(&b.file));
        Loaded { found: self.found, mappings: self.mappings, diagnostics: self.diagnostics }
    }
}
