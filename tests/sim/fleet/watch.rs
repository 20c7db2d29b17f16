//! The checks that stand outside: they see invokes, rows and processes, and know nothing of the machines.

use forebay::fleet::ReplicaId;

use super::lease::Lease;

/// In the calm a unit stands still for so long at most.
const HAND_OVER: u64 = 3_000;

/// What is known of a unit's records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    /// Records below this number were invoked.
    begun: u64,
    pub(crate) finished: u64,
    /// Records below this number may be invoked again: an owner was dead.
    may_repeat: u64,
    /// When a replica ran it last.
    pub(crate) ran: u64,
    pub(crate) repeats: u64,
}

/// An invoke that begins.
pub(crate) struct Step<'a> {
    pub(crate) unit: usize,
    pub(crate) me: &'a ReplicaId,
    pub(crate) epoch: u64,
    pub(crate) record: u64,
    /// The replica was frozen after its check.
    pub(crate) frozen: bool,
}

impl Stream {
    /// The lease was claimed although it had an owner.
    pub(crate) const fn inherited(&mut self) {
        self.may_repeat = self.begun;
    }

    /// What an invoke violates.
    pub(crate) fn begins(&mut self, step: &Step<'_>, lease: &Lease) -> Result<(), String> {
        let Step { unit, me, epoch, record, frozen } = *step;
        let owns = lease.owner.as_ref() == Some(me) && lease.epoch == epoch;
        let begun = self.begun;
        self.begun = begun.max(record + 1);
        if !owns && !frozen {
            return Err(format!(
                "F2: {me} invokes record {record} of unit {unit} under epoch {epoch}, and is not its owner"
            ));
        }
        if !owns {
            self.may_repeat = self.may_repeat.max(record + 1);
            return Ok(());
        }
        if record > begun {
            return Err(format!("F1: record {record} of unit {unit} is invoked where {begun} is next"));
        }
        self.repeats += u64::from(record < begun);
        if record < begun && record >= self.may_repeat {
            return Err(format!("F10: record {record} of unit {unit} is invoked again, and no owner was dead"));
        }
        Ok(())
    }

    /// In the calm, after `since`.
    pub(crate) fn is_idle(&self, now: u64, since: u64) -> bool {
        now >= since && now - self.ran.max(since - HAND_OVER) > HAND_OVER
    }
}
