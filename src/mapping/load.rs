//! From paths to mappings: every file is read, and every problem of every file is told.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::build::{self, Built};
use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::interpolate::Env;
use super::model::Mapping;
use super::reader::{MOST, Reader};
use super::text::{Span, Text};
use super::{events, layout, unique};

/// The largest mapping file; thousands of mappings fit.
const LARGEST: u64 = 1024 * 1024;

/// What the files hold.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
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
/// its own folders, hidden files and `schema.json`. A file that is named itself is read whatever
/// its extension. `env` answers for the variables in `${…}`.
///
/// Reads the clock, too: a `StartingPositionTimestamp` may not lie in the future.
pub fn load(paths: &[PathBuf], env: Env<'_>) -> Loaded {
    let mut all = All::at(wall_clock());
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        match gather(path) {
            Ok(found) => found.into_iter().for_each(|file| {
                // One file may be named in several ways.
                if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                    files.push(file);
                }
            }),
            Err(diagnostic) => all.diagnostics.push(*diagnostic),
        }
    }
    for file in &files {
        match read(file) {
            Ok(text) => all.file(file, &text, env),
            Err(diagnostic) => all.diagnostics.push(*diagnostic),
        }
    }
    all.finish()
}

/// Reads the text of one file. Never panics, whatever the text. Reads the clock, as [`load`] does.
pub fn parse(file: &Path, text: &str, env: Env<'_>) -> Loaded {
    parse_at(file, text, env, wall_clock())
}

/// Reads the text of one file as at a given time, in milliseconds since the Unix epoch. Pure, and never panics.
pub fn parse_at(file: &Path, text: &str, env: Env<'_>, now: u64) -> Loaded {
    let mut all = All::at(now);
    all.file(file, text, env);
    all.finish()
}

fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn failed(code: Code, file: &Path, message: impl Into<String>, help: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::of_file(code, Severity::Error, file, message).with_help(help))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    if error.kind() == std::io::ErrorKind::NotFound {
        return failed(Code::PathMissing, file, "there is no such file or folder", "check the path given with `-f`");
    }
    failed(
        Code::Unreadable,
        file,
        format!("it cannot be read: {error}"),
        "check its permissions, and who forebay runs as",
    )
}

fn gather(path: &Path) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let kind = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !kind.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        if is_mapping_file(&file) && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let help = "put a `*.yaml`, `*.yml` or `*.json` file into it, or name the files with `-f`";
        return Err(failed(Code::FolderEmpty, path, "the folder holds no mapping file", help));
    }
    Ok(files)
}

fn is_mapping_file(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let extension = file.extension().map(|extension| extension.to_string_lossy()).unwrap_or_default();
    matches!(&*extension, "yaml" | "yml" | "json") && !name.starts_with('.') && name != "schema.json"
}

fn read(file: &Path) -> Result<String, Box<Diagnostic>> {
    use std::io::Read;
    let opened = fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    let mut bytes = Vec::new();
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(failed(Code::TooLarge, file, "the file is larger than 1 MiB", "split it into several files"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        failed(Code::NotUtf8, file, format!("the file is not UTF-8: see line {line}"), "save it as UTF-8")
    })
}

/// What has been read so far.
struct All {
    now: u64,
    mappings: Vec<Mapping>,
    diagnostics: Vec<Diagnostic>,
    unique: unique::Unique,
}

impl All {
    fn at(now: u64) -> Self {
        Self { now, mappings: Vec::new(), diagnostics: Vec::new(), unique: unique::Unique::default() }
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
            let Built { name, pair, mapping } = build::build(&mut reader, &candidate);
            let mut sound = true;
            if let Some((name, span)) = &name {
                sound &= self.unique.name(&mut reader, name, *span);
            }
            if let Some(pair) = pair {
                sound &= self.unique.pair(&mut reader, pair);
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
                _ => "check quotes, brackets and indentation at the mark and just before it",
            };
            reader.error(flaw.code, flaw.span, flaw.message, help);
        }
        if reader.is_full() {
            let message = format!("the file has more problems than the {MOST} that are told");
            let help = "solve these first, and check the file again";
            reader.diagnostics.push(*failed(Code::TooLarge, file, message, help));
        }
        reader.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column, diagnostic.code));
        self.diagnostics.append(&mut reader.diagnostics);
    }

    fn finish(mut self) -> Loaded {
        self.mappings.sort_by(|a, b| a.name.cmp(&b.name));
        self.diagnostics.sort_by(|a, b| a.file.cmp(&b.file));
        Loaded { mappings: self.mappings, diagnostics: self.diagnostics }
    }
}
