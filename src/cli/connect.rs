//! What all verbs that speak to a running forebay share.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::control::{Client, SocketChoice};

/// Which forebay.
#[derive(Clone, Debug, Args)]
pub(super) struct SocketArgs {
    /// The control socket. Default: the first of /run/forebay.sock, $XDG_RUNTIME_DIR/forebay.sock and
    /// a file of your own in the temporary folder
    #[arg(long, value_name = "PATH", env = "FOREBAY_SOCKET", hide_env_values = true)]
    socket: Option<PathBuf>,
}

impl SocketArgs {
    pub(super) fn choice(&self) -> SocketChoice {
        // An empty variable is one that is not set.
        let given = self.socket.clone().filter(|path| !path.as_os_str().is_empty());
        SocketChoice::new(given, &|name| std::env::var_os(name))
    }

    pub(super) fn client(&self) -> Client {
        Client::new(self.choice())
    }
}

/// Runs a short piece of asynchronous work on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    Ok(runtime.block_on(work))
}

/// Reads `30s`, `5m`, `1m 30s`, `500ms`.
pub(super) fn duration(text: &str) -> anyhow::Result<Duration> {
    if text.trim().bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("a duration needs a unit: write {0}s for seconds or {0}m for minutes", text.trim());
    }
    let span: jiff::SignedDuration = text.parse().ok().context("write a duration such as 30s, 5m or 1m 30s")?;
    Duration::try_from(span).ok().context("a duration cannot be negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_not_named_is_looked_for() {
        let first = |socket: Option<&str>| {
            SocketArgs { socket: socket.map(Into::into) }.choice().candidates().first().cloned().unwrap()
        };
        assert_eq!(first(Some("own.sock")), PathBuf::from("own.sock"));
        for unnamed in [None, Some("")] {
            assert_eq!(first(unnamed), PathBuf::from("/run/forebay.sock"));
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("25s").unwrap(), Duration::from_secs(25));
        assert_eq!(duration("1m 30s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("0s").unwrap(), Duration::ZERO);
        assert!(duration("30").unwrap_err().to_string().contains("write 30s"));
        for nonsense in ["", "soon", "-5s", "5 parsecs", "99999999999999999999s"] {
            assert!(duration(nonsense).is_err(), "{nonsense}");
        }
    }
}
