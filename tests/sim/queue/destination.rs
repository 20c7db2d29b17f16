//! A failure destination in memory, and what must be true of every failure record that it is given.

use std::collections::BTreeSet;
use std::sync::Arc;

use forebay::destination::Destination;
use forebay::machine::{Condition, FailedBatch, Failure, Fault, FaultKind};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::plan::{SideOf, queue};
use crate::queue::delivery::Hold;
use crate::queue::leases::TWELVE_HOURS;
use crate::queue::session::Session;
use crate::queue::subject::{Subject, SubjectState};
use crate::run::millis;
use crate::world::World;

/// An engine may see a lease end this much earlier or later than the world (milliseconds).
const SLACK: u64 = 50;
/// After so many refusals as invalid, a message may be left to its visibility timeout.
const INVALID_TRIES: u32 = 5;

/// How often the function failed a message, as one session of the engine can know it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    failures: u32,
    /// Whether the engine still held the message when it failed once too often cannot be said.
    pub(crate) doubtful: bool,
}

impl Destination for Session {
    fn deliver(&self, failure: Arc<Failure>) -> BoxFuture<'_, Result<(), Fault>> {
        async move {
            self.subject.world.enter().await;
            let Some(index) = self.begin_delivery(&failure) else { return std::future::pending().await };
            let (answer, answered) = oneshot::channel();
            let subject = Arc::clone(&self.subject);
            tokio::spawn(async move {
                let result = subject.keep(index).await;
                // No one listens when the engine has abandoned the delivery.
                answer.send(result).ok();
            });
            match answered.await {
                Ok(result) => {
                    self.end_delivery(index, &result);
                    result
                }
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }
}

impl Session {
    /// So many failures are enough, where there is a destination.
    fn most_failures(&self) -> Option<u32> {
        self.mapping.on_failure.as_ref().map(|_| queue(&self.mapping).on_failure_attempts)
    }

    /// The engine has a function's own answer: what has failed too often goes to the destination, once and not earlier.
    /// What is in `spared` has neither failed for certain nor succeeded.
    /// Where the failure is `terminal`, once is too often.
    pub(crate) fn judge(
        &self,
        state: &mut SubjectState,
        leases: &[usize],
        failed: &[usize],
        spared: &[usize],
        terminal: bool,
    ) {
        let Some(most) = self.most_failures() else { return };
        let now = self.subject.world.now();
        let mut counted = BTreeSet::new();
        for (at, &index) in leases.iter().enumerate() {
            let n = state.leases[index].message;
            if spared.contains(&at) {
                continue;
            }
            if !failed.contains(&at) {
                state.sessions[self.id].tallies.remove(&n);
                continue;
            }
            if !counted.insert(n) {
                continue;
            }
            let tally = state.sessions[self.id].tallies.entry(n).or_default();
            tally.failures += 1;
            if tally.failures < most && !tally.doubtful && !terminal {
                continue;
            }
            let lease = &mut state.leases[index];
            lease.terminal = terminal;
            if lease.known > now + SLACK && !tally.doubtful {
                lease.hold = Hold::Undelivered;
                state.sessions[self.id].tallies.remove(&n);
            } else {
                tally.doubtful = true;
                lease.perhaps_undelivered = true;
                lease.allowed.get_or_insert("failed, and perhaps given up");
            }
        }
    }

    /// Checks a failure record, and finds its delivery of a message.
    fn begin_delivery(&self, failure: &Failure) -> Option<usize> {
        let subject = &self.subject;
        let mut state = subject.state();
        subject.sweep(&mut state);
        let index = match Subject::read_event(&state, &failure.payload).as_deref() {
            Ok(&[index]) => index,
            other => {
                subject.violate(format_args!("a failure record holds not one message but {other:?}"));
                return None;
            }
        };
        subject.note(format_args!("delivery of L{index} begins"));
        if !self.alive() {
            subject.violate("a dead process delivers a failure record");
        }
        self.check_settings(&state, "the delivery of a failure record");
        let lease = &state.leases[index];
        let message = &state.messages[lease.message];
        if lease.session != self.id || lease.delivering {
            subject.violate(format_args!("L{index} is delivered twice at once, or by another session"));
        }
        let forgotten = lease.hold == Hold::Recorded && subject.world.may_have_forgotten(lease.heard);
        if lease.hold != Hold::Undelivered && !lease.perhaps_undelivered && !forgotten {
            subject.violate(format_args!("the failure record of L{index} is delivered while {:?}", lease.hold));
        }
        let most = self.most_failures().unwrap_or(u32::MAX);
        let too_early = failure.invokes < most && !lease.terminal;
        if failure.condition != Condition::RetryAttemptsExhausted || too_early || failure.invokes == 0 {
            subject.violate(format_args!("L{index} is given up after {} attempts of {most}", failure.invokes));
        }
        let names_it = match &failure.batch {
            FailedBatch::Queue { group, message_id, receive_count, sent_unix_ms } => {
                *message_id == message.id
                    && *group == message.group
                    && (1..=message.receive_count).contains(receive_count)
                    && *sent_unix_ms == World::unix_at(message.sent)
            }
            FailedBatch::Stream { .. } => false,
        };
        if !names_it || failure.response.is_some() == lease.refused || failure.request_id.len() != 36 {
            subject.violate(format_args!("the failure record of L{index} is not right: {failure:?}"));
        }
        if lease.uuid.is_some_and(|uuid| uuid != failure.uuid) {
            subject.violate(format_args!("the failure record of L{index} has another id than in its last try"));
        }
        let lease = &mut state.leases[index];
        lease.hold = Hold::Undelivered;
        lease.uuid = Some(failure.uuid);
        lease.delivering = true;
        Some(index)
    }

    /// The engine hears what came of a delivery.
    fn end_delivery(&self, index: usize, result: &Result<(), Fault>) {
        let subject = &self.subject;
        let now = subject.world.now();
        let mut state = subject.state();
        subject.sweep(&mut state);
        let quiet = state.quiet.is_some();
        let (spec, poller) = (queue(&self.mapping), &self.mapping.poller);
        let longest = millis(spec.visibility.hold_limit).min(TWELVE_HOURS);
        let pause = millis(poller.retry_backoff.maximum).max(5_000);
        let lease = &mut state.leases[index];
        lease.delivering = false;
        lease.heard = now;
        match result {
            Ok(()) => {
                lease.hold = Hold::Recorded;
                // Failures of other deliveries of the message count no more, either.
                let n = lease.message;
                state.sessions[self.id].tallies.remove(&n);
                state.counts.delivered_fairly += u64::from(subject.world.fair());
            }
            Err(fault) => {
                lease.tries += 1;
                let refused = fault.kind == FaultKind::TooLarge
                    || fault.kind == FaultKind::Invalid && lease.tries >= INVALID_TRIES;
                let over = now + pause + 2_000 > lease.received + longest;
                if refused || over || quiet {
                    lease.allowed.get_or_insert("its failure record could not be delivered");
                }
            }
        }
        drop(state);
        let said = result.as_ref().map_or_else(|fault| fault.kind.as_str(), |()| "confirmed");
        subject.note(format_args!("delivery of L{index} ends: {said}"));
    }
}

impl Subject {
    /// The destination's side of a delivery.
    async fn keep(&self, index: usize) -> Result<(), Fault> {
        let faults = &self.plan.faults;
        self.pause().await;
        let fault = match self.outage(SideOf::Destination) {
            Some(outage) => Some(outage.kind),
            None if self.strikes(faults.delivery_error) => Some(match self.world.between(0, 2) {
                0 => FaultKind::Throttled,
                1 => FaultKind::Transient,
                _ => FaultKind::Timeout,
            }),
            None if self.strikes(faults.delivery_refused) => {
                Some(if self.world.chance(0.5) { FaultKind::TooLarge } else { FaultKind::Invalid })
            }
            None => None,
        };
        if let Some(kind) = fault {
            if kind == FaultKind::Timeout {
                self.world.sleep_until(self.world.now() + 5_000).await;
            }
            return Err(Fault::new(kind, "the destination did not take it"));
        }
        self.record_failure(index);
        if self.strikes(faults.delivery_lost) {
            self.world.sleep_until(self.world.now() + 5_000).await;
            return Err(Fault::new(FaultKind::Timeout, "no answer"));
        }
        self.pause().await;
        Ok(())
    }

    fn record_failure(&self, index: usize) {
        let mut state = self.state();
        let n = state.leases[index].message;
        state.messages[n].recorded = true;
        drop(state);
        self.note(format_args!("the destination keeps the failure record of m{n}"));
    }
}
