//! How a command ends.

use std::process::ExitCode;

use crate::cli::output::say;

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
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partly => 3,
            Exit::Interrupted => 130,
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
        tracing::error!("{:#}", self.error);
        self.exit
    }

    /// Says it on stderr.
    pub(super) fn report(self) -> Exit {
        say(&format!("error: {:#}", self.error));
        self.exit
    }
}

impl<E: Into<anyhow::Error>> From<E> for CliError {
    fn from(error: E) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}

/// What a verb answers.
pub(super) type Outcome = Result<Exit, CliError>;
