//! A mapping that reads nothing says so: streams that were disabled or made again, and shards that never come.

use super::rig::{BEGIN, DYNAMODB, Rig, record, returned, shard};
use crate::machine::{
    Checkpoint, Cursor, Event, Fence, Health, Input, Position, Positions, Shard, StartingPosition, StreamOptions,
};

fn options() -> StreamOptions {
    StreamOptions { mapping: "clicks".into(), ..StreamOptions::default() }
}

fn kept(checkpoints: &[(&str, Checkpoint)]) -> Positions {
    let checkpoints = checkpoints.iter().map(|(id, checkpoint)| ((*id).into(), checkpoint.clone())).collect();
    Positions { fence: Fence(3), begun: true, checkpoints }
}

#[track_caller]
fn degraded(rig: &Rig, said: &[&str]) {
    let Some(Health::Degraded { reason }) = rig.health() else { panic!("{:?}", rig.health()) };
    assert!(said.iter().all(|said| reason.contains(said)), "{reason}");
}

#[track_caller]
fn healthy(rig: &Rig) {
    assert!(matches!(rig.health(), None | Some(Health::Ok)), "{:?}", rig.health());
}

#[test]
fn a_disabled_stream_is_shown_at_once_and_read_to_its_end() {
    let mut rig = Rig::new(options());
    rig.claimed(Positions { fence: Fence(1), ..Positions::default() });
    rig.listed_as_disabled(&[shard("s0", &[], true)]);
    rig.save_all();
    degraded(&rig, &["source: FB0611: the stream is disabled", "arn:new"]);
    rig.read_records(vec![record(1)], false);
    let (batch, _) = rig.invoke();
    rig.answer(batch, returned("null"));
    rig.seconds(1);
    rig.listed_as_disabled(&[shard("s0", &[], true)]);
    rig.seconds(1);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::End(None)));
    for _ in 0..600 {
        rig.seconds(1);
        if rig.lists > 0 {
            rig.listed_as_disabled(&[shard("s0", &[], true)]);
        }
    }
    degraded(&rig, &["FB0611"]);
    // Enabled again under the same ARN, which an emulator may do.
    rig.list_for(60, &[shard("s0", &[], true), shard("s1", &["s0"], false)]);
    healthy(&rig);
    assert_eq!(&*rig.reads[0].shard, "s1");
}

#[test]
fn an_end_of_a_shard_that_is_open_is_shown_when_no_listing_corrects_it() {
    let mut rig = Rig::new(options());
    rig.claimed(kept(&[("s0", Checkpoint::End(None)), ("s1", Checkpoint::After("7".into()))]));
    let listed = [shard("s0", &[], false), shard("s1", &[], false)];
    rig.listed(&listed);
    rig.list_for(50, &listed);
    healthy(&rig);
    rig.list_for(90, &listed);
    degraded(&rig, &["FB0612", "s0", "`forebay checkpoint set clicks s0 TRIM_HORIZON --force`"]);
    rig.list_for(120, &[shard("s0", &[], true), shard("s1", &[], false), shard("s2", &["s0"], false)]);
    healthy(&rig);
}

#[test]
fn an_end_of_another_shard_of_that_name_is_shown_at_once() {
    let begins = |shard: Shard, begins: &str| Shard { begins: Some(begins.into()), ..shard };
    let listed = |number| [begins(shard("s0", &[], true), number), begins(shard("s1", &["s0"], false), "9")];
    let checkpoints = |end: Checkpoint| kept(&[("s0", end), ("s1", Checkpoint::TrimHorizon)]);
    let ended = |number: &str| checkpoints(Checkpoint::End(Some(number.into())));
    let mut rig = Rig::new(options());
    rig.claimed(ended("7"));
    rig.listed(&listed("8"));
    degraded(&rig, &["FB0612", "made again", "END of s0", "`forebay checkpoint reset clicks --force`"]);
    // What is not known cannot be compared: a checkpoint of an older version, and a stream that gives no numbers.
    for (kept, number) in [(ended("8"), "8"), (checkpoints(Checkpoint::End(None)), "8")] {
        let mut rig = Rig::new(options());
        rig.claimed(kept);
        rig.listed(&listed(number));
        healthy(&rig);
    }
}

#[test]
fn the_end_of_a_shard_names_the_number_that_it_began_with() {
    let mut rig = Rig::new(options());
    rig.claimed(Positions { fence: Fence(1), ..Positions::default() });
    rig.listed(&[Shard { begins: Some("7".into()), ..shard("s0", &[], true) }]);
    rig.save_all();
    rig.read_records(vec![], false);
    rig.seconds(1);
    assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::End(Some("7".into()))));
}

#[test]
fn a_listing_that_lags_behind_the_end_of_a_shard_is_no_contradiction() {
    let mut rig = Rig::reading(options());
    rig.read_records(vec![], false);
    rig.list_for(20, &[shard("s0", &[], false)]);
    rig.list_for(120, &[shard("s0", &[], true), shard("s1", &["s0"], false)]);
    healthy(&rig);
}

#[test]
fn a_mapping_that_reads_nothing_for_a_minute_says_what_it_waits_for() {
    let claiming = Rig::new(options());
    let mut unlisted = Rig::new(options());
    unlisted.claimed(kept(&[]));
    let mut unsaved = Rig::new(StreamOptions { start: StartingPosition::Latest, ..options() });
    unsaved.claimed(Positions { fence: Fence(1), ..Positions::default() });
    unsaved.listed(&[shard("s0", &[], false)]);
    // The save has no answer.
    unsaved.saves.clear();
    for (mut rig, said) in [
        (claiming, "the store has not handed out the checkpoints"),
        (unlisted, "the stream has not listed its shards"),
        (unsaved, "the starting positions are not saved"),
    ] {
        rig.seconds(59);
        healthy(&rig);
        rig.seconds(1);
        degraded(&rig, &["source: FB0613: no shard is read", said]);
    }
    for (listed, said) in [
        (vec![], "the stream lists no shard"),
        (vec![shard("s0", &[], true)], "shard s0 is processed to its end, and the stream lists no child of it"),
        (vec![shard("s0", &[], true), shard("s1", &["s0"], true)], "shard s1 is processed"),
    ] {
        let mut rig = Rig::new(options());
        rig.claimed(kept(&[("s0", Checkpoint::End(None)), ("s1", Checkpoint::End(None))]));
        rig.listed(&listed);
        rig.list_for(55, &listed);
        healthy(&rig);
        rig.list_for(20, &listed);
        degraded(&rig, &["FB0613", said]);
        rig.list_for(120, &[shard("s0", &[], true), shard("s1", &["s0"], true), shard("s2", &["s1"], false)]);
        healthy(&rig);
        assert!(!rig.reads.is_empty());
    }
}

#[test]
fn a_shard_that_waits_for_its_function_is_read() {
    let mut rig = Rig::reading(options());
    rig.read_records(vec![record(1)], false);
    rig.list_for(600, &[shard("s0", &[], true), shard("s1", &["s0"], false)]);
    healthy(&rig);
}

#[test]
fn a_host_clock_that_is_wrong_is_reported_and_degrades_when_it_is_far_off() {
    let mut rig = Rig::reading(options());
    let reported = |rig: &Rig| {
        let skews = rig.events.iter().filter_map(|event| match event {
            Event::ClockSkew { ahead_ms } => Some(*ahead_ms),
            _ => None,
        });
        skews.collect::<Vec<_>>()
    };
    for (ahead, said) in [(29_999, vec![]), (31_000, vec![31_000]), (29_000, vec![31_000]), (24_000, vec![31_000, 0])] {
        rig.ahead_ms = ahead;
        rig.feed(Input::Timeout);
        assert_eq!(reported(&rig), said, "{ahead}");
        healthy(&rig);
    }
    rig.ahead_ms = -300_000;
    rig.feed(Input::Timeout);
    degraded(&rig, &["clock: FB0614", "300 s behind"]);
    let count = reported(&rig).len();
    for ahead in [-300_900, -299_100, -309_000] {
        rig.ahead_ms = ahead;
        rig.feed(Input::Timeout);
        assert_eq!(reported(&rig).len(), count, "{ahead}: the same to a few seconds");
    }
    rig.ahead_ms = 0;
    rig.feed(Input::Timeout);
    healthy(&rig);
    assert_eq!(reported(&rig).last(), Some(&0));
}

#[test]
fn a_pin_that_is_still_to_come_is_taken_for_now() {
    let kinesis = options().reads;
    for (reads, ahead, moved) in
        [(kinesis, 7_200_000, true), (DYNAMODB, 7_200_000, true), (kinesis, 900, false), (kinesis, 0, false)]
    {
        let mut rig = Rig::new(StreamOptions { reads, start: StartingPosition::Latest, ..options() });
        rig.claimed(kept(&[("s0", Checkpoint::Latest(BEGIN + ahead))]));
        rig.listed(&[shard("s0", &[], false)]);
        rig.seconds(1);
        let expected = if reads.by_time { Position::Timestamp(BEGIN) } else { Position::TrimHorizon };
        assert_eq!(rig.reads[0].cursor, Cursor::Open(expected));
        assert_eq!(rig.checkpoint("s0"), Some(&Checkpoint::Latest(BEGIN)));
        assert_eq!(rig.count(|event| matches!(event, Event::PinMoved { .. })) > 0, moved, "{ahead}");
    }
}
