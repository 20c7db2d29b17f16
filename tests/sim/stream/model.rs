//! A stream, the mappings that read it, and all that is known of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use forebay::machine::Failure;
use forebay::mapping::{Mapping, StreamSpec};

use super::plan::{ConsumerPlan, Plan};
use super::view::View;
use crate::plan::{Outage, SideOf};
use crate::streak::Streak;
use crate::workers::Workers;
use crate::world::World;

/// The whole surroundings of an engine.
pub(crate) struct StreamModel {
    /// The world it is in.
    pub(crate) world: Arc<World>,
    /// What is to happen.
    pub(crate) plan: Plan,
    state: Mutex<State>,
    /// Those of each mapping's function.
    pub(crate) workers: Vec<Workers>,
}

/// All that changes.
#[derive(Default)]
pub(crate) struct State {
    /// Every shard that ever was.
    pub(crate) shards: Vec<Shard>,
    /// Every record ever put, by number.
    pub(crate) records: Vec<Record>,
    /// The mappings.
    pub(crate) consumers: Vec<Consumer>,
    /// Ever-growing number of iterators.
    pub(crate) iterators: u64,
    /// It was disabled.
    pub(crate) disabled: bool,
}

/// One shard.
#[derive(Debug)]
pub(crate) struct Shard {
    /// `shardId-…`.
    pub(crate) id: Arc<str>,
    /// Those that it came from.
    pub(crate) parents: Vec<usize>,
    /// The hashes of keys that belong to it: from, and up to but without.
    pub(crate) range: (u64, u64),
    /// Its records by place.
    pub(crate) records: Vec<usize>,
    /// How many of them, from the first, are trimmed.
    pub(crate) trimmed: usize,
    /// The sequence number that it began with.
    pub(crate) begins: Arc<str>,
    /// From when it is listed.
    pub(crate) listed: u64,
    /// Since when it takes no more records.
    pub(crate) closed: Option<u64>,
    /// No longer listed.
    pub(crate) gone: bool,
    /// Of a stream that was deleted.
    pub(crate) deleted: bool,
    /// When it was read in the last second, and by which mapping.
    pub(crate) reads: VecDeque<(u64, usize)>,
    /// Bytes that may still be read, and as of when.
    pub(crate) allowance: (i64, u64),
}

/// One record.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its shard.
    pub(crate) shard: usize,
    /// Its place in the shard.
    pub(crate) at: usize,
    /// Its key.
    pub(crate) key: u32,
    /// Its sequence number.
    pub(crate) sequence: Arc<str>,
    /// When it was put.
    pub(crate) put: u64,
    /// When it arrived as the service reports it (Unix milliseconds).
    pub(crate) stamp: u64,
    /// As the function gets it.
    pub(crate) fragment: Bytes,
    /// Every function fails on it.
    pub(crate) poison: bool,
}

/// A mapping and its function.
#[derive(Default)]
pub(crate) struct Consumer {
    /// One for each time that an engine connected it.
    pub(crate) sessions: Vec<SessionState>,
    /// The invokes that an engine waits for.
    pub(crate) calls: BTreeMap<u64, Call>,
    /// Ever-growing number of calls.
    pub(crate) next_call: u64,
    /// Environments of the function that run, whether or not anybody waits.
    pub(crate) running: u32,
    /// Set while the mapping must not begin anything.
    pub(crate) quiet: Option<Quiet>,
    /// Every record that a mapping has finished at least once.
    pub(crate) finished: BTreeSet<usize>,
    /// When checkpoints of it were first claimed.
    pub(crate) claimed: Option<u64>,
    /// The shards of the list that it begins with, and whether they were closed.
    pub(crate) first_list: Option<BTreeMap<usize, bool>>,
    /// Those of them that were read.
    pub(crate) open: BTreeSet<usize>,
    /// Every shard that a list ever showed.
    pub(crate) listed: BTreeSet<usize>,
    /// When its checkpoints were first saved.
    pub(crate) pinned: Option<u64>,
    /// When all of them that were open had been read once after that: from here on LATEST loses nothing.
    pub(crate) begun: Option<u64>,
    /// Every invoke, as places in the stream: what, and how it ended.
    pub(crate) invoked: Vec<(Vec<usize>, String)>,
    /// When its function answered (milliseconds).
    pub(crate) served: Vec<u64>,
    /// Every failure record that the destination keeps.
    pub(crate) kept: Vec<Arc<Failure>>,
    /// When its lists were made in the last second.
    pub(crate) lists: VecDeque<u64>,
    /// An operator has forgotten its checkpoints, and no session has claimed any since.
    pub(crate) reset: bool,
    /// Reads since the idle stretch began.
    pub(crate) reads: u64,
}

/// One connection of a mapping by an engine.
pub(crate) struct SessionState {
    /// Of which process.
    pub(crate) incarnation: u32,
    /// With which numbers.
    pub(crate) mapping: Arc<Mapping>,
    /// What it knows of each shard.
    pub(crate) views: BTreeMap<usize, View>,
    /// Whether it has claimed its checkpoints.
    pub(crate) claimed: bool,
    /// When it ended, and whether everything could be saved.
    pub(crate) ended: Option<(u64, bool)>,
    /// Failure records by their name.
    pub(crate) deliveries: BTreeMap<u128, Delivery>,
    /// Batches that failed in a row.
    pub(crate) streak: Streak,
}

/// A failure record on its way.
pub(crate) struct Delivery {
    /// What it says.
    pub(crate) failure: Arc<Failure>,
    /// The records that it stands for.
    pub(crate) records: Vec<usize>,
    /// A try is open.
    pub(crate) open: bool,
    /// The engine knows that it was taken.
    pub(crate) confirmed: bool,
}

/// An invoke that an engine waits for.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Of which session.
    pub(crate) session: usize,
    /// Of which shard.
    pub(crate) shard: usize,
    /// Its records.
    pub(crate) records: Vec<usize>,
}

/// The mapping was asked to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quiet {
    /// When.
    pub(crate) since: u64,
    /// How long its drain may take, where that is known.
    pub(crate) bound: Option<u64>,
    /// The drain was cut short, or the process died.
    pub(crate) cut: bool,
    /// The mapping is to run again as soon as it is connected again.
    pub(crate) until_connected: bool,
}

impl StreamModel {
    /// A stream with its first shards, and mappings that are not connected.
    pub(crate) fn new(world: Arc<World>, plan: Plan) -> Self {
        let state =
            State { consumers: plan.consumers.iter().map(|_| Consumer::default()).collect(), ..State::default() };
        let workers = plan.consumers.iter().map(|consumer| Workers::new(consumer.function.attached.clone())).collect();
        let model = Self { world, plan, state: Mutex::new(state), workers };
        model.dig();
        model
    }

    /// The state. Never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One mapping's part of the plan.
    pub(crate) fn consumer(&self, index: usize) -> &ConsumerPlan {
        &self.plan.consumers[index]
    }

    /// A mapping's name.
    pub(crate) fn name(&self, consumer: usize) -> &str {
        &self.consumer(consumer).mapping.name
    }

    /// The mapping of that name.
    pub(crate) fn find(&self, name: &str) -> usize {
        self.plan.consumers.iter().position(|consumer| consumer.mapping.name == name).expect("every mapping is planned")
    }

    /// Records an event of a mapping.
    pub(crate) fn note(&self, consumer: usize, event: std::fmt::Arguments<'_>) {
        self.world.note(format_args!("{} {event}", self.name(consumer)));
    }

    /// Records a violation by a mapping.
    pub(crate) fn violate(&self, consumer: usize, what: impl std::fmt::Display) {
        self.world.violate(format!("{}: {what}", self.name(consumer)));
    }

    /// How far the clock of the engine's host is ahead of the stream's now (milliseconds).
    pub(crate) fn host_ahead(&self) -> i64 {
        let now = self.world.now();
        self.plan.host.iter().rfind(|&&(from, _)| from <= now).map_or(0, |&(_, ahead)| ahead)
    }

    /// What the clock of the engine's host shows.
    pub(crate) fn host_unix_ms(&self) -> u64 {
        self.world.unix_ms().saturating_add_signed(self.host_ahead())
    }

    /// How late an engine may be whose own clock is wrong: the stream reports whole seconds.
    pub(crate) fn clock_lag(&self) -> u64 {
        if self.plan.host.is_empty() { 0 } else { 1_100 }
    }

    /// True with a chance of `rate`, and never in the fair phase.
    pub(crate) fn strikes(&self, rate: f64) -> bool {
        !self.world.fair() && self.world.chance(rate)
    }

    /// The outage of one side, if there is one now.
    pub(crate) fn outage(&self, side: SideOf) -> Option<&Outage> {
        if self.world.fair() {
            return None;
        }
        let now = self.world.now();
        self.plan.outages.iter().find(|outage| outage.side == side && (outage.from..outage.until).contains(&now))
    }

    /// The time that one way of a call takes.
    pub(crate) async fn pause(&self, (low, high): (u64, u64)) {
        let time = self.world.between(low, high);
        if time > 0 {
            self.world.sleep_until(self.world.now() + time).await;
        }
    }
}

impl Consumer {
    /// A read of a shard was answered.
    pub(crate) fn opened(&mut self, shard: usize, now: u64) {
        if self.pinned.is_none() || self.begun.is_some() {
            return;
        }
        self.open.insert(shard);
        let mut listed = self.first_list.iter().flatten();
        if listed.all(|(shard, closed)| *closed || self.open.contains(shard)) {
            self.begun = Some(now);
        }
    }
}

impl State {
    /// A shard by its id. Of several, which only a stream has that was made again, the newest.
    pub(crate) fn shard(&self, id: &str) -> Option<usize> {
        self.shards.iter().rposition(|shard| &*shard.id == id)
    }

    /// A session of a mapping.
    pub(crate) fn session(&mut self, consumer: usize, session: usize) -> &mut SessionState {
        &mut self.consumers[consumer].sessions[session]
    }

    /// What a session knows of a shard.
    pub(crate) fn view(&mut self, consumer: usize, session: usize, shard: usize) -> &mut View {
        self.session(consumer, session).views.entry(shard).or_default()
    }

    /// Every shard that a shard came from, at any remove, as far as a mapping can know: through shards that it saw
    /// listed.
    pub(crate) fn ancestors(&self, consumer: usize, shard: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = self.shards[shard].parents.clone();
        while let Some(parent) = open.pop() {
            if self.consumers[consumer].listed.contains(&parent) && found.insert(parent) {
                open.extend(&self.shards[parent].parents);
            }
        }
        found
    }
}

impl SessionState {
    /// The parameters that only streams have.
    pub(crate) fn stream(&self) -> &StreamSpec {
        self.mapping.source.stream().expect("a mapping of a stream")
    }

    /// Whether records may be dropped without a word when they are this old.
    pub(crate) fn drops_silently(&self, stamp: u64, now_unix_ms: u64) -> bool {
        self.mapping.on_failure.is_none() && self.is_expired(stamp, now_unix_ms)
    }

    /// Whether a record is older than `MaximumRecordAgeInSeconds`.
    pub(crate) fn is_expired(&self, stamp: u64, now_unix_ms: u64) -> bool {
        let age = self.stream().maximum_record_age;
        age.is_some_and(|age| u128::from(now_unix_ms.saturating_sub(stamp)) > age.as_millis())
    }
}
