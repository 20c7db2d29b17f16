//! Where `import` and `export` write mapping files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::exit::CliError;
use super::output::data;

/// Writes mapping files, by the names of their mappings, into a folder, or to stdout where that is `-`: all of them, or
/// none where one of them exists and may not be replaced. Prints their paths.
pub(super) fn write(folder: &Path, replace_existing: bool, mappings: &[(&str, &str)]) -> Result<(), CliError> {
    if folder == Path::new("-") {
        let texts: Vec<&str> = mappings.iter().map(|(_, text)| *text).collect();
        return Ok(data(&texts.join("---\n"))?);
    }
    if mappings.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let files: Vec<(PathBuf, &str)> =
        mappings.iter().map(|(name, text)| (folder.join(format!("{name}.yaml")), *text)).collect();
    // Links that lead nowhere exist, too.
    let exists = |file: &Path| fs::symlink_metadata(file).is_ok();
    let existing: Vec<String> =
        files.iter().filter(|(file, _)| exists(file)).map(|(file, _)| file.display().to_string()).collect();
    if !replace_existing && !existing.is_empty() {
        let exist = if existing.len() == 1 { "exists" } else { "exist" };
        return Err(CliError::usage(anyhow!(
            "nothing was written: {} {exist} already\nhelp: name another folder with -o, or replace files with --force",
            existing.join(", ")
        )));
    }
    for (file, text) in &files {
        let written = if replace_existing { replace(file, text) } else { create(file, text) };
        written.with_context(|| format!("cannot write {}", file.display()))?;
        data(&format!("{}\n", file.display()))?;
    }
    Ok(())
}

/// Writes a file that must not exist, not even since it was looked for.
fn create(file: &Path, text: &str) -> io::Result<()> {
    File::create_new(file)?.write_all(text.as_bytes())
}

/// Writes a file next to it and moves it in place: a reader sees the old one or the new one.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let temporary = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = create(&temporary, text).and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        // Nothing of it is to stay; the first error is the one to report.
        fs::remove_file(&temporary).ok();
    }
    written
}
