//! Scenarios made by hand, for what must hold in so many words.

use std::time::Duration;

use forebay::machine::FaultKind;

use crate::plan::{FunctionPlan, Outage, SideOf, destination, mapping};
use crate::queue::plan::{Action, Faults, Plan, QueuePlan, Send, SubjectPlan};
use crate::queue::scenario::{Outcome, run};

pub(crate) fn subject(messages: usize) -> SubjectPlan {
    SubjectPlan {
        mapping: mapping("orders"),
        queue: QueuePlan {
            visibility: 30,
            max_receive_count: Some(3),
            over_limit: 120_000,
            latency: (2, 8),
            mixing: 0.0,
        },
        function: FunctionPlan::default(),
        faults: Faults::default(),
        outages: Vec::new(),
        futile: None,
        sends: vec![Send::default(); messages],
    }
}

pub(crate) fn plan(subjects: Vec<SubjectPlan>, actions: Vec<(u64, Action)>) -> Plan {
    Plan { seed: 7, subjects, actions, fair_at: 600_000, watch_idle: true, store_fails: 0.0 }
}

pub(crate) fn passes(plan: Plan) -> Outcome {
    let outcome = run(plan, false);
    assert!(outcome.violation.is_none(), "{}\n{}", outcome.violation.unwrap_or_default(), outcome.tail.join("\n"));
    outcome
}

/// The most reported case of event source mappings: reserved concurrency 1, a few seconds of work, and good
/// messages in the dead-letter queue although the function never failed.
#[test]
fn throttles_never_fill_the_dead_letter_queue() {
    let mut subject = subject(30);
    subject.mapping.batch_size = 1;
    subject.function.reserved = Some(1);
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (30, 0));
}

#[test]
fn poison_goes_to_the_dead_letter_queue_and_takes_nothing_along() {
    let mut subject = subject(40);
    subject.mapping.report_batch_item_failures = true;
    for send in subject.sends.iter_mut().step_by(10) {
        send.poison = true;
    }
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (36, 4));
}

#[test]
fn poison_goes_to_the_destination_although_that_is_out_of_reach_for_long() {
    let mut subject = subject(40);
    subject.queue.max_receive_count = None;
    subject.mapping.report_batch_item_failures = true;
    subject.mapping.on_failure = Some(destination(false));
    subject.outages = vec![Outage { from: 0, until: 400_000, side: SideOf::Destination, kind: FaultKind::Denied }];
    for send in subject.sends.iter_mut().step_by(10) {
        send.poison = true;
    }
    let actions = vec![(200_000, Action::Shutdown { bound: 5_000, cut_after: None, down: 1_000 })];
    let outcome = passes(plan(vec![subject], actions));
    assert_eq!((outcome.deleted, outcome.dead, outcome.recorded), (40, 0, 4));
}

#[test]
fn a_missing_queue_and_a_denied_function_recover_by_themselves() {
    let mut subject = subject(20);
    let outage = |side, kind, from, until| Outage { from, until, side, kind };
    subject.outages = vec![
        outage(SideOf::Source, FaultKind::Missing, 0, 60_000),
        outage(SideOf::Function, FaultKind::Denied, 60_000, 200_000),
    ];
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (20, 0));
}

#[test]
fn a_window_holds_messages_beyond_their_visibility() {
    let mut subject = subject(5);
    subject.mapping.batch_size = 1_000;
    subject.mapping.window = Duration::from_secs(300);
    subject.queue.visibility = 10;
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (5, 0));
}

/// Broken for minutes: that shows, also while every batch is reported and not one is thrown, and ends with the first
/// success.
#[test]
fn a_function_that_fails_everything_shows_as_failing_until_it_succeeds() {
    let mut subject = subject(30);
    subject.queue.max_receive_count = None;
    subject.function.broken = Some((0, 200_000));
    let looks = [30_000, 90_000, 199_000, 500_000].map(|at| (at, Action::Look)).into();
    let outcome = passes(plan(vec![subject], looks));
    assert_eq!((outcome.deleted, outcome.failing), (30, 2));
}

#[test]
fn one_mapping_knows_nothing_of_anothers_troubles() {
    let mut troubled = subject(20);
    troubled.outages = vec![Outage { from: 0, until: 500_000, side: SideOf::Function, kind: FaultKind::Timeout }];
    let mut calm = subject(20);
    calm.mapping = mapping("refunds");
    let outcome = passes(plan(vec![troubled, calm], vec![(100_000, Action::Reload(None))]));
    assert_eq!((outcome.deleted, outcome.dead), (40, 0));
}

#[test]
fn a_stop_outlives_a_crash() {
    let mut subject = subject(50);
    for (n, send) in subject.sends.iter_mut().enumerate() {
        send.at = 5_000 * n as u64;
    }
    let actions = vec![
        (30_000, Action::Stop { subject: 0, wait: true }),
        (60_000, Action::Crash { down: 1_000 }),
        (120_000, Action::Shutdown { bound: 5_000, cut_after: None, down: 1_000 }),
        (180_000, Action::Start(0)),
        (200_000, Action::Crash { down: 10_000 }),
    ];
    let outcome = passes(plan(vec![subject], actions));
    assert_eq!((outcome.deleted, outcome.dead), (50, 0));
}
