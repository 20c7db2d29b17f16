//! The machine of one replica: its own life, its sight of the others, its assignment, and the plan when it is its turn.

mod answers;
mod holdings;
mod outbox;
mod outlook;
mod own;
mod planner;
mod pulse;
mod steady;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use super::{Input, Output, Periods, ReplicaId, ReplicaRow, ReplicaState, Request};
use crate::machine::Mono;
use holdings::Holdings;
use outbox::Outbox;
use outlook::Outlook;
use own::{News, OwnOffer};
use planner::Planner;
use pulse::{MOST_OPEN, Pulse, REPEAT};

/// What is read all the time by those that watch: the planner and its two deputies.
const WATCH: Duration = Duration::from_secs(1);
/// What is read again although nothing says that it has changed.
const AGAIN: Duration = Duration::from_secs(60);
/// A replica that drains waits so long for a planner to assign its units to others. Then it releases them.
const HAND_OVER: Duration = Duration::from_secs(5);
/// So often a leave is tried. After that the others find out by themselves.
const LEAVES: u32 = 5;

/// What a replica says of itself.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// The fleet's lease time.
    pub lease: Duration,
    /// Its version of forebay.
    pub version: Arc<str>,
    /// Its host.
    pub host: Arc<str>,
    /// When its process began (Unix milliseconds).
    pub since_unix_ms: u64,
}

/// One replica of a fleet, as a deterministic state machine.
#[derive(Debug)]
pub struct FleetMachine {
    options: FleetOptions,
    outbox: Outbox,
    life: Life,
    pulse: Pulse,
    outlook: Outlook,
    planner: Option<Planner>,
    offer: OwnOffer,
    news: News,
    holdings: Holdings,
    draining: Option<Mono>,
    /// No other replica lives, as a consistent read has said.
    alone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// It joins, or has joined.
    Lives,
    /// It was declared dead, and waits for another id.
    Dead,
    /// It has released everything. When to try again to leave, and how often it was tried.
    Leaves {
        due: Mono,
        tries: u32,
    },
    Gone,
}

impl FleetMachine {
    /// A replica that is about to join, under an id that was never used.
    #[must_use]
    pub fn new(options: FleetOptions, id: ReplicaId, now: Mono) -> Self {
        let pulse = Pulse::new(id, Periods::of_lease(options.lease), now);
        Self {
            options,
            outbox: Outbox::default(),
            life: Life::Lives,
            pulse,
            outlook: Outlook::new(now),
            planner: None,
            offer: OwnOffer::default(),
            news: News::new(now),
            holdings: Holdings::default(),
            draining: None,
            alone: false,
        }
    }

    /// The id of the present life.
    #[must_use]
    pub const fn id(&self) -> &ReplicaId {
        self.pulse.id()
    }

    /// Whether this replica plans.
    #[must_use]
    pub const fn plans(&self) -> bool {
        self.planner.is_some()
    }

    /// Takes in what happened; to be followed by a complete drain of [`poll_output`](Self::poll_output).
    pub fn handle(&mut self, input: Input, now: Mono) {
        match input {
            Input::Answer { call, result } => {
                if let Some(asked) = self.outbox.answered(call) {
                    self.answer(asked, result, now);
                }
            }
            Input::Offer(mappings) => self.offer.becomes(mappings, now),
            Input::Released(unit) => self.holdings.released(&unit),
            Input::Drain => self.drain(now),
            Input::Jumped => self.pulse.expire(now),
            Input::NewId(id) => self.begin_again(id, now),
            Input::Timeout => {}
        }
        self.advance(now);
        if self.life == Life::Lives {
            self.pulse.show(&mut self.outbox);
        }
    }

    /// The next thing to do; after [`Output::Timeout`] or [`Output::Done`] further calls repeat that answer.
    #[must_use]
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outbox.pop() {
            return output;
        }
        match self.life {
            Life::Gone => Output::Done,
            Life::Dead => Output::Timeout(None),
            Life::Leaves { due, .. } => Output::Timeout(Some(due)),
            Life::Lives => Output::Timeout(Some(self.deadline())),
        }
    }

    fn drain(&mut self, now: Mono) {
        if self.draining.is_some() {
            return;
        }
        self.draining = Some(now);
        if self.life == Life::Dead {
            self.life = Life::Gone;
            return;
        }
        self.pulse.hurry(now);
        self.outlook.look_at(now, true);
        self.plan(now);
    }

    /// The life under this id is over, whether or not this replica was asked.
    fn die(&mut self) {
        self.outbox.clear();
        self.outbox.push(Output::Died);
        self.planner = None;
        self.holdings = Holdings::default();
        self.alone = false;
        self.life = if self.draining.is_some() { Life::Gone } else { Life::Dead };
    }

    fn begin_again(&mut self, id: ReplicaId, now: Mono) {
        if self.life != Life::Dead {
            return;
        }
        let mut next = Self::new(self.options.clone(), id, now);
        next.offer = std::mem::take(&mut self.offer);
        next.offer.begins_again(now);
        // Names of calls go on: late answers to the life before find nothing.
        std::mem::swap(&mut next.outbox, &mut self.outbox);
        *self = next;
    }

    fn periods(&self) -> Periods {
        let lease = self.options.lease;
        if self.alone { Periods::alone(lease) } else { Periods::of_lease(lease) }
    }

    /// Does what is due.
    fn advance(&mut self, now: Mono) {
        if self.life == Life::Lives {
            if self.pulse.is_joined() {
                self.beat(now);
                self.offer.write_if_due(self.pulse.id(), &mut self.outbox, now);
                self.news.read_if_due(self.pulse.id(), &mut self.outbox, now);
                self.outlook.look_if_due(&mut self.outbox, now);
                self.mind_the_head(now);
                self.hand_over(now);
            } else {
                self.join(now);
            }
        }
        if let Life::Leaves { due, tries } = self.life
            && now >= due
            && !self.outbox.is_open(|request| matches!(request, Request::Leave { .. }))
        {
            if tries >= LEAVES {
                self.life = Life::Gone;
                return;
            }
            self.life = Life::Leaves { due: now + REPEAT, tries: tries + 1 };
            self.outbox.ask(Request::Leave { id: self.id().clone() }, now);
        }
    }

    fn join(&mut self, now: Mono) {
        if self.draining.is_some() {
            self.life = Life::Leaves { due: now, tries: 0 };
        } else if now >= self.pulse.due() && !self.outbox.is_open(|request| matches!(request, Request::Join(_))) {
            self.pulse.joins(now);
            let FleetOptions { lease, version, host, since_unix_ms } = self.options.clone();
            let row = ReplicaRow {
                id: self.id().clone(),
                beat: 1,
                state: ReplicaState::Up,
                periods: Periods::of_lease(lease),
                news: 0,
                offer: 0,
                version,
                host,
                since_unix_ms,
            };
            self.outbox.ask(Request::Join(row), now);
        }
    }

    fn beat(&mut self, now: Mono) {
        let open = self.outbox.open(|request| matches!(request, Request::Beat(_)));
        if now >= self.pulse.due() && open < MOST_OPEN {
            let beat = self.pulse.beat(self.periods(), self.draining.is_some(), self.offer.written(), now);
            self.outbox.ask(Request::Beat(beat), now);
        }
    }

    /// Reads who plans, or writes it where this replica does. One that is alone does neither.
    fn mind_the_head(&mut self, now: Mono) {
        match &mut self.planner {
            _ if self.alone => {}
            Some(planner) => planner.beat_if_due(&mut self.outbox, now),
            None => self.outlook.read_head_if_due(&mut self.outbox, now),
        }
    }

    /// The next step of a drain.
    fn hand_over(&mut self, now: Mono) {
        let Some(since) = self.draining else { return };
        if now.since(since) >= HAND_OVER || self.outlook.has_no_heir(self.pulse.id()) {
            let released = self.holdings.release_all();
            self.outbox.extend(released.map(Output::Assigned));
        }
        if self.holdings.is_empty() {
            self.life = Life::Leaves { due: now, tries: 0 };
        }
    }

    fn deadline(&self) -> Mono {
        if !self.pulse.is_joined() {
            return self.pulse.due();
        }
        let outbox = &self.outbox;
        let beats = outbox.open(|request| matches!(request, Request::Beat(_))) < MOST_OPEN;
        let head_due = match &self.planner {
            _ if self.alone => None,
            Some(planner) => planner.beat_due(outbox),
            None => self.outlook.head_due(outbox),
        };
        [
            beats.then(|| self.pulse.due()),
            self.offer.due(outbox),
            self.news.due(outbox),
            self.outlook.look_due(outbox),
            head_due,
            self.draining.map(|since| since + HAND_OVER).filter(|_| self.holdings.wants_any()),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(self.pulse.due())
    }
}
