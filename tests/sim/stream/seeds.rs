//! Streams' lives by the thousand.

use super::draw;
use super::life::run;
use crate::seeds::{Told, many, number, report};

fn live(seed: u64) -> Told {
    run(draw::plan(seed), false).told
}

/// With `FOREBAY_SEED=n`: lives that life and prints its story.
#[test]
fn one_stream_seed() {
    let Some(seed) = number("FOREBAY_SEED") else { return };
    let plan = draw::plan(seed);
    eprintln!("{plan:#?}");
    let told = run(plan, true).told;
    eprintln!("{} calls in {} virtual ms, trace {:016x}", told.calls, told.lasted, told.hash);
    assert!(told.violation.is_none(), "{}", report(&told, "one_stream_seed"));
}

/// The same seed gives the same life: else a failure could not be replayed.
#[test]
fn a_seed_is_a_streams_life() {
    for seed in 0..40 {
        let (first, second) = (live(seed), live(seed));
        assert_eq!(first.hash, second.hash, "seed {seed} gives two different lives");
        assert!(first.calls > 0, "seed {seed}: the engine made no call");
    }
}

/// `FOREBAY_SEEDS` lives (1,000 by default) from `FOREBAY_FIRST_SEED`, on `FOREBAY_THREADS` threads.
#[test]
fn many_stream_seeds() {
    many(live, "one_stream_seed");
}
