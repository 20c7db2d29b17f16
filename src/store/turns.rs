//! Writes in turns: what comes while one round is written waits, and is written together in the next.
//!
//! So a thousand mappings that save once a second cost at most a hundred transactions a second and not a thousand, and
//! a save that comes alone does not wait.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use redb::Database;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::asked::Asked;
use super::file;
use super::guard::let_go;
use super::place::Place;
use super::round::{Outcome, Round, State};
use super::trouble::Trouble;
use super::{Definition, Desired, StoreError};

/// The least time from the begin of one transaction to the next.
const APART: Duration = Duration::from_millis(10);
/// That the file was opened again is said at most this often.
const SILENCE: Duration = Duration::from_secs(60);

/// Takes a request in, and gives back what will answer it.
type Job = Box<dyn FnOnce(&mut Round<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(&Outcome) + Send>;

/// The open store and who waits for it.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) path: PathBuf,
    place: Place,
    /// Only the one that has the turn waits for a disk with this held. `None`: closed.
    pub(super) open: Mutex<Option<Open>>,
    asked: RwLock<Asked>,
    queue: Mutex<Queue>,
    #[cfg(test)]
    pub(super) commits: std::sync::atomic::AtomicUsize,
}

/// The file, and what it holds.
#[derive(Debug)]
pub(super) struct Open {
    /// `None` after a write that failed: redb refuses every further one then, also when the disk has room again.
    pub(super) database: Option<Database>,
    state: State,
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Job>,
    /// Somebody has the turn, and will take what comes.
    taken: bool,
    /// When the last transaction was begun.
    last_write: Option<Instant>,
    /// When it was last said that the file was opened again.
    said: Option<Instant>,
    /// How often it stayed unsaid since.
    silenced: u64,
}

impl Queue {
    /// Whether to say that the file was opened again, and then how often that stayed unsaid.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.said.is_some_and(|said| now.saturating_duration_since(said) < SILENCE) {
            self.silenced += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.silenced))
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("jobs", &self.jobs.len()).field("taken", &self.taken).finish()
    }
}

impl Turns {
    pub(super) fn new(path: &Path, place: Place, database: Database, state: State, asked: Asked) -> Self {
        Self {
            path: path.to_owned(),
            place,
            open: Mutex::new(Some(Open { database: Some(database), state })),
            asked: RwLock::new(asked),
            queue: Mutex::default(),
            #[cfg(test)]
            commits: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    pub(super) fn desired(&self, mapping: &str) -> Option<Desired> {
        self.asked.read().unwrap_or_else(PoisonError::into_inner).desired.get(mapping).cloned()
    }

    pub(super) fn definitions(&self) -> BTreeMap<String, Definition> {
        self.asked.read().unwrap_or_else(PoisonError::into_inner).definitions.clone()
    }

    /// Whether the file still stands at its path.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.place.check().map_err(|trouble| trouble.at(&self.path))
    }

    /// Has `work` done in the next round. The answer comes when its changes (those of `mapping`) are on disk.
    pub(super) async fn submit<T: Send + 'static>(
        self: Arc<Self>,
        mapping: Option<String>,
        work: impl FnOnce(&mut Round<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answered) = oneshot::channel();
        let job: Job = Box::new(move |round| {
            let result = work(round);
            Box::new(move |outcome| {
                let result = result.and_then(|value| outcome.of(mapping.as_deref()).map(|()| value));
                // Whoever asked may have gone away meanwhile.
                reply.send(result).ok();
            })
        });
        let free = {
            let mut queue = self.queue();
            queue.jobs.push(job);
            !std::mem::replace(&mut queue.taken, true)
        };
        if free {
            let turn = Turn { turns: Arc::clone(&self), over: false };
            tokio::task::spawn_blocking(move || turn.run());
        }
        answered.await.unwrap_or_else(|_| {
            let lost = "the task that wrote ended before the write was done".to_owned();
            Err(Trouble::Panicked(lost).at(&self.path))
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what still waits, and lets go of the file: the next one can open it when this returns.
    pub(super) fn close(&self) {
        let mut open = self.open();
        self.round(&mut open);
        let_go(open.take());
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing waits: then the turn is given back.
    fn is_over(&self) -> bool {
        let mut queue = self.queue();
        queue.taken = !queue.jobs.is_empty();
        !queue.taken
    }

    /// Waits until the next transaction may begin; what comes meanwhile will be in it.
    fn keep_apart(&self) {
        let last = self.queue().last_write;
        if let Some(pause) = last.and_then(|last| APART.checked_sub(last.elapsed())) {
            std::thread::sleep(pause);
        }
    }

    /// Opens the file again, and takes over what it holds: a write that failed may have taken effect.
    fn reopen(&self, state: &mut State) -> Result<Database, Trouble> {
        let (database, contents) = file::open_again(&self.path, &self.place)?;
        state.ledger = contents.ledger;
        *self.asked.write().unwrap_or_else(PoisonError::into_inner) = contents.asked;
        let (store, said) = (self.path.display(), self.queue().admit(Instant::now()));
        if let Some(silenced) = said {
            tracing::info!(%store, silenced, "the store was opened again after a write that failed");
        }
        Ok(database)
    }

    /// Takes everything that waits and writes it.
    fn round(&self, open: &mut Option<Open>) {
        let jobs = std::mem::take(&mut self.queue().jobs);
        let Some(Open { database, state }) = open else { return };
        let begun = Instant::now();
        let mut held = database.take();
        let opened = self.place.check().and_then(|()| held.take().map_or_else(|| self.reopen(state), Ok));
        let mut round = Round::new(state, &self.path);
        let answers: Vec<Answer> = jobs.into_iter().map(|job| job(&mut round)).collect();
        let (used, outcome) = match opened {
            Ok(opened) => {
                let outcome = round.write(Ok(&opened), &self.place);
                (Some(opened), outcome)
            }
            Err(trouble) => (None, round.write(Err(trouble), &self.place)),
        };
        if outcome.is_committed() {
            // One that was not used, because its file is gone, is whole: it serves again when the file is back.
            *database = used.or(held);
        } else {
            *database = held;
            let_go(used);
        }
        if outcome.has_written() {
            self.queue().last_write = Some(begun);
            #[cfg(test)]
            self.commits.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        if outcome.is_committed() {
            self.asked.write().unwrap_or_else(PoisonError::into_inner).take(&outcome.asked);
        }
        answers.into_iter().for_each(|answer| answer(&outcome));
    }
}

/// The right to write. However it ends, the next one can have it.
struct Turn {
    turns: Arc<Turns>,
    /// Given back already: another may have it by now.
    over: bool,
}

impl Turn {
    fn run(mut self) {
        while !self.turns.is_over() {
            self.turns.keep_apart();
            // Let go of in between: a store that is closed waits for one round at most.
            self.turns.round(&mut self.turns.open());
        }
        self.over = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // It never began, or broke: those who wait learn it from the ends of their channels.
        let mut queue = self.turns.queue();
        let left = std::mem::take(&mut queue.jobs);
        queue.taken = false;
        drop(queue);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_opened_again_and_again_is_told_each_minute() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let said: Vec<Option<u64>> = [0, 1, 59, 60, 61].map(|n| queue.admit(start + Duration::from_secs(n))).into();
        assert_eq!(said, [Some(0), None, None, Some(2), None]);
    }
}
