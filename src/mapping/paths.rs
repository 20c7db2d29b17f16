//! From paths to the texts of files, on a thread of its own: a file that cannot be read holds up nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, SyncSender, sync_channel};
use std::time::Duration;

use rustix::fs::OFlags;

use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};

/// The largest mapping file; thousands of mappings fit.
const LARGEST: u64 = 1024 * 1024;

/// How long one file or folder may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Texts that may lie in memory before they are taken.
const AHEAD: usize = 16;

/// How far the reading has come.
pub(super) enum Step {
    /// This is looked at next.
    Touches(PathBuf),
    /// A file and its text.
    Text(PathBuf, String),
    /// What is wrong with a path.
    Problem(Box<Diagnostic>),
    /// All was read.
    End,
}

/// The receiver is gone.
type Unheard = SendError<Step>;

/// Reads files and folders, in order and each file once. What hangs keeps its thread, and nothing else.
pub(super) fn read(paths: Vec<PathBuf>) -> Receiver<Step> {
    let (steps, receiver) = sync_channel(AHEAD);
    // Without a thread nothing is sent, and the receiver learns that at once.
    std::thread::Builder::new().name("mapping-files".into()).spawn(move || read_all(&paths, &steps).ok()).ok();
    receiver
}

/// The problem of a path that was not read to its end.
pub(super) fn unanswered(path: &Path, error: RecvTimeoutError) -> Box<Diagnostic> {
    let message = match error {
        RecvTimeoutError::Timeout => format!("it cannot be read: no answer within {} s", PATIENCE.as_secs()),
        RecvTimeoutError::Disconnected => "it cannot be read: the reading broke off".into(),
    };
    failed(Code::Unreadable, path, message, "check the disk or the network share that it is on")
}

fn read_all(paths: &[PathBuf], steps: &SyncSender<Step>) -> Result<(), Unheard> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        steps.send(Step::Touches(path.clone()))?;
        match gather(path) {
            Ok(found) => found.into_iter().for_each(|file| {
                // One file may be named in several ways.
                if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                    files.push(file);
                }
            }),
            Err(diagnostic) => steps.send(Step::Problem(diagnostic))?,
        }
    }
    for file in files {
        steps.send(Step::Touches(file.clone()))?;
        steps.send(match text(&file) {
            Ok(text) => Step::Text(file, text),
            Err(diagnostic) => Step::Problem(diagnostic),
        })?;
    }
    steps.send(Step::End)
}

pub(super) fn failed(code: Code, file: &Path, message: impl Into<String>, help: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::of_file(code, Severity::Error, file, message).with_help(help))
}

fn unreadable(file: &Path, error: &io::Error) -> Box<Diagnostic> {
    if error.kind() == io::ErrorKind::NotFound {
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

/// Opens a regular file. An open of a named pipe waits for its writer, and opening a device may do anything.
fn open(file: &Path) -> Result<File, Box<Diagnostic>> {
    regular(file, &fs::metadata(file).map_err(|error| unreadable(file, &error))?)?;
    // What has taken its place in between is not waited for, and looked at once more.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(file).map_err(|error| unreadable(file, &error))?;
    regular(file, &opened.metadata().map_err(|error| unreadable(file, &error))?)?;
    Ok(opened)
}

fn regular(file: &Path, found: &Metadata) -> Result<(), Box<Diagnostic>> {
    let kind = found.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_dir() => "a folder",
        () => "a device",
    };
    let message = format!("it is {what}: only regular files are read");
    Err(failed(Code::Unreadable, file, message, "remove it, or name the file that is meant"))
}

fn text(file: &Path) -> Result<String, Box<Diagnostic>> {
    let opened = open(file)?;
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
