//! Describing the queue and receiving from it: admission comes before every receive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::QueueMachine;
use super::fifo::{Attempt, LostReceives};
use super::machine::{Held, Stage};
use crate::machine::batcher::Batcher;
use crate::machine::envelope::body_bytes;
use crate::machine::groups::Groups;
use crate::machine::screening::Tally;
use crate::machine::{
    BackoffPolicy, Event, Fault, FaultKind, Invariant, Mono, Operation, Output, PollId, PollRequest, QueueAttributes,
    Record, Screened,
};

/// The visibility timeout that receives ask for when the queue's own cannot be used: its attributes may not
/// be read, or its timeout is zero.
pub(super) const ASSUMED_VISIBILITY: Duration = Duration::from_secs(30);
/// SQS's largest receive.
const MAX_RECEIVE: u32 = 10;
/// How often the attributes are read again: they may be changed at any time.
const DESCRIBE_EVERY: Duration = Duration::from_secs(60);
/// How soon after the last time they may be read again because the backlog that they told is no longer true.
const DESCRIBE_AGAIN: Duration = Duration::from_secs(5);
const POLL_BACKOFF: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_millis(250), maximum: Duration::from_secs(10) };

/// An empty answer that came sooner than this, although the poll was to wait, came at once.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The time from one poll to the next while such answers come.
const EMPTY_BACKOFF: BackoffPolicy = BackoffPolicy { initial: Duration::from_millis(10), maximum: AT_ONCE };

/// What is open towards the source.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    polls: BTreeMap<PollId, OpenPoll>,
    /// Whether receives may begin: the visibility timeout is known, or one is asked for.
    described: bool,
    describing: bool,
    next_describe: Mono,
    /// Asked for in each receive, where the queue's own timeout is not used.
    override_visibility: Option<Duration>,
    /// The queue's own visibility timeout, as far as it is known.
    own_visibility: Option<Duration>,
    /// What the queue said last of the messages that wait, until that is known to be outdated.
    backlog: u64,
    /// The same of all messages in it.
    messages: u64,
    /// Something was received since nothing was held.
    busy: bool,
    /// `maxReceiveCount` of the queue's redrive policy.
    pub(super) max_receive_count: Option<u32>,
    failures: u32,
    /// Polls in a row that did not wait, and brought nothing.
    hollow: u32,
    not_before: Option<Mono>,
    was_missing: bool,
    /// The last receive worked.
    proven: bool,
    stopped: bool,
    pub(super) lost: LostReceives,
}

#[derive(Debug)]
struct OpenPoll {
    since: Mono,
    max: u32,
    /// How long it was to wait for a first message.
    wait: Duration,
    /// The visibility timeout that it asked for.
    visibility: Option<Duration>,
    /// How long leases were when it began.
    lease: Duration,
    /// Its name, for FIFO queues.
    attempt: Option<Attempt>,
}

impl Receiving {
    pub(super) fn describe_due(&self) -> Option<Mono> {
        (!self.describing && !self.stopped).then_some(self.next_describe)
    }

    pub(super) const fn retry_due(&self) -> Option<Mono> {
        self.not_before
    }

    /// Nothing is asked of the source any more.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.not_before = None;
    }

    pub(super) fn open(&self) -> usize {
        self.polls.len()
    }

    /// A drain is over before its end.
    pub(super) fn resume(&mut self) {
        self.stopped = false;
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// What a successor goes on with: the receives that are open, and what is known of the queue, which is asked again.
    pub(super) fn handed_over(self, open: &BTreeSet<Operation>) -> Self {
        let (polls, unmade): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.polls.into_iter().partition(|(id, _)| open.contains(&Operation::Poll(*id)));
        let mut lost = self.lost;
        unmade.into_values().filter_map(|poll| poll.attempt).for_each(|attempt| lost.add(attempt));
        Self {
            polls,
            described: self.described,
            describing: open.contains(&Operation::Describe),
            own_visibility: self.own_visibility,
            busy: self.busy,
            max_receive_count: self.max_receive_count,
            lost,
            ..Self::default()
        }
    }

    /// What the queue said of its messages is true no more: it is asked again soon.
    fn refresh(&mut self, now: Mono) {
        (self.backlog, self.messages) = (0, 0);
        self.next_describe = self.next_describe.min(now + DESCRIBE_AGAIN);
    }

    /// The queue's own visibility timeout is zero: what fails is to be visible again at once.
    pub(super) fn queue_has_no_timeout(&self) -> bool {
        self.own_visibility.is_some_and(|own| own.is_zero())
    }

    /// Whether the queue's next receive of this message would move it to the dead-letter queue instead.
    pub(super) fn is_last(&self, record: &Record) -> bool {
        self.max_receive_count.is_some_and(|most| record.receive_count >= most)
    }
}

impl QueueMachine {
    /// The queue has fallen idle: its backlog is another one.
    pub(super) fn refresh_when_idle(&mut self) {
        if self.held.is_empty() && std::mem::take(&mut self.receiving.busy) && self.receiving.messages > 0 {
            self.receiving.refresh(self.now);
        }
    }

    pub(super) fn describe_if_due(&mut self) {
        let receiving = &mut self.receiving;
        if !receiving.stopped && !receiving.describing && receiving.next_describe <= self.now {
            receiving.describing = true;
            self.out.push(Output::Describe);
        }
    }

    pub(super) fn described(&mut self, result: Result<QueueAttributes, Fault>) {
        self.receiving.describing = false;
        self.receiving.next_describe = self.now + DESCRIBE_EVERY;
        match result {
            Ok(attributes) => {
                self.receiving.described = true;
                self.receiving.failures = 0;
                let own = attributes.visibility;
                self.receiving.own_visibility = Some(own);
                let QueueAttributes { backlog, in_flight: not_visible, .. } = attributes;
                self.receiving.backlog = backlog.unwrap_or(0);
                self.receiving.messages = self.receiving.backlog.saturating_add(not_visible.unwrap_or(0));
                self.receiving.max_receive_count = attributes.max_receive_count;
                self.use_visibility();
                self.out.emit(Event::Described { backlog, not_visible, visibility: own });
            }
            Err(fault) if fault.kind == FaultKind::Denied && !self.receiving.described => {
                self.receiving.described = true;
                self.use_visibility();
                self.out.emit(Event::DescribeFailed { kind: fault.kind, message: fault.message });
            }
            Err(fault) if self.receiving.described => {
                self.out.emit(Event::DescribeFailed { kind: fault.kind, message: fault.message });
            }
            Err(fault) => {
                let pause = self.source_pause(&fault);
                self.receiving.next_describe = self.now + pause;
                self.source_failed(fault, pause);
            }
        }
    }

    /// Receives ask for a timeout where the mapping says one, or the queue's own is of no use.
    pub(super) fn use_visibility(&mut self) {
        let own = self.receiving.own_visibility.filter(|own| !own.is_zero());
        self.receiving.override_visibility =
            self.options.visibility.or_else(|| own.is_none().then_some(ASSUMED_VISIBILITY));
        self.leases.set_length(self.receiving.override_visibility.or(own).unwrap_or(ASSUMED_VISIBILITY));
    }

    /// Opens as many polls as there is room for: a message is only received when a slot is free for its batch.
    pub(super) fn start_polls(&mut self) {
        if self.receiving.not_before.is_some_and(|at| at <= self.now) {
            self.receiving.not_before = None;
        }
        if self.receiving.stopped || !self.receiving.described || self.receiving.not_before.is_some() {
            return;
        }
        while let Some(max) = self.room_for_a_poll() {
            let id = PollId(self.out.name());
            let wait = self.wait();
            let visibility = self.receiving.override_visibility;
            let attempt = self.attempt(max);
            let max = attempt.as_ref().map_or(max, |attempt| attempt.max);
            let request =
                PollRequest { id, max, wait, visibility, attempt: attempt.as_ref().map(|name| name.id.clone()) };
            let lease = self.leases.length();
            self.receiving.polls.insert(id, OpenPoll { since: self.now, max, wait, visibility, lease, attempt });
            self.out.push(Output::Poll(request));
        }
    }

    fn wait(&self) -> Duration {
        if !self.receiving.proven {
            // A short poll shows at once whether receiving works; a long one would keep that to itself.
            return Duration::ZERO;
        }
        let longest = self.options.receive_wait;
        self.batcher.window_ends().map_or(longest, |end| {
            // A poll that outlives the window would bring messages for which no slot is free.
            Duration::from_secs(end.since(self.now).as_secs() + 1).min(longest)
        })
    }

    fn room_for_a_poll(&self) -> Option<u32> {
        let open = u32::try_from(self.receiving.open()).unwrap_or(u32::MAX);
        // More polls than groups that may come free would only wait for each other.
        let worth = self.groups.as_ref().map_or(u32::MAX, |groups| u32::try_from(groups.len() + 1).unwrap_or(u32::MAX));
        if open >= self.scaler.polls().min(worth)
            || !self.ready.is_empty()
            || self.groups.as_ref().is_some_and(Groups::waits)
            || self.settling.deletes.is_behind()
            || self.deliveries.is_behind()
            || self.deletes_are_futile() && !self.may_probe()
        {
            return None;
        }
        let used = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        let free = u64::from(self.scaler.limit().saturating_sub(used));
        let expected: u64 = self.receiving.polls.values().map(|poll| u64::from(poll.max)).sum();
        let room = (free * u64::from(self.options.batch_size))
            .saturating_sub(expected)
            .saturating_sub(self.batcher.gathered() as u64);
        // Without a window each receive is a batch of its own, however few messages it brings.
        let room = if self.options.window.is_zero() && u64::from(open) >= free { 0 } else { room };
        let room = if self.deletes_are_futile() { room.min(1) } else { room };
        let max = u32::try_from(room).unwrap_or(u32::MAX).min(MAX_RECEIVE).min(self.options.batch_size);
        (max > 0).then_some(max)
    }

    pub(super) fn polled(&mut self, poll: PollId, result: Result<Vec<Record>, Fault>) {
        let Some(open) = self.receiving.polls.remove(&poll) else { return };
        let took = self.now.since(open.since);
        match result {
            Ok(records) => self.received(records, &open, took),
            Err(fault) if fault.kind == FaultKind::Cancelled => {}
            Err(fault) => {
                if let (FaultKind::Timeout | FaultKind::Transient, Some(attempt)) = (fault.kind, open.attempt) {
                    // The queue may have handed messages out, and hides them.
                    self.receiving.lost.add(attempt);
                }
                let pause = self.source_pause(&fault);
                self.source_failed(fault, pause);
            }
        }
    }

    fn received(&mut self, records: Vec<Record>, poll: &OpenPoll, took: Duration) {
        self.receiving.failures = 0;
        self.receiving.proven = true;
        if std::mem::take(&mut self.receiving.was_missing) {
            // The queue was made anew: its attributes may differ.
            self.receiving.next_describe = self.now;
        }
        self.health.source_ok();
        if self.settling.deletes.is_empty() {
            self.health.deletions_over();
        }
        if self.deliveries.is_empty() {
            self.health.deliveries_over();
        }
        self.out.emit(Event::Polled { records: records.len() });
        let count = records.len();
        self.receiving.busy |= count > 0;
        if count == 0 && self.receiving.backlog > 0 {
            self.receiving.refresh(self.now);
        }
        self.receiving.hollow = if count == 0 && took < AT_ONCE.min(poll.wait) { self.receiving.hollow + 1 } else { 0 };
        if self.receiving.hollow > 0 && !self.receiving.stopped {
            let apart = EMPTY_BACKOFF.pause(self.receiving.hollow, &mut self.rng);
            self.receiving.not_before = Some(self.now + apart.saturating_sub(took)).max(self.receiving.not_before);
        }
        // What was asked for is what was given. The queue's own timeout may have changed while the poll was open.
        let lease = poll.visibility.unwrap_or_else(|| poll.lease.min(self.leases.length()));
        // What the queue would move to its dead-letter queue next is processed, although the mapping drains.
        let goes_back = self.draining.is_some() && !records.iter().any(|record| self.receiving.is_last(record));
        if let Some(draining) = self.draining.as_mut().filter(|_| count > 0 && !goes_back) {
            draining.allow_for_receives();
        }
        let mut tally = Tally::of(self.options.screening);
        for record in records {
            tally.add(record.screening);
            self.hold(record, lease, goes_back);
        }
        self.out.tell(tally);
        if self.draining.is_some() {
            self.batcher.flush();
        }
        self.batcher.receive_ended();
        self.take_closed_batches();
        self.batch_groups();
        let spoken_for = self.batches.len() + self.receiving.open();
        let saturated = spoken_for >= self.scaler.limit() as usize;
        // A group that is held gives nothing more: even a small receive may leave a backlog of other groups behind.
        let full = count >= poll.max as usize || self.groups.is_some() && count > 0;
        self.scaler.received(count, full, took, saturated, self.now);
    }

    fn hold(&mut self, mut record: Record, length: Duration, goes_back: bool) {
        let token = self.out.name();
        let bytes = record.fragment.len();
        let lease = self.leases.begin(token, self.now, length);
        let passes = self.options.screening.of(record.screening) == Screened::Deliver;
        if passes && !Batcher::fits_alone(bytes) {
            self.out.emit(Event::TooLarge { id: record.id.to_string(), bytes: body_bytes(1, bytes) });
        }
        if let Some(groups) = &mut self.groups {
            // Without a group, which SQS never leaves out, a message has all others like it to wait for.
            groups.join(record.key.get_or_insert_default(), token);
        }
        let previous = self.held.insert(token, Held { record, lease, stage: Stage::Gathering });
        self.out.check(Invariant::SettlesOnce, previous.is_none());
        if goes_back {
            self.give_back_unstarted(&[token]);
        } else {
            self.place(token);
        }
    }

    /// Sets a message on its way that was not begun yet.
    pub(super) fn place(&mut self, token: u64) {
        let Some(held) = self.held.get(&token) else { return };
        let (screening, bytes, received) = (held.record.screening, held.record.fragment.len(), held.lease.received);
        let screened = self.options.screening.of(screening);
        if screened != Screened::Deliver {
            self.screen(token, screened, screening);
        } else if self.groups.is_some() {
            self.wait_in_group(token);
        } else if Batcher::fits_alone(bytes) {
            self.batcher.push(token, bytes, received);
        } else {
            self.fail_genuinely(&[token], None);
        }
    }

    fn source_pause(&mut self, fault: &Fault) -> Duration {
        // Polls that fail together are one failure: the pause has begun with the first of them.
        if self.receiving.not_before.is_none_or(|at| at <= self.now) {
            self.receiving.failures += 1;
        }
        let pause = POLL_BACKOFF.pause(self.receiving.failures, &mut self.rng);
        pause.max(fault.retry_after.unwrap_or_default())
    }

    fn source_failed(&mut self, fault: Fault, pause: Duration) {
        if !self.receiving.stopped {
            self.receiving.not_before = Some(self.now + pause);
        }
        self.receiving.proven = false;
        self.receiving.was_missing |= fault.kind == FaultKind::Missing;
        self.scaler.poll_failed();
        self.health.source_failed(&fault);
        self.out.emit(Event::PollFailed { kind: fault.kind, message: fault.message, retry_in: pause });
    }
}
