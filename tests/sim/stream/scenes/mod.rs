//! Streams' scenarios made by hand, for what must hold in so many words.

mod ends;
mod failures;
mod shards;

use forebay::machine::{Condition, FailedBatch, StartingPosition};
use forebay::mapping::{Mapping, SourceKind, StreamSpec};

use super::plan::{CallFaults, ConsumerPlan, Plan, Put, StorePlan, StreamFaults, StreamPlan, mapping};
use super::scenario::{Outcome, run};
use crate::plan::{FunctionPlan, destination};

/// Both kinds of streams keep the same rules.
const KINDS: [SourceKind; 2] = [SourceKind::Kinesis, SourceKind::DynamoDb];

/// One shard with `records` in it before anything starts, all of one key; `poison` fails always.
pub(super) fn scene(kind: SourceKind, records: usize, poison: Option<usize>) -> Plan {
    let put = |n| Put { at: 0, key: 1, size: 20, poison: poison == Some(n) };
    let mut orders = mapping("orders", kind, StartingPosition::TrimHorizon);
    orders.on_failure = Some(destination(false));
    Plan {
        seed: 7,
        stream: StreamPlan {
            kind,
            shards: 1,
            retention: 24 * 3_600_000,
            lag: (0, 0),
            latency: (2, 8),
            first_sequence: 998,
            most: 10_000,
        },
        consumers: vec![ConsumerPlan {
            mapping: orders,
            function: FunctionPlan { duration: (20, 100), ..FunctionPlan::default() },
            faults: CallFaults::default(),
        }],
        puts: (0..records).map(put).collect(),
        reshards: Vec::new(),
        disabled: None,
        host: Vec::new(),
        faults: StreamFaults::default(),
        outages: Vec::new(),
        store: StorePlan { latency: (0, 10), fails: 0.0, lost: 0.0, plain_ends: false },
        born: 1_000,
        actions: Vec::new(),
        fair_at: 100_000,
        watch_idle: true,
    }
}

pub(super) fn orders(plan: &mut Plan) -> &mut Mapping {
    &mut plan.consumers[0].mapping
}

pub(super) fn stream(plan: &mut Plan) -> &mut StreamSpec {
    orders(plan).source.stream_mut().expect("a stream mapping")
}

pub(super) fn passes(plan: Plan) -> Outcome {
    let outcome = run(plan, false);
    let report = &outcome.report;
    assert!(
        report.violation.is_none(),
        "{}\n{}",
        report.violation.as_deref().unwrap_or_default(),
        report.tail.join("\n")
    );
    outcome
}

/// The batches of the first mapping in the order of their invokes; records count from 1.
fn batches(outcome: &Outcome) -> Vec<Vec<usize>> {
    outcome.invokes[0].iter().map(|(records, _)| records.iter().map(|record| record + 1).collect()).collect()
}

/// What its destination got: how many records, after how many invokes, and why.
fn discarded(outcome: &Outcome) -> Vec<(usize, u32, Condition)> {
    let size = |batch: &FailedBatch| match batch {
        FailedBatch::Stream { span, .. } => span.as_ref().map_or(0, |span| span.records),
        FailedBatch::Queue { .. } => panic!("a queue in a stream"),
    };
    outcome.kept[0].iter().map(|failure| (size(&failure.batch), failure.invokes, failure.condition)).collect()
}
