//! What an engine does with one unit: it waits for the lease, claims it, works, saves, and releases.

use forebay::fleet::ReplicaId;

use super::lease::{Claim, Lease, LeaseAnswer, LeaseRequest};

/// Between two looks at a lease that another holds.
const POLL: u64 = 500;
/// After a request without an answer.
const AGAIN: u64 = 300;
/// An owner without a row may be alive until its next heartbeat is refused.
const MISSING: u64 = 10_000;

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) wanted: bool,
    state: State,
    /// The token of the request that is open.
    open: Option<u64>,
    not_before: u64,
    /// Since when the owner has no row.
    missing: Option<u64>,
    /// Since when a claim has no answer.
    pub(crate) unsure: Option<u64>,
}

#[derive(Debug)]
enum State {
    Waiting,
    /// The owner's row is read, to see whether it is dead.
    Doubting(Lease),
    /// Sent again until the answer is sure, even if the unit is not wanted any more.
    Claiming(Claim),
    Running(Run),
    /// A release has no answer. If the unit is wanted again, a save under a higher number comes first, so that the
    /// release cannot take effect any more.
    Resolving(Run),
    Over,
}

#[derive(Clone, Debug)]
struct Run {
    epoch: u64,
    /// The number of the last save that was sent.
    saves: u64,
    position: u64,
    saved: u64,
    saved_at: u64,
    invoking: bool,
    releasing: bool,
}

/// What the worker sees.
pub(crate) struct View<'a> {
    pub(crate) now: u64,
    /// Whether work may begin.
    pub(crate) valid: bool,
    pub(crate) me: &'a ReplicaId,
    pub(crate) save_every: u64,
}

#[derive(Debug)]
pub(crate) enum Action {
    Ask(LeaseRequest),
    Invoke { record: u64, epoch: u64 },
    Released,
}

impl Worker {
    pub(crate) const fn new() -> Self {
        Self { wanted: true, state: State::Waiting, open: None, not_before: 0, missing: None, unsure: None }
    }

    /// The epoch under which it runs.
    pub(crate) const fn runs(&self) -> Option<u64> {
        match &self.state {
            State::Running(run) => Some(run.epoch),
            _ => None,
        }
    }

    pub(crate) const fn asked(&mut self, token: u64) {
        self.open = Some(token);
    }

    pub(crate) fn is_open(&self, token: u64) -> bool {
        self.open == Some(token)
    }

    /// The next thing to do.
    pub(crate) fn step(&mut self, view: &View<'_>) -> Option<Action> {
        let is_due = self.open.is_none() && view.now >= self.not_before;
        match &mut self.state {
            State::Running(run) => {
                if self.wanted && view.valid && !run.invoking && !run.releasing {
                    run.invoking = true;
                    return Some(Action::Invoke { record: run.position, epoch: run.epoch });
                }
                let release = !self.wanted && !run.invoking;
                let save = run.position > run.saved && view.now >= run.saved_at + view.save_every;
                if !is_due || !(release || save) {
                    return None;
                }
                run.saves += 1;
                run.saved_at = view.now;
                run.releasing = release;
                Some(Action::Ask(run.save(view.me, release)))
            }
            State::Waiting if !self.wanted && self.open.is_none() => {
                self.state = State::Over;
                Some(Action::Released)
            }
            State::Waiting => (is_due && view.valid).then_some(Action::Ask(LeaseRequest::Read)),
            State::Resolving(run) if is_due => {
                run.saves += 1;
                run.releasing = !self.wanted;
                Some(Action::Ask(run.save(view.me, run.releasing)))
            }
            State::Doubting(row) if is_due => {
                row.owner.clone().map(|owner| Action::Ask(LeaseRequest::ReadOwner(owner)))
            }
            State::Claiming(claim) if is_due => {
                self.unsure.get_or_insert(view.now);
                Some(Action::Ask(LeaseRequest::Claim(claim.clone())))
            }
            State::Doubting(_) | State::Claiming(_) | State::Resolving(_) | State::Over => None,
        }
    }

    /// An invoke ended.
    pub(crate) fn invoked(&mut self, epoch: u64) {
        if let State::Running(run) | State::Resolving(run) = &mut self.state
            && run.epoch == epoch
        {
            run.invoking = false;
            run.position += 1;
        }
    }

    /// The open request ended; `None`: without an answer.
    pub(crate) fn answered(&mut self, answer: Option<LeaseAnswer>, now: u64, me: &ReplicaId) {
        self.open = None;
        let Some(answer) = answer else {
            self.not_before = now + AGAIN;
            if let State::Running(run) = &self.state
                && run.releasing
            {
                self.state = State::Resolving(run.clone());
            }
            return;
        };
        let mine = |row: &Lease, epoch: u64| row.owner.as_ref() == Some(me) && row.epoch == epoch;
        let state = std::mem::replace(&mut self.state, State::Waiting);
        self.state = match (state, answer) {
            (State::Waiting, LeaseAnswer::Row(row)) => match row.owner {
                None => State::Claiming(Claim { me: me.clone(), epoch: row.epoch, dead: None }),
                Some(_) => State::Doubting(row),
            },
            (State::Doubting(row), LeaseAnswer::Owner(dead)) => {
                let since = *self.missing.get_or_insert(now);
                match dead {
                    Some(true) => State::Claiming(Claim { me: me.clone(), epoch: row.epoch, dead: row.owner }),
                    None if now - since >= MISSING => {
                        State::Claiming(Claim { me: me.clone(), epoch: row.epoch, dead: row.owner })
                    }
                    None => self.later(now),
                    Some(false) => {
                        self.missing = None;
                        self.later(now)
                    }
                }
            }
            (State::Claiming(claim), LeaseAnswer::Done(row) | LeaseAnswer::Refused(row)) => {
                self.unsure = None;
                self.missing = None;
                if mine(&row, claim.epoch + 1) { State::Running(Run::new(&row, now)) } else { self.later(now) }
            }
            (State::Running(mut run) | State::Resolving(mut run), LeaseAnswer::Done(row)) => {
                run.saved = row.checkpoint;
                if run.releasing { State::Waiting } else { State::Running(run) }
            }
            (State::Running(run) | State::Resolving(run), LeaseAnswer::Refused(row)) if mine(&row, run.epoch) => {
                State::Running(Run { saved: row.checkpoint, releasing: false, ..run })
            }
            (State::Running(_) | State::Resolving(_), _) => State::Waiting,
            (state, _) => state,
        };
    }

    fn later(&mut self, now: u64) -> State {
        self.not_before = now + POLL;
        State::Waiting
    }
}

impl Run {
    fn save(&self, me: &ReplicaId, release: bool) -> LeaseRequest {
        LeaseRequest::Save { me: me.clone(), epoch: self.epoch, number: self.saves, checkpoint: self.position, release }
    }

    fn new(row: &Lease, now: u64) -> Self {
        Self {
            epoch: row.epoch,
            saves: row.saves,
            position: row.checkpoint,
            saved: row.checkpoint,
            saved_at: now,
            invoking: false,
            releasing: false,
        }
    }
}
