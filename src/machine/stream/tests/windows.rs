//! Tumbling windows: state from invoke to invoke, the final invoke, early ends, failures.

use std::time::Duration;

use super::rig::{BEGIN, Rig, record, returned, threw};
use crate::machine::{
    Checkpoint, DestinationOrder, Event, FailedBatch, FunctionAnswer, InvokeResult, Record, StreamOptions,
};

const START: u64 = BEGIN / 60_000 * 60_000;

fn options() -> StreamOptions {
    StreamOptions {
        tumbling_window: Some(Duration::from_secs(60)),
        maximum_retry_attempts: Some(1),
        destination: Some(DestinationOrder::Free),
        source_arn: "arn:aws:kinesis:us-east-1:000000000000:stream/s".into(),
        ..StreamOptions::default()
    }
}

fn at(number: u64, second: u64) -> Record {
    Record { arrived_unix_ms: START + second * 1000, ..record(number) }
}

fn state(text: &str) -> InvokeResult {
    returned(&format!(r#"{{"state":{text}}}"#))
}

/// The body of the open invoke.
fn body(rig: &Rig) -> serde_json::Value {
    serde_json::from_slice(&rig.invokes[0].body).unwrap()
}

fn answer(rig: &mut Rig, result: InvokeResult) {
    let batch = rig.invokes.pop_front().unwrap().batch;
    rig.answer(batch, result);
}

#[test]
fn a_window_carries_its_state_and_ends_with_a_final_invoke() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 2, ..options() });
    rig.read_records(vec![at(1, 1), at(2, 2), at(3, 3), at(4, 61)], true);
    assert_eq!(body(&rig)["state"], serde_json::json!({}));
    assert_eq!(body(&rig)["isFinalInvokeForWindow"], false);
    answer(&mut rig, state(r#"{"sum":3}"#));
    assert_eq!(body(&rig)["Records"], serde_json::json!([3]));
    assert_eq!(body(&rig)["state"]["sum"], 3);
    answer(&mut rig, state(r#"{"sum":6}"#));
    rig.seconds(2);
    // Nothing is finished before the window is over.
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::TrimHorizon));
    let last = body(&rig);
    assert_eq!((&last["Records"], &last["state"]["sum"]), (&serde_json::json!([]), &6.into()));
    assert_eq!((&last["isFinalInvokeForWindow"], &last["isWindowTerminatedEarly"]), (&true.into(), &false.into()));
    answer(&mut rig, state(r#"{"sum":6}"#));
    let next = body(&rig);
    assert_eq!((&next["Records"], &next["state"]), (&serde_json::json!([4]), &serde_json::json!({})));
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("3".into())));
}

#[test]
fn an_idle_window_is_closed_when_a_later_read_finds_nothing() {
    let mut rig = Rig::reading(options());
    rig.read_records(vec![at(1, 1)], true);
    answer(&mut rig, state("{}"));
    while rig.invokes.is_empty() {
        rig.seconds(1);
        if !rig.reads.is_empty() {
            rig.read([]);
        }
        assert!(rig.now < Duration::from_secs(70));
    }
    assert!(BEGIN + rig.now.as_millis() as u64 >= START + 60_000);
    assert_eq!(body(&rig)["isFinalInvokeForWindow"], true);
}

#[test]
fn the_end_of_the_shard_closes_the_window() {
    let mut rig = Rig::reading(options());
    rig.read_records(vec![at(1, 1)], false);
    answer(&mut rig, state("{}"));
    assert_eq!(body(&rig)["isFinalInvokeForWindow"], true);
    answer(&mut rig, returned("null"));
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::End(None)));
}

#[test]
fn an_answer_without_state_is_a_failure() {
    let mut rig = Rig::reading(options());
    rig.read_records(vec![at(1, 1)], true);
    answer(&mut rig, returned("{}"));
    assert_eq!(rig.count(|event| matches!(event, Event::MalformedResponse { .. })), 1);
    rig.seconds(1);
    answer(&mut rig, returned("null"));
    let failure = rig.delivered(Ok(()));
    let FailedBatch::Stream { span, window, .. } = &failure.batch else { panic!("{failure:?}") };
    assert_eq!(span.as_ref().map(|span| span.records), Some(1));
    let window = window.unwrap();
    assert_eq!((window.start_unix_ms, window.end_unix_ms), (START, START + 60_000));
    assert!(!window.is_final && !window.early);
}

#[test]
fn a_state_that_is_too_large_ends_the_window_early() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 1, ..options() });
    rig.read_records(vec![at(1, 1), at(2, 2)], true);
    let giant = format!("\"{}\"", "x".repeat(1024 * 1024));
    answer(&mut rig, state(&giant));
    let last = body(&rig);
    assert_eq!(last["state"].as_str().map(str::len), Some(1024 * 1024));
    assert_eq!((&last["isFinalInvokeForWindow"], &last["isWindowTerminatedEarly"]), (&true.into(), &true.into()));
    assert_eq!(last["Records"], serde_json::json!([]));
    answer(&mut rig, returned("null"));
    assert_eq!((&body(&rig)["Records"], &body(&rig)["state"]), (&serde_json::json!([2]), &serde_json::json!({})));
}

#[test]
fn a_final_invoke_that_fails_holds_the_shard_until_it_is_discarded() {
    let mut rig = Rig::reading(options());
    rig.read_records(vec![at(1, 1), at(2, 61)], true);
    answer(&mut rig, state(r#"{"n":1}"#));
    answer(&mut rig, threw());
    rig.seconds(1);
    answer(&mut rig, threw());
    let failure = rig.delivered(Ok(()));
    let FailedBatch::Stream { span: None, window: Some(window), .. } = &failure.batch else { panic!("{failure:?}") };
    assert!(window.is_final);
    assert_eq!((window.start_unix_ms, failure.invokes), (START, 2));
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("1".into())));
    assert_eq!(body(&rig)["Records"], serde_json::json!([2]));
}

#[test]
fn partial_responses_carry_their_state_over() {
    let mut rig = Rig::reading(StreamOptions { report_batch_item_failures: true, ..options() });
    rig.read_records(vec![at(1, 1), at(2, 2), at(3, 3)], true);
    let answered = returned(r#"{"state":{"n":1},"batchItemFailures":[{"itemIdentifier":"2"}]}"#);
    let FunctionAnswer { payload, .. } = answered.clone().unwrap();
    assert!(!payload.is_empty());
    answer(&mut rig, answered);
    rig.seconds(1);
    assert_eq!((&body(&rig)["Records"], &body(&rig)["state"]["n"]), (&serde_json::json!([2, 3]), &1.into()));
}

#[test]
fn a_window_of_many_records_goes_on() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 10_000, ..options() });
    let mut number = 0;
    for second in 0..6 {
        let records = (0..5_000).map(|n| at(number + n, 1 + second)).collect();
        number += 5_000;
        rig.seconds(2);
        if rig.reads.is_empty() {
            break;
        }
        rig.read_records(records, true);
        while !rig.invokes.is_empty() {
            answer(&mut rig, state(r#"{"n":1}"#));
        }
    }
    for _ in 0..300 {
        rig.seconds(1);
        if !rig.reads.is_empty() {
            rig.read([]);
        }
        while !rig.invokes.is_empty() {
            answer(&mut rig, state(r#"{"n":1}"#));
        }
    }
    assert_ne!(rig.checkpoint("s0"), Some(&Checkpoint::TrimHorizon), "the window was never closed");
}
