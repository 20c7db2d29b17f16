//! Scenes: what must happen, step by step, to fleets in a fair world.

use super::plan::{Act, HostPlan, Network, Outage, Plan};
use super::world::World;
use crate::seeds::Report;

const FRESH: Option<u64> = Some(1_000);

/// Replicas that start one after the other, so the first one plans; their clocks differ.
fn fleet(seed: u64, hosts: usize, units: usize) -> Plan {
    let host = |host: usize| HostPlan {
        start: host as u64 * 400,
        rate_ppm: [0, 30_000, -30_000, 10_000][host % 4],
        offset: seed * 7_919 + host as u64 * 1_000_003,
        version: "0.1.0",
    };
    Plan {
        seed,
        hosts: (0..hosts).map(host).collect(),
        units,
        network: Network::default(),
        outages: Vec::new(),
        acts: Vec::new(),
        calm_at: 20_000,
        end_at: 120_000,
        patience: 20_000,
        longest_invoke: 400,
        save_every: 1_000,
        broken: None,
    }
}

fn play(plan: Plan) -> World {
    let mut world = World::new(plan, false);
    let Report { violation, tail, .. } = world.run();
    assert!(violation.is_none(), "{violation:?}\n{}", tail.join("\n"));
    world
}

/// The host whose replica plans at the end.
fn planner(world: &World) -> Option<usize> {
    let plans = |host: &super::host::Host| host.process.as_ref().is_some_and(|process| process.machine.plans());
    let planners: Vec<usize> = (0..world.hosts.len()).filter(|host| plans(&world.hosts[*host])).collect();
    assert!(planners.len() < 2, "several replicas plan: {planners:?}");
    planners.first().copied()
}

fn repeats(world: &World) -> u64 {
    world.streams.iter().map(|stream| stream.repeats).sum()
}

#[test]
fn a_killed_replicas_units_run_again_within_ten_seconds() {
    let mut idle: Vec<u64> = Vec::new();
    for seed in 0..50 {
        for host in 0..3 {
            let at = 40_000 + seed * 37;
            let plan = fleet(seed, 3, 6);
            let acts = vec![(at, Act::Crash { host, again: None })];
            idle.push(play(Plan { acts, calm_at: at, patience: 10_000, end_at: at + 30_000, ..plan }).longest_idle);
        }
    }
    idle.sort_unstable();
    let (median, worst) = (idle[idle.len() / 2], idle[idle.len() - 1]);
    eprintln!("without an owner: median {median} ms, worst {worst} ms");
    assert!(median <= 7_000 && worst <= 10_000, "median {median}, worst {worst}");
}

#[test]
fn a_zombie_planner_is_replaced() {
    // Z1: its heart beats, but it cannot read, so that it plans no more.
    let mut plan = fleet(1, 4, 6);
    let (from, until) = (30_000, 110_000);
    plan.outages = vec![Outage { host: Some(0), from, until, silent: false, share: 1_000, reads_only: true }];
    plan.acts = vec![(40_000, Act::Crash { host: 1, again: None })];
    let world = play(Plan { calm_at: 40_000, end_at: 105_000, ..plan });
    assert_ne!(planner(&world), Some(0));
    assert!(world.longest_idle <= 12_000, "{}", world.longest_idle);
}

#[test]
fn a_hand_over_survives_the_death_of_either_side_at_every_step() {
    // Z2: the owner drains, and then it, the others, or all but one are killed.
    for after in (0..6_000).step_by(200) {
        for dead in [&[0][..], &[1], &[2], &[0, 1], &[1, 2]] {
            let mut plan = fleet(after, 4, 6);
            plan.acts = vec![(30_000, Act::Drain { host: 0, again: None })];
            plan.acts.extend(dead.iter().map(|&host| (30_000 + after, Act::Crash { host, again: None })));
            play(Plan { calm_at: 30_000 + after, patience: 10_000, end_at: 70_000, ..plan });
        }
    }
}

#[test]
fn lost_answers_restart_nothing() {
    // Z5: three answers of ten are lost, of every kind of request.
    for seed in 0..20 {
        let network = Network { lost: 300, ..Network::default() };
        let world = play(Plan { network, calm_at: 90_000, end_at: 130_000, ..fleet(seed, 3, 5) });
        assert_eq!((world.deaths, repeats(&world)), (0, 0), "seed {seed}");
    }
}

#[test]
fn a_planner_that_dies_while_it_takes_over_is_replaced_in_turn() {
    // Z7
    for after in (3_000..10_000).step_by(150) {
        let mut plan = fleet(after, 4, 6);
        plan.acts = vec![
            (30_000, Act::Crash { host: 0, again: None }),
            (30_000 + after, Act::Crash { host: 1 + after as usize / 150 % 2, again: None }),
        ];
        let world = play(Plan { calm_at: 30_000 + after, patience: 10_000, end_at: 70_000, ..plan });
        assert!(planner(&world).is_some_and(|planner| planner > 0));
    }
}

#[test]
fn the_planner_and_both_deputies_die_together() {
    // The others have not watched: they need the time of a death more.
    for after in 0..20 {
        let mut plan = fleet(after, 6, 8);
        let at = 30_000 + after * 130;
        plan.acts = (0..5).map(|host| (at, Act::Crash { host, again: None })).collect();
        play(Plan { calm_at: at, patience: 15_000, end_at: at + 40_000, ..plan });
    }
}

#[test]
fn a_throttled_table_stops_the_work_and_kills_none() {
    // Z9: every request of every replica is throttled.
    for seconds in [3, 10, 60] {
        for seed in 0..10 {
            let (from, until) = (30_000, 30_000 + seconds * 1_000);
            let mut plan = fleet(seed, 3, 6);
            plan.outages = vec![Outage { host: None, from, until, silent: false, share: 1_000, reads_only: false }];
            let world = play(Plan { calm_at: until, patience: 2_500, end_at: until + 40_000, ..plan });
            assert_eq!((world.deaths, repeats(&world)), (0, 0), "{seconds} s, seed {seed}");
        }
    }
}

#[test]
fn a_rolling_update_repeats_nothing_and_leaves_no_unit_idle() {
    // Z10: a replica of the new version comes, then one of the old ones goes, three times.
    for seed in 0..20 {
        let mut plan = fleet(seed, 6, 6);
        for host in 3..6 {
            plan.hosts[host].version = "0.2.0";
            plan.hosts[host].start = host as u64 * 20_000 - 25_000;
            plan.acts.push((host as u64 * 20_000 - 20_000, Act::Drain { host: host - 3, again: None }));
        }
        let world = play(Plan { end_at: 140_000, calm_at: 80_000, ..plan });
        assert!(world.longest_idle <= 3_000, "seed {seed}: {}", world.longest_idle);
        assert_eq!((world.deaths, repeats(&world)), (0, 0), "seed {seed}");
    }
}

#[test]
fn a_replica_alone_goes_back_to_the_fleets_periods_when_another_comes() {
    let mut plan = fleet(3, 2, 4);
    plan.hosts[1].start = 40_000;
    let world = play(Plan { calm_at: 45_000, ..plan });
    let alone = world.beats.iter().filter(|at| (20_000..40_000).contains(*at)).count();
    assert!(alone <= 6, "{alone} writes in 20 s");
    let running = |host: usize| world.hosts[host].process.as_ref().map_or(0, |process| process.workers.len());
    assert_eq!((running(0), running(1)), (2, 2), "and gives it half of the work");
}

#[test]
fn wrong_advice_costs_time_and_nothing_else() {
    // F7
    for seed in 0..30 {
        let mut plan = fleet(seed, 3, 5);
        plan.network = Network { lost: 40, late: 60, doubled: 40, stale: 200, ..Network::default() };
        plan.acts = (0..10).map(|at| (20_000 + at * 1_700, Act::WrongAdvice)).collect();
        play(Plan { calm_at: 40_000, patience: 70_000, end_at: 130_000, ..plan });
    }
}

#[test]
fn a_mapping_that_one_replica_has_runs_there() {
    let mut plan = fleet(5, 3, 6);
    let narrow = |host| (1_500, Act::Offer { host, units: 2 });
    plan.acts = vec![narrow(0), narrow(2), (60_000, Act::Drain { host: 1, again: FRESH })];
    play(Plan { calm_at: 62_000, ..plan });
}
