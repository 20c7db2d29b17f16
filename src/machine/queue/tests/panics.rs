//! What a successor goes on with after a panic.

use std::sync::Arc;

use super::rig::{Rig, answer, fault, function_error, ms, s};
use crate::machine::{
    Event, FaultKind, GroupOrder, Health, Input, Message, Queue, QueueAnswer, QueueCommand, QueueOptions,
    ReceiptOutcome, Screened, Screening, ScreeningPolicy, fuse,
};

fn with(batch_size: u32, window: u64) -> QueueOptions {
    QueueOptions { batch_size, window: s(window), maximum_concurrency: Some(4), ..QueueOptions::default() }
}

fn fifo() -> QueueOptions {
    QueueOptions { fifo: Some(GroupOrder::Protect), report_batch_item_failures: true, ..with(10, 0) }
}

fn sizes(rig: &Rig) -> Vec<usize> {
    rig.invokes.iter().map(|invoke| invoke.records).collect()
}

impl Rig {
    /// Answers the oldest poll with a message of group `a` for each count, in one receive.
    fn bring_group(&mut self, messages: usize) {
        let of = |record: Message| Message { group: Some(Arc::from("a")), ..record };
        let records = (0..messages).map(|_| of(self.message(100))).collect();
        let poll = self.polls.pop_front().expect("a poll is open").id;
        self.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    }

    /// The machine panics at its next step, which the next input brings.
    fn panic_at(&mut self, steps: u32, input: Input<Queue>) {
        fuse::light(steps);
        self.feed(input);
        assert!(fuse::is_out(), "it did panic");
    }

    fn panics(&mut self) {
        self.hand_over();
        self.feed(Input::Timeout);
    }

    fn gave_anything_back(&self) -> bool {
        self.saw(|event| matches!(event, Event::Left { .. } | Event::LeaseLost { .. } | Event::Released { .. })) > 0
    }
}

#[test]
fn what_is_gathered_keeps_its_window_and_its_lease() {
    let mut rig = Rig::new(with(100, 20), 30);
    rig.bring(7);
    rig.pass(s(10));
    let open: Vec<_> = rig.polls.iter().map(|poll| poll.id).collect();
    rig.panics();
    assert!(rig.polls.iter().map(|poll| poll.id).eq(open), "no other receive begins, and none ends");
    rig.pass(s(5));
    assert_eq!(rig.answer_receipts().changed.len(), 7, "the leases are extended when half of them is over");
    rig.pass(ms(4_999));
    assert!(rig.invokes.is_empty());
    rig.pass(ms(1));
    assert_eq!(sizes(&rig), [7]);
    rig.bring(3);
    assert_eq!(rig.held(), 10, "what an open receive brings is taken");
    assert!(!rig.gave_anything_back());
}

#[test]
fn what_is_in_flight_stays_there_until_it_is_answered() {
    let mut rig = Rig::new(with(2, 0), 30);
    rig.bring(2);
    rig.bring(2);
    rig.panics();
    assert_eq!((rig.invokes.len(), rig.machine.invoking.in_flight()), (2, 2), "nothing is invoked twice");
    rig.finish(answer("null"));
    rig.finish(function_error());
    rig.pass(s(1));
    assert_eq!(rig.answer_receipts().deleted, ["r-1", "r-2"]);
    assert_eq!(rig.held(), 0);
}

#[test]
fn a_throttled_batch_keeps_its_pause_and_its_attempts() {
    let mut rig = Rig::new(with(10, 0), 300);
    rig.bring(5);
    rig.finish(Err(fault(FaultKind::Throttled)));
    let again = rig.machine.invoking.waiting.first().copied();
    rig.panics();
    assert_eq!(rig.machine.invoking.waiting.first().copied(), again);
    rig.pass(s(10));
    assert_eq!(rig.invokes.iter().map(|invoke| (invoke.records, invoke.attempt)).collect::<Vec<_>>(), [(5, 2)]);
    assert!(!rig.gave_anything_back());
}

#[test]
fn an_invoke_that_was_not_begun_is_begun_by_the_successor() {
    // Three messages are taken in seven steps, and their batch is sent in six more.
    for steps in 8..=13 {
        let mut rig = Rig::new(with(3, 0), 30);
        let records = (0..3).map(|_| rig.message(100)).collect();
        let poll = rig.polls.pop_front().unwrap().id;
        rig.panic_at(steps, Input::Answer(QueueAnswer::Polled { poll, result: Ok(records) }));
        assert_eq!(rig.invokes.len(), 1, "{steps}");
        assert_eq!(rig.invokes[0].attempt, 1, "{steps}");
        rig.finish(answer("null"));
        rig.pass(s(1));
        assert_eq!(rig.answer_receipts().deleted.len(), 3, "{steps}");
        assert_eq!(rig.saw(|event| matches!(event, Event::InvokeStarted { .. })), 1, "{steps}");
    }
}

#[test]
fn what_is_to_be_deleted_is_deleted_again_and_never_invoked() {
    let mut rig = Rig::new(with(1, 0), 30);
    for _ in 0..3 {
        rig.bring(1);
        rig.finish(answer("null"));
        rig.pass(ms(10));
    }
    assert_eq!(rig.receipts.len(), 3);
    // One call fails and waits for its next try, one is open, and the answer to one is what the machine panics over.
    rig.answer_receipts_as(ReceiptOutcome::Failed(fault(FaultKind::Transient)));
    let request = rig.receipts.pop_front().unwrap().id;
    rig.panic_at(1, Input::Answer(QueueAnswer::Receipts { request, result: Err(fault(FaultKind::Transient)) }));
    assert_eq!((rig.held(), rig.receipts.len()), (3, 1), "the open one is not sent twice");
    rig.pass(ms(10));
    let mut deleted = rig.answer_receipts().deleted;
    deleted.sort();
    assert_eq!(deleted, ["r-1", "r-2", "r-3"]);
    assert_eq!((rig.held(), rig.invokes.len()), (0, 0));
}

#[test]
fn a_release_that_was_not_sent_is_sent_and_one_that_is_open_counts() {
    let options = QueueOptions { on_function_error: crate::machine::OnFunctionError::Release, ..with(1, 0) };
    for steps in 1..12 {
        let mut rig = Rig::new(options.clone(), 30);
        rig.bring(1);
        fuse::light(steps);
        rig.finish(function_error());
        fuse::light(0);
        rig.panics();
        let released = rig.answer_receipts().changed;
        // At these two steps it is in neither list: its visibility timeout brings it back.
        assert_eq!(released.len(), usize::from(![1, 3].contains(&steps)), "{steps}");
        assert_eq!((rig.held(), rig.invokes.len()), (0, 0));
    }
}

#[test]
fn a_failure_record_that_is_not_confirmed_stays_so() {
    let options = QueueOptions { on_failure: Some(1), ..with(1, 0) };
    let mut rig = Rig::new(options, 300);
    rig.bring(1);
    rig.finish(function_error());
    rig.bring(1);
    rig.finish(function_error());
    rig.confirm(Err(fault(FaultKind::Transient)));
    let uuid = rig.deliveries[0].failure.uuid;
    rig.panics();
    assert_eq!(rig.deliveries.len(), 1, "the open one is not sent twice, and the other keeps its pause");
    assert_eq!(rig.confirm(Ok(())).uuid, uuid);
    rig.pass(s(10));
    rig.confirm(Ok(()));
    rig.pass(s(1));
    assert_eq!(rig.answer_receipts().deleted, ["r-2", "r-1"]);
}

#[test]
fn a_message_whose_record_was_being_made_is_left() {
    let mut rig = Rig::new(QueueOptions { on_failure: Some(1), ..with(2, 0) }, 30);
    rig.bring(2);
    let batch = rig.invokes.pop_front().unwrap().batch;
    rig.panic_at(2, Input::Invoked { batch, result: function_error(), took: ms(5) });
    rig.confirm(Ok(()));
    rig.pass(s(1));
    assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
    assert_eq!(rig.saw(|event| *event == Event::Left { records: 1 }), 1);
    assert_eq!((rig.held(), rig.invokes.len()), (0, 0));
}

#[test]
fn what_does_not_pass_the_filters_is_not_gathered_by_the_successor() {
    let screening = ScreeningPolicy { filtered_out: Screened::Drop, ..ScreeningPolicy::default() };
    let mut rig = Rig::new(QueueOptions { screening, ..with(10, 0) }, 30);
    let mut record = rig.message(100);
    record.record.screening = Screening::FilteredOut;
    let poll = rig.polls.pop_front().unwrap().id;
    // The message is held, and nothing more has happened.
    rig.panic_at(3, Input::Answer(QueueAnswer::Polled { poll, result: Ok(vec![record]) }));
    rig.pass(s(1));
    assert_eq!((rig.answer_receipts().deleted.len(), rig.invokes.len()), (1, 0));
}

#[test]
fn a_drain_goes_on_and_one_that_was_being_begun_is_begun() {
    for steps in 0..12 {
        let mut rig = Rig::new(with(10, 60), 30);
        rig.bring(3);
        fuse::light(steps);
        rig.feed(Input::Command(QueueCommand::Drain { bound: s(25), receives: s(30) }));
        fuse::light(0);
        rig.panics();
        assert!(!rig.done && rig.receipts.is_empty(), "a receive is open, which would take them again");
        rig.fail_polls();
        assert_eq!(rig.answer_receipts().changed.len(), 3);
        assert!(rig.done && rig.invokes.is_empty(), "{steps}");
    }
}

#[test]
fn a_group_stays_busy_and_what_waits_behind_goes_on_behind() {
    let mut rig = Rig::new(QueueOptions { batch_size: 2, ..fifo() }, 30);
    rig.bring_group(5);
    rig.panics();
    assert_eq!(sizes(&rig), [2]);
    rig.finish(answer("null"));
    assert_eq!(rig.in_flight(), [[Arc::from("m-3"), Arc::from("m-4")]]);
    rig.panics();
    rig.finish(Err(fault(FaultKind::Throttled)));
    rig.panics();
    rig.pass(s(10));
    assert_eq!(rig.in_flight(), [[Arc::from("m-3"), Arc::from("m-4")]]);
    rig.finish(answer("null"));
    rig.finish(answer("null"));
    assert_eq!(rig.answer_receipts().deleted.len(), 5);
    assert!(!rig.gave_anything_back());
}

#[test]
fn nothing_passes_a_message_of_its_group_that_comes_again() {
    for steps in 1..20 {
        let mut rig = Rig::new(QueueOptions { batch_size: 2, ..fifo() }, 30);
        rig.bring_group(4);
        fuse::light(steps);
        rig.finish(answer(r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#));
        fuse::light(0);
        rig.panics();
        assert!(rig.invokes.is_empty(), "{steps}: {:?}", rig.in_flight());
        rig.answer_receipts();
        assert_eq!(rig.held(), 0, "{steps}");
    }
}

#[test]
fn a_panic_is_shown_for_a_minute() {
    let mut rig = Rig::new(with(10, 0), 30);
    rig.panics();
    let reasons = |rig: &Rig| {
        let of = |event: &Event| match event {
            Event::Health(health) => Some(health.clone()),
            _ => None,
        };
        rig.events.iter().filter_map(of).collect::<Vec<_>>()
    };
    let reason = format!("the mapping's task panicked and goes on with what it held: {}", fuse::WORDS);
    assert_eq!(reasons(&rig), [Health::Degraded { reason: reason.clone() }]);
    rig.pass(ms(59_999));
    assert_eq!(reasons(&rig).len(), 1);
    rig.pass(ms(1));
    assert_eq!(reasons(&rig), [Health::Degraded { reason }, Health::Ok]);
}
