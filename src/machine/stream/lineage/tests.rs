use std::collections::BTreeMap;

use super::{Lineage, Plan};
use crate::machine::StartingPosition::{Latest, Timestamp, TrimHorizon};
use crate::machine::{Checkpoint, Positions, Shard, StartingPosition};

const NOW: u64 = 1_760_000_000_000;

/// `"c<a,b"` is an open shard c with the parents a and b; `"c!"` is a closed one.
fn shards(texts: &[&str]) -> Vec<Shard> {
    let shard = |text: &&str| {
        let (head, parents) = text.split_once('<').unwrap_or((text, ""));
        let parents = parents.split(',').filter(|id| !id.is_empty()).map(Into::into).collect();
        Shard { id: head.trim_end_matches('!').into(), parents, closed: head.ends_with('!'), begins: None }
    };
    texts.iter().map(shard).collect()
}

fn new(start: StartingPosition) -> Lineage {
    Lineage::new(start, Positions::default())
}

/// A lineage that has begun before, with checkpoints as `"c=AFTER:7"`.
fn begun(start: StartingPosition, checkpoints: &[&str]) -> Lineage {
    let checkpoint = |text: &&str| {
        let (id, checkpoint) = text.split_once('=').unwrap();
        (id.into(), checkpoint.parse().unwrap())
    };
    let checkpoints: BTreeMap<_, Checkpoint> = checkpoints.iter().map(checkpoint).collect();
    Lineage::new(start, Positions { begun: true, checkpoints, ..Positions::default() })
}

fn starts(plan: &Plan) -> Vec<String> {
    plan.start.iter().map(|start| format!("{}={}", start.shard, start.from)).collect()
}

fn saves(plan: &Plan) -> Vec<String> {
    let text =
        |checkpoint: &Option<Checkpoint>| checkpoint.as_ref().map_or_else(|| "forgotten".into(), ToString::to_string);
    plan.save.iter().map(|(shard, checkpoint)| format!("{shard}={}", text(checkpoint))).collect()
}

fn list(lineage: &mut Lineage, texts: &[&str]) -> Plan {
    lineage.listed(&shards(texts), NOW)
}

#[track_caller]
fn expect(plan: &Plan, started: &[&str], saved: &[&str]) {
    assert_eq!(
        (starts(plan), saves(plan)),
        (started.iter().map(|&text| text.into()).collect(), saved.iter().map(|&text| text.into()).collect())
    );
}

#[test]
fn trim_horizon_begins_with_the_roots() {
    let mut lineage = new(TrimHorizon);
    let plan = list(&mut lineage, &["b!<a", "c<b", "d<b", "e", "a!"]);
    expect(&plan, &["a=TRIM_HORIZON", "e=TRIM_HORIZON"], &["a=TRIM_HORIZON", "e=TRIM_HORIZON"]);
    assert_eq!(lineage.unfinished(), 5);
    expect(&lineage.finished("a"), &["b=TRIM_HORIZON"], &["b=TRIM_HORIZON"]);
    expect(&lineage.finished("b"), &["c=TRIM_HORIZON", "d=TRIM_HORIZON"], &["c=TRIM_HORIZON", "d=TRIM_HORIZON"]);
    assert_eq!(lineage.unfinished(), 3);
}

#[test]
fn a_merged_shard_waits_for_both_parents() {
    let mut lineage = new(TrimHorizon);
    list(&mut lineage, &["a!", "b!", "c<a,b"]);
    assert!(!lineage.may_begin("c"));
    expect(&lineage.finished("b"), &[], &[]);
    assert!(!lineage.may_begin("c"));
    expect(&lineage.finished("a"), &["c=TRIM_HORIZON"], &["c=TRIM_HORIZON"]);
    assert!(lineage.may_begin("c"));
}

#[test]
fn latest_pins_what_is_open_and_skips_what_is_closed() {
    let mut lineage = new(Latest);
    let plan = list(&mut lineage, &["a!", "b!<a", "c<b", "d<a"]);
    let pins = ["a=END", "b=END", "c=LATEST:1760000000.000", "d=LATEST:1760000000.000"];
    expect(&plan, &pins[2..], &pins);
    assert_eq!(lineage.unfinished(), 2);
}

#[test]
fn what_appears_after_the_pin_is_read_from_its_first_record() {
    let mut lineage = new(Latest);
    list(&mut lineage, &["a"]);
    expect(&list(&mut lineage, &["a!", "b<a", "c<a", "d"]), &["d=TRIM_HORIZON"], &["d=TRIM_HORIZON"]);
    expect(&lineage.finished("a"), &["b=TRIM_HORIZON", "c=TRIM_HORIZON"], &["b=TRIM_HORIZON", "c=TRIM_HORIZON"]);
}

#[test]
fn a_split_between_two_pages_of_the_first_listing_keeps_its_order() {
    let mut lineage = new(Latest);
    let pins = ["a=LATEST:1760000000.000", "b=LATEST:1760000000.000"];
    expect(&list(&mut lineage, &["a", "b<a"]), &pins[..1], &pins);
    expect(&lineage.finished("a"), &pins[1..], &[]);
}

#[test]
fn a_timestamp_holds_for_every_shard_also_for_later_ones() {
    let mut lineage = new(Timestamp(5_000));
    let at = |id: &str| format!("{id}=AT_TIMESTAMP:5.000");
    expect(&list(&mut lineage, &["a!", "b<a"]), &[&at("a")], &[&at("a")]);
    expect(&lineage.finished("a"), &[&at("b")], &[&at("b")]);
    expect(&list(&mut lineage, &["a!", "b<a", "c"]), &[&at("c")], &[&at("c")]);
    let mut lineage = begun(Timestamp(5_000), &["a=AFTER:1"]);
    expect(&list(&mut lineage, &["a", "z"]), &["a=AFTER:1", &at("z")], &[&at("z")]);
}

#[test]
fn a_restart_goes_on_at_the_checkpoints() {
    let mut lineage = begun(TrimHorizon, &["a=END", "b=AFTER:7", "d=TRIM_HORIZON"]);
    assert_eq!(lineage.unfinished(), 2);
    let plan = list(&mut lineage, &["a!", "b!<a", "c<b", "d<a", "e"]);
    expect(&plan, &["b=AFTER:7", "d=TRIM_HORIZON", "e=TRIM_HORIZON"], &["e=TRIM_HORIZON"]);
    expect(&lineage.finished("b"), &["c=TRIM_HORIZON"], &["c=TRIM_HORIZON"]);
}

#[test]
fn a_restart_between_the_two_saves_of_a_split_reads_the_parent_first() {
    // The child's checkpoint was saved, its parent's END was not.
    let mut lineage = begun(TrimHorizon, &["a=AFTER:7", "b=TRIM_HORIZON"]);
    expect(&list(&mut lineage, &["a!", "b<a", "c<a"]), &["a=AFTER:7"], &[]);
    expect(&lineage.finished("a"), &["b=TRIM_HORIZON", "c=TRIM_HORIZON"], &["c=TRIM_HORIZON"]);
    // The parent's END was saved, no child's checkpoint was.
    let mut lineage = begun(Latest, &["a=END"]);
    expect(
        &list(&mut lineage, &["a!", "b<a", "c<a"]),
        &["b=TRIM_HORIZON", "c=TRIM_HORIZON"],
        &["b=TRIM_HORIZON", "c=TRIM_HORIZON"],
    );
}

#[test]
fn a_restart_in_a_merge_waits_for_the_parent_that_is_left() {
    let mut lineage = begun(TrimHorizon, &["a=END", "b=AFTER:9"]);
    expect(&list(&mut lineage, &["a!", "b!", "c<a,b"]), &["b=AFTER:9"], &[]);
    expect(&lineage.finished("b"), &["c=TRIM_HORIZON"], &["c=TRIM_HORIZON"]);
}

#[test]
fn ancestors_of_a_shard_with_a_checkpoint_were_processed_and_other_descendants_were_not() {
    let mut lineage = begun(Latest, &["d=AFTER:1"]);
    let plan = list(&mut lineage, &["a!", "b!<a", "c!<b", "d<c", "e<a", "f!"]);
    expect(&plan, &["d=AFTER:1", "e=TRIM_HORIZON", "f=TRIM_HORIZON"], &["e=TRIM_HORIZON", "f=TRIM_HORIZON"]);
    // The checkpoint of an ancestor outweighs what its descendant's checkpoint would say of it.
    let mut lineage = begun(TrimHorizon, &["b=AFTER:1", "c=AFTER:2"]);
    expect(&list(&mut lineage, &["a!", "b!<a", "c<b"]), &["b=AFTER:1"], &[]);
}

#[test]
fn parents_that_are_not_listed_count_as_finished() {
    let mut lineage = begun(TrimHorizon, &["x=END"]);
    expect(&list(&mut lineage, &["c<a,b"]), &["c=TRIM_HORIZON"], &["c=TRIM_HORIZON", "x=forgotten"]);
    assert!(lineage.may_begin("c"));
    assert!(lineage.may_begin("unheard of"));
}

#[test]
fn an_unfinished_shard_that_is_not_listed_is_read_and_its_children_wait_for_what_the_read_says() {
    let mut lineage = begun(TrimHorizon, &["a=AFTER:3"]);
    expect(&list(&mut lineage, &["b<a"]), &["a=AFTER:3"], &[]);
    expect(&list(&mut lineage, &["b<a"]), &[], &[]);
    expect(&lineage.finished("a"), &["b=TRIM_HORIZON"], &["b=TRIM_HORIZON"]);
    expect(&lineage.finished("a"), &[], &[]);
    expect(&list(&mut lineage, &["b<a"]), &[], &["a=forgotten"]);
}

#[test]
fn a_tombstone_stays_until_every_listed_child_has_a_checkpoint() {
    let mut lineage = new(TrimHorizon);
    list(&mut lineage, &["a!", "b", "c<a,b"]);
    lineage.finished("a");
    expect(&list(&mut lineage, &["b!", "c<a,b"]), &[], &[]);
    lineage.finished("b");
    expect(&list(&mut lineage, &["c"]), &[], &["a=forgotten", "b=forgotten"]);
    // Should an old listing come again, they are known for what they are.
    expect(&list(&mut lineage, &["a!", "b!", "c<a,b"]), &[], &[]);
    assert_eq!(lineage.unfinished(), 1);
}

#[test]
fn a_tombstone_stays_while_its_children_are_not_seen() {
    let mut lineage = new(TrimHorizon);
    list(&mut lineage, &["a", "z"]);
    assert!(!lineage.has_unseen_children("a"));
    lineage.finished("a");
    assert!(lineage.has_unseen_children("a"));
    expect(&list(&mut lineage, &["z"]), &[], &[]);
    expect(&list(&mut lineage, &["z", "b<a"]), &["b=TRIM_HORIZON"], &["b=TRIM_HORIZON", "a=forgotten"]);
    assert!(!lineage.has_unseen_children("a"));
    assert!(!lineage.has_unseen_children("unheard of"));
}

#[test]
fn an_empty_listing_changes_nothing() {
    let mut lineage = new(Latest);
    expect(&list(&mut lineage, &[]), &[], &[]);
    list(&mut lineage, &["a"]);
    lineage.finished("a");
    list(&mut lineage, &["b<a"]);
    expect(&list(&mut lineage, &[]), &[], &[]);
    assert_eq!(lineage.unfinished(), 1);
}

#[test]
fn a_shard_ends_once_and_starts_once() {
    let mut lineage = new(TrimHorizon);
    list(&mut lineage, &["a!", "b<a"]);
    expect(&list(&mut lineage, &["a!", "b<a"]), &[], &[]);
    lineage.finished("a");
    expect(&lineage.finished("a"), &[], &[]);
    expect(&lineage.finished("unheard of"), &[], &[]);
    expect(&list(&mut lineage, &["a!", "b<a"]), &[], &[]);
    assert_eq!(lineage.unfinished(), 1);
}

#[test]
fn circles_start_in_order_of_their_ids_after_what_leads_to_them() {
    let mut lineage = new(TrimHorizon);
    expect(
        &list(&mut lineage, &["c<b", "b<a,d", "a<b", "d!", "e<e"]),
        &["a=TRIM_HORIZON", "d=TRIM_HORIZON", "e=TRIM_HORIZON"],
        &["a=TRIM_HORIZON", "d=TRIM_HORIZON", "e=TRIM_HORIZON"],
    );
    expect(&lineage.finished("d"), &["b=TRIM_HORIZON"], &["b=TRIM_HORIZON"]);
    expect(&lineage.finished("b"), &["c=TRIM_HORIZON"], &["c=TRIM_HORIZON"]);
    // None of them is taken for an ancestor of another after a restart.
    let mut lineage = begun(TrimHorizon, &["a=AFTER:1", "d=AFTER:1"]);
    expect(&list(&mut lineage, &["b<a,d", "a<b", "d!"]), &["a=AFTER:1", "d=AFTER:1"], &[]);
    expect(&lineage.finished("d"), &["b=TRIM_HORIZON"], &["b=TRIM_HORIZON"]);
}

#[test]
fn a_shard_that_is_listed_twice_is_one_shard_and_open_if_it_may_be() {
    let mut lineage = new(Latest);
    let plan = list(&mut lineage, &["a!", "a", "a", "b!", "b!"]);
    expect(&plan, &["a=LATEST:1760000000.000"], &["a=LATEST:1760000000.000", "b=END"]);
    let mut lineage = new(TrimHorizon);
    list(&mut lineage, &["a", "b", "c<a", "c<b"]);
    expect(&lineage.finished("a"), &[], &[]);
    expect(&lineage.finished("b"), &["c=TRIM_HORIZON"], &["c=TRIM_HORIZON"]);
}

#[test]
fn a_hundred_thousand_generations_are_no_matter() {
    let id = |generation: usize| format!("shard-{generation:06}");
    let chain = |generation: usize| Shard {
        id: id(generation).into(),
        parents: generation.checked_sub(1).map(|parent| id(parent).into()).into_iter().collect(),
        closed: generation < 99_999,
        begins: None,
    };
    let chain: Vec<Shard> = (0..100_000).map(chain).collect();
    let mut lineage = begun(TrimHorizon, &["shard-099999=AFTER:1"]);
    expect(&lineage.listed(&chain, NOW), &["shard-099999=AFTER:1"], &[]);
    assert_eq!(lineage.unfinished(), 1);
    let mut lineage = new(TrimHorizon);
    expect(&lineage.listed(&chain, NOW), &["shard-000000=TRIM_HORIZON"], &["shard-000000=TRIM_HORIZON"]);
    for generation in 0..99_999 {
        assert_eq!(lineage.finished(&id(generation)).start.len(), 1);
    }
    assert_eq!(lineage.listed(&chain[99_999..], NOW).save.len(), 99_999);
}

#[test]
fn ten_thousand_shards_of_one_parent_are_no_matter() {
    let mut listing = shards(&["a!"]);
    listing.extend((0..10_000).map(|number| Shard {
        id: format!("b{number:05}").into(),
        parents: vec!["a".into()],
        closed: true,
        begins: None,
    }));
    let mut lineage = new(TrimHorizon);
    assert_eq!(lineage.listed(&listing, NOW).start.len(), 1);
    assert_eq!(lineage.finished("a").start.len(), 10_000);
    for shard in &listing[1..] {
        lineage.finished(&shard.id);
    }
    assert_eq!(lineage.unfinished(), 0);
}
