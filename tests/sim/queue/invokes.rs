//! The checks of an invoke: what is in it, when it comes, and what becomes of each delivery.

use std::sync::Arc;

use forebay::machine::{FaultKind, InvokeResult};

use crate::plan::queue;
use crate::queue::delivery::{HELD, Hold, NOT_MADE};
use crate::queue::leases::TWELVE_HOURS;
use crate::queue::plan::passes;
use crate::queue::session::{STOP_GRACE, Session};
use crate::queue::subject::{Call, Subject, SubjectState};
use crate::run::millis;

/// Lambda's limit for a synchronous event.
const BODY_LIMIT: usize = 6_291_456;

/// The largest record that a scenario holds, with its envelope: a body this close to the limit may be full.
const LARGEST_RECORD: usize = 1_060_000;

/// Between the moment when something is due and the call that shows it (milliseconds).
const SLACK: u64 = 5;

/// An invoke that the engine waits for. Dropping it gives the invoke up.
pub(crate) struct OpenInvoke {
    subject: Arc<Subject>,
    id: u64,
    pub(crate) leases: Vec<usize>,
    ended: bool,
}

/// The engine may see a lease end this much later than the world (milliseconds).
const UNHEARD: u64 = 50;

impl Session {
    /// The engine invokes.
    pub(crate) fn begin_invoke(&self, body: &[u8]) -> OpenInvoke {
        let subject = &self.subject;
        let mut state = subject.state();
        subject.sweep(&mut state);
        let leases = match Subject::read_event(&state, body) {
            Ok(leases) => leases,
            Err(wrong) => {
                subject.violate(wrong);
                Vec::new()
            }
        };
        self.check_invoke(&state, body.len(), &leases);
        self.check_order(&state, &leases);
        self.check_rate(&mut state);
        self.begins(&mut state);
        self.pass(&mut state, &leases);
        state.next_call += 1;
        let id = state.next_call;
        for &index in &leases {
            let lease = &mut state.leases[index];
            lease.hold = Hold::Running;
            lease.doubtful = false;
            lease.attempts += 1;
            lease.batch = id;
        }
        let groups = state.groups_of(&leases);
        state.calls.insert(id, Call { session: self.id, groups });
        state.counts.invoked += leases.len() as u64;
        let open = state.calls.len();
        subject.note(format_args!("invoke {id} begins with {leases:?}, {open} open"));
        // What waits for the rate limit was begun when more could be taken.
        let waited = self.waited(&state, &leases)
            || self.mapping.poller.rate_limit.is_some() && subject.workers.capacity().is_some();
        if self.limit().is_some_and(|limit| open > limit) && !waited {
            subject.violate(format_args!("{open} invokes are in flight, where {:?} are allowed", self.limit()));
        }
        OpenInvoke { subject: Arc::clone(subject), id, leases, ended: false }
    }

    /// Invokes are spaced evenly where there is a rate limit.
    fn check_rate(&self, state: &mut SubjectState) {
        let now = self.subject.world.now();
        let last = state.sessions[self.id].last_invoke.replace(now);
        if let (Some(rate), Some(last)) = (self.mapping.poller.rate_limit, last)
            && now - last + 1 < 1_000 / u64::from(rate.get())
        {
            self.subject.violate(format_args!(
                "an invoke follows another after {} ms, with {rate} a second allowed",
                now - last
            ));
        }
    }

    fn check_invoke(&self, state: &SubjectState, bytes: usize, leases: &[usize]) {
        let subject = &self.subject;
        if bytes > BODY_LIMIT {
            subject.violate(format_args!("an event has {bytes} bytes"));
        }
        let waited = self.waited(state, leases);
        if leases.is_empty() || leases.len() > self.mapping.batch_size as usize && !waited {
            subject.violate(format_args!(
                "a batch has {} records, where {} are allowed",
                leases.len(),
                self.mapping.batch_size
            ));
        }
        if !self.alive() {
            subject.violate("a dead process invokes");
        }
        let now = subject.world.now();
        for (at, &index) in leases.iter().enumerate() {
            let lease = &state.leases[index];
            if leases[..at].contains(&index) {
                subject.violate(format_args!("L{index} stands twice in one event"));
            }
            if lease.session != self.id {
                subject
                    .violate(format_args!("L{index} of session {} is invoked by session {}", lease.session, self.id));
            }
            if !matches!(lease.hold, Hold::Unstarted | Hold::Waiting) {
                subject.violate(format_args!("L{index} is invoked while {:?}", lease.hold));
            }
            // What waits for the rate limit has been begun already.
            if lease.known + UNHEARD < now && self.mapping.poller.rate_limit.is_none() {
                subject
                    .violate(format_args!("L{index} is invoked {} ms after it is known to be lost", now - lease.known));
            }
        }
        self.check_settings(state, "an invoke");
        let first_try = leases.iter().all(|&index| state.leases[index].attempts == 0);
        if first_try {
            if self.mapping.poller.rate_limit.is_none()
                && !state.quiet.is_some_and(|_| leases.iter().any(|&index| subject.is_last(state, index)))
            {
                self.check_awake(state, "a new batch");
            }
            if subject.is_fifo() {
                self.check_prompt(state, leases);
            } else {
                self.check_window(state, bytes, leases);
            }
        }
    }

    /// A batch goes when it is full or its window is over: not before, and not later.
    fn check_window(&self, state: &SubjectState, bytes: usize, leases: &[usize]) {
        let subject = &self.subject;
        let now = subject.world.now();
        let Some(first) = leases.iter().filter_map(|&index| state.leases[index].delivered).min() else { return };
        let changed = state.sessions[self.id].changed;
        let window = u64::try_from(self.mapping.window.as_millis()).expect("at most 300 s");
        let full = leases.len() >= self.mapping.batch_size as usize
            || bytes + LARGEST_RECORD > BODY_LIMIT
            || state.quiet.is_some();
        let age = now - first;
        let lost = |index: &usize| {
            let lease = &state.leases[*index];
            lease.session == self.id && lease.hold == Hold::Unstarted && lease.known <= now
        };
        // What seemed lost was taken out of a batch that was full.
        let shrunk = state.lost || state.open.iter().any(lost);
        if !full && age + 1 < window && !shrunk && !self.waited(state, leases) {
            subject.violate(format_args!(
                "a batch of {} goes {age} ms after its first record came, before its window of {window} ms",
                leases.len()
            ));
        }
        if window == 0 {
            let receive = state.leases[leases[0]].receive;
            let other = |&index: &usize| state.leases[index].receive != receive;
            // What was gathered before a change goes together.
            if leases.iter().any(other) && leases.iter().any(|&index| state.leases[index].delivered > Some(changed)) {
                subject.violate("without a window, one batch holds what two receives brought");
            }
        }
        // A slot may have been free only later.
        let due = (first + window).max(state.last_full).max(changed);
        if subject.calm() && self.mapping.poller.rate_limit.is_none() && now > due + SLACK {
            subject
                .violate(format_args!("a batch goes {age} ms after its first record came, its window is {window} ms"));
        }
    }
}

impl OpenInvoke {
    /// The engine hears what came of it.
    pub(crate) fn finish(&mut self, session: &Session, result: &InvokeResult, failed: &[usize], malformed: bool) {
        self.ended = true;
        let subject = Arc::clone(&self.subject);
        let now = subject.world.now();
        let mut state = subject.state();
        subject.sweep(&mut state);
        if !state.calls.contains_key(&self.id) {
            drop(state);
            return subject.note(format_args!("invoke {} ends unheard", self.id));
        }
        let slots = session.slots(&state);
        Subject::close_call(&mut state, slots, self.id, now);
        if result.is_ok() {
            state.served.push(now);
        } else {
            state.refused.push(now);
        }
        if session.alive() {
            state.counts.invokes += 1;
            state.counts.malformed += u64::from(malformed);
            if let Err(fault) = result {
                state.counts.throttles += u64::from(fault.kind == FaultKind::Throttled);
            }
        }
        let (spec, poller) = (queue(&session.mapping), &session.mapping.poller);
        let longest = millis(spec.visibility.hold_limit).min(TWELVE_HOURS);
        let pause = millis(poller.retry_backoff.maximum).max(5_000);
        let oldest = self.leases.iter().map(|&index| state.leases[index].received).min().unwrap_or(now);
        let kept = session.kept(&state, &self.leases, failed);
        let too_large = result.as_ref().is_err_and(|fault| fault.kind == FaultKind::TooLarge);
        // What is too large alone has failed.
        let is_judged = result.is_ok() || too_large && self.leases.len() == 1;
        for (at, &index) in self.leases.iter().enumerate() {
            let lease = &mut state.leases[index];
            lease.refused = too_large;
            lease.heard = now;
            if !is_judged && now + pause + 2_000 > oldest + longest {
                lease.allowed.get_or_insert(HELD);
                lease.left = Some(now);
            }
            if too_large {
                lease.split = Some(now);
            }
            lease.hold = match result {
                _ if is_judged && (failed.contains(&at) || kept.contains(&at)) => Hold::Failed(now),
                Ok(_) => Hold::Succeeded,
                // What is split waits in its group once more.
                Err(_) if too_large => Hold::Unstarted,
                Err(fault) => {
                    if fault.kind == FaultKind::Invalid {
                        lease.allowed.get_or_insert(NOT_MADE);
                    }
                    Hold::Waiting
                }
            };
        }
        if result.is_err() && state.quiet.is_some() {
            subject.keep_together(&mut state, &self.leases);
        }
        if result.is_ok() {
            let succeeded = (0..self.leases.len()).any(|at| !failed.contains(&at) && !kept.contains(&at));
            state.sessions[session.id].streak.note(!succeeded, now);
        }
        if is_judged {
            let named = !malformed && result.as_ref().is_ok_and(|answer| answer.function_error.is_none());
            let spared = session.spared(&state, &self.leases, failed, named);
            let terminal = result.as_ref().is_ok_and(|answer| answer.is_terminal);
            session.judge(&mut state, &self.leases, failed, &[spared, kept].concat(), terminal);
            session.keep_order(&mut state, self.id, &self.leases, named);
        }
        drop(state);
        let end = match result {
            Ok(answer) if answer.function_error.is_some() => "function error".to_owned(),
            Ok(_) => format!("{} failed", failed.len()),
            Err(fault) => fault.kind.as_str().to_owned(),
        };
        subject.note(format_args!("invoke {} ends: {end}", self.id));
    }
}

impl Drop for OpenInvoke {
    fn drop(&mut self) {
        if self.ended || self.subject.world.closed() {
            return;
        }
        let subject = Arc::clone(&self.subject);
        let now = subject.world.now();
        let mut state = subject.state();
        let heard = state.calls.contains_key(&self.id);
        Subject::close_call(&mut state, 0, self.id, now);
        for &index in &self.leases {
            state.leases[index].allowed.get_or_insert("its invoke was given up");
        }
        let alive = state.sessions.last().is_some_and(|session| session.incarnation == subject.world.incarnation());
        let may = match state.quiet {
            _ if !heard => true,
            None => !alive,
            Some(quiet) => quiet.cut || quiet.bound.is_none_or(|bound| now + 5 >= quiet.since + bound) || !alive,
        };
        subject.note(format_args!("invoke {} is given up", self.id));
        if !may {
            drop(state);
            subject.violate(format_args!("invoke {} is given up without need", self.id));
        }
    }
}

impl Subject {
    fn close_call(state: &mut SubjectState, slots: usize, id: u64, now: u64) {
        if state.calls.len() >= slots {
            state.last_full = now;
        }
        if let Some(call) = state.calls.remove(&id) {
            state.fifo.freed.extend(call.groups.into_iter().map(|group| (group, now)));
        }
    }

    /// Takes note that records reached the engine.
    pub(crate) fn deliver(&self, state: &mut SubjectState, picked: &[usize]) {
        let now = self.world.now();
        let heard = state.sessions.last().map_or(0, |session| session.changed + STOP_GRACE);
        let Some(session) = picked.first().map(|&index| &state.sessions[state.leases[index].session]) else { return };
        let (mapping, changed, changes) = (Arc::clone(&session.mapping), session.changed, session.changes);
        for &index in picked {
            let lease = &mut state.leases[index];
            lease.delivered = Some(now);
            // The engine hears a little later that a drain is taken back.
            lease.doubtful &= now <= heard;
            lease.known = now + lease.until.saturating_sub(lease.received);
            lease.heard = now;
            let n = lease.message;
            if lease.hold == Hold::Underway {
                // Just after a change, the filters from before may count still.
                lease.perhaps_filtered_out = changes > 0 && now <= changed + STOP_GRACE;
                let passes = lease.perhaps_filtered_out || passes(&mapping, n);
                lease.hold = if passes { Hold::Unstarted } else { Hold::FilteredOut };
            }
            state.messages[n].filtered_out |= lease.hold == Hold::FilteredOut || lease.perhaps_filtered_out;
            self.check_not_given_back(state, index);
            state.messages[n].reached = Some(index);
        }
        if state.quiet.is_some() {
            self.keep_together(state, picked);
        }
    }
}
