//! `forebay version`.

use clap::Args;
use serde::Serialize;

use super::connect::{SocketArgs, block_on};
use super::exit::{Exit, Outcome};
use super::output::{TextOrJson, data, json};
use crate::control::{ClientError, VersionBody};

#[derive(Debug, Args)]
pub(super) struct VersionArgs {
    #[command(flatten)]
    socket: SocketArgs,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    output: TextOrJson,
}

#[derive(Debug, Serialize)]
struct Versions {
    version: &'static str,
    running: Option<VersionBody>,
}

impl VersionArgs {
    pub(super) fn execute(self) -> Outcome {
        let version = env!("CARGO_PKG_VERSION");
        let running = match block_on(self.socket.client().version())? {
            Ok(running) => Some(running),
            // This program's version is worth showing, whatever may be wrong with another.
            Err(ClientError::Unreachable { .. }) => None,
            Err(error) => {
                super::output::say(&format!("warning: {error}"));
                None
            }
        };
        let text = match self.output {
            TextOrJson::Json => json(&Versions { version, running })?,
            TextOrJson::Text => {
                let running = running.map(|it| format!("running {} (process {})\n", it.version, it.pid));
                format!("forebay {version}\n{}", running.unwrap_or_default())
            }
        };
        data(&text)?;
        Ok(Exit::Done)
    }
}
