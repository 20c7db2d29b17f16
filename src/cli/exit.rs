//! How a command ends.

use std::process::ExitCode;

use crate::cli::output::say;

/// Begins the line of an error's text that says what to do.
const HELP: &str = "\nhelp: ";

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All of it was done.
    Done,
    /// It failed.
    Failed,
    /// The command line or the mapping files are wrong.
    Usage,
    /// A part of it was done.
    Partly,
    /// The user interrupted it.
    Interrupted,
    /// A worker's program could not be run: as shells say it.
    NotRun,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partly => 3,
            Exit::Interrupted => 130,
            Exit::NotRun => 127,
        })
    }
}

/// An error, and the exit code that goes with it.
#[derive(Debug)]
pub(super) struct CliError {
    exit: Exit,
    error: anyhow::Error,
}

impl CliError {
    /// The command line, the environment or the files are wrong.
    pub(super) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    /// Says it as a log line.
    pub(super) fn log(self) -> Exit {
        let (what, help) = with_help(&self.error);
        tracing::error!(help, "{what}");
        self.exit
    }

    /// Says it on stderr.
    pub(super) fn report(self) -> Exit {
        say_error(&self.error);
        self.exit
    }
}

/// Says an error on stderr: what failed and why in one line, and in the next what to do about it.
pub(super) fn say_error(error: &anyhow::Error) {
    let (what, help) = with_help(error);
    let help = help.map(|help| format!("{HELP}{help}"));
    say(&format!("error: {what}{}", help.unwrap_or_default()));
}

/// What failed, with its causes, and the help that one of them has in a line of its own.
fn with_help(error: &anyhow::Error) -> (String, Option<String>) {
    let mut help = None;
    let parts = error.chain().map(|part| {
        let text = part.to_string();
        match text.split_once(HELP) {
            Some((what, advice)) => {
                help = Some(advice.to_owned());
                what.to_owned()
            }
            None => text,
        }
    });
    let what = parts.collect::<Vec<_>>().join(": ");
    (what, help)
}

impl<E: Into<anyhow::Error>> From<E> for CliError {
    fn from(error: E) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}

/// What a verb answers.
pub(super) type Outcome = Result<Exit, CliError>;

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn help_comes_last_in_a_line_of_its_own() {
        let error = Err::<(), _>(anyhow!("no such file")).context("a cannot be read\nhelp: check a").unwrap_err();
        assert_eq!(
            with_help(&error.context("orders")),
            ("orders: a cannot be read: no such file".into(), Some("check a".into()))
        );
        assert_eq!(with_help(&anyhow!("it failed")), ("it failed".into(), None));
    }
}
