//! A mapping under test: its queue, its function, and all that is known of what the engine does with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay::machine::OnFunctionError;
use forebay::mapping::Mapping;
use tokio::sync::Notify;

use crate::fifo::{Attempts, FifoState};
use crate::plan::{Outage, SideOf, is_fifo};
use crate::queue::delivery::{Hold, Lease, Message};
use crate::queue::destination::Tally;
use crate::queue::plan::{Faults, SubjectPlan};
use crate::queue::session::STOP_GRACE;
use crate::streak::Streak;
use crate::workers::Workers;
use crate::world::World;

/// A mapping under test, with its queue and its function.
pub(crate) struct Subject {
    /// The world it is in.
    pub(crate) world: Arc<World>,
    /// Its part of the plan.
    pub(crate) plan: SubjectPlan,
    /// Its number.
    pub(crate) index: usize,
    state: Mutex<SubjectState>,
    /// Those of its function.
    pub(crate) workers: Workers,
    /// Rung when a message arrived or became visible early.
    pub(crate) arrived: Notify,
}

impl Subject {
    /// A mapping with nothing in its queue.
    pub(crate) fn new(world: Arc<World>, index: usize, plan: SubjectPlan) -> Self {
        let workers = Workers::new(plan.function.attached.clone());
        Self { world, plan, index, state: Mutex::new(SubjectState::default()), workers, arrived: Notify::new() }
    }

    /// The state. Never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, SubjectState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mapping's name.
    pub(crate) fn name(&self) -> &str {
        &self.plan.mapping.name
    }

    /// Records an event of this mapping.
    pub(crate) fn note(&self, event: std::fmt::Arguments<'_>) {
        self.world.note(format_args!("{} {event}", self.name()));
    }

    /// Records a violation of this mapping.
    pub(crate) fn violate(&self, what: impl std::fmt::Display) {
        self.world.violate(format!("{}: {what}", self.name()));
    }

    /// True with a chance of `rate`, and never in the fair phase.
    pub(crate) fn strikes(&self, rate: f64) -> bool {
        !self.world.fair() && self.world.chance(rate)
    }

    /// Nothing ever slows this mapping down, so that what is due happens on the millisecond.
    pub(crate) fn calm(&self) -> bool {
        let plan = &self.plan;
        let unsound = plan.sends.iter().any(|send| send.poison || send.slips);
        !unsound
            && plan.faults == Faults::default()
            && plan.outages.is_empty()
            && plan.futile.is_none()
            && plan.function.reserved.is_none()
            && plan.function.broken.is_none()
    }

    /// Whether the queue is FIFO.
    pub(crate) const fn is_fifo(&self) -> bool {
        is_fifo(&self.plan.mapping)
    }

    /// The outage of one side, if there is one now.
    pub(crate) fn outage(&self, side: SideOf) -> Option<Outage> {
        let now = self.world.now();
        if self.world.fair() {
            return None;
        }
        self.plan
            .outages
            .iter()
            .find(|outage| outage.side == side && (outage.from..outage.until).contains(&now))
            .cloned()
    }
}

/// All that changes in it.
#[derive(Default)]
pub(crate) struct SubjectState {
    /// Every message ever sent, by number.
    pub(crate) messages: Vec<Message>,
    /// What was sent, with what the queue swallowed as sent before.
    pub(crate) sent: usize,
    /// Every delivery ever made.
    pub(crate) leases: Vec<Lease>,
    /// The deliveries whose visibility timeout runs.
    pub(crate) open: Vec<usize>,
    /// Deliveries by receipt handle.
    pub(crate) by_receipt: BTreeMap<Arc<str>, usize>,
    /// One for each time that the engine connected this mapping.
    pub(crate) sessions: Vec<SessionState>,
    /// The invokes that the engine waits for.
    pub(crate) calls: BTreeMap<u64, Call>,
    /// Ever-growing number of calls.
    pub(crate) next_call: u64,
    /// Environments of the function that run, whether or not anybody waits for them.
    pub(crate) running: u32,
    /// Set while the mapping must not receive.
    pub(crate) quiet: Option<Quiet>,
    /// Messages that were handed out to receives that the engine had abandoned.
    pub(crate) wasted: usize,
    /// Deletes that take effect later: when, and of which message.
    pub(crate) late: Vec<(u64, usize)>,
    /// What the engine's own counters should say.
    pub(crate) counts: Counts,
    /// When the function answered, with success or not.
    pub(crate) served: Vec<u64>,
    /// When calls of it were refused.
    pub(crate) refused: Vec<u64>,
    /// What is watched in idle stretches.
    pub(crate) idle: IdleWatch,
    /// When every slot for invokes was last taken.
    pub(crate) last_full: u64,
    /// The engine learnt that a delivery was no longer its own: batches may shrink.
    pub(crate) lost: bool,
    /// What a machine that panicked may not have known of may end.
    pub(crate) panic_seen: bool,
    /// What is known of FIFO queues only.
    pub(crate) fifo: FifoState,
}

/// The mapping was asked to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quiet {
    /// When.
    pub(crate) since: u64,
    /// How long its drain may take, where that is known.
    pub(crate) bound: Option<u64>,
    /// How long receives that are open are waited for, where that is known.
    pub(crate) receives: Option<u64>,
    /// The drain was cut short.
    pub(crate) cut: bool,
}

/// One connection of the mapping by an engine.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// Of which process.
    pub(crate) incarnation: u32,
    /// With which numbers, after the last change.
    pub(crate) mapping: Arc<Mapping>,
    /// The largest batches that it was ever to make.
    pub(crate) largest_batch: u32,
    /// The engine has got the queue's attributes.
    pub(crate) described: bool,
    /// Connections of it that the engine has not let go of: more than one while its settings change.
    pub(crate) handles: usize,
    /// How often its settings have changed.
    pub(crate) changes: u32,
    /// The last change of which a call has begun.
    pub(crate) seen: u32,
    /// When its settings last changed, or a drain of it was taken back.
    pub(crate) changed: u64,
    /// Receives that the engine waits for, and how many messages each may bring.
    pub(crate) receives: BTreeMap<u64, u32>,
    /// What becomes of messages that the function failed, and since when.
    pub(crate) policies: Vec<(u64, OnFunctionError)>,
    /// The shortest and the longest time for which its receives hide a message (milliseconds).
    pub(crate) hidden: (u64, u64),
    /// Calls to delete that deleted nothing.
    pub(crate) futile: FutileCalls,
    /// Receives in a row that did not wait.
    pub(crate) hollow: Hollow,
    /// When its last invoke began.
    pub(crate) last_invoke: Option<u64>,
    /// How often the function failed each message.
    pub(crate) tallies: BTreeMap<usize, Tally>,
    /// FIFO: the names of its receives.
    pub(crate) attempts: Attempts,
    /// FIFO: groups whose last batch failed.
    pub(crate) failing: BTreeSet<Arc<str>>,
    /// FIFO: groups of which an error did not say what failed, and how many of their messages are to go one by one.
    pub(crate) unclear: BTreeMap<Arc<str>, usize>,
    /// Batches that failed in a row.
    pub(crate) streak: Streak,
}

/// Calls in a row that were to delete, and deleted nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FutileCalls {
    /// So many.
    pub(crate) in_a_row: u32,
    /// When the engine heard of the last one.
    pub(crate) last: u64,
}

/// Receives that did not wait, and brought nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hollow {
    /// So many in a row.
    pub(crate) in_a_row: u32,
    /// When the last of them began.
    pub(crate) last: u64,
}

/// An invoke that the engine waits for.
#[derive(Debug)]
pub(crate) struct Call {
    /// Of which session.
    pub(crate) session: usize,
    /// FIFO: the message groups in it.
    pub(crate) groups: BTreeSet<Arc<str>>,
}

/// What the engine's own counters should say, since its process began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Messages that reached the engine.
    pub(crate) polled: u64,
    /// Invokes.
    pub(crate) invokes: u64,
    /// Records in them.
    pub(crate) invoked: u64,
    /// Deletes answered with success.
    pub(crate) deleted: u64,
    /// Those in the fair phase.
    pub(crate) deleted_fairly: u64,
    /// Failure records confirmed in the fair phase.
    pub(crate) delivered_fairly: u64,
    /// Deletes answered with `Gone`.
    pub(crate) gone: u64,
    /// Invokes that were throttled.
    pub(crate) throttles: u64,
    /// Answers of a wrong form.
    pub(crate) malformed: u64,
}

/// Polls of an idle stretch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdleWatch {
    /// Receives begun since the watch began.
    pub(crate) receives: u64,
    /// The most of them open at one time.
    pub(crate) most_open: usize,
    /// The shortest wait that one asked for, in seconds.
    pub(crate) shortest_wait: Option<u64>,
}

impl SessionState {
    /// What becomes of a message that the function failed at `at`; just after a change that may be either.
    pub(crate) fn policies_at(&self, at: u64) -> impl Iterator<Item = OnFunctionError> {
        let ends = self.policies.iter().skip(1).map(|&(since, _)| since + STOP_GRACE).chain([u64::MAX]);
        let spans = self.policies.iter().zip(ends);
        spans.filter(move |&(&(since, _), end)| (since..=end).contains(&at)).map(|(&(_, policy), _)| policy)
    }
}

impl SubjectState {
    /// The session that runs, if one does, goes on with what it holds.
    pub(crate) fn goes_on(&mut self, now: u64) {
        let last = self.sessions.len();
        for lease in self.leases.iter_mut().filter(|lease| lease.session + 1 == last) {
            lease.doubtful |= matches!(lease.hold, Hold::Underway | Hold::Unstarted | Hold::Waiting);
        }
        if let Some(session) = self.sessions.last_mut() {
            session.changed = now;
            // A start is answered by a receive at once.
            session.hollow = Hollow::default();
        }
    }

    /// The mapping that a delivery was received with.
    pub(crate) fn mapping_of(&self, lease: usize) -> Arc<Mapping> {
        Arc::clone(&self.sessions[self.leases[lease].session].mapping)
    }

    /// Receives that the engine waits for, over all sessions.
    pub(crate) fn open_receives(&self) -> usize {
        self.sessions.iter().map(|session| session.receives.len()).sum()
    }
}
