use std::time::Duration;

use super::*;
use crate::machine::queue::tests::parts::{at, fifo, record};
use crate::machine::{FlushReason, MAX_BODY_BYTES};

/// Messages that wait, named by their tokens and of these groups.
fn waiting(options: &QueueOptions, letters: &str) -> Gather {
    let mut gather = Gather::new(options);
    for (token, letter) in (1..).zip(letters.chars()) {
        gather.join(token, &mut record("m", &letter.to_string()));
        assert!(gather.wait(token, 10, at(0)));
    }
    gather.receive_ended(false);
    gather
}

fn next(gather: &mut Gather, out: &mut Outbox<Queue>, free: usize, polls: usize) -> Option<(u64, Vec<u64>)> {
    gather.next_batch(out, free, polls).map(|(id, closed)| (id.0, closed.tokens))
}

#[test]
fn a_window_closes_batches_whether_slots_are_free_or_not() {
    let mut out = Outbox::default();
    let mut gather = waiting(&QueueOptions::default(), "aba");
    assert_eq!((gather.polls(), gather.is_ready()), (u32::MAX, false));
    assert_eq!(next(&mut gather, &mut out, 0, 9), Some((1, vec![1, 2, 3])));
    assert_eq!(next(&mut gather, &mut out, 0, 9), None, "and names no other");
    assert_eq!(out.name(), 2);
}

#[test]
fn groups_form_batches_for_free_slots_alone_but_for_one_that_a_poll_was_promised() {
    let mut out = Outbox::default();
    let mut gather = waiting(&fifo(), "abab");
    assert_eq!((gather.polls(), gather.is_ready(), gather.gathered()), (3, true, 0));
    assert_eq!(next(&mut gather, &mut out, 0, 0), None);
    assert_eq!(next(&mut gather, &mut out, 3, 1), Some((1, vec![1, 3])));
    assert_eq!(next(&mut gather, &mut out, 1, 1), Some((2, vec![2, 4])));
    assert!(gather.is_alone(&[1, 3], BatchId(1)) && !gather.is_alone(&[2], BatchId(1)));
}

#[test]
fn what_is_too_large_never_waits_in_a_window_and_stops_its_group_until_its_turn() {
    let mut window = Gather::new(&QueueOptions::default());
    assert!(!window.wait(1, MAX_BODY_BYTES, at(0)));
    let mut groups = Gather::new(&fifo());
    let mut large = record("m", "a");
    large.record.fragment = bytes::Bytes::from(vec![b' '; MAX_BODY_BYTES]);
    groups.join(1, &mut large);
    assert!(groups.wait(1, MAX_BODY_BYTES, at(0)));
    let (_, closed) = groups.next_batch(&mut Outbox::default(), 1, 0).unwrap();
    assert!(closed.bytes > MAX_BODY_BYTES && closed.tokens == [1]);
}

#[test]
fn a_failure_concerns_its_group_and_in_a_window_nothing_else() {
    let mut out = Outbox::default();
    let mut window = waiting(&QueueOptions::default(), "aaab");
    assert_eq!(window.fail(&[1, 2], true), Failed { certain: vec![1, 2], others: vec![] });
    assert_eq!(window.kept_in_order(&[1, 2, 3], &[0]), [0; 0]);
    assert_eq!(window.stop(&[1], vec![2, 4]), (vec![], vec![2, 4]));
    assert_eq!(window.divide(BatchId(1), &[1], vec![2]), Some(vec![2]));

    let mut groups = waiting(&QueueOptions { batch_size: 2, ..fifo() }, "aaab");
    assert_eq!(next(&mut groups, &mut out, 9, 0), Some((1, vec![1, 2])));
    assert_eq!(groups.kept_in_order(&[1, 2], &[0]), [1]);
    assert_eq!(groups.fail(&[1, 2], true), Failed { certain: vec![1], others: vec![2, 3] });
    assert_eq!(groups.divide(BatchId(1), &[1], vec![2]), None, "it waits for its turn again");
}

#[test]
fn leases_of_a_group_are_extended_together() {
    assert_eq!(waiting(&QueueOptions::default(), "aaba").together(vec![1], |_| true), [1]);
    assert_eq!(waiting(&fifo(), "aaba").together(vec![4], |&token| token != 2), [1, 4]);
}

#[test]
fn a_small_receive_leaves_a_backlog_only_of_other_groups() {
    let window = Gather::new(&QueueOptions::default());
    let groups = Gather::new(&fifo());
    for (received, of_window, of_groups) in [(10, true, true), (1, false, true), (0, false, false)] {
        assert_eq!(window.leaves_backlog(received, 10), of_window, "{received}");
        assert_eq!(groups.leaves_backlog(received, 10), of_groups, "{received}");
    }
}

#[test]
fn other_options_gather_a_window_once_more_and_leave_groups_where_they_are() {
    let slow = QueueOptions { window: Duration::from_secs(9), ..QueueOptions::default() };
    let mut window = waiting(&slow, "ab");
    assert_eq!(window.window_ends(), Some(at(9_000)));
    assert_eq!(window.change(&QueueOptions { window: Duration::from_secs(5), ..slow }), Some(vec![1, 2]));
    assert!(window.wait(1, 10, at(0)));
    assert_eq!((window.window_ends(), window.gathered()), (Some(at(5_000)), 1));
    window.advance(at(5_000));
    let (_, closed) = window.next_batch(&mut Outbox::default(), 0, 0).unwrap();
    assert_eq!((closed.tokens, closed.reason), (vec![1], FlushReason::Window));

    let mut groups = waiting(&fifo(), "aa");
    assert_eq!(groups.change(&QueueOptions { batch_size: 1, ..fifo() }), None);
    assert_eq!(next(&mut groups, &mut Outbox::default(), 1, 0), Some((1, vec![1])));
}
