//! What is known of each shard of a running stream mapping, kept up to date by its events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::{Checkpoint, Event, labels};

/// How many ended shards are remembered. Streams of tables end a shard every few hours, for ever.
const ENDED_KEPT: usize = 100;

labels! {
    /// Whether a shard is read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub enum ShardState {
        /// Known, and not begun: the shards that it came from are not processed yet.
        Waiting => "waiting",
        /// Read.
        Reading => "reading",
        /// Closed and processed to its end.
        Ended => "ended",
        /// Not read, because the mapping does not run.
        Stopped => "stopped",
    }
}

/// The shards of one mapping.
#[derive(Debug, Default)]
pub(crate) struct Shards(Mutex<BTreeMap<Arc<str>, Shard>>);

/// What is known of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Whether it is read.
    pub state: ShardState,
    /// Its saved checkpoint.
    pub position: Checkpoint,
    /// The iterator age that its last batch or idle read showed; `None` until one has.
    pub age: Option<Duration>,
}

impl Shards {
    /// Takes over what an event says of a shard; other events change nothing.
    pub(crate) fn observe(&self, event: &Event) {
        match event {
            Event::ShardStarted { shard, from } => {
                let seen = Shard { state: ShardState::Reading, position: from.clone(), age: None };
                self.lock().insert(Arc::clone(shard), seen);
            }
            Event::IteratorAge { shard, age } => {
                if let Some(seen) = self.lock().get_mut(shard) {
                    seen.age = Some(*age);
                }
            }
            Event::Checkpointed { shard, checkpoint } => {
                let mut shards = self.lock();
                let seen = shards.entry(Arc::clone(shard)).or_insert_with(|| Shard {
                    state: ShardState::Waiting,
                    position: checkpoint.clone(),
                    age: None,
                });
                seen.position = checkpoint.clone();
                if checkpoint.is_end() {
                    ended(&mut shards, shard);
                }
            }
            Event::ShardEnded { shard } => ended(&mut self.lock(), shard),
            Event::ShardGone { shard } => {
                self.lock().remove(shard);
            }
            _ => {}
        }
    }

    /// Nothing is read any more: positions stay, ages are over.
    pub(crate) fn stopped(&self) {
        for seen in self.lock().values_mut() {
            seen.age = None;
            if seen.state != ShardState::Ended {
                seen.state = ShardState::Stopped;
            }
        }
    }

    /// Forgets all of them: what comes is shown again.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    /// The greatest iterator age of the shards that are read, zero where none is known yet; `None` while none is read.
    pub(crate) fn iterator_age(&self) -> Option<Duration> {
        let shards = self.lock();
        let read = shards.values().filter(|seen| seen.state == ShardState::Reading);
        read.map(|seen| seen.age.unwrap_or_default()).max()
    }

    /// How many shards are in a state.
    pub(crate) fn count(&self, state: ShardState) -> usize {
        self.lock().values().filter(|seen| seen.state == state).count()
    }

    /// All of them, by id.
    pub(crate) fn all(&self) -> BTreeMap<Arc<str>, Shard> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Shard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(shards: &mut BTreeMap<Arc<str>, Shard>, shard: &Arc<str>) {
    let Some(seen) = shards.get_mut(shard) else { return };
    if seen.state == ShardState::Ended {
        return;
    }
    (seen.state, seen.age) = (ShardState::Ended, None);
    let ended = || shards.iter().filter(|(_, seen)| seen.state == ShardState::Ended);
    // Ids sort by age: the first is the oldest.
    if let Some((oldest, _)) = ended().next().filter(|_| ended().count() > ENDED_KEPT) {
        let oldest = Arc::clone(oldest);
        shards.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(shards: &Shards, shard: &str) {
        shards.observe(&Event::ShardStarted { shard: shard.into(), from: Checkpoint::TrimHorizon });
    }

    fn aged(shards: &Shards, shard: &str, seconds: u64) {
        shards.observe(&Event::IteratorAge { shard: shard.into(), age: Duration::from_secs(seconds) });
    }

    fn shown(shards: &Shards) -> Vec<(String, ShardState, String, Option<f64>)> {
        let list = shards.all().into_iter();
        let seconds = |age: Duration| age.as_secs_f64();
        list.map(|(id, shard)| (id.to_string(), shard.state, shard.position.to_string(), shard.age.map(seconds)))
            .collect()
    }

    #[test]
    fn the_age_is_the_greatest_of_the_shards_that_are_read() {
        let shards = Shards::default();
        assert_eq!(shards.iterator_age(), None);
        started(&shards, "a");
        assert_eq!(shards.iterator_age(), Some(Duration::ZERO), "nothing was behind so far");
        started(&shards, "b");
        started(&shards, "c");
        aged(&shards, "a", 10);
        aged(&shards, "b", 70);
        aged(&shards, "c", 50);
        assert_eq!(shards.iterator_age(), Some(Duration::from_secs(70)));
        shards.observe(&Event::ShardEnded { shard: "b".into() });
        assert_eq!(shards.iterator_age(), Some(Duration::from_secs(50)), "an ended shard no longer counts");
        shards.observe(&Event::ShardGone { shard: "c".into() });
        assert_eq!(shards.iterator_age(), Some(Duration::from_secs(10)), "nor does one that is gone");
        aged(&shards, "a", 0);
        assert_eq!(shards.iterator_age(), Some(Duration::ZERO), "an idle stream is not behind");
        aged(&shards, "c", 99);
        assert_eq!(shards.iterator_age(), Some(Duration::ZERO), "a late word of a shard that is gone");
    }

    #[test]
    fn positions_follow_the_saved_checkpoints() {
        let shards = Shards::default();
        shards.observe(&Event::Checkpointed { shard: "child".into(), checkpoint: Checkpoint::TrimHorizon });
        started(&shards, "parent");
        aged(&shards, "parent", 3);
        shards.observe(&Event::Checkpointed { shard: "parent".into(), checkpoint: Checkpoint::After("7".into()) });
        assert_eq!(
            shown(&shards),
            [
                ("child".into(), ShardState::Waiting, "TRIM_HORIZON".into(), None),
                ("parent".into(), ShardState::Reading, "AFTER:7".into(), Some(3.0)),
            ]
        );
        shards.observe(&Event::Checkpointed { shard: "parent".into(), checkpoint: Checkpoint::End(None) });
        started(&shards, "child");
        assert_eq!(shards.count(ShardState::Reading), 1);
        shards.stopped();
        assert_eq!(
            shown(&shards),
            [
                ("child".into(), ShardState::Stopped, "TRIM_HORIZON".into(), None),
                ("parent".into(), ShardState::Ended, "END".into(), None),
            ]
        );
        assert_eq!(shards.iterator_age(), None);
        shards.forget();
        assert!(shards.all().is_empty());
    }

    #[test]
    fn only_the_youngest_ended_shards_are_remembered() {
        let shards = Shards::default();
        for n in 0..250 {
            let shard = format!("shardId-{n:012}");
            started(&shards, &shard);
            shards.observe(&Event::ShardEnded { shard: shard.as_str().into() });
            shards.observe(&Event::Checkpointed { shard: shard.as_str().into(), checkpoint: Checkpoint::End(None) });
        }
        assert_eq!(shards.all().len(), ENDED_KEPT);
        assert_eq!(shards.all().keys().next().map(|id| &**id), Some("shardId-000000000150"));
    }
}
