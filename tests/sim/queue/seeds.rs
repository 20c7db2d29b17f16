//! Scenarios of queues by the thousand.

use super::draw;
use super::plan::Plan;
use super::scenario::{Outcome, run};
use crate::seeds::{Report, many, one, repeats};

impl From<Outcome> for Report {
    fn from(outcome: Outcome) -> Self {
        let Outcome { seed, hash, violation, tail, calls, lasted, .. } = outcome;
        Self { seed, hash, violation, tail, calls, lasted }
    }
}

fn play(plan: Plan, show: bool) -> Report {
    run(plan, show).into()
}

fn of_queues(seed: u64) -> Report {
    play(draw::plan(seed), false)
}

fn of_fifo_queues(seed: u64) -> Report {
    play(draw::fifo_plan(seed), false)
}

#[test]
fn one_seed() {
    one(draw::plan, play, "one_seed");
}

#[test]
fn one_fifo_seed() {
    one(draw::fifo_plan, play, "one_fifo_seed");
}

#[test]
fn a_seed_is_a_scenario() {
    repeats(of_queues);
    repeats(of_fifo_queues);
}

#[test]
fn many_seeds() {
    many(of_queues, "one_seed");
}

#[test]
fn many_fifo_seeds() {
    many(of_fifo_queues, "one_fifo_seed");
}
