//! Scenarios of streams by the thousand.

use super::draw;
use super::plan::Plan;
use super::scenario::run;
use crate::seeds::{Report, many, one, repeats};

fn play(plan: Plan, show: bool) -> Report {
    run(plan, show).report
}

fn of_streams(seed: u64) -> Report {
    play(draw::plan(seed), false)
}

#[test]
fn one_stream_seed() {
    one(draw::plan, play, "one_stream_seed");
}

#[test]
fn a_seed_is_a_streams_scenario() {
    repeats(of_streams);
}

#[test]
fn many_stream_seeds() {
    many(of_streams, "one_stream_seed");
}
