use super::*;
use crate::machine::queue::tests::parts::{at, fifo, hold, parts, said, set};
use crate::machine::{FaultKind, GroupOrder, Output};

fn options() -> QueueOptions {
    QueueOptions { maximum_concurrency: Some(2), ..QueueOptions::default() }
}

fn invoking(options: QueueOptions) -> (Context, Messages, Invoking) {
    let (cx, messages) = parts(options);
    let invoking = Invoking::new(&cx.options);
    (cx, messages, invoking)
}

fn throttled() -> Fault {
    Fault::new(FaultKind::Throttled, "slow down")
}

/// Invokes all that may be: how many messages each batch has.
fn begin(cx: &mut Context, messages: &mut Messages, invoking: &mut Invoking) -> Vec<(BatchId, usize)> {
    while let Some(id) = invoking.next_ready() {
        invoking.begin(cx, messages, id);
    }
    let requests = said(cx).0.into_iter().filter_map(|output| match output {
        Output::Invoke(request) => Some((request.batch, request.records)),
        _ => None,
    });
    requests.collect()
}

#[test]
fn batches_go_as_slots_allow_and_waiting_ones_take_a_slot_too() {
    let (mut cx, mut messages, mut invoking) = invoking(options());
    let tokens = hold(&mut cx, &mut messages, ["a", "b", "c"]);
    for (id, token) in [1, 2, 3].into_iter().zip(tokens) {
        invoking.add(&mut cx, &mut messages, BatchId(id), vec![token]);
    }
    assert_eq!(begin(&mut cx, &mut messages, &mut invoking), [(BatchId(1), 1), (BatchId(2), 1)]);
    assert_eq!((invoking.in_flight(), invoking.free(), invoking.is_ready()), (2, 0, true));
    assert!(invoking.landed(BatchId(3)).is_none(), "it is not in flight");
    assert_eq!(invoking.landed(BatchId(1)).map(|batch| batch.tokens), Some(vec![tokens[0]]));
    assert_eq!(begin(&mut cx, &mut messages, &mut invoking), [(BatchId(3), 1)]);
}

#[test]
fn a_batch_that_is_retried_waits_for_its_pause_or_for_an_answer_to_another() {
    let (mut cx, mut messages, mut invoking) = invoking(options());
    let [first, second] = hold(&mut cx, &mut messages, ["a", "b"]);
    invoking.add(&mut cx, &mut messages, BatchId(1), vec![first]);
    invoking.add(&mut cx, &mut messages, BatchId(2), vec![second]);
    begin(&mut cx, &mut messages, &mut invoking);
    let mut batch = invoking.landed(BatchId(1)).unwrap();
    batch.faults = 1;
    assert!(invoking.retry(&mut cx, &mut messages, batch, &throttled()).is_none());
    assert_eq!(messages.get(first).map(|held| held.stage), Some(Stage::Batched(BatchId(1))));
    let again = invoking.next_retry().expect("it waits");
    assert!(!invoking.is_ready());
    invoking.answered(Duration::from_millis(5), at(0));
    assert!(invoking.is_ready(), "the function takes work");
    assert_eq!(invoking.next_retry(), None);

    begin(&mut cx, &mut messages, &mut invoking);
    let mut batch = invoking.landed(BatchId(1)).unwrap();
    assert_eq!(batch.attempt, 2);
    batch.faults = 2;
    assert!(invoking.retry(&mut cx, &mut messages, batch, &throttled()).is_none());
    invoking.answered(Duration::from_millis(5), at(4_999));
    assert!(!invoking.is_ready(), "it has failed more than once, and waits for five seconds");
    invoking.advance(again + Duration::from_secs(30));
    assert!(invoking.is_ready());
}

#[test]
fn what_would_be_held_for_too_long_comes_back() {
    let (mut cx, mut messages, mut invoking) =
        invoking(QueueOptions { hold_limit: Duration::from_secs(10), ..options() });
    let [token] = hold(&mut cx, &mut messages, ["a"]);
    invoking.add(&mut cx, &mut messages, BatchId(1), vec![token]);
    begin(&mut cx, &mut messages, &mut invoking);
    let batch = invoking.landed(BatchId(1)).unwrap();
    set(&mut cx, 9_999);
    let fault = Fault { retry_after: Some(Duration::from_secs(1)), ..throttled() };
    assert_eq!(invoking.retry(&mut cx, &mut messages, batch, &fault).map(|batch| batch.tokens), Some(vec![token]));
    assert_eq!(invoking.len(), 0);
}

#[test]
fn a_batch_is_cut_to_size_and_of_groups_the_rest_waits_again() {
    for (of, batches) in [(options(), vec![(BatchId(1), 2), (BatchId(6), 2)]), (fifo(), vec![(BatchId(1), 2)])] {
        let (mut cx, mut messages, mut invoking) = invoking(QueueOptions { batch_size: 2, ..of });
        let tokens = hold(&mut cx, &mut messages, ["a1", "a2", "a3", "a4", "a5"]);
        messages.gather.occupy(&tokens, BatchId(1));
        invoking.add(&mut cx, &mut messages, BatchId(1), tokens.to_vec());
        assert_eq!(begin(&mut cx, &mut messages, &mut invoking), batches);
    }
}

#[test]
fn halves_of_a_batch_of_groups_go_in_their_order_also_where_they_are_larger_than_batches_may_be() {
    let (mut cx, mut messages, mut invoking) = invoking(QueueOptions { batch_size: 2, ..fifo() });
    let tokens = hold(&mut cx, &mut messages, ["a1", "a2", "a3", "a4", "a5", "a6"]);
    invoking.split(&mut cx, &mut messages, tokens.to_vec());
    let mut order = Vec::new();
    for _ in 0..3 {
        order.extend(invoking.all_tokens());
        let [(id, _)] = begin(&mut cx, &mut messages, &mut invoking)[..] else { panic!("one batch goes") };
        let batch = invoking.landed(id).unwrap();
        messages.gather.vacate(&batch.tokens);
        if let Some((id, closed)) = messages.gather.next_batch(&mut cx.out, 1, 0) {
            invoking.add(&mut cx, &mut messages, id, closed.tokens);
        }
    }
    assert_eq!(order, tokens);
}

#[test]
fn a_batch_without_messages_is_none() {
    let (mut cx, mut messages, mut invoking) = invoking(QueueOptions { fifo: Some(GroupOrder::Protect), ..options() });
    let tokens = hold(&mut cx, &mut messages, ["a", "b"]);
    invoking.add(&mut cx, &mut messages, BatchId(7), tokens.to_vec());
    invoking.keep(BatchId(7), vec![tokens[1]]);
    assert_eq!((invoking.tokens(BatchId(7)), invoking.is_ready()), (&tokens[1..], true));
    invoking.keep(BatchId(7), Vec::new());
    assert_eq!((invoking.len(), invoking.is_ready()), (0, false));
}

#[test]
fn what_was_never_begun_can_be_taken_out() {
    let (mut cx, mut messages, mut invoking) = invoking(options());
    let [first, second, third] = hold(&mut cx, &mut messages, ["a", "b", "c"]);
    for (id, token) in [(1, first), (2, second), (3, third)] {
        invoking.add(&mut cx, &mut messages, BatchId(id), vec![token]);
    }
    let id = invoking.next_ready().unwrap();
    invoking.begin(&mut cx, &mut messages, id);
    assert_eq!(invoking.take_unstarted(&mut messages, |&token| token == second), [third]);
    assert_eq!(invoking.take_fresh(&mut messages), [second]);
    assert_eq!((invoking.len(), invoking.in_flight()), (1, 1));
}
