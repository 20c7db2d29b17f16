//! `forebay restart`.

use clap::Args;

use super::exit::Outcome;
use super::switch::{Direction, SwitchArgs};

#[derive(Debug, Args)]
pub(super) struct RestartArgs {
    #[command(flatten)]
    switch: SwitchArgs,
}

impl RestartArgs {
    pub(super) fn execute(self) -> Outcome {
        self.switch.execute(Direction::Restart)
    }
}
