//! Data to stdout, messages to stderr.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use serde::Serialize;

/// How data is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// A table with all columns.
    Wide,
    /// JSON (fields are only added).
    Json,
    /// YAML, with the members of the JSON.
    Yaml,
}

/// How findings are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TextOrJson {
    /// For people.
    #[default]
    Text,
    /// JSON (fields are only added).
    Json,
}

/// Writes data. A reader that went away (`| head`) is no error.
pub(super) fn data(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("stdout cannot be written"),
        _ => Ok(()),
    }
}

/// Says something to the person at the terminal.
pub(super) fn say(text: &str) {
    // Where stderr cannot be written, no one reads it.
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// Data as indented JSON with a line end.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}

/// Data as YAML with a line end.
pub(super) fn yaml<T: Serialize + ?Sized>(value: &T) -> anyhow::Result<String> {
    let mut text = serde_saphyr::to_string(&value)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Whether stdout takes colours.
pub(super) fn colour_on_stdout() -> bool {
    io::stdout().is_terminal() && colour_wanted()
}

/// Whether stderr takes colours.
pub(super) fn colour_on_stderr() -> bool {
    io::stderr().is_terminal() && colour_wanted()
}

/// How many columns the terminal has that stdout is; none in a pipe or a file.
pub(super) fn width_of_stdout() -> Option<usize> {
    let stdout = io::stdout();
    let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(stdout).ok()).flatten()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `1 error`, `2 errors`.
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_words() {
        assert_eq!(counted(0, "error"), "0 errors");
        assert_eq!(counted(1, "error"), "1 error");
        assert_eq!(counted(2, "error"), "2 errors");
    }
}
