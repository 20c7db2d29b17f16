//! One connection of a mapping, and the checks of what its engine asks for.

use std::sync::Arc;

use forebay::machine::PollRequest;
use forebay::mapping::Mapping;

use crate::fifo::Attempts;
use crate::plan::queue;
use crate::queue::delivery::{Hold, Lease};
use crate::queue::subject::{FutileCalls, SessionState, Subject, SubjectState};
use crate::streak::Streak;

/// After a stop was answered, calls already on their way may still begin for so long (milliseconds).
pub(crate) const STOP_GRACE: u64 = 3;

/// The queue and the function of a subject, as one engine reaches them with one set of numbers.
pub(crate) struct Session {
    pub(crate) subject: Arc<Subject>,
    pub(crate) id: usize,
    pub(crate) incarnation: u32,
    /// How often the settings had changed.
    change: u32,
    pub(crate) mapping: Arc<Mapping>,
}

impl Session {
    /// The engine connects: for a mapping that begins, or for one that goes on with other numbers.
    pub(crate) fn new(subject: Arc<Subject>, mapping: &Mapping) -> Self {
        let incarnation = subject.world.incarnation();
        let mapping = Arc::new(mapping.clone());
        let mut state = subject.state();
        let numbers = format!(
            "batches of {}, window {:?}, concurrency {:?}",
            mapping.batch_size,
            mapping.window,
            queue(&mapping).maximum_concurrency
        );
        let running = state.sessions.last_mut().filter(|last| last.incarnation == incarnation && last.handles > 0);
        let change = if let Some(running) = running {
            running.mapping = Arc::clone(&mapping);
            running.largest_batch = running.largest_batch.max(mapping.batch_size);
            running.handles += 1;
            running.changes += 1;
            running.changed = subject.world.now();
            running.policies.push((running.changed, queue(&mapping).visibility.on_function_error));
            let hidden = subject.hidden(&mapping);
            running.hidden = (running.hidden.0.min(hidden), running.hidden.1.max(hidden));
            running.changes
        } else {
            state.sessions.push(SessionState {
                incarnation,
                mapping: Arc::clone(&mapping),
                largest_batch: mapping.batch_size,
                described: false,
                handles: 1,
                changes: 0,
                seen: 0,
                changed: 0,
                receives: std::collections::BTreeMap::new(),
                policies: vec![(0, queue(&mapping).visibility.on_function_error)],
                hidden: (subject.hidden(&mapping), subject.hidden(&mapping)),
                futile: FutileCalls::default(),
                hollow: crate::queue::subject::Hollow::default(),
                last_invoke: None,
                tallies: std::collections::BTreeMap::new(),
                attempts: Attempts::default(),
                failing: std::collections::BTreeSet::new(),
                unclear: std::collections::BTreeMap::new(),
                streak: Streak::default(),
            });
            0
        };
        let id = state.sessions.len() - 1;
        drop(state);
        subject.note(format_args!("connected as session {id}, change {change}: {numbers}"));
        Self { subject, id, incarnation, change, mapping }
    }

    /// Whether the process that this belongs to still runs.
    pub(crate) fn alive(&self) -> bool {
        self.incarnation == self.subject.world.incarnation()
    }

    /// How many batches may be in flight, where that is fixed.
    pub(crate) fn limit(&self) -> Option<usize> {
        let own = queue(&self.mapping).maximum_concurrency.map(|limit| usize::try_from(limit).expect("a limit fits"));
        own.into_iter().chain(self.subject.workers.most(self.subject.world.now())).min()
    }

    /// Invokes that may always be in flight at once, when nothing goes wrong, with the settings that count now.
    pub(crate) fn slots(&self, state: &SubjectState) -> usize {
        let limit = queue(&state.sessions[self.id].mapping).maximum_concurrency;
        limit.map_or(5, |limit| usize::try_from(limit).expect("a limit fits"))
    }

    /// Whether these waited for the rate limit while the settings changed: their batch was begun before.
    pub(crate) fn waited(&self, state: &SubjectState, leases: &[usize]) -> bool {
        let changed = state.sessions[self.id].changed;
        self.mapping.poller.rate_limit.is_some()
            && leases.iter().all(|&index| state.leases[index].delivered <= Some(changed))
    }

    /// Checks a call that only a running mapping makes.
    pub(crate) fn check_awake(&self, state: &SubjectState, what: &str) {
        let now = self.subject.world.now();
        if !self.alive() {
            self.subject.violate(format_args!("a dead process begins {what}"));
        }
        if let Some(quiet) = state.quiet
            && now > quiet.since + STOP_GRACE
        {
            self.subject.violate(format_args!("{what} begins {} ms after the stop", now - quiet.since));
        }
        let others = state.sessions.iter().enumerate().filter(|(id, _)| *id != self.id);
        if others.clone().any(|(_, other)| !other.receives.is_empty())
            || state.calls.values().any(|call| call.session != self.id)
        {
            self.subject.violate(format_args!("{what} begins while another session of the mapping is still at work"));
        }
        self.check_settings(state, what);
    }

    /// Nothing begins under settings that others have taken the place of.
    pub(crate) fn check_settings(&self, state: &SubjectState, what: &str) {
        let seen = state.sessions[self.id].seen;
        if self.change < seen {
            self.subject
                .violate(format_args!("{what} begins with the settings of change {} after {seen}", self.change));
        }
    }

    /// A call has begun with these settings.
    pub(crate) fn begins(&self, state: &mut SubjectState) {
        let session = &mut state.sessions[self.id];
        session.seen = session.seen.max(self.change);
    }

    /// Checks a receive before it is made.
    pub(crate) fn check_receive(&self, state: &SubjectState, request: &PollRequest) {
        let subject = &self.subject;
        if !(1..=10).contains(&request.max) {
            subject.violate(format_args!("a receive asks for {} messages", request.max));
        }
        if request.wait.as_secs() > 20 || request.wait.subsec_nanos() != 0 {
            subject.violate(format_args!("a receive waits {:?}", request.wait));
        }
        if request.visibility.is_some_and(|hidden| hidden.subsec_nanos() != 0 || hidden.as_secs() > 43_200) {
            subject.violate(format_args!("a receive hides for {:?}", request.visibility));
        }
        if let (Some(wanted), asked) = (queue(&self.mapping).visibility.timeout, request.visibility)
            && asked != Some(wanted)
        {
            subject.violate(format_args!("a receive hides for {asked:?} where the mapping says {wanted:?}"));
        }
        if self.mapping.window.is_zero() && request.max > self.mapping.batch_size {
            subject.violate(format_args!(
                "a receive asks for {} where a batch takes {}",
                request.max, self.mapping.batch_size
            ));
        }
        let (hollow, now) = (state.sessions[self.id].hollow, subject.world.now());
        // From then on the pause is as long as it gets; a machine that panicked has not counted.
        if hollow.in_a_row >= 8 && now < hollow.last + 700 && !subject.world.has_panicked() {
            subject.violate(format_args!(
                "a receive follows {} ms after the {}th in a row that did not wait and brought nothing",
                now - hollow.last,
                hollow.in_a_row
            ));
        }
        self.check_awake(state, "a receive");
        self.check_slow_down(state, request);
        self.check_admission(state, request);
    }

    /// Receives only what an invoke is free for: what waits in the engine's hands for want of a
    /// slot would spend its receive count there.
    fn check_admission(&self, state: &SubjectState, request: &PollRequest) {
        let Some(limit) = self.limit() else { return };
        if self.subject.is_fifo() {
            return self.check_group_admission(state, limit);
        }
        let busy = state.calls.len() + self.waiting_batches(state);
        let unstarted = state.open.iter().filter(|&&index| self.has_in_hand(&state.leases[index], Hold::Unstarted));
        let session = &state.sessions[self.id];
        if self.mapping.window.is_zero() {
            // What was received before a change may share a batch by now.
            let (old, new): (Vec<usize>, Vec<usize>) =
                unstarted.copied().partition(|&index| state.leases[index].delivered <= Some(session.changed));
            let mut receives: Vec<u64> = new.iter().map(|&index| state.leases[index].receive).collect();
            receives.dedup();
            // What waits for the rate limit stays in the batches of before.
            let rated = self.mapping.poller.rate_limit.is_some();
            let size = if rated { session.largest_batch } else { self.mapping.batch_size };
            let gathered = old.len().div_ceil(size as usize);
            let owed = busy + receives.len() + gathered + session.receives.len();
            if owed >= limit {
                self.subject.violate(format_args!(
                    "a receive begins although {limit} batches may be in flight and {busy} are, {} wait to be \
                     started and {} receives are open",
                    receives.len(),
                    session.receives.len()
                ));
            }
        } else if session.changes == 0 || self.subject.world.now() > session.changed + STOP_GRACE {
            let open: usize = session.receives.values().map(|&max| max as usize).sum();
            let asked = unstarted.count() + open + request.max as usize;
            let room = limit.saturating_sub(busy) * self.mapping.batch_size as usize;
            if asked > room {
                self.subject.violate(format_args!(
                    "a receive brings what is in hand to {asked} messages, with room for {room}"
                ));
            }
        }
    }

    /// Whether the engine must still know of a delivery: what may seem lost to it does not count.
    pub(crate) fn has_in_hand(&self, lease: &Lease, hold: Hold) -> bool {
        let known = lease.allowed.is_none() && lease.known > self.subject.world.now();
        known && !lease.doubtful && lease.hold == hold && lease.session == self.id
    }

    /// Batches whose invoke failed in a way that keeps them.
    fn waiting_batches(&self, state: &SubjectState) -> usize {
        let mut batches: Vec<u64> = state
            .open
            .iter()
            .map(|&index| &state.leases[index])
            .filter(|lease| self.has_in_hand(lease, Hold::Waiting))
            .map(|lease| lease.batch)
            .collect();
        batches.sort_unstable();
        batches.dedup();
        batches.len()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.subject.state().sessions[self.id].handles -= 1;
    }
}
