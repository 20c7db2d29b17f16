//! What becomes of failed batches: the recorded sequences of AWS, budgets, age, and destinations.

use std::time::Duration;

use super::rig::{BEGIN, Rig, fault, record, returned, threw};
use crate::machine::{
    Checkpoint, Condition, DestinationOrder, Event, FailedBatch, FailedSpan, FaultKind, InvokeResult, Record,
    StreamOptions,
};

fn options() -> StreamOptions {
    StreamOptions {
        batch_size: 4,
        maximum_retry_attempts: Some(1),
        destination: Some(DestinationOrder::Free),
        ..StreamOptions::default()
    }
}

fn throws_on_2(numbers: &[u64]) -> InvokeResult {
    if numbers.contains(&2) { threw() } else { returned("null") }
}

fn reports_2(numbers: &[u64]) -> InvokeResult {
    returned(if numbers.contains(&2) { r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"# } else { "{}" })
}

/// Feeds `[1,2,3,4]` as one batch and lets the machine do what it does.
fn sequence(options: StreamOptions, function: impl FnMut(&[u64]) -> InvokeResult) -> (Vec<Vec<u64>>, Rig) {
    let mut rig = Rig::reading(options);
    rig.read(1..=4);
    let batches = rig.run(function);
    (batches, rig)
}

fn span(rig: &mut Rig) -> (FailedSpan, u32, bool) {
    let failure = rig.delivered(Ok(()));
    assert_eq!(failure.condition, Condition::RetryAttemptsExhausted);
    let FailedBatch::Stream { span: Some(span), .. } = failure.batch.clone() else { panic!("{failure:?}") };
    let error = failure.response.as_ref().and_then(|response| response.function_error.as_ref()).is_some();
    (span, failure.invokes, error)
}

fn spanned(first: u64, last: u64) -> FailedSpan {
    let records = usize::try_from(last - first + 1).unwrap();
    FailedSpan {
        start: first.to_string().into(),
        end: last.to_string().into(),
        first_unix_ms: BEGIN,
        last_unix_ms: BEGIN,
        records,
    }
}

#[test]
fn a_throwing_function_with_bisection() {
    let options = StreamOptions { bisect: true, ..options() };
    let (batches, mut rig) = sequence(options, throws_on_2);
    let expected: [&[u64]; 6] = [&[1, 2, 3, 4], &[1, 2], &[1], &[2], &[2], &[3, 4]];
    assert_eq!(batches, expected);
    assert_eq!(span(&mut rig), (spanned(2, 2), 2, true));
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("4".into())));
}

#[test]
fn a_throwing_function_without_bisection() {
    let (batches, mut rig) = sequence(options(), throws_on_2);
    let expected: [&[u64]; 2] = [&[1, 2, 3, 4], &[1, 2, 3, 4]];
    assert_eq!(batches, expected);
    assert_eq!(span(&mut rig), (spanned(1, 4), 2, true));
}

#[test]
fn a_partial_response_without_bisection_starts_a_new_count() {
    let options = StreamOptions { report_batch_item_failures: true, ..options() };
    let (batches, mut rig) = sequence(options, reports_2);
    let expected: [&[u64]; 3] = [&[1, 2, 3, 4], &[2, 3, 4], &[2, 3, 4]];
    assert_eq!(batches, expected);
    assert_eq!(span(&mut rig), (spanned(2, 4), 2, false));
}

#[test]
fn a_partial_response_with_bisection() {
    let options = StreamOptions { report_batch_item_failures: true, bisect: true, ..options() };
    let (batches, mut rig) = sequence(options, reports_2);
    let expected: [&[u64]; 5] = [&[1, 2, 3, 4], &[2, 3, 4], &[2], &[2], &[3, 4]];
    assert_eq!(batches, expected);
    assert_eq!(span(&mut rig), (spanned(2, 2), 2, false));
}

#[test]
fn bisection_counts_for_errors_under_partial_responses_too() {
    let options = StreamOptions { report_batch_item_failures: true, bisect: true, ..options() };
    let (batches, _) = sequence(options, throws_on_2);
    let expected: [&[u64]; 6] = [&[1, 2, 3, 4], &[1, 2], &[1], &[2], &[2], &[3, 4]];
    assert_eq!(batches, expected);
}

#[test]
fn record_5_is_seen_five_times() {
    let options =
        StreamOptions { batch_size: 3, maximum_retry_attempts: Some(3), report_batch_item_failures: true, ..options() };
    let mut rig = Rig::reading(options);
    rig.read(0..6);
    let batches = rig.run(|numbers| {
        returned(if numbers.contains(&5) { r#"{"batchItemFailures":[{"itemIdentifier":"5"}]}"# } else { "" })
    });
    let expected: [&[u64]; 6] = [&[0, 1, 2], &[3, 4, 5], &[5], &[5], &[5], &[5]];
    assert_eq!(batches, expected);
    assert_eq!(span(&mut rig), (spanned(5, 5), 4, false));
}

#[test]
fn what_counts_as_success_and_what_does_not() {
    for payload in [r#""""#, "[]", "null", "{}", "", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#] {
        let options = StreamOptions { report_batch_item_failures: true, ..options() };
        let (batches, rig) = sequence(options, |_| returned(payload));
        assert_eq!(batches.len(), 1, "{payload}");
        assert!(rig.deliveries.is_empty());
    }
    for item in [
        r#"{"itemIdentifier":123}"#,
        r#"{"itemIdentifier":"9"}"#,
        r#"{"itemIdentifier":""}"#,
        r#"{"itemIdentifier":null}"#,
        r#"{"foo":123}"#,
        r#"{"foo":null}"#,
        "{}",
    ] {
        for (retries, tries) in [(0, 1), (1, 2), (2, 3), (3, 4)] {
            let options =
                StreamOptions { report_batch_item_failures: true, maximum_retry_attempts: Some(retries), ..options() };
            let payload = format!(r#"{{"batchItemFailures":[{item}]}}"#);
            let (batches, mut rig) = sequence(options, |_| returned(&payload));
            assert_eq!(batches.len(), tries, "{item}");
            assert_eq!(span(&mut rig), (spanned(1, 4), retries + 1, false), "{item}");
        }
    }
}

#[test]
fn the_lowest_of_several_failures_counts() {
    let options = StreamOptions { report_batch_item_failures: true, maximum_retry_attempts: Some(0), ..options() };
    let (batches, _) = sequence(options, |numbers| {
        returned(if numbers.len() == 4 {
            r#"{"batchItemFailures":[{"itemIdentifier":"4"},{"itemIdentifier":"3"}]}"#
        } else {
            "{}"
        })
    });
    let expected: [&[u64]; 2] = [&[1, 2, 3, 4], &[3, 4]];
    assert_eq!(batches, expected);
}

#[test]
fn throttles_and_service_errors_spend_nothing_and_keep_the_batch() {
    let mut rig = Rig::reading(StreamOptions { maximum_retry_attempts: Some(0), ..options() });
    rig.read(1..=4);
    let (first, _) = rig.invoke();
    let mut batch = first;
    for kind in [FaultKind::Throttled, FaultKind::Transient, FaultKind::Timeout, FaultKind::Denied, FaultKind::Missing]
    {
        rig.answer(batch, Err(fault(kind)));
        assert!(rig.invokes.is_empty());
        rig.seconds(40);
        let (again, numbers) = rig.invoke();
        assert_eq!((again, numbers), (first, vec![1, 2, 3, 4]));
        batch = again;
    }
    rig.answer(batch, threw());
    assert_eq!(span(&mut rig).1, 1);
}

#[test]
fn retries_begin_after_a_quarter_of_a_second_and_double() {
    let mut rig = Rig::reading(StreamOptions { maximum_retry_attempts: None, ..options() });
    rig.read([1]);
    for pause in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let (batch, _) = rig.invoke();
        rig.answer(batch, threw());
        rig.pass(Duration::from_millis(pause * 3 / 4 - 1));
        assert!(rig.invokes.is_empty(), "{pause}");
        rig.pass(Duration::from_millis(pause - (pause * 3 / 4 - 1)));
        assert_eq!(rig.invokes.len(), 1, "{pause}");
    }
}

#[test]
fn an_old_record_is_cut_off_and_the_rest_is_delivered() {
    let mut rig =
        Rig::reading(StreamOptions { batch_size: 6, maximum_record_age: Some(Duration::from_secs(60)), ..options() });
    rig.seconds(61);
    let fresh = |number| Record { arrived_unix_ms: BEGIN + 60_000, ..record(number) };
    rig.read_records([record(1)].into_iter().chain((2..=6).map(fresh)).collect(), true);
    assert_eq!(rig.invoke().1, [2, 3, 4, 5, 6]);
    let failure = rig.delivered(Ok(()));
    assert_eq!((failure.condition, failure.invokes, &failure.response), (Condition::RecordAgeExceeded, 1, &None));
    assert!(matches!(&failure.batch, FailedBatch::Stream { span: Some(span), .. } if *span == spanned(1, 1)));
}

#[test]
fn an_always_failing_record_gets_about_eight_tries_in_a_minute() {
    let mut rig = Rig::reading(StreamOptions {
        maximum_retry_attempts: None,
        maximum_record_age: Some(Duration::from_secs(60)),
        ..options()
    });
    rig.read([1]);
    let batches = rig.run(|_| threw());
    let failure = rig.delivered(Ok(()));
    assert_eq!((failure.condition, &failure.response), (Condition::RecordAgeExceeded, &None));
    assert_eq!(failure.invokes as usize, batches.len());
    assert!((8..=9).contains(&batches.len()), "{}", batches.len());
}

#[test]
fn a_record_grows_too_old_while_it_waits_for_its_window() {
    let mut rig = Rig::reading(StreamOptions {
        window: Duration::from_secs(300),
        maximum_record_age: Some(Duration::from_secs(60)),
        ..options()
    });
    rig.read([1]);
    rig.seconds(60);
    assert!(rig.deliveries.is_empty());
    rig.seconds(1);
    assert_eq!(rig.delivered(Ok(())).invokes, 1);
    assert!(rig.invokes.is_empty());
}

#[test]
fn the_checkpoint_waits_for_the_destination() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 1, maximum_retry_attempts: Some(0), ..options() });
    rig.read(1..=3);
    let batches = rig.run(|numbers| if numbers == [1] { threw() } else { returned("null") });
    assert_eq!(batches.len(), 3);
    let first = rig.delivered(Err(fault(FaultKind::Missing)));
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::TrimHorizon));
    rig.seconds(60);
    assert!(rig.events.iter().any(|event| matches!(event,
        Event::Health(crate::machine::Health::Degraded { reason }) if reason.contains("destination"))));
    let again = rig.delivered(Ok(()));
    assert_eq!(first, again);
    assert_eq!(again.payload, r#"{"Records":[1]}"#);
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("3".into())));
    assert_eq!(rig.count(|event| matches!(event, Event::DeliveredToDestination { records: 1, .. })), 1);
}

#[test]
fn a_destination_that_keeps_order_gets_the_failures_of_a_shard_one_after_the_other() {
    for (order, at_once) in [(DestinationOrder::Kept, 1), (DestinationOrder::Free, 3)] {
        let destination = Some(order);
        let mut rig =
            Rig::reading(StreamOptions { batch_size: 1, maximum_retry_attempts: Some(0), destination, ..options() });
        rig.read(1..=3);
        rig.run(|_| threw());
        assert_eq!(rig.deliveries.len(), at_once);
    }
    let destination = Some(DestinationOrder::Kept);
    let mut rig =
        Rig::reading(StreamOptions { batch_size: 1, maximum_retry_attempts: Some(0), destination, ..options() });
    rig.read(1..=3);
    rig.run(|_| threw());
    let mut first = rig.delivered(Err(fault(FaultKind::Transient)));
    rig.seconds(1);
    for number in 1..=3 {
        first = rig.delivered(Ok(()));
        assert!(
            matches!(&first.batch, FailedBatch::Stream { span: Some(span), .. } if *span == spanned(number, number))
        );
    }
    assert_eq!(first.invokes, 1);
}

#[test]
fn without_a_destination_records_are_dropped_and_counted() {
    let options = StreamOptions { destination: None, maximum_retry_attempts: Some(0), ..options() };
    let (_, mut rig) = sequence(options, |_| threw());
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("4".into())));
    assert_eq!(rig.count(|event| matches!(event, Event::Dropped { records: 4, .. })), 1);
}

#[test]
fn a_record_too_large_for_any_event_spends_its_tries_unsent() {
    let mut rig = Rig::reading(StreamOptions { maximum_retry_attempts: Some(2), ..options() });
    let giant = Record { fragment: vec![b'1'; 6 * 1024 * 1024].into(), ..record(2) };
    rig.read_records(vec![record(1), giant, record(3)], true);
    let batches = rig.run(|_| returned("null"));
    assert_eq!(batches, [[1], [3]]);
    let failure = rig.delivered(Ok(()));
    assert_eq!((failure.condition, failure.invokes), (Condition::RetryAttemptsExhausted, 3));
    assert_eq!(failure.response, None);
}

#[test]
fn an_event_that_the_service_finds_too_large_is_halved() {
    let (batches, mut rig) =
        sequence(
            options(),
            |numbers| {
                if numbers.contains(&2) { Err(fault(FaultKind::TooLarge)) } else { returned("null") }
            },
        );
    let expected: [&[u64]; 6] = [&[1, 2, 3, 4], &[1, 2], &[1], &[2], &[2], &[3, 4]];
    assert_eq!(batches, expected);
    let failure = rig.delivered(Ok(()));
    assert_eq!((failure.invokes, &failure.response), (2, &None));
}

#[test]
fn a_lane_that_retries_stands_still_alone() {
    let mut rig = Rig::reading(StreamOptions { batch_size: 1, parallelization: 2, ..options() });
    rig.read(1..=6);
    let mut odd = rig.invoke();
    let mut even = rig.invoke();
    if odd.1[0].is_multiple_of(2) {
        std::mem::swap(&mut odd, &mut even);
    }
    rig.answer(odd.0, Err(fault(FaultKind::Throttled)));
    // An answer to the other lane wakes it once; from then on it has a backoff of its own.
    rig.answer(even.0, returned("null"));
    (even, odd) = (rig.invoke(), rig.invoke());
    assert_eq!((&even.1[..], &odd.1[..]), (&[4][..], &[1][..]));
    rig.answer(odd.0, Err(fault(FaultKind::Throttled)));
    rig.answer(even.0, returned("null"));
    even = rig.invoke();
    assert_eq!(even.1, [6]);
    rig.answer(even.0, returned("null"));
    assert!(rig.invokes.is_empty());
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::TrimHorizon));
    assert_eq!(rig.run(|_| returned("null")), [[1], [3], [5]]);
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::After("6".into())));
}
