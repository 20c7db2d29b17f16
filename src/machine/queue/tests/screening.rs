//! Messages that the filters do not let pass.

use std::sync::Arc;

use super::rig::{Rig, answer, fault, ms, s};
use crate::machine::{
    Condition, Event, FaultKind, GroupOrder, MAX_BODY_BYTES, QueueAnswer, QueueOptions, Screened, Screening,
    ScreeningPolicy, Undecided,
};

fn policy(filtered_out: Screened, undecidable: Screened) -> QueueOptions {
    QueueOptions { screening: ScreeningPolicy { filtered_out, undecidable }, ..QueueOptions::default() }
}

impl Rig {
    /// Answers the oldest poll with a message for each screening, received for the second time.
    fn bring_screened(&mut self, screenings: &[Screening]) {
        let mut records = Vec::new();
        for &screening in screenings {
            let mut record = self.message(100);
            (record.record.screening, record.receive_count, record.group) = (screening, 2, Some("a".into()));
            records.push(record);
        }
        let poll = self.polls.pop_front().expect("a poll is open").id;
        self.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    }
}

const ALL: [Screening; 3] = [Screening::Passes, Screening::FilteredOut, Screening::Undecidable("why")];

#[test]
fn each_policy_does_what_it_says() {
    let (drop, deliver) = (Screened::Drop, Screened::Deliver);
    for (filtered_out, undecidable, invoked, deleted, given_back) in [
        (drop, drop, 1, vec!["r-2", "r-3"], vec![]),
        (drop, deliver, 2, vec!["r-2"], vec![]),
        (Screened::Release, drop, 1, vec!["r-3"], vec![("r-2".to_owned(), 2)]),
        (Screened::Release, deliver, 2, vec![], vec![("r-2".to_owned(), 2)]),
    ] {
        let shown = format!("{filtered_out:?} {undecidable:?}");
        let mut rig = Rig::new(policy(filtered_out, undecidable), 30);
        rig.bring_screened(&ALL);
        assert_eq!(rig.invokes.iter().map(|invoke| invoke.records).sum::<usize>(), invoked, "{shown}");
        rig.pass(ms(10));
        let answered = rig.answer_receipts();
        assert_eq!((answered.deleted, answered.changed), (deleted.into_iter().map(String::from).collect(), given_back));
        assert_eq!(rig.held(), invoked, "{shown}");
        let reported =
            Event::Screened { filtered_out: 1, undecided: Undecided { records: 1, why: "why", then: undecidable } };
        assert_eq!(rig.saw(|event| *event == reported), 1, "{shown}");
    }
}

#[test]
fn nothing_is_reported_where_everything_passes_and_nothing_is_invoked_where_nothing_does() {
    let mut rig = Rig::new(policy(Screened::Drop, Screened::Drop), 30);
    rig.bring_screened(&[Screening::Passes]);
    assert_eq!(rig.saw(|event| matches!(event, Event::Screened { .. })), 0);
    rig.finish(answer("null"));
    rig.bring_screened(&[Screening::FilteredOut; 3]);
    assert!(rig.invokes.is_empty());
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted.len(), 4);
}

#[test]
fn what_goes_to_a_destination_is_deleted_when_that_has_confirmed_it() {
    let mut rig = Rig::new(policy(Screened::Destination, Screened::Destination), 30);
    rig.bring_screened(&ALL);
    assert_eq!(rig.invokes.len(), 1);
    let failure = rig.confirm(Ok(()));
    assert_eq!((failure.condition, failure.invokes, &failure.response), (Condition::FilteredOut, 0, &None));
    let failure = rig.confirm(Err(fault(FaultKind::Transient)));
    assert_eq!(failure.condition, Condition::FilterUndecidable);
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-2"]);
    rig.pass(s(10));
    let again = rig.confirm(Ok(()));
    assert!(Arc::ptr_eq(&again, &failure));
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-3"]);
}

#[test]
fn a_drain_gives_back_what_was_not_screened_yet() {
    let mut rig = Rig::new(policy(Screened::Drop, Screened::Drop), 30);
    rig.drain(s(10));
    rig.bring_screened(&ALL);
    let given_back: Vec<u64> = rig.answer_receipts().changed.into_iter().map(|(_, seconds)| seconds).collect();
    assert_eq!(given_back, [0, 0, 0]);
    assert!(rig.done);
}

#[test]
fn a_message_that_is_too_large_to_deliver_may_still_be_filtered_out() {
    let mut rig = Rig::new(policy(Screened::Drop, Screened::Drop), 30);
    let mut record = rig.message(MAX_BODY_BYTES);
    record.record.screening = Screening::FilteredOut;
    let poll = rig.polls.pop_front().unwrap().id;
    rig.hear(QueueAnswer::Polled { poll, result: Ok(vec![record]) });
    rig.pass(ms(10));
    assert_eq!(rig.answer_receipts().deleted, ["r-1"]);
    assert_eq!(rig.saw(|event| matches!(event, Event::TooLarge { .. })), 0);
}

#[test]
fn what_is_filtered_out_of_a_group_holds_nothing_up() {
    let options = QueueOptions { fifo: Some(GroupOrder::Protect), ..policy(Screened::Drop, Screened::Drop) };
    let mut rig = Rig::new(options, 30);
    rig.bring_screened(&[Screening::FilteredOut, Screening::Passes, Screening::FilteredOut, Screening::Passes]);
    assert_eq!(rig.invokes[0].records, 2);
    assert_eq!(rig.answer_receipts().deleted, ["r-1", "r-3"]);
    rig.finish(answer("null"));
    assert_eq!(rig.answer_receipts().deleted, ["r-2", "r-4"]);
    assert_eq!(rig.held(), 0);
}
