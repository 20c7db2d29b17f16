//! `forebay health`: for images that have no HTTP client of their own.

use anyhow::anyhow;
use clap::Args;

use super::connect::block_on;
use super::exit::{Exit, Outcome};
use super::output::data;
use crate::control::ask_probe;

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Where `forebay run` listens
    #[arg(long, value_name = "ADDRESS", default_value = super::run::LISTEN)]
    #[arg(env = "FOREBAY_LISTEN", hide_env_values = true)]
    listen: String,
    /// Check that it is ready, and show each mapping
    #[arg(long)]
    ready: bool,
}

impl HealthArgs {
    pub(super) fn execute(self) -> Outcome {
        let path = if self.ready { "/readyz?verbose" } else { "/livez" };
        let address = reachable(&self.listen);
        let (status, text) = block_on(ask_probe(&address, path))?.map_err(|error| {
            anyhow!(
                "no forebay answers at http://{address}{path}: {error}\nhelp: give the address \
                of `forebay run` with --listen"
            )
        })?;
        data(&text)?;
        Ok(if status.is_success() { Exit::Done } else { Exit::Failed })
    }
}

/// The address at which a listener of all addresses is reached from here.
fn reachable(listen: &str) -> String {
    match listen.rsplit_once(':') {
        Some(("0.0.0.0" | "", port)) => format!("127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("[::1]:{port}"),
        _ => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_of_all_addresses_are_asked_here() {
        assert_eq!(reachable("0.0.0.0:9690"), "127.0.0.1:9690");
        assert_eq!(reachable("[::]:1"), "[::1]:1");
        assert_eq!(reachable("10.1.2.3:9690"), "10.1.2.3:9690");
    }
}
