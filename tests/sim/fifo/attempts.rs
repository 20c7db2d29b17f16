//! The names of receives: a new one for each, and that of a receive whose answer may be lost once more.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay::machine::{FaultKind, PollRequest};

use super::queue::FIVE_MINUTES;
use crate::queue::session::Session;
use crate::queue::subject::SubjectState;

/// How much sooner than SQS the engine may take a name for too old (milliseconds).
const SOONER: u64 = 10_000;

/// A receive may begin before the failure of another is heard (milliseconds).
const UNHEARD: u64 = 3;

/// What one session has called its receives.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// Every name, and when it was first used.
    used: BTreeMap<Arc<str>, u64>,
    open: BTreeMap<u64, Attempt>,
    /// Receives whose answer may be lost.
    lost: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    name: Arc<str>,
    max: u32,
    /// When it last failed.
    failed: u64,
}

impl Attempts {
    /// A receive has ended.
    pub(crate) fn ended(&mut self, receive: u64, fault: Option<FaultKind>, now: u64) {
        let Some(attempt) = self.open.remove(&receive) else { return };
        if matches!(fault, Some(FaultKind::Timeout | FaultKind::Transient)) {
            self.lost.push(Attempt { failed: now, ..attempt });
        }
    }
}

impl Session {
    /// Checks the name of a receive.
    pub(crate) fn begin_attempt(&self, state: &mut SubjectState, receive: u64, request: &PollRequest) {
        let subject = &self.subject;
        let (now, max) = (subject.world.now(), request.max);
        let Some(name) = &request.attempt else {
            if subject.is_fifo() {
                subject.violate("a receive from a FIFO queue has no attempt id");
            }
            return;
        };
        if !subject.is_fifo() || name.is_empty() || name.len() > 128 {
            subject.violate(format_args!("a receive has the attempt id {name:?}"));
        }
        let others = state.sessions.iter().enumerate().filter(|(id, _)| *id != self.id);
        if others.into_iter().any(|(_, other)| other.attempts.used.contains_key(name)) {
            subject.violate(format_args!("the attempt id {name} is that of another session's receive"));
        }
        let attempts = &mut state.sessions[self.id].attempts;
        match attempts.lost.iter().position(|lost| lost.name == *name) {
            Some(at) => {
                let lost = attempts.lost.remove(at);
                if lost.max != max || now - lost.failed > FIVE_MINUTES {
                    subject.violate(format_args!(
                        "receive {receive} is to bring {max} and repeats one of {}, {} ms after it failed",
                        lost.max,
                        now - lost.failed
                    ));
                }
                subject.note(format_args!("receive {receive} repeats one whose answer was lost"));
            }
            None if attempts.used.contains_key(name) => {
                subject.violate(format_args!("receive {receive} repeats one whose answer was not lost"));
            }
            None => {
                let young = |lost: &&Attempt| {
                    lost.failed + UNHEARD < now && attempts.used[&lost.name] + FIVE_MINUTES > now + SOONER
                };
                if attempts.lost.iter().find(young).is_some_and(|lost| lost.max <= max) {
                    subject.violate(format_args!("receive {receive} has a new name although an answer was lost"));
                }
            }
        }
        attempts.used.entry(Arc::clone(name)).or_insert(now);
        attempts.open.insert(receive, Attempt { name: Arc::clone(name), max, failed: now });
    }
}
