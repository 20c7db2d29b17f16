//! Lets a machine panic in the middle of its work: for tests, those outside of the crate included. Release builds have
//! none.

use std::cell::Cell;
use std::panic::resume_unwind;

/// What the panic says.
pub const WORDS: &str = "the fuse of a test has burned down";

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// The machines of this thread panic once, at their `steps`th step from now: each output, name and check is one.
pub fn light(steps: u32) {
    LEFT.set(steps);
}

/// Whether no panic is to come any more.
pub fn is_out() -> bool {
    LEFT.get() == 0
}

pub(super) fn burn() {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(1));
    if left == 1 {
        // Without the hook, which would print it.
        resume_unwind(Box::new(WORDS));
    }
}
