//! Describing the queue and receiving from it: admission comes before every receive.

mod describing;
mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::describing::Describing;
use self::names::{LostReceives, Name};
use super::context::Context;
use crate::machine::{
    BackoffPolicy, Deadline, Event, Fault, FaultKind, MAX_ENTRIES, Message, Mono, Operation, PollId, PollRequest,
    Queue, QueueAttributes, QueueCall, QueueRequest, Wake,
};

const BACKOFF: BackoffPolicy = BackoffPolicy { initial: Duration::from_millis(250), maximum: Duration::from_secs(10) };

/// An empty answer that came sooner than this, although the poll was to wait, came at once.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The time from one poll to the next while such answers come.
const EMPTY_BACKOFF: BackoffPolicy = BackoffPolicy { initial: Duration::from_millis(10), maximum: AT_ONCE };

/// What is open towards the source, and how fast it is asked.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    polls: BTreeMap<PollId, OpenPoll>,
    describing: Describing,
    /// Receives that failed in a row.
    failures: u32,
    /// Polls in a row that did not wait, and brought nothing.
    hollow: u32,
    not_before: Option<Mono>,
    was_missing: bool,
    /// The last receive worked.
    proven: bool,
    stopped: bool,
    lost: LostReceives,
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
    /// Of FIFO queues.
    name: Option<Name>,
}

/// What the rest of the machine has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Something else is to be done first: nothing is received.
    pub(super) is_closed: bool,
    /// How many polls are worth having open.
    pub(super) polls: u32,
    /// Slots that no batch takes.
    pub(super) slots: usize,
    /// Messages that are held for a batch that is not full.
    pub(super) gathered: usize,
    /// When that batch is closed.
    pub(super) window_ends: Option<Mono>,
    /// Whether this is a probe: one message is received to see whether deletions work again.
    pub(super) is_probe: bool,
}

/// How a receive ended.
#[derive(Debug)]
pub(super) enum Ended {
    Received(Received),
    Failed,
    /// It was cancelled, or is none of ours.
    Nothing,
}

/// What a receive brought.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    /// How many it had asked for.
    pub(super) wanted: usize,
    pub(super) since: Mono,
    pub(super) took: Duration,
    /// How long the messages are hidden.
    pub(super) lease: Duration,
}

impl Receiving {
    /// What a successor goes on with: the receives that are open, and what is known of the queue, which is asked again.
    pub(super) fn handed_over(self, open: &BTreeSet<Operation<Queue>>) -> Self {
        let (polls, unmade): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.polls.into_iter().partition(|(id, _)| open.contains(&Operation::Request(QueueCall::Poll(*id))));
        let mut lost = self.lost;
        unmade.into_values().filter_map(|poll| poll.name).for_each(|name| lost.add(name));
        let describing = self.describing.handed_over(open.contains(&Operation::Request(QueueCall::Describe)));
        Self { polls, describing, lost, ..Self::default() }
    }

    /// Nothing is asked of the source any more.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.not_before = None;
    }

    /// A drain is over before its end.
    pub(super) fn resume(&mut self) {
        self.stopped = false;
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn open(&self) -> usize {
        self.polls.len()
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let describe = self.describing.due().filter(|_| !self.stopped);
        let describe = describe.map(|at| Deadline { at, reason: Wake::Describe });
        let poll = self.not_before.map(|at| Deadline { at, reason: Wake::Poll });
        describe.into_iter().chain(poll).min()
    }

    /// Asks the queue for its attributes when that is due, and soon after it has fallen idle.
    pub(super) fn describe(&mut self, cx: &mut Context, is_idle: bool) {
        if is_idle {
            self.describing.idle(cx.now);
        }
        if !self.stopped {
            self.describing.start_if_due(cx);
        }
    }

    /// The queue described itself. `false`: nothing is known of it, and it counts as a failed receive.
    #[must_use]
    pub(super) fn described(&mut self, cx: &mut Context, result: Result<QueueAttributes, Fault>) -> bool {
        self.describing.ended(cx.now);
        match result {
            Ok(attributes) => {
                self.failures = 0;
                self.describing.described(cx, &attributes);
            }
            // Without the permission to ask, a visibility timeout is assumed.
            Err(fault) if fault.kind == FaultKind::Denied || self.describing.is_done => {
                self.describing.is_done = true;
                cx.out.emit(Event::DescribeFailed { kind: fault.kind, message: fault.message });
            }
            Err(fault) => {
                let pause = self.failed(cx, fault);
                self.describing.ask_at(cx.now + pause);
                return false;
            }
        }
        true
    }

    /// Opens as many polls as there is room for: a message is only received when a slot is free for its batch.
    pub(super) fn start(&mut self, cx: &mut Context, room: &Room) {
        if self.not_before.is_some_and(|at| at <= cx.now) {
            self.not_before = None;
        }
        if self.stopped || !self.describing.is_done || self.not_before.is_some() {
            return;
        }
        while let Some(max) = self.admit(cx, room) {
            let id = PollId(cx.out.name());
            let wait = self.wait(cx, room);
            let name = cx.options.fifo.map(|_| self.lost.next(max, &mut cx.rng, cx.now));
            let max = name.as_ref().map_or(max, |name| name.max);
            let visibility = cx.asked_visibility();
            let attempt = name.as_ref().map(|name| name.id.clone());
            let poll = OpenPoll { since: cx.now, max, wait, visibility, lease: cx.lease(), name };
            self.polls.insert(id, poll);
            cx.out.ask(QueueRequest::Poll(PollRequest { id, max, wait, visibility, attempt }));
        }
    }

    fn wait(&self, cx: &Context, room: &Room) -> Duration {
        if !self.proven {
            // A short poll shows at once whether receiving works; a long one would keep that to itself.
            return Duration::ZERO;
        }
        let longest = cx.options.receive_wait;
        room.window_ends.map_or(longest, |end| {
            // A poll that outlives the window would bring messages for which no slot is free.
            Duration::from_secs(end.since(cx.now).as_secs() + 1).min(longest)
        })
    }

    /// How many messages another poll may bring; `None`: there is no room for one.
    fn admit(&self, cx: &Context, room: &Room) -> Option<u32> {
        let open = self.open();
        if room.is_closed || open >= room.polls as usize || room.is_probe && open > 0 {
            return None;
        }
        let expected: u64 = self.polls.values().map(|poll| u64::from(poll.max)).sum();
        let messages = (room.slots as u64 * u64::from(cx.options.batch_size))
            .saturating_sub(expected)
            .saturating_sub(room.gathered as u64);
        // Without a window each receive is a batch of its own, however few messages it brings.
        let messages = if cx.options.window.is_zero() && open >= room.slots { 0 } else { messages };
        let messages = if room.is_probe { messages.min(1) } else { messages };
        let most = messages.min(MAX_ENTRIES as u64);
        let max = u32::try_from(most).unwrap_or(u32::MAX).min(cx.options.batch_size);
        (max > 0).then_some(max)
    }

    /// A poll was answered.
    pub(super) fn answered(&mut self, cx: &mut Context, poll: PollId, result: Result<Vec<Message>, Fault>) -> Ended {
        let Some(poll) = self.polls.remove(&poll) else { return Ended::Nothing };
        match result {
            Ok(messages) => Ended::Received(self.received(cx, &poll, messages)),
            Err(fault) if fault.kind == FaultKind::Cancelled => Ended::Nothing,
            Err(fault) => {
                if let (FaultKind::Timeout | FaultKind::Transient, Some(name)) = (fault.kind, poll.name) {
                    // The queue may have handed messages out, and hides them.
                    self.lost.add(name);
                }
                self.failed(cx, fault);
                Ended::Failed
            }
        }
    }

    fn received(&mut self, cx: &mut Context, poll: &OpenPoll, messages: Vec<Message>) -> Received {
        let (count, took) = (messages.len(), cx.now.since(poll.since));
        self.failures = 0;
        self.proven = true;
        if std::mem::take(&mut self.was_missing) {
            // The queue was made once more: its attributes may differ.
            self.describing.ask_at(cx.now);
        }
        cx.health.source_ok();
        cx.out.emit(Event::Polled { records: count });
        self.describing.received(count, cx.now);
        self.hollow = if count == 0 && took < AT_ONCE.min(poll.wait) { self.hollow + 1 } else { 0 };
        if self.hollow > 0 && !self.stopped {
            let apart = EMPTY_BACKOFF.pause(self.hollow, &mut cx.rng);
            self.not_before = Some(cx.now + apart.saturating_sub(took)).max(self.not_before);
        }
        // What was asked for is what was given. The queue's own timeout may have changed while the poll was open.
        let lease = poll.visibility.unwrap_or_else(|| poll.lease.min(cx.lease()));
        Received { messages, wanted: poll.max as usize, since: poll.since, took, lease }
    }

    /// The source failed. Gives the pause that follows.
    fn failed(&mut self, cx: &mut Context, fault: Fault) -> Duration {
        // Polls that fail together are one failure: the pause has begun with the first of them.
        if self.not_before.is_none_or(|at| at <= cx.now) {
            self.failures += 1;
        }
        let pause = BACKOFF.pause(self.failures, &mut cx.rng).max(fault.retry_after.unwrap_or_default());
        if !self.stopped {
            self.not_before = Some(cx.now + pause);
        }
        self.proven = false;
        self.was_missing |= fault.kind == FaultKind::Missing;
        cx.health.source_failed(&fault);
        cx.out.emit(Event::PollFailed { kind: fault.kind, message: fault.message, retry_in: pause });
        pause
    }
}
