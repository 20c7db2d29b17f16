//! Calls into the embedded database that may panic: on a damaged file it does, and that is an error like any other.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::trouble::Trouble;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is expected now, and becomes an error.
pub(crate) fn is_guarded() -> bool {
    GUARDED.get()
}

/// Carries `work` out; a panic in it becomes [`Trouble::Panicked`].
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    let outer = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Err(Trouble::Panicked(said.to_owned()))
    })
}

/// Lets go of something of the database's: its end may write, and panic, too.
pub(super) fn let_go<T>(held: T) {
    let ended = guarded(|| {
        drop(held);
        Ok(())
    });
    if let Err(trouble) = ended {
        tracing::warn!(%trouble, "the store was not closed cleanly: it is repaired when it is opened again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_the_same() {
        let panicked = guarded::<()>(|| panic!("a page that {}", "is not there")).unwrap_err();
        assert_eq!(panicked.to_string(), "a page that is not there");
        assert!(guarded::<()>(|| std::panic::panic_any(7)).is_err() && !is_guarded());
        assert!(guarded(|| Ok(is_guarded())).unwrap());
        assert_eq!(guarded(|| Ok(5)).unwrap(), 5);
    }
}
