//! The machine of one replica: its own life, its sight of the others, its assignment, and the plan when it is its turn.

mod answers;
mod holdings;
mod outbox;
mod outlook;
mod planner;
mod pulse;
mod steady;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Input, Offer, Output, Periods, ReplicaId, ReplicaRow, ReplicaState, Request};
use crate::machine::Mono;
use holdings::Holdings;
use outbox::Outbox;
use outlook::Outlook;
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
    shown_until: Mono,
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

#[derive(Debug, Default)]
struct OwnOffer {
    number: u64,
    mappings: BTreeSet<Arc<str>>,
    /// The number of the offer that stands in the table.
    written: u64,
    due: Mono,
}

/// The counter in the own row that others raise.
#[derive(Debug, Default)]
struct News {
    seen: u64,
    /// The counter before the last read began, and before the one that has ended.
    asked: u64,
    read: u64,
    due: Mono,
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
            news: News { due: now + AGAIN, ..News::default() },
            holdings: Holdings::default(),
            draining: None,
            alone: false,
            shown_until: Mono::ZERO,
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
            Input::Offer(mappings) => {
                if self.offer.number == 0 || mappings != self.offer.mappings {
                    self.offer = OwnOffer { number: self.offer.number + 1, mappings, due: now, ..self.offer };
                }
            }
            Input::Released(unit) => self.holdings.released(&unit),
            Input::Drain => self.drain(now),
            Input::Jumped => self.pulse.expire(now),
            Input::NewId(id) => self.begin_again(id, now),
            Input::Timeout => {}
        }
        self.advance(now);
        self.show();
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
        next.offer = OwnOffer { written: 0, due: now, ..std::mem::take(&mut self.offer) };
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
                self.make_offer(now);
                self.read_news(now);
                self.look(now);
                self.beat_head(now);
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
            let beat = self.pulse.beat(self.periods(), self.draining.is_some(), self.offer.written, now);
            self.outbox.ask(Request::Beat(beat), now);
        }
    }

    fn make_offer(&mut self, now: Mono) {
        let own = &self.offer;
        let is_due = own.written < own.number && now >= own.due;
        if is_due && !self.outbox.is_open(|request| matches!(request, Request::Offer(_))) {
            let offer = Offer { id: self.id().clone(), number: own.number, mappings: own.mappings.clone() };
            self.outbox.ask(Request::Offer(offer), now);
        }
    }

    fn read_news(&mut self, now: Mono) {
        if now >= self.news.due && !self.outbox.is_open(|request| matches!(request, Request::ReadAssignment { .. })) {
            self.news.asked = self.news.seen;
            self.outbox.ask(Request::ReadAssignment { id: self.id().clone() }, now);
        }
    }

    /// The next step of a drain.
    fn hand_over(&mut self, now: Mono) {
        let Some(since) = self.draining else { return };
        if now.since(since) >= HAND_OVER || self.outlook.has_no_heir(self.pulse.id()) {
            self.want_nothing();
        }
        if self.holdings.is_empty() {
            self.life = Life::Leaves { due: now, tries: 0 };
        }
    }

    fn want_nothing(&mut self) {
        if let Some(units) = self.holdings.release_all() {
            self.outbox.push(Output::Assigned(units));
        }
    }

    /// Says until when work may begin.
    fn show(&mut self) {
        let until = self.pulse.until();
        if self.life == Life::Lives && until != self.shown_until {
            self.shown_until = until;
            self.outbox.push(Output::Valid { until });
        }
    }

    fn deadline(&self) -> Mono {
        if !self.pulse.is_joined() {
            return self.pulse.due();
        }
        let open = |is_such: fn(&Request) -> bool| self.outbox.is_open(is_such);
        let beats = self.outbox.open(|request| matches!(request, Request::Beat(_))) < MOST_OPEN;
        let offers = self.offer.written < self.offer.number && !open(|request| matches!(request, Request::Offer(_)));
        [
            beats.then(|| self.pulse.due()),
            offers.then_some(self.offer.due),
            (!open(|request| matches!(request, Request::ReadAssignment { .. }))).then_some(self.news.due),
            self.look_due(),
            self.head_due(),
            self.draining.map(|since| since + HAND_OVER).filter(|_| self.holdings.wants_any()),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(self.pulse.due())
    }
}
