//! One mapping's surroundings: its messages, every delivery of them, and what the engine has in hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay::mapping::Mapping;
use tokio::sync::Notify;

use crate::destination::Tally;
use crate::fifo::{Attempts, FifoState};
use crate::plan::{Faults, LanePlan, Outage, SideOf};
use crate::streak::Streak;
use crate::world::World;

/// A queue, a function, and all that is known of them.
pub(crate) struct Lane {
    /// The world it is in.
    pub(crate) world: Arc<World>,
    /// Its part of the plan.
    pub(crate) plan: LanePlan,
    /// Its number.
    pub(crate) index: usize,
    state: Mutex<LaneState>,
    /// Rung when a message arrived or became visible early.
    pub(crate) arrived: Notify,
}

impl Lane {
    /// A lane with nothing in its queue.
    pub(crate) fn new(world: Arc<World>, index: usize, plan: LanePlan) -> Self {
        Self { world, plan, index, state: Mutex::new(LaneState::default()), arrived: Notify::new() }
    }

    /// The state. Never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mapping's name.
    pub(crate) fn name(&self) -> &str {
        &self.plan.mapping.name
    }

    /// Records an event of this lane.
    pub(crate) fn note(&self, event: std::fmt::Arguments<'_>) {
        self.world.note(format_args!("{} {event}", self.name()));
    }

    /// Records a violation in this lane.
    pub(crate) fn violate(&self, what: impl std::fmt::Display) {
        self.world.violate(format!("{}: {what}", self.name()));
    }

    /// True with a chance of `rate`, and never in the fair phase.
    pub(crate) fn strikes(&self, rate: f64) -> bool {
        !self.world.fair() && self.world.chance(rate)
    }

    /// Nothing ever slows this lane down, so that what is due happens on the millisecond.
    pub(crate) fn calm(&self) -> bool {
        let plan = &self.plan;
        let unsound = plan.sends.iter().any(|send| send.poison || send.slips);
        !unsound
            && plan.faults == Faults::default()
            && plan.outages.is_empty()
            && plan.function.reserved.is_none()
            && plan.function.broken.is_none()
    }

    /// Whether the queue is FIFO.
    pub(crate) const fn is_fifo(&self) -> bool {
        self.plan.mapping.fifo
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

/// All that changes in a lane.
#[derive(Default)]
pub(crate) struct LaneState {
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
    /// When the engine last gave an invoke up.
    pub(crate) gave_up: Option<u64>,
    /// Messages that were handed out to receives that the engine had given up.
    pub(crate) wasted: usize,
    /// Deletes that take effect later: when, and of which message.
    pub(crate) late: Vec<(u64, usize)>,
    /// What the engine's own counters should say.
    pub(crate) counts: Counts,
    /// When the function answered, whatever it said.
    pub(crate) served: Vec<u64>,
    /// When calls of it were refused.
    pub(crate) refused: Vec<u64>,
    /// What is watched in idle stretches.
    pub(crate) idle: IdleWatch,
    /// When every slot for invokes was last taken.
    pub(crate) last_full: u64,
    /// The engine learnt that a delivery was no longer its own: batches may shrink.
    pub(crate) lost: bool,
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

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the queue, visible or not.
    Queued,
    /// Deleted.
    Deleted,
    /// In the dead-letter queue.
    Dead,
}

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its id, 36 characters.
    pub(crate) id: Arc<str>,
    /// Bytes of its body.
    pub(crate) size: usize,
    /// The function fails on it always.
    pub(crate) poison: bool,
    /// When it was sent.
    pub(crate) sent: u64,
    /// When it was first received.
    pub(crate) first_received: Option<u64>,
    /// How often it was received.
    pub(crate) receive_count: u32,
    /// Where it is.
    pub(crate) place: Place,
    /// The delivery that hides it.
    pub(crate) current: Option<usize>,
    /// The function has processed it at least once.
    pub(crate) processed: bool,
    /// The failure destination has kept a record of it.
    pub(crate) recorded: bool,
    /// FIFO: its message group.
    pub(crate) group: Option<Arc<str>>,
    /// FIFO: the last delivery of it that reached the engine.
    pub(crate) reached: Option<usize>,
    /// FIFO: the engine has heard of a success with it.
    pub(crate) succeeded: bool,
    /// FIFO: its next receipt will be refused.
    pub(crate) slips: bool,
}

/// What the engine does with a delivery, as far as the world can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The answer is on its way.
    Underway,
    /// The engine has it and has not invoked it yet.
    Unstarted,
    /// In an invoke.
    Running,
    /// Its invoke failed in a way that keeps the batch; when.
    Waiting,
    /// The function processed it, and the engine knows.
    Succeeded,
    /// The function failed it, and the engine knows; since when.
    Failed(u64),
    /// The function failed it once too often; its failure record is not confirmed.
    GivenUp,
    /// Its failure record is confirmed, and the engine knows.
    Recorded,
}

/// One delivery of a message.
#[derive(Debug)]
pub(crate) struct Lease {
    /// The number of the message.
    pub(crate) message: usize,
    /// Its receipt handle, 23 characters.
    pub(crate) receipt: Arc<str>,
    /// The fragment before and after the body.
    pub(crate) head: String,
    pub(crate) tail: String,
    /// The session that received it.
    pub(crate) session: usize,
    /// When SQS handed it out.
    pub(crate) received: u64,
    /// When the engine got it.
    pub(crate) delivered: Option<u64>,
    /// When it ends unless something happens.
    pub(crate) until: u64,
    /// What the engine does with it.
    pub(crate) hold: Hold,
    /// Why it may end without a delete.
    pub(crate) excuse: Option<&'static str>,
    /// Until when the engine knows it hidden: an answer that is lost tells nothing.
    pub(crate) known: u64,
    /// When the last extension of it did not work, or its answer was lost.
    pub(crate) not_extended: Option<u64>,
    /// Extensions of it whose answer is open.
    pub(crate) extending: u32,
    /// Returns of it that failed.
    pub(crate) failed_returns: u32,
    /// Invokes it was in.
    pub(crate) attempts: u32,
    /// It is over.
    pub(crate) over: bool,
    /// The first invoke that it was in.
    pub(crate) batch: u64,
    /// Which receive brought it.
    pub(crate) receive: u64,
    /// The engine may, and need not, give it up.
    pub(crate) perhaps_given_up: bool,
    /// A delivery of its failure record is open.
    pub(crate) delivering: bool,
    /// Deliveries of its failure record that failed.
    pub(crate) tries: u32,
    /// Its event was refused as too large although it held nothing else.
    pub(crate) refused: bool,
    /// The id of its failure record.
    pub(crate) uuid: Option<u128>,
    /// When the engine last asked to hide it for longer.
    pub(crate) asked: Option<u64>,
    /// When the engine heard that its receipt is no longer valid.
    pub(crate) gone: Option<u64>,
    /// Its visibility was changed after it was handed out.
    pub(crate) changed: bool,
    /// The invoke that failed it, or a message ahead of it.
    pub(crate) failed_in: u64,
    /// An extension of it was open then: its return waits for that.
    pub(crate) deferred: bool,
    /// For how long the engine hid it when it had failed.
    pub(crate) span: Option<Duration>,
    /// When its event was last split, and it was to wait once more.
    pub(crate) split: Option<u64>,
    /// When its batch had perhaps been held for as long as is allowed, and was left.
    pub(crate) left: Option<u64>,
    /// The engine has begun something that came after it in its group: it does not hold it any more.
    pub(crate) passed: bool,
}

/// One connection of the mapping by an engine.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// Of which process.
    pub(crate) incarnation: u32,
    /// With which numbers, after the last change.
    pub(crate) mapping: Arc<Mapping>,
    /// The engine was told the queue's attributes.
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

/// Excuses of deliveries that the engine may hold all the same.
pub(crate) const HELD: &str = "held as long as allowed";
pub(crate) const NOT_MADE: &str = "its invoke could not be made";
pub(crate) const REFUSED: &str = "its receipt was refused";
pub(crate) const IN_THE_WAY: &str = "an extension was in the way of its return";
pub(crate) const EXTENDED_LATE: &str = "extended after it seemed lost";

impl Lease {
    /// Whether the engine may still hold it, for all that it has heard: an excuse is the world's.
    pub(crate) fn is_perhaps_held(&self) -> bool {
        let heard_nothing = self.gone.is_none();
        match self.excuse {
            _ if self.passed => false,
            None | Some(HELD | NOT_MADE | REFUSED | IN_THE_WAY) => heard_nothing,
            excuse => excuse == Some(EXTENDED_LATE),
        }
    }

    /// This invoke failed it, or a message ahead of it.
    pub(crate) const fn fails_in(&mut self, call: u64) {
        self.failed_in = call;
        self.deferred = self.extending > 0;
    }
}

impl LaneState {
    /// The session that runs, if one does, goes on with what it holds.
    pub(crate) fn goes_on(&mut self, now: u64) {
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
