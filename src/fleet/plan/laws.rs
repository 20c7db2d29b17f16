//! The laws of the plan, on fleets that are drawn at random.

use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Members by number, each with a version, whether it takes units, and which mappings it offers (by bit).
type Fleet = Vec<(u8, bool, u8)>;
/// Units by mapping: their owners, of whom some are gone.
type Owned = Vec<Vec<Option<u8>>>;

fn fleet() -> impl Strategy<Value = (Fleet, Owned)> {
    let member = (0u8..2, prop::bool::weighted(0.85), prop_oneof![3 => Just(0xff), 1 => any::<u8>()]);
    let owners = vec(prop::option::weighted(0.8, 0u8..8), 1..14);
    (vec(member, 1..7), vec(owners, 1..7))
}

/// A fleet where every member takes everything, and none is newer.
fn equal_fleet() -> impl Strategy<Value = (Fleet, Owned)> {
    let owners = vec(prop::option::weighted(0.8, 0u8..8), 1..20);
    (vec(Just((0, true, 0xff)), 1..7), vec(owners, 1..7))
}

fn name(mapping: usize) -> Arc<str> {
    format!("mapping-{mapping}").into()
}

fn id(member: usize) -> ReplicaId {
    ReplicaId::new(format!("replica-{member}"))
}

fn snapshot((members, owners): &(Fleet, Owned)) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (at, (version, takes, offers)) in members.iter().enumerate() {
        let offers = (0..owners.len()).filter(|mapping| offers & (1 << mapping) != 0).map(name).collect();
        let version = format!("0.{version}.0").into();
        snapshot.members.push(Member { id: id(at), version, takes: *takes, offers });
    }
    for (mapping, owners) in owners.iter().enumerate() {
        for (shard, owner) in owners.iter().enumerate() {
            let unit = Unit { mapping: name(mapping), shard: format!("shard-{shard:02}").into() };
            snapshot.units.insert(unit, owner.map(|owner| id(owner.into())));
        }
    }
    snapshot
}

/// The snapshot after the plan took effect.
fn after(snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    let mut next = snapshot.clone();
    next.units.values_mut().for_each(|owner| *owner = None);
    for (id, units) in &plan.wanted {
        for unit in units {
            next.units.insert(unit.clone(), Some(id.clone()));
        }
    }
    next
}

fn owners(plan: &Plan) -> BTreeMap<&Unit, &ReplicaId> {
    let pairs = plan.wanted.iter().flat_map(|(id, units)| units.iter().map(move |unit| (unit, id)));
    let mut owners = BTreeMap::new();
    for (unit, id) in pairs {
        assert!(owners.insert(unit, id).is_none(), "{unit} has two owners");
    }
    owners
}

/// Who may be given units of a mapping.
fn takers<'a>(snapshot: &'a Snapshot, mapping: &str) -> Vec<&'a Member> {
    let can = |member: &&Member| member.takes && member.offers.contains(mapping);
    let newest = snapshot.members.iter().filter(can).map(|member| &member.version).max();
    snapshot.members.iter().filter(can).filter(|member| Some(&member.version) == newest).collect()
}

fn counts(plan: &Plan, mapping: Option<&str>) -> Vec<usize> {
    let of = |unit: &&Unit| mapping.is_none_or(|mapping| *unit.mapping == *mapping);
    plan.wanted.values().map(|units| units.iter().filter(of).count()).collect()
}

fn spread(counts: &[usize]) -> usize {
    counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0)
}

const BALANCE: PlanOptions = PlanOptions { rebalance: true, held: BTreeSet::new() };

proptest! {
    #[test]
    fn each_unit_has_one_owner_that_can_run_it(fleet in fleet(), rebalance: bool) {
        let snapshot = snapshot(&fleet);
        let plan = plan(&snapshot, &PlanOptions { rebalance, ..PlanOptions::default() });
        let owners = owners(&plan);
        for (unit, before) in &snapshot.units {
            let takers = takers(&snapshot, &unit.mapping);
            let owner = owners.get(unit).copied();
            let stays = owner.is_some() && owner == before.as_ref();
            let taken = takers.iter().any(|taker| Some(&taker.id) == owner);
            prop_assert!(stays || taken || (owner.is_none() && takers.is_empty()), "{unit}: {owner:?}");
            if let Some(member) = snapshot.members.iter().find(|member| Some(&member.id) == owner) {
                let can = member.takes && member.offers.contains(&unit.mapping);
                prop_assert!(can || (!member.takes && takers.is_empty()), "{unit} stays with {owner:?}");
            }
        }
        prop_assert_eq!(plan.wanted.len(), snapshot.members.len());
    }

    #[test]
    fn units_that_can_stay_do_so(fleet in fleet()) {
        let snapshot = snapshot(&fleet);
        let plan = plan(&snapshot, &PlanOptions::default());
        prop_assert!(plan.moved.is_empty());
        let owners = owners(&plan);
        for (unit, before) in &snapshot.units {
            let can = |member: &&Member| member.takes && member.offers.contains(&unit.mapping);
            let stays = snapshot.members.iter().filter(can).any(|member| Some(&member.id) == before.as_ref());
            prop_assert!(!stays || owners.get(unit).copied() == before.as_ref(), "{unit} moves without need");
        }
    }

    #[test]
    fn a_plan_does_not_depend_on_the_order_of_what_it_gets(fleet in fleet(), turn in 0usize..7) {
        let snapshot = snapshot(&fleet);
        let mut turned = snapshot.clone();
        let by = turn % turned.members.len();
        turned.members.rotate_left(by);
        prop_assert_eq!(plan(&snapshot, &BALANCE), plan(&turned, &BALANCE));
    }

    #[test]
    fn a_plan_in_effect_gives_itself_again(fleet in fleet()) {
        let before = snapshot(&fleet);
        let first = plan(&before, &PlanOptions::default());
        prop_assert_eq!(&plan(&after(&before, &first), &PlanOptions::default()).wanted, &first.wanted);
    }

    #[test]
    fn balance_comes_to_rest_within_one(fleet in equal_fleet()) {
        let mut now = snapshot(&fleet);
        for _ in 0..200 {
            let next = plan(&now, &BALANCE);
            if after(&now, &next) == now {
                prop_assert!(spread(&counts(&next, None)) <= 1, "{:?}", counts(&next, None));
                for mapping in 0..fleet.1.len() {
                    let counts = counts(&next, Some(&name(mapping)));
                    prop_assert!(spread(&counts) <= 1, "{counts:?}");
                }
                return Ok(());
            }
            now = after(&now, &next);
        }
        prop_assert!(false, "it does not come to rest");
    }

    #[test]
    fn balance_comes_to_rest_in_any_fleet(fleet in fleet()) {
        let mut now = snapshot(&fleet);
        for _ in 0..200 {
            let next = plan(&now, &BALANCE);
            if after(&now, &next) == now {
                return Ok(());
            }
            now = after(&now, &next);
        }
        prop_assert!(false, "it does not come to rest");
    }

    #[test]
    fn one_mapping_moves_no_more_than_it_must(owners in vec(0u8..6, 1..60)) {
        let members = vec![(0, true, 0xff); 6];
        let mut now = snapshot(&(members, vec![owners.iter().copied().map(Some).collect()]));
        let counts: Vec<usize> = (0..6).map(|member| owners.iter().filter(|owner| **owner == member).count()).collect();
        let (low, high) = (owners.len() / 6, owners.len().div_ceil(6));
        let over: usize = counts.iter().map(|count| count.saturating_sub(high)).sum();
        let under: usize = counts.iter().map(|count| low.saturating_sub(*count)).sum();
        let mut moves = 0;
        loop {
            let next = plan(&now, &BALANCE);
            if next.moved.is_empty() {
                break;
            }
            prop_assert!(next.moved.len() <= owners.len().div_ceil(10), "a tenth of a mapping at a time");
            moves += next.moved.len();
            now = after(&now, &next);
        }
        prop_assert_eq!(moves, over.max(under));
    }

    #[test]
    fn held_units_do_not_move_for_balance(fleet in fleet(), every in 1usize..4) {
        let snapshot = snapshot(&fleet);
        let held: BTreeSet<Unit> = snapshot.units.keys().step_by(every).cloned().collect();
        let plan = plan(&snapshot, &PlanOptions { rebalance: true, held: held.clone() });
        prop_assert!(plan.moved.is_disjoint(&held));
    }
}

fn members(count: usize, mappings: usize, version: &str) -> Vec<Member> {
    let offers: BTreeSet<Arc<str>> = (0..mappings).map(name).collect();
    let member = |at| Member { id: id(at), version: version.into(), takes: true, offers: offers.clone() };
    (0..count).map(member).collect()
}

#[test]
fn mappings_of_one_unit_spread_over_the_fleet() {
    let units = (0..30).map(|mapping| (Unit::whole(name(mapping)), None)).collect();
    let snapshot = Snapshot { members: members(3, 30, "0.1.0"), units };
    assert_eq!(counts(&plan(&snapshot, &PlanOptions::default()), None), [10, 10, 10]);
}

#[test]
fn a_replica_that_comes_takes_its_part_in_steps() {
    let units = (0..40).map(|mapping| (Unit::whole(name(mapping)), Some(id(0)))).collect();
    let mut now = Snapshot { members: members(2, 40, "0.1.0"), units };
    let mut steps = Vec::new();
    loop {
        let next = plan(&now, &BALANCE);
        if next.moved.is_empty() {
            break;
        }
        steps.push(next.moved.len());
        now = after(&now, &next);
    }
    assert_eq!(steps, [8, 8, 4], "eight at a time");
}

#[test]
fn while_two_versions_run_only_the_newest_takes_units() {
    let mut members = members(3, 6, "0.9.0");
    members[1].version = "0.10.0".into();
    members[2].takes = false;
    let units = (0..6).map(|mapping| (Unit::whole(name(mapping)), Some(id(2)))).collect();
    let plan = plan(&Snapshot { members, units }, &PlanOptions::default());
    assert_eq!(counts(&plan, None), [0, 6, 0]);
}

#[test]
fn the_last_replica_that_drains_keeps_what_no_other_can_take() {
    let mut members = members(1, 2, "0.1.0");
    members[0].takes = false;
    let units = (0..2).map(|mapping| (Unit::whole(name(mapping)), Some(id(0)))).collect();
    assert_eq!(counts(&plan(&Snapshot { members, units }, &PlanOptions::default()), None), [2]);
}

/// `cargo test --release --lib fleet::plan -- --ignored --nocapture`: how long large plans take.
#[test]
#[ignore = "prints times"]
#[expect(clippy::disallowed_methods, reason = "it measures by the host's clock")]
fn large_fleets() {
    for (shards, mappings) in [(100, 100), (10_000, 1), (1, 10_000)] {
        let mut units = BTreeMap::new();
        for mapping in 0..mappings {
            for shard in 0..shards {
                let unit = Unit { mapping: name(mapping), shard: format!("shardId-{shard:012}").into() };
                units.insert(unit, None);
            }
        }
        let fresh = Snapshot { members: members(100, mappings, "0.1.0"), units };
        let placed = after(&fresh, &plan(&fresh, &BALANCE));
        let mut larger = placed.clone();
        larger.members = members(110, mappings, "0.1.0");
        let mut smaller = placed.clone();
        smaller.members.truncate(90);
        let cases = [("placed", &fresh), ("kept", &placed), ("ten come", &larger), ("ten are gone", &smaller)];
        for (case, snapshot) in cases {
            let mut best = std::time::Duration::MAX;
            for _ in 0..5 {
                let begun = Instant::now();
                std::hint::black_box(plan(snapshot, &BALANCE));
                best = best.min(begun.elapsed());
            }
            println!("{mappings} mappings of {shards} units, 100 replicas, {case}: {best:?}");
        }
    }
}
