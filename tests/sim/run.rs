//! Runs one scenario from beginning to end on a clock of its own.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Duration;

thread_local! {
    /// While a scenario runs on this thread: the first panic in it.
    static PANICKED: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Runs a scenario on a clock of its own, and names the first panic in it, even one that was caught.
pub(crate) fn on_a_paused_clock<T>(scenario: impl Future<Output = T>) -> (T, Option<String>) {
    watch_for_panics();
    PANICKED.set(Some(None));
    // One that a scenario before this one lit, and that has not burned down.
    forebay::machine::fuse::light(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets can always be made");
    let outcome = runtime.block_on(scenario);
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

/// A span in milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
