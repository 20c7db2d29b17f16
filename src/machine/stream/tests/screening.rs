//! Records that the filters do not let pass.

use super::rig::{Rig, fault, record, returned};
use crate::machine::{
    Checkpoint, Condition, DestinationOrder, Event, FailedBatch, FaultKind, Record, Screened, Screening,
    ScreeningPolicy, StreamOptions, Undecided,
};

fn options(undecidable: Screened) -> StreamOptions {
    StreamOptions {
        screening: ScreeningPolicy { undecidable, ..ScreeningPolicy::default() },
        destination: Some(DestinationOrder::Free),
        ..StreamOptions::default()
    }
}

/// Records from 1 on, one for each letter: `p`asses, is filtered `o`ut, is `u`ndecidable.
fn screened(letters: &str) -> Vec<Record> {
    let of = |letter| match letter {
        'p' => Screening::Passes,
        'o' => Screening::FilteredOut,
        _ => Screening::Undecidable("why"),
    };
    (1..).zip(letters.chars()).map(|(number, letter)| Record { screening: of(letter), ..record(number) }).collect()
}

fn after(number: u64) -> Checkpoint {
    Checkpoint::After(number.to_string().into())
}

#[test]
fn what_does_not_pass_is_passed_over_and_the_checkpoint_with_it() {
    let mut rig = Rig::reading(options(Screened::Drop));
    rig.read_records(screened("opoupo"), true);
    let undecided = Undecided { records: 1, why: "why", then: Screened::Drop };
    assert_eq!(rig.count(|event| *event == Event::Screened { filtered_out: 3, undecided }), 1);
    let (batch, numbers) = rig.invoke();
    assert_eq!(numbers, [2, 5]);
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&after(1)), "not over what the function has");
    rig.answer(batch, returned("null"));
    rig.seconds(2);
    assert_eq!(rig.checkpoint("s0"), Some(&after(6)));
}

#[test]
fn where_nothing_passes_nothing_is_invoked_and_the_checkpoint_moves() {
    let mut rig = Rig::reading(options(Screened::Drop));
    rig.read_records(screened("ooo"), true);
    rig.seconds(2);
    assert!(rig.invokes.is_empty());
    assert_eq!(rig.checkpoint("s0"), Some(&after(3)));
}

#[test]
fn the_undecidable_can_be_delivered() {
    let mut rig = Rig::reading(options(Screened::Deliver));
    rig.read_records(screened("ou"), true);
    assert_eq!(rig.invoke().1, [2]);
}

#[test]
fn the_undecidable_can_go_to_the_destination_and_hold_the_checkpoint_until_that_has_confirmed() {
    let mut rig = Rig::reading(options(Screened::Destination));
    rig.read_records(screened("upu"), true);
    let (batch, numbers) = rig.invoke();
    assert_eq!(numbers, [2]);
    rig.answer(batch, returned("null"));
    let failure = rig.delivered(Err(fault(FaultKind::Transient)));
    assert_eq!((failure.condition, failure.invokes), (Condition::FilterUndecidable, 0));
    let FailedBatch::Stream { span: Some(span), .. } = &failure.batch else { panic!("{failure:?}") };
    assert_eq!((&*span.start, span.records), ("1", 1));
    rig.delivered(Ok(()));
    rig.seconds(5);
    assert_ne!(rig.checkpoint("s0"), Some(&after(3)), "the first is not confirmed");
    rig.seconds(60);
    rig.delivered(Ok(()));
    rig.seconds(5);
    assert_eq!(rig.checkpoint("s0"), Some(&after(3)));
}
