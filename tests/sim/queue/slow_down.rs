//! Deletions without effect: after some calls in a row that delete nothing, messages are received one at a time, each a
//! pause after the last, until a deletion works or nothing comes again.

use forebay::machine::{PollRequest, ReceiptOutcome};

use crate::queue::receipts::Change;
use crate::queue::session::{STOP_GRACE, Session};
use crate::queue::subject::{FutileCalls, SessionState, SubjectState};

/// So many calls in a row.
const FUTILE: u32 = 3;
/// The longest of the pauses, which double from a second (milliseconds).
const LONGEST: u64 = 60_000;

/// How long the engine takes a message to be hidden where it may not ask the queue (milliseconds).
const ASSUMED: u64 = 30_000;

impl SessionState {
    /// A receive that began at `began` found nothing. If deletions had no effect, their messages would have come.
    pub(crate) fn found_nothing(&mut self, began: u64) {
        if began >= self.futile.last + self.hidden.0.min(ASSUMED) {
            self.futile.in_a_row = 0;
        }
    }
}

impl Session {
    /// The engine hears what came of a call; `None` where the whole call failed.
    pub(crate) fn count_futile(
        &self,
        state: &mut SubjectState,
        entries: &[(usize, Change)],
        outcomes: Option<&[ReceiptOutcome]>,
    ) {
        if !entries.iter().any(|(_, change)| matches!(change, Change::Delete)) {
            return;
        }
        let works = outcomes.is_some_and(|outcomes| outcomes.contains(&ReceiptOutcome::Done));
        let FutileCalls { in_a_row, .. } = state.sessions[self.id].futile;
        let in_a_row = if works { 0 } else { in_a_row + 1 };
        state.sessions[self.id].futile = FutileCalls { in_a_row, last: self.subject.world.now() };
    }

    /// Checks a receive that begins while no deletion works.
    pub(crate) fn check_slow_down(&self, state: &SubjectState, request: &PollRequest) {
        let (session, now) = (&state.sessions[self.id], self.subject.world.now());
        let FutileCalls { in_a_row, last } = session.futile;
        // A call may be on its way already, and what a machine that panicked has counted is not known.
        if in_a_row < FUTILE || now <= last + STOP_GRACE || self.subject.world.has_panicked() {
            return;
        }
        let longest = (1_000_u64 << (in_a_row - FUTILE).min(10)).min(LONGEST);
        // The machine shortens its pauses by up to a quarter.
        if request.max != 1 || !session.receives.is_empty() || now + 1 < last + longest * 3 / 4 {
            self.subject.violate(format_args!(
                "a receive of {} begins {} ms after the {in_a_row}th call in a row that deleted nothing, with {} open",
                request.max,
                now - last,
                session.receives.len()
            ));
        }
    }
}
