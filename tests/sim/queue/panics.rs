//! What a panic of a machine allows.

use crate::queue::delivery::Hold;
use crate::queue::subject::{Subject, SubjectState};

impl Subject {
    /// What a machine was given just before it panicked it may not know of: that is left to its visibility timeout.
    pub(crate) fn look_for_panic(&self, state: &mut SubjectState) {
        let Some(panic) = self.world.panic().filter(|_| !state.panic_seen) else { return };
        state.panic_seen = true;
        for &index in &state.open {
            let lease = &mut state.leases[index];
            if lease.heard >= panic.since && lease.delivered.is_some() {
                lease.allowed.get_or_insert("a machine panicked over it");
                lease.perhaps_undelivered |= matches!(lease.hold, Hold::Failed(_) | Hold::Undelivered);
                let (session, n) = (lease.session, lease.message);
                state.sessions[session].tallies.entry(n).or_default().doubtful = true;
            }
        }
    }
}
