//! `forebay list`.

use clap::Args;

use super::connect::{SocketArgs, block_on};
use super::exit::Outcome;
use super::output::{Format, colour_on_stdout, json, width_of_stdout, yaml};
use super::{table, watch};
use crate::view::MappingStatus;

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    socket: SocketArgs,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Show it again whenever it changes, until interrupted
    #[arg(short, long)]
    watch: bool,
}

impl ListArgs {
    pub(super) fn execute(self) -> Outcome {
        let client = self.socket.client();
        block_on(watch::show(self.watch, async || picture(&client.list().await?, self.output)))?
    }
}

/// All mappings as they are shown.
pub(super) fn picture(mappings: &[MappingStatus], format: Format) -> anyhow::Result<String> {
    match format {
        Format::Table => Ok(table::list(mappings, width_of_stdout(), colour_on_stdout())),
        Format::Wide => Ok(table::wide(mappings, colour_on_stdout())),
        Format::Json => json(mappings),
        Format::Yaml => yaml(mappings),
    }
}
