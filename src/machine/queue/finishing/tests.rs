use super::*;
use crate::machine::queue::tests::parts::{at, fifo, hold, parts, said, set};
use crate::machine::{Condition, DeliveryId, Event, FailedBatch, Failure, Output, QueueOptions, QueueRequest, Receipt};

/// The calls that were begun, with what each does and for how many messages.
fn calls(cx: &mut Context) -> Vec<(ReceiptRequestId, ReceiptAction, usize)> {
    let requests = said(cx).0.into_iter().filter_map(|output| match output {
        Output::Request(QueueRequest::Receipts(request)) => Some((request.id, request.action, request.entries.len())),
        _ => None,
    });
    requests.collect()
}

fn failed() -> ReceiptOutcome {
    ReceiptOutcome::Failed(Fault::new(FaultKind::Transient, "reset"))
}

/// Deletions of these messages, which wait for their call.
fn deleting<const N: usize>(cx: &mut Context, messages: &mut Messages, names: [&str; N]) -> (Finishing, [u64; N]) {
    let tokens = hold(cx, messages, names);
    messages.restage(&tokens, Stage::Deleting(0));
    let mut finishing = Finishing::default();
    for token in tokens {
        finishing.deletes.add(token, cx.now);
    }
    (finishing, tokens)
}

#[test]
fn deletions_wait_for_others_but_not_where_a_group_waits_for_them() {
    for (options, lingers) in [(QueueOptions::default(), true), (fifo(), false)] {
        let (mut cx, mut messages) = parts(options);
        let (mut finishing, _) = deleting(&mut cx, &mut messages, ["a", "b"]);
        finishing.flush(&mut cx, &messages);
        assert_eq!(calls(&mut cx).is_empty(), lingers);
        assert_eq!(finishing.deadline().map(|deadline| deadline.at), lingers.then_some(at(10)));
        set(&mut cx, 10);
        finishing.flush(&mut cx, &messages);
        assert_eq!(calls(&mut cx).len(), usize::from(lingers));
        assert!(!finishing.is_idle());
    }
}

#[test]
fn a_deletion_that_fails_is_tried_again_while_the_message_is_ours() {
    let (mut cx, mut messages) = parts(fifo());
    let (mut finishing, tokens) = deleting(&mut cx, &mut messages, ["a", "b", "c"]);
    finishing.flush(&mut cx, &messages);
    let id = calls(&mut cx)[0].0;
    let outcomes = vec![ReceiptOutcome::Done, ReceiptOutcome::Gone];
    assert!(finishing.answered(&mut cx, &mut messages, id, Ok(outcomes)).is_empty());
    assert_eq!(messages.tokens(|_| true).into_iter().collect::<Vec<_>>(), [tokens[2]], "the answer left it out");
    let again = finishing.deadline().expect("it is tried again").at;
    assert!(again >= at(187) && again <= at(250), "{again:?}");
    set(&mut cx, 250);
    finishing.flush(&mut cx, &messages);
    let id = calls(&mut cx)[0].0;
    set(&mut cx, 30_000);
    finishing.answered(&mut cx, &mut messages, id, Ok(vec![failed()]));
    assert!(messages.is_empty() && finishing.is_idle(), "its visibility has ended");
}

#[test]
fn after_three_calls_without_effect_deletions_are_tried_out_one_by_one() {
    let (mut cx, mut messages) = parts(fifo());
    let mut finishing = Finishing::default();
    for probes in [false, false, true] {
        assert_eq!(finishing.deletes.probe_at(), None);
        let [token] = hold(&mut cx, &mut messages, ["a"]);
        messages.restage(&[token], Stage::Deleting(0));
        finishing.deletes.add(token, cx.now);
        finishing.flush(&mut cx, &messages);
        let id = calls(&mut cx)[0].0;
        finishing.answered(&mut cx, &mut messages, id, Ok(vec![ReceiptOutcome::Gone]));
        assert_eq!(finishing.deletes.probe_at().is_some(), probes);
    }
}

#[test]
fn a_release_waits_for_an_open_extension_of_its_message() {
    let (mut cx, mut messages) = parts(QueueOptions::default());
    let [token] = hold(&mut cx, &mut messages, ["a"]);
    let receipt = messages.get(token).unwrap().message.receipt.clone();
    let mut finishing = Finishing::default();
    finishing.changes.extend(token, receipt.clone(), Duration::from_secs(30));
    finishing.flush(&mut cx, &messages);
    finishing.changes.release(token, receipt, Duration::ZERO, true);
    assert_eq!(finishing.releases(), 1);
    let open = calls(&mut cx);
    finishing.flush(&mut cx, &messages);
    assert!(calls(&mut cx).is_empty(), "the last one to arrive would win");
    set(&mut cx, 2_000);
    let ended = finishing.answered(&mut cx, &mut messages, open[0].0, Ok(vec![ReceiptOutcome::Done]));
    let [(change, outcome)] = <[_; 1]>::try_from(ended).unwrap();
    let ended = finishing.changes.ended(&mut cx, change, &outcome);
    assert_eq!(ended, Ended::Extended { token, asked: at(0), span: Duration::from_secs(30) });
    finishing.flush(&mut cx, &messages);
    assert_eq!(calls(&mut cx).len(), 1);
    assert_eq!(finishing.releases(), 1, "it is ours until the source has confirmed it");
}

#[test]
fn a_release_that_fails_five_times_expires() {
    let (mut cx, mut messages) = parts(QueueOptions::default());
    let [token] = hold(&mut cx, &mut messages, ["a"]);
    let receipt = messages.get(token).unwrap().message.receipt.clone();
    let mut finishing = Finishing::default();
    finishing.changes.release(token, receipt, Duration::ZERO, true);
    let mut ends = Vec::new();
    for second in 1..=5 {
        set(&mut cx, second * 2_000);
        finishing.flush(&mut cx, &messages);
        let id = calls(&mut cx)[0].0;
        for (change, outcome) in finishing.answered(&mut cx, &mut messages, id, Ok(vec![failed()])) {
            ends.push(finishing.changes.ended(&mut cx, change, &outcome));
        }
    }
    assert!(ends[..4].iter().all(|end| *end == Ended::ReleaseFailed));
    assert_eq!(ends[4], Ended::Expires);
    assert!(finishing.is_idle());
}

fn failure(id: &str) -> Failure {
    Failure {
        uuid: 0,
        request_id: String::new(),
        condition: Condition::RetryAttemptsExhausted,
        invokes: 1,
        response: None,
        unix_ms: 0,
        batch: FailedBatch::Queue { group: None, message_id: id.into(), receive_count: 1, sent_unix_ms: 0 },
        payload: bytes::Bytes::from_static(b"{}"),
    }
}

#[test]
fn failure_records_are_delivered_sixteen_at_a_time_until_they_are_confirmed() {
    let (mut cx, mut messages) = parts(QueueOptions::default());
    let mut deliveries = Deliveries::default();
    for number in 0..17 {
        let [token] = hold(&mut cx, &mut messages, ["a"]);
        deliveries.add(DeliveryId(number), token, failure("a"));
    }
    deliveries.start(&mut cx, &mut messages);
    assert_eq!(said(&mut cx).0.len(), 16);
    let first = deliveries.tokens().next().unwrap();
    let confirmed = deliveries.answered(&mut cx, &messages, DeliveryId(0), Ok(()));
    assert_eq!(confirmed, Some(Undelivered::No { token: first }));
    assert_eq!(deliveries.answered(&mut cx, &messages, DeliveryId(0), Ok(())), None, "once");
    deliveries.start(&mut cx, &mut messages);
    let refused = Fault::new(FaultKind::TooLarge, "too large");
    let left = deliveries.answered(&mut cx, &messages, DeliveryId(1), Err(refused));
    assert!(matches!(left, Some(Undelivered::Yes { was_held_too_long: false, .. })), "{left:?}");
    let broken = Fault::new(FaultKind::Transient, "reset");
    assert_eq!(deliveries.answered(&mut cx, &messages, DeliveryId(2), Err(broken)), None);
    assert!(deliveries.next_try().is_some());
    deliveries.hasten();
    assert_eq!(deliveries.next_try(), None);
}

#[test]
fn the_failure_record_of_a_message_that_is_lost_is_not_delivered() {
    let (mut cx, mut messages) = parts(QueueOptions::default());
    let [token] = hold(&mut cx, &mut messages, ["a"]);
    let mut deliveries = Deliveries::default();
    deliveries.add(DeliveryId(1), token, failure("a"));
    set(&mut cx, 30_000);
    deliveries.start(&mut cx, &mut messages);
    let (outputs, events) = said(&mut cx);
    assert!(outputs.is_empty() && matches!(events[..], [Event::LeaseLost { records: 1, .. }]));
    assert!(deliveries.is_empty() && messages.is_empty());
}

#[test]
fn what_was_never_begun_is_given_back_when_no_receive_can_take_it_again() {
    for (begun, now, hidden) in [(false, 4_000, 16), (false, 4_500, 16), (false, 20_000, 0), (true, 4_000, 0)] {
        let mut changes = Changes::default();
        changes.release(1, Receipt::new("r-1"), Duration::ZERO, begun);
        changes.release_not_before(Some(at(20_000)));
        let least = changes.least_release(at(now));
        let sent = changes.next_call(at(now)).expect("it waits for nothing");
        assert_eq!(sent[0].entry(least).visibility.as_secs(), hidden, "begun: {begun}, at {now} ms");
    }
}
