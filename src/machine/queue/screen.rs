//! Messages that the filters do not let pass.

use std::time::Duration;

use super::QueueMachine;
use super::machine::Stage;
use crate::machine::{BackoffPolicy, Screened, Screening};

/// How long a message is hidden that is given back for other consumers: longer with each receive, so that it does not
/// come back to us at once, again and again.
const RELEASE: BackoffPolicy = BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(15 * 60) };

impl QueueMachine {
    /// Does with a message what the mapping wants of those that do not pass.
    pub(super) fn screen(&mut self, token: u64, screened: Screened, screening: Screening) {
        let Some(held) = self.held.get_mut(&token) else { return };
        let receives = held.record.receive_count;
        match screened {
            Screened::Drop => {
                held.stage = Stage::FilteredOut;
                self.delete(token, Stage::FilteredOut);
            }
            Screened::Release => self.give_back(token, RELEASE.bare(receives)),
            Screened::Destination => self.give_up(token, screening.condition(), 0, None),
            Screened::Deliver => {}
        }
    }
}
