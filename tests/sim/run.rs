//! Runs one life from beginning to end on a clock of its own.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};

use crate::lane::Place;
use crate::life::Life;
use crate::plan::Plan;

thread_local! {
    /// While a life is lived on this thread: the first panic in it.
    static PANICKED: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// What came of a life.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The seed of its plan.
    pub(crate) seed: u64,
    /// The hash of its story.
    pub(crate) hash: u64,
    /// What was violated first.
    pub(crate) violation: Option<String>,
    /// The last events.
    pub(crate) tail: Vec<String>,
    /// Calls that the engine made.
    pub(crate) calls: u64,
    /// Virtual milliseconds.
    pub(crate) lasted: u64,
    /// Messages that were deleted.
    pub(crate) deleted: usize,
    /// Messages in the dead-letter queue.
    pub(crate) dead: usize,
    /// Messages whose failure record the destination has.
    pub(crate) recorded: usize,
    /// Answers of receives from FIFO queues that were asked for again, and came.
    pub(crate) recovered: usize,
    /// When functions answered (milliseconds).
    pub(crate) served: Vec<u64>,
    /// When calls of functions were refused.
    pub(crate) refused: Vec<u64>,
    /// How often a mapping was seen failing.
    pub(crate) failing: usize,
}

/// Lives the life of `plan`; `show` prints every event.
pub(crate) fn run(plan: Plan, show: bool) -> Outcome {
    let seed = plan.seed;
    let (mut outcome, panic) = on_a_paused_clock(async move {
        let mut life = Life::new(plan, show);
        let world = Arc::clone(&life.world);
        tokio::select! {
            biased;
            () = world.until_violated() => {}
            () = life.live() => {}
        }
        let lasted = world.now();
        let violation = world.violation();
        world.close();
        let (deleted, dead, recorded) = (life.count(Place::Deleted), life.count(Place::Dead), life.recorded());
        let (recovered, failing) = (life.recovered(), life.failing);
        let (served, refused) = life.ends_of_invokes();
        drop(life);
        let (hash, tail) = world.trace();
        Outcome {
            seed,
            hash,
            violation,
            tail,
            calls: world.calls(),
            lasted,
            deleted,
            dead,
            recorded,
            recovered,
            served,
            refused,
            failing,
        }
    });
    if panic.is_some() {
        outcome.violation = panic;
    }
    outcome
}

/// Runs a life on a clock of its own, and tells of the first panic in it, whoever caught it.
pub(crate) fn on_a_paused_clock<T>(life: impl Future<Output = T>) -> (T, Option<String>) {
    watch_for_panics();
    PANICKED.set(Some(None));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets can always be made");
    let outcome = runtime.block_on(life);
    // What the engine left behind is dropped here, with the world closed.
    let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(runtime)));
    let panicked = PANICKED.take().flatten().map(|panic| format!("panic: {panic}"));
    (outcome, panicked.or_else(|| dropped.is_err().then(|| "panic at the end".into())))
}

/// A panic in a task of the engine is caught by tokio, and maybe by the supervisor: it must not pass unseen.
fn watch_for_panics() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let seen = PANICKED.try_with(|panicked| match &mut *panicked.borrow_mut() {
                Some(first) => {
                    first.get_or_insert_with(|| info.to_string());
                    true
                }
                None => false,
            });
            if !seen.unwrap_or(false) {
                before(info);
            }
        }));
    });
}
