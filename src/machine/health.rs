//! Whether a mapping can do its work, and if not, why.

use std::collections::BTreeMap;
use std::time::Duration;

use super::streak::Streak;
use super::{Fault, FaultKind, Health, Mono, Problem};

/// So many failures in a row of a kind that usually passes are shown to the operator.
const PATIENCE: u32 = 3;
/// How long a target may take no invocation before that is shown: workers that start attach within this time.
const ATTACHING: Duration = Duration::from_secs(10);
/// How long a panic is shown that a successor has survived.
const PANIC_SHOWN: Duration = Duration::from_secs(60);

/// What the health says of a target that takes no invocation; what the target knows of it follows.
pub(crate) const NO_CAPACITY: &str = "function: nothing can take an invocation";

/// Watches every side of a mapping.
#[derive(Debug, Default)]
pub(crate) struct HealthWatch {
    source: Side,
    function: Side,
    deletion: Side,
    destination: Side,
    store: Side,
    standing: BTreeMap<Standing, String>,
    /// Since when the function's target can take no invocation.
    no_capacity: Option<Mono>,
    /// A panic, which is shown until then.
    panic: Option<(Mono, String)>,
    streak: Streak,
    shows_waiting: bool,
    shown: Health,
    /// The health is to be said although it is the one that was said last.
    says_again: bool,
}

/// What keeps a mapping from its work although every call succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// The stream takes no more records.
    Disabled,
    /// The checkpoints do not fit what the source lists.
    Contradicted,
    /// The host's clock is far from the source's.
    Clock,
    /// Nothing is read. It is shown only where nothing else says why.
    Unread,
}

#[derive(Debug, Default)]
struct Side {
    failures: u32,
    /// Somebody must act before it can work again.
    lasting: bool,
    problem: Option<String>,
}

impl HealthWatch {
    /// The source answered.
    pub(crate) fn source_ok(&mut self) {
        self.source = Side::default();
    }

    /// The source failed.
    pub(crate) fn source_failed(&mut self, fault: &Fault) {
        self.source.failed(fault, "source");
    }

    /// The function answered, even if with an error of its own.
    pub(crate) fn function_ok(&mut self) {
        self.function = Side::default();
    }

    /// The function could not be invoked.
    pub(crate) fn function_failed(&mut self, fault: &Fault) {
        self.function.failed(fault, "function");
    }

    /// A deletion took effect.
    pub(crate) fn deletion_ok(&mut self) {
        self.deletion = Side::default();
    }

    /// Nothing waits to be deleted, and the source answers: a deletion that failed in passing says no more.
    pub(crate) fn deletions_over(&mut self) {
        if !self.deletion.lasting {
            self.deletion = Side::default();
        }
    }

    /// Messages could not be deleted: they will be delivered again.
    pub(crate) fn deletion_failed(&mut self, fault: &Fault) {
        self.deletion.failed(fault, "deletion");
    }

    /// The destination confirmed a failure record.
    pub(crate) fn destination_ok(&mut self) {
        self.destination = Side::default();
    }

    /// Nothing waits to be delivered, and the source answers: a delivery that failed in passing says no more.
    pub(crate) fn deliveries_over(&mut self) {
        if !self.destination.lasting {
            self.destination = Side::default();
        }
    }

    /// The destination did not confirm a failure record.
    pub(crate) fn destination_failed(&mut self, fault: &Fault) {
        self.destination.failed(fault, "destination");
    }

    /// The store kept what it was given.
    pub(crate) fn store_ok(&mut self) {
        self.store = Side::default();
    }

    /// The store did not keep what it was given.
    pub(crate) fn store_failed(&mut self, fault: &Fault) {
        self.store.failed(fault, "store");
    }

    /// Something stands between the mapping and its work, or with `None` does not any more.
    pub(crate) fn stands(&mut self, standing: Standing, problem: Option<String>) {
        match problem {
            Some(problem) => self.standing.insert(standing, problem),
            None => self.standing.remove(&standing),
        };
    }

    /// The function's target can have so many invocations at a time; `None`: it does not say.
    pub(crate) fn capacity(&mut self, capacity: Option<u32>, now: Mono) {
        self.no_capacity = (capacity == Some(0)).then(|| self.no_capacity.unwrap_or(now));
    }

    /// Forgets faults: with other settings, what was wrong may be right. A panic stays shown, and only a success ends a
    /// row of failed batches. What is left is said once more, because who connects the new settings shows none of it.
    pub(crate) fn begin_again(&mut self) {
        let Self { no_capacity, panic, streak, .. } = std::mem::take(self);
        *self = Self { no_capacity, panic, streak, says_again: true, ..Self::default() };
    }

    /// The machine before this one has panicked.
    pub(crate) fn panicked(&mut self, panic: &str, now: Mono) {
        let problem = format!("the mapping's task panicked and goes on with what it held: {panic}");
        self.panic = Some((now + PANIC_SHOWN, problem));
    }

    /// Whether the mapping is shown as degraded.
    pub(crate) const fn is_degraded(&self) -> bool {
        matches!(self.shown, Health::Degraded { .. })
    }

    /// The function processed a batch, or a part of it.
    pub(crate) fn batch_succeeded(&mut self) {
        self.streak.succeeded();
    }

    /// The function failed a batch, and nothing of it is done.
    pub(crate) fn batch_failed(&mut self, problem: &Problem, now: Mono) {
        self.streak.failed(problem, now);
    }

    /// When the health changes by itself.
    pub(crate) fn due(&self) -> Option<Mono> {
        let panic = self.panic.as_ref().map(|&(until, _)| until);
        let waits = self.no_capacity.map(|since| since + ATTACHING).filter(|_| !self.shows_waiting);
        [self.streak.due(), panic, waits].into_iter().flatten().min()
    }

    /// The health, if it differs from what this said last. What keeps a mapping from its work goes before a function
    /// that fails.
    pub(crate) fn changed(&mut self, now: Mono) -> Option<Health> {
        self.panic.take_if(|(until, _)| *until <= now);
        self.shows_waiting = self.no_capacity.is_some_and(|since| now.since(since) >= ATTACHING);
        let mut problems = self.problems();
        let is_degraded = !problems.is_empty();
        problems.extend(self.streak.reason(now).map(str::to_owned));
        let reason = problems.join("; ");
        let health = match problems.as_slice() {
            [] => Health::Ok,
            _ if is_degraded => Health::Degraded { reason },
            _ => Health::Failing { reason },
        };
        let says = std::mem::take(&mut self.says_again) || health != self.shown;
        says.then(|| self.shown.clone_from(&health))?;
        Some(health)
    }

    /// What keeps the mapping from its work.
    fn problems(&self) -> Vec<String> {
        let sides = [&self.function, &self.deletion, &self.destination, &self.store];
        let sides = sides.into_iter().filter_map(|side| side.problem.clone());
        let known = self.source.problem.is_some()
            || self.store.problem.is_some()
            || [Standing::Disabled, Standing::Contradicted].iter().any(|standing| self.standing.contains_key(standing));
        let standing = self.standing.iter().filter(|&(&standing, _)| standing != Standing::Unread || !known);
        let standing = standing.map(|(standing, problem)| match standing {
            Standing::Clock => format!("clock: {problem}"),
            _ => format!("source: {problem}"),
        });
        let panic = self.panic.iter().map(|(_, problem)| problem.clone());
        let waits = self.shows_waiting.then(|| NO_CAPACITY.to_owned());
        panic.chain(self.source.problem.clone()).chain(standing).chain(waits).chain(sides).collect()
    }
}

impl Side {
    fn failed(&mut self, fault: &Fault, side: &str) {
        self.failures += 1;
        // What is too large stays too large, and checkpoints that were taken over stay taken over.
        self.lasting = fault.kind.needs_operator() || matches!(fault.kind, FaultKind::TooLarge | FaultKind::Fenced);
        // A throttled function is slow, not broken: it shows only when nothing at all gets through.
        let patience = if fault.kind == FaultKind::Throttled { 10 * PATIENCE } else { PATIENCE };
        if self.lasting || self.failures >= patience {
            self.problem = Some(format!("{side}: {}", fault.message));
        }
    }
}

#[cfg(test)]
mod tests;
