//! Sets up the process's log: to stderr, as text or JSON.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// What counts when `RUST_LOG` says nothing: ours at INFO, the libraries below only when they warn.
const DEFAULT_FILTER: &str = "warn,forebay=info";

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

/// Sends the log to stderr, filtered by `RUST_LOG` (default: INFO for forebay, WARN for its libraries),
/// coloured only on a terminal and without `NO_COLOR`.
///
/// # Errors
/// When `RUST_LOG` is not a filter, or the process has a log already.
pub fn init(format: LogFormat) -> Result<(), LogError> {
    let filter = filter(std::env::var("RUST_LOG").ok().as_deref())?;
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(colour).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    }
    .map_err(|_| LogError::Twice)
}

fn filter(wanted: Option<&str>) -> Result<EnvFilter, LogError> {
    let value = wanted.map(str::trim).filter(|value| !value.is_empty());
    match value {
        None => Ok(EnvFilter::new(DEFAULT_FILTER)),
        // A bare level speaks of forebay; the SDK's own lines at INFO would drown it.
        Some(level) if level.parse::<tracing::Level>().is_ok() && !level.eq_ignore_ascii_case("trace") => {
            Ok(EnvFilter::new(format!("warn,forebay={level}")))
        }
        Some(value) => EnvFilter::try_new(value).map_err(|source| LogError::Filter { value: value.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_concerns_forebay_only() {
        assert_eq!(filter(None).unwrap().to_string(), "forebay=info,warn");
        assert_eq!(filter(Some(" ")).unwrap().to_string(), "forebay=info,warn");
        assert_eq!(filter(Some("debug")).unwrap().to_string(), "forebay=debug,warn");
        assert_eq!(filter(Some("trace")).unwrap().to_string(), "trace");
        assert_eq!(filter(Some("aws_config=debug")).unwrap().to_string(), "aws_config=debug");
    }

    #[test]
    fn nonsense_is_refused_with_advice() {
        let error = filter(Some("forebay=loud")).unwrap_err();
        assert!(error.to_string().contains("write for example RUST_LOG=info"), "{error}");
    }
}
