//! Sets up the process's log: to stderr, as text or JSON.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// How much forebay itself says where `RUST_LOG` does not tell.
const LEVEL: &str = "info";
/// What the libraries below may say unless `RUST_LOG` names them: the SDK warns of each request that fails, at length,
/// and forebay says that better.
const LIBRARIES: &str = "error";

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the log cannot be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// `RUST_LOG` cannot be read.
    #[error(
        "RUST_LOG={value:?} is not a log filter: {source}; write for example RUST_LOG=info or RUST_LOG=forebay=debug"
    )]
    Filter {
        /// What it says.
        value: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process has a log already.
    #[error("the log is set up already")]
    Twice,
}

/// Sends the log to stderr, filtered by `RUST_LOG` (default: INFO for forebay, ERROR for its libraries),
/// coloured only on a terminal and without `NO_COLOR`.
///
/// # Errors
/// When `RUST_LOG` is not a filter, or the process has a log already.
pub fn init(format: LogFormat) -> Result<(), LogError> {
    start(format, filter(std::env::var("RUST_LOG").ok().as_deref())?)
}

/// The same for a command that says by itself what came of it: only what the workers of a function write.
pub(crate) fn init_for_command() -> Result<(), LogError> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| "off,forebay::worker=info".to_owned());
    start(LogFormat::Text, filter(Some(&wanted))?)
}

fn start(format: LogFormat, filter: EnvFilter) -> Result<(), LogError> {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(colour).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    }
    .map_err(|_| LogError::Twice)
}

/// A bare level speaks of forebay alone: what its libraries say below WARN can hold credentials and whole messages, so
/// they are raised only by their names.
fn filter(wanted: Option<&str>) -> Result<EnvFilter, LogError> {
    let value = wanted.map(str::trim).unwrap_or_default();
    let (bare, named): (Vec<&str>, Vec<&str>) =
        value.split(',').map(str::trim).filter(|part| !part.is_empty()).partition(|part| is_level(part));
    let level = bare.last().copied().unwrap_or(LEVEL);
    let libraries = if level.eq_ignore_ascii_case("off") { level } else { LIBRARIES };
    let mut directives = format!("{libraries},forebay={level}");
    for part in named {
        directives.extend([",", part]);
    }
    EnvFilter::try_new(directives).map_err(|source| LogError::Filter { value: value.to_owned(), source })
}

fn is_level(part: &str) -> bool {
    part.parse::<tracing::level_filters::LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Option<&str>) -> String {
        let text = filter(value).unwrap().to_string();
        let mut parts: Vec<&str> = text.split(',').collect();
        parts.sort_unstable();
        parts.join(",")
    }

    #[test]
    fn a_bare_level_concerns_forebay_only() {
        for (value, expected) in [
            (None, "error,forebay=info"),
            (Some(" "), "error,forebay=info"),
            (Some("debug"), "error,forebay=debug"),
            (Some("TRACE"), "error,forebay=trace"),
            (Some("warn"), "error,forebay=warn"),
            (Some("off"), "forebay=off,off"),
        ] {
            assert_eq!(read(value), expected, "{value:?}");
        }
    }

    #[test]
    fn libraries_are_raised_by_their_names_alone() {
        for (value, expected) in [
            ("aws_config=debug", "aws_config=debug,error,forebay=info"),
            ("trace, hyper=info", "error,forebay=trace,hyper=info"),
            ("forebay=debug,info", "error,forebay=debug"),
            ("forebay::store=debug", "error,forebay::store=debug,forebay=info"),
        ] {
            assert_eq!(read(Some(value)), expected, "{value}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_advice() {
        let error = filter(Some("forebay=loud")).unwrap_err();
        assert!(error.to_string().contains("write for example RUST_LOG=info"), "{error}");
    }
}
