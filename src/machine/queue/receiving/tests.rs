use super::*;
use crate::machine::queue::tests::parts::{at, fifo, parts, record, said, set};
use crate::machine::{Output, QueueOptions, QueueRequest};

const ROOM: Room = Room { is_closed: false, polls: 3, slots: 2, gathered: 0, window_ends: None, is_probe: false };

fn attributes(backlog: u64) -> QueueAttributes {
    QueueAttributes {
        visibility: Duration::from_secs(30),
        backlog: Some(backlog),
        in_flight: Some(0),
        max_receive_count: None,
        retention: None,
    }
}

/// Polls of a queue that has described itself.
fn receiving(options: QueueOptions) -> (Context, Receiving) {
    let (mut cx, _) = parts(options);
    let mut receiving = Receiving::default();
    receiving.describe(&mut cx, true);
    assert!(receiving.described(&mut cx, Ok(attributes(0))));
    said(&mut cx);
    (cx, receiving)
}

fn polls(cx: &mut Context, receiving: &mut Receiving, room: Room) -> Vec<PollRequest> {
    receiving.start(cx, &room);
    let requests = said(cx).0.into_iter().filter_map(|output| match output {
        Output::Request(QueueRequest::Poll(request)) => Some(request),
        _ => None,
    });
    requests.collect()
}

/// How many messages each poll asks for that is opened.
fn asked(options: QueueOptions, room: Room) -> Vec<u32> {
    let (mut cx, mut receiving) = receiving(options);
    polls(&mut cx, &mut receiving, room).iter().map(|poll| poll.max).collect()
}

#[test]
fn a_poll_is_opened_only_where_a_slot_is_free_for_what_it_brings() {
    let of = |batch_size, window| QueueOptions {
        batch_size,
        window: Duration::from_secs(window),
        ..QueueOptions::default()
    };
    assert_eq!(asked(of(10, 0), ROOM), [10, 10], "one for each slot");
    assert_eq!(asked(of(10, 0), Room { slots: 9, ..ROOM }), [10, 10, 10], "and no more than are worth it");
    assert_eq!(asked(of(10, 0), Room { slots: 0, ..ROOM }), [0; 0]);
    assert_eq!(asked(of(3, 0), ROOM), [3, 3]);
    assert_eq!(asked(of(10, 5), Room { slots: 1, gathered: 7, ..ROOM }), [3], "a window fills its batch");
    assert_eq!(asked(of(25, 5), Room { slots: 1, ..ROOM }), [10, 10, 5]);
    assert_eq!(asked(of(10, 0), Room { is_closed: true, ..ROOM }), [0; 0]);
    assert_eq!(asked(of(10, 0), Room { is_probe: true, ..ROOM }), [1]);
}

#[test]
fn nothing_is_received_before_the_queue_is_known_and_without_permission_a_timeout_is_assumed() {
    let (mut cx, _) = parts(QueueOptions::default());
    let mut receiving = Receiving::default();
    receiving.describe(&mut cx, true);
    assert!(polls(&mut cx, &mut receiving, ROOM).is_empty());
    let denied = Fault::new(FaultKind::Denied, "no");
    assert!(receiving.described(&mut cx, Err(denied)));
    let polls = polls(&mut cx, &mut receiving, ROOM);
    assert_eq!(polls[0].visibility, Some(Duration::from_secs(30)));

    let mut unknown = Receiving::default();
    unknown.describe(&mut cx, true);
    let missing =
        Fault { retry_after: Some(Duration::from_secs(7)), ..Fault::new(FaultKind::Missing, "no such queue") };
    assert!(!unknown.described(&mut cx, Err(missing)), "a failed receive");
    assert_eq!(unknown.deadline(), Some(Deadline { at: at(7_000), reason: Wake::Describe }));
}

#[test]
fn the_first_poll_is_short_and_those_after_a_success_wait_within_the_window() {
    let (mut cx, mut receiving) = receiving(QueueOptions::default());
    let first = polls(&mut cx, &mut receiving, Room { polls: 1, ..ROOM })[0].clone();
    assert_eq!(first.wait, Duration::ZERO);
    assert!(matches!(receiving.answered(&mut cx, first.id, Ok(vec![record("m", "a")])), Ended::Received(_)));
    let wait = |cx: &mut Context, receiving: &mut Receiving, window_ends| {
        let request =
            polls(cx, receiving, Room { polls: 9, slots: receiving.open() + 1, window_ends, ..ROOM })[0].clone();
        request.wait.as_secs()
    };
    assert_eq!(wait(&mut cx, &mut receiving, None), 20);
    assert_eq!(wait(&mut cx, &mut receiving, Some(at(3_500))), 4);
}

#[test]
fn failures_make_a_pause_that_grows_and_polls_that_fail_together_are_one() {
    let (mut cx, mut receiving) = receiving(QueueOptions::default());
    let open = polls(&mut cx, &mut receiving, ROOM);
    let broken = || Err(Fault::new(FaultKind::Transient, "reset"));
    for poll in open {
        assert!(matches!(receiving.answered(&mut cx, poll.id, broken()), Ended::Failed));
    }
    let Some(Deadline { at: pause, reason: Wake::Poll }) = receiving.deadline() else { panic!("it waits") };
    assert!(pause <= at(250), "{pause:?}");
    assert!(polls(&mut cx, &mut receiving, ROOM).is_empty());
    set(&mut cx, 250);
    let again = polls(&mut cx, &mut receiving, ROOM);
    receiving.answered(&mut cx, again[0].id, broken());
    let Some(Deadline { at: pause, .. }) = receiving.deadline() else { panic!("it waits") };
    assert!(pause > at(250 + 250) && pause <= at(250 + 500), "{pause:?}");
}

#[test]
fn empty_answers_that_come_at_once_are_followed_by_a_pause() {
    let (mut cx, mut receiving) = receiving(QueueOptions::default());
    let one = Room { polls: 1, ..ROOM };
    for _ in 0..2 {
        let poll = polls(&mut cx, &mut receiving, one)[0].id;
        receiving.answered(&mut cx, poll, Ok(Vec::new()));
    }
    assert!(polls(&mut cx, &mut receiving, one).is_empty(), "the second was to wait");
    set(&mut cx, 10);
    assert_eq!(polls(&mut cx, &mut receiving, one).len(), 1);
}

#[test]
fn a_lost_answer_of_a_fifo_queue_is_asked_for_again() {
    let (mut cx, mut receiving) = receiving(fifo());
    let one = Room { polls: 1, ..ROOM };
    let first = polls(&mut cx, &mut receiving, one)[0].clone();
    receiving.answered(&mut cx, first.id, Err(Fault::new(FaultKind::Timeout, "silence")));
    set(&mut cx, 1_000);
    let again = polls(&mut cx, &mut receiving, one)[0].clone();
    assert!(first.attempt.is_some() && again.attempt == first.attempt);
}

#[test]
fn a_queue_that_fell_idle_is_asked_again_soon() {
    let (mut cx, mut receiving) = receiving(QueueOptions::default());
    set(&mut cx, 60_000);
    receiving.describe(&mut cx, false);
    assert!(receiving.described(&mut cx, Ok(attributes(8))));
    let poll = polls(&mut cx, &mut receiving, ROOM)[0].id;
    receiving.answered(&mut cx, poll, Ok(vec![record("m", "a")]));
    receiving.describe(&mut cx, false);
    let due = |receiving: &Receiving| receiving.deadline().map(|deadline| deadline.at);
    assert_eq!(due(&receiving), Some(at(120_000)));
    receiving.describe(&mut cx, true);
    assert_eq!(due(&receiving), Some(at(65_000)));
    receiving.stop();
    assert_eq!(due(&receiving), None);
}
