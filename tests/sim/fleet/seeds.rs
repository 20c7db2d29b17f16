//! Scenarios of fleets by the thousand.

use super::draw;
use super::plan::{Plan, Rule};
use super::world::World;
use crate::seeds::{Report, many, number, one, repeats};

fn play(plan: Plan, show: bool) -> Report {
    World::new(plan, show).run()
}

fn of_fleets(seed: u64) -> Report {
    play(draw::plan(seed), false)
}

#[test]
fn one_fleet_seed() {
    one(draw::plan, play, "one_fleet_seed");
}

#[test]
fn a_seed_is_a_fleets_scenario() {
    repeats(of_fleets);
}

#[test]
fn many_fleet_seeds() {
    many(of_fleets, "one_fleet_seed");
}

/// Every rule of the table's writes is needed: without it, seeds fail.
#[test]
#[ignore = "prints how many of 400 seeds catch each rule that is not kept"]
fn every_rule_of_the_table_is_needed() {
    let seeds = number("FOREBAY_SEEDS").unwrap_or(400);
    for (rule, bug) in Rule::ALL {
        let run = |seed| play(Plan { broken: Some(rule), ..draw::plan(seed) }, false);
        let failed: Vec<Report> = (1..=seeds).map(run).filter(|report| report.violation.is_some()).collect();
        let first = failed.first();
        let said = first.and_then(|report| report.violation.clone()).unwrap_or_default();
        eprintln!("| {bug} | {} | {} | {said} |", failed.len(), first.map_or(0, |report| report.seed));
    }
}
