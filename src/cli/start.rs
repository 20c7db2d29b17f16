//! `forebay start`.

use clap::Args;

use super::exit::Outcome;
use super::switch::{Direction, SwitchArgs};

#[derive(Debug, Args)]
pub(super) struct StartArgs {
    #[command(flatten)]
    switch: SwitchArgs,
}

impl StartArgs {
    pub(super) fn execute(self) -> Outcome {
        self.switch.execute(Direction::Start)
    }
}
