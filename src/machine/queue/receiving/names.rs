//! The names of receives of a FIFO queue (`ReceiveRequestAttemptId`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::machine::{Mono, uuid};

/// SQS knows a `ReceiveRequestAttemptId` for five minutes; the request takes a part of them.
const NAME_LIVES: Duration = Duration::from_secs(290);

/// Receives whose answers were lost, to be made again under their names.
#[derive(Debug, Default)]
pub(super) struct LostReceives(VecDeque<Name>);

/// The name of a receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) id: Arc<str>,
    /// When it was first used.
    first: Mono,
    /// How many messages it asked for: a name stands for one request.
    pub(super) max: u32,
}

impl LostReceives {
    pub(super) fn add(&mut self, name: Name) {
        self.0.push_back(name);
    }

    /// The name of the next receive, and so how many messages it asks for: at most `max`.
    pub(super) fn next(&mut self, max: u32, rng: &mut fastrand::Rng, now: Mono) -> Name {
        self.0.retain(|name| now.since(name.first) < NAME_LIVES);
        let lost = self.0.iter().position(|name| name.max <= max).and_then(|index| self.0.remove(index));
        lost.unwrap_or_else(|| Name { id: uuid::hyphenated(uuid::random(rng)).into(), first: now, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_receive_is_made_again_while_the_queue_knows_it_and_there_is_room_for_it() {
        let at = |seconds| Mono::at(Duration::from_secs(seconds));
        let mut rng = fastrand::Rng::with_seed(1);
        let mut lost = LostReceives::default();
        let first = lost.next(10, &mut rng, at(0));
        lost.add(first.clone());
        let smaller = lost.next(9, &mut rng, at(1));
        assert_ne!(smaller.id, first.id, "it asked for more");
        assert_eq!(lost.next(10, &mut rng, at(289)), first);
        assert_ne!(lost.next(10, &mut rng, at(289)).id, first.id, "it is open again");
        lost.add(first.clone());
        assert_ne!(lost.next(10, &mut rng, at(290)).id, first.id, "SQS has forgotten it by now");
    }
}
