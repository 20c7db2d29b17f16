//! `forebay status`.

use clap::Args;

use super::connect::{SocketArgs, block_on};
use super::exit::Outcome;
use super::output::{Format, colour_on_stdout, json, yaml};
use super::{describe, list, table, watch};
use crate::control::Client;

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The mapping; without it, all
    name: Option<String>,
    #[command(flatten)]
    socket: SocketArgs,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Show it again whenever it changes, until interrupted
    #[arg(short, long)]
    watch: bool,
}

impl StatusArgs {
    pub(super) fn execute(self) -> Outcome {
        let client = self.socket.client();
        block_on(watch::show(self.watch, async || self.picture(&client).await))?
    }

    async fn picture(&self, client: &Client) -> anyhow::Result<String> {
        let Some(name) = &self.name else {
            return list::picture(&client.list().await?, self.output);
        };
        let status = client.status(name).await?;
        match self.output {
            Format::Table => Ok(describe::one(&status, colour_on_stdout())),
            Format::Wide => Ok(table::wide(&[status], colour_on_stdout())),
            Format::Json => json(&status),
            Format::Yaml => yaml(&status),
        }
    }
}
