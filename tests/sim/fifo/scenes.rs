//! Scenarios of FIFO queues made by hand, for what must hold in so many words.

use forebay::machine::{FaultKind, GroupOrder};

use crate::plan::{Outage, SideOf, as_fifo, destination, group_order, queue_mut};
use crate::queue::plan::SubjectPlan;
use crate::queue::scenes::{passes, plan, subject as standard_subject};

/// A FIFO queue with these messages, each a letter: its group. Capitals are poison.
fn subject(messages: &str) -> SubjectPlan {
    let mut subject = standard_subject(messages.len());
    as_fifo(&mut subject.mapping);
    subject.mapping.report_batch_item_failures = true;
    for (send, letter) in subject.sends.iter_mut().zip(messages.chars()) {
        send.group = u32::from(letter.to_ascii_lowercase());
        send.poison = letter.is_ascii_uppercase();
    }
    subject
}

/// The function reports one message and continues with those behind it. Protected, they come again with it, and end
/// as it does. As reported, they are deleted, and it comes again behind them.
#[test]
fn a_careless_function_is_protected_from_itself_or_taken_at_its_word() {
    for (order, deleted, dead) in [(GroupOrder::Protect, 3, 7), (GroupOrder::AsReported, 9, 1)] {
        let mut subject = subject("aaaAaaaaaa");
        *group_order(&mut subject.mapping) = order;
        let outcome = passes(plan(vec![subject], Vec::new()));
        assert_eq!((outcome.deleted, outcome.dead), (deleted, dead), "{order:?}");
    }
}

#[test]
fn a_group_goes_on_behind_a_message_that_the_destination_has_taken() {
    let mut subject = subject("aaaAaaaaaa");
    subject.queue.max_receive_count = None;
    subject.mapping.on_failure = Some(destination(false));
    subject.outages = vec![Outage { from: 0, until: 300_000, side: SideOf::Destination, kind: FaultKind::Transient }];
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead, outcome.recorded), (10, 0, 1));
}

#[test]
fn a_group_goes_on_behind_a_message_in_the_dead_letter_queue() {
    let mut subject = subject("aaaAaaaaaa");
    subject.mapping.batch_size = 1;
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (9, 1));
}

/// The function throws, and says nothing of which message it was. Two receives are few: who shares a batch with the
/// failing group more than once is dead.
#[test]
fn a_failing_group_takes_no_other_along() {
    let mut subject = subject("abCdeabCdeabCdeabCde");
    subject.mapping.report_batch_item_failures = false;
    queue_mut(&mut subject.mapping).maximum_concurrency = Some(1);
    subject.queue.max_receive_count = Some(2);
    subject.queue.mixing = 1.0;
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (16, 4));
}

/// One receive is all that a message has: an answer that is lost for good would bring it into the dead-letter queue.
#[test]
fn a_lost_answer_is_asked_for_again() {
    let mut subject = subject(&"abcdefghij".repeat(6));
    subject.queue.max_receive_count = Some(1);
    subject.queue.visibility = 900;
    subject.faults.receive_lost = 0.5;
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (60, 0));
    assert!(outcome.recovered > 3, "{} answers were lost and came again", outcome.recovered);
}

#[test]
fn a_group_with_a_lost_receipt_begins_again() {
    let mut subject = subject("aaaaabbbbb");
    subject.queue.max_receive_count = Some(2);
    subject.sends[2].slips = true;
    subject.outages = vec![Outage { from: 0, until: 100_000, side: SideOf::Function, kind: FaultKind::Throttled }];
    let outcome = passes(plan(vec![subject], Vec::new()));
    assert_eq!((outcome.deleted, outcome.dead), (10, 0));
}
