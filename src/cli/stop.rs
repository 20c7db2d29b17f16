//! `forebay stop`.

use clap::Args;

use super::exit::Outcome;
use super::switch::{Direction, SwitchArgs};

#[derive(Debug, Args)]
pub(super) struct StopArgs {
    #[command(flatten)]
    switch: SwitchArgs,
}

impl StopArgs {
    pub(super) fn execute(self) -> Outcome {
        self.switch.execute(Direction::Stop)
    }
}
