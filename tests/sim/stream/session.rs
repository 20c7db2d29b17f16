//! One connection of a mapping, and what it may do at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay::clock::ServiceClock;
use forebay::machine::StartingPosition;
use forebay::mapping::Mapping;

use super::model::{Quiet, SessionState, State, StreamModel};
use super::shards::unix;
use crate::streak::Streak;

/// After a stop was answered, calls already on their way may still begin for so long (milliseconds).
const STOP_GRACE: u64 = 3;

/// What was put this long before a mapping's first claim is history to `LATEST` (milliseconds): DynamoDB has whole
/// seconds only.
const HISTORY: u64 = 2_000;

/// The stream, the function and the destination of a mapping, as one engine reaches them with one set of numbers.
pub(crate) struct Session {
    pub(crate) model: Arc<StreamModel>,
    pub(crate) consumer: usize,
    pub(crate) id: usize,
    pub(crate) incarnation: u32,
    pub(crate) mapping: Arc<Mapping>,
    /// What the stream's answers have shown of its time.
    pub(crate) clock: Arc<ServiceClock>,
}

impl Session {
    /// The engine connects.
    pub(crate) fn new(model: Arc<StreamModel>, mapping: &Mapping) -> Self {
        let consumer = model.find(&mapping.name);
        let incarnation = model.world.incarnation();
        let mapping = Arc::new(mapping.clone());
        let now = model.world.now();
        let mut state = model.state();
        let quiet = state.consumers[consumer].quiet.filter(|quiet| quiet.until_connected);
        if let Some(Quiet { since, bound, cut, .. }) = quiet {
            let clean = !cut && bound.is_some_and(|bound| now < since + bound);
            model.end_session(&mut state, consumer, clean);
            state.consumers[consumer].quiet = None;
        }
        let id = state.consumers[consumer].sessions.len();
        state.consumers[consumer].sessions.push(SessionState {
            incarnation,
            mapping: Arc::clone(&mapping),
            views: BTreeMap::new(),
            claimed: false,
            ended: None,
            deliveries: BTreeMap::new(),
            streak: Streak::default(),
        });
        drop(state);
        let stream = mapping.source.stream().expect("a mapping of a stream");
        model.note(
            consumer,
            format_args!(
                "connected as session {id}: batches of {}, window {:?}, {} lanes",
                mapping.batch_size, mapping.window, stream.parallelization
            ),
        );
        Self { model, consumer, id, incarnation, mapping, clock: Arc::default() }
    }

    /// Whether the process that this belongs to still runs.
    pub(crate) fn alive(&self) -> bool {
        self.incarnation == self.model.world.incarnation()
    }

    /// Records an event.
    pub(crate) fn note(&self, event: std::fmt::Arguments<'_>) {
        self.model.note(self.consumer, event);
    }

    /// Records a violation.
    pub(crate) fn violate(&self, what: impl std::fmt::Display) {
        self.model.violate(self.consumer, what);
    }

    /// Checks a call that no dead process makes, and none while another session of the mapping is at work.
    pub(crate) fn check_alive(&self, state: &State, what: &str) {
        if !self.alive() {
            self.violate(format_args!("a dead process begins {what}"));
        }
        let consumer = &state.consumers[self.consumer];
        let others = consumer.calls.values().any(|call| call.session != self.id);
        let reads = consumer
            .sessions
            .iter()
            .enumerate()
            .any(|(id, session)| id != self.id && session.views.values().any(|view| view.reading));
        if others || reads {
            self.violate(format_args!("{what} begins while another session of the mapping is still at work"));
        }
    }

    /// Checks a call that only a running mapping makes.
    pub(crate) fn check_awake(&self, state: &State, what: &str) {
        self.check_alive(state, what);
        let now = self.model.world.now();
        if let Some(quiet) = state.consumers[self.consumer].quiet
            && now > quiet.since + STOP_GRACE
        {
            self.violate(format_args!("{what} begins {} ms after the stop", now - quiet.since));
        }
    }
}

impl StreamModel {
    /// The last session of a mapping is over; `clean`: it had the time to save everything.
    pub(crate) fn end_session(&self, state: &mut State, consumer: usize, clean: bool) {
        let now = self.world.now();
        if let Some(session) = state.consumers[consumer].sessions.last_mut() {
            session.ended.get_or_insert((now, clean));
        }
    }

    /// Whether a mapping must finish a record sooner or later, by where it starts.
    pub(crate) fn is_required(&self, state: &State, consumer: usize, record: usize) -> bool {
        let record = &state.records[record];
        match self.start(consumer) {
            StartingPosition::TrimHorizon => true,
            StartingPosition::Timestamp(from) => unix(record.put) >= from,
            StartingPosition::Latest => state.consumers[consumer].begun.is_some_and(|begun| record.put > begun),
        }
    }

    /// Whether a mapping must never see a record, by where it starts.
    pub(crate) fn is_history(&self, state: &State, consumer: usize, record: usize) -> bool {
        let consumer_state = &state.consumers[consumer];
        let record = &state.records[record];
        // A shard that the first list did not show yet is read from its first record.
        if !consumer_state.first_list.as_ref().is_some_and(|listed| listed.contains_key(&record.shard)) {
            return false;
        }
        match self.start(consumer) {
            StartingPosition::TrimHorizon => false,
            StartingPosition::Timestamp(from) => unix(record.put) < from,
            StartingPosition::Latest => {
                consumer_state.claimed.is_some_and(|claimed| record.put + HISTORY + self.clock_lag() < claimed)
            }
        }
    }

    /// Where a mapping starts.
    pub(crate) fn start(&self, consumer: usize) -> StartingPosition {
        self.consumer(consumer).mapping.source.stream().expect("a mapping of a stream").start
    }

    /// Whether a session must finish a record: the mapping must, and the claimed checkpoint does not cover it.
    pub(crate) fn is_owed(&self, state: &State, consumer: usize, session: usize, record: usize) -> bool {
        let place = &state.records[record];
        let view = state.consumers[consumer].sessions[session].views.get(&place.shard);
        let covered = view.is_some_and(|view| view.whole || place.at < view.from);
        !covered && self.is_required(state, consumer, record)
    }

    /// Whether a record was trimmed before a session could read it.
    pub(crate) fn is_trimmed_unread(&self, state: &State, consumer: usize, session: usize, record: usize) -> bool {
        let place = &state.records[record];
        place.at < state.shards[place.shard].trimmed && !self.was_read(state, consumer, session, record)
    }

    /// Whether a session may drop a record now silently: it is too old, and there is no destination.
    pub(crate) fn is_too_old(&self, state: &State, consumer: usize, session: usize, record: usize) -> bool {
        let drops = |session: &SessionState| session.drops_silently(state.records[record].stamp, self.world.unix_ms());
        drops(&state.consumers[consumer].sessions[session]) && self.was_read(state, consumer, session, record)
    }

    /// Whether a record may stay unfinished in a session for ever.
    pub(crate) fn is_forfeit(&self, state: &State, consumer: usize, session: usize, record: usize) -> bool {
        self.is_trimmed_unread(state, consumer, session, record) || self.is_too_old(state, consumer, session, record)
    }

    fn was_read(&self, state: &State, consumer: usize, session: usize, record: usize) -> bool {
        let place = &state.records[record];
        let view = state.consumers[consumer].sessions[session].views.get(&place.shard);
        view.is_some_and(|view| view.read.contains_key(&place.at))
    }

    /// Notes that a record is finished.
    pub(crate) fn finish_record(&self, state: &mut State, consumer: usize, session: usize, record: usize) {
        let now = self.world.now();
        let (shard, at) = (state.records[record].shard, state.records[record].at);
        state.view(consumer, session, shard).finished.entry(at).or_insert(now);
        state.consumers[consumer].finished.insert(record);
    }
}
