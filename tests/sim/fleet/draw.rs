//! Draws a fleet's scenario from a seed.

use fastrand::Rng;

use super::plan::{Act, HostPlan, Network, Outage, Plan};

/// The scenario that belongs to `seed`.
pub(crate) fn plan(seed: u64) -> Plan {
    let rng = &mut Rng::with_seed(seed);
    let count = rng.usize(2..5);
    let calm_at = rng.u64(30_000..100_000);
    let calm = rng.u8(0..5) == 0;
    let hosts = (0..count).map(|host| host_plan(rng, host, calm_at)).collect();
    let acts: Vec<(u64, Act)> = if rng.u8(0..6) == 0 { Vec::new() } else { acts(rng, count, calm_at) };
    // A lease whose owner has no row is free only after the longest death period, in addition to all that is due.
    let by_hand = acts.iter().any(|(_, act)| matches!(act, Act::DeleteReplica { .. }));
    Plan {
        seed,
        hosts,
        units: rng.usize(1..8),
        network: if calm { Network::default() } else { network(rng) },
        outages: if calm { Vec::new() } else { outages(rng, count, calm_at) },
        acts,
        calm_at,
        end_at: calm_at + 45_000,
        patience: if by_hand { 35_000 } else { 20_000 },
        longest_invoke: if rng.u8(0..4) == 0 { 3_000 } else { 400 },
        save_every: if rng.u8(0..4) == 0 { 10_000 } else { 1_000 },
        broken: None,
    }
}

fn host_plan(rng: &mut Rng, host: usize, calm_at: u64) -> HostPlan {
    HostPlan {
        start: if host == 0 || rng.bool() { rng.u64(0..3_000) } else { rng.u64(0..calm_at) },
        rate_ppm: rng.i64(-50_000..50_000),
        offset: rng.u64(0..100_000_000),
        version: if rng.u8(0..6) == 0 { "0.2.0" } else { "0.1.0" },
    }
}

fn network(rng: &mut Rng) -> Network {
    let mut share = |most: u64| if rng.u8(0..3) == 0 { 0 } else { rng.u64(0..=most) };
    Network {
        refused: share(80),
        lost: share(100),
        late: share(140),
        doubled: share(80),
        slow: share(150),
        stale: share(400),
        frozen: share(4),
    }
}

fn outages(rng: &mut Rng, hosts: usize, calm_at: u64) -> Vec<Outage> {
    let count = rng.u8(0..4);
    let outage = |_| {
        let from = rng.u64(0..calm_at);
        let lasts = if rng.u8(0..5) == 0 { rng.u64(10_000..60_000) } else { rng.u64(500..12_000) };
        Outage {
            host: if rng.u8(0..3) == 0 { None } else { Some(rng.usize(0..hosts)) },
            from,
            until: (from + lasts).min(calm_at),
            silent: rng.bool(),
            share: if rng.u8(0..3) == 0 { 600 } else { 1_000 },
            reads_only: rng.u8(0..6) == 0,
        }
    };
    (0..count).map(outage).collect()
}

fn acts(rng: &mut Rng, hosts: usize, calm_at: u64) -> Vec<(u64, Act)> {
    let count = rng.u8(1..7);
    let act = |_| {
        let at = rng.u64(2_000..calm_at);
        let host = rng.usize(0..hosts);
        let until = (at + rng.u64(500..14_000)).min(calm_at);
        let again = Some(rng.u64(100..8_000).min(calm_at - at));
        let act = match rng.u8(0..20) {
            0..5 => Act::Pause { host, until },
            5..7 => Act::Suspend { host, until },
            7..12 => Act::Crash { host, again },
            12..16 => Act::Drain { host, again },
            16 => Act::Jump { host },
            17 => Act::DeleteHead,
            18 => Act::DeleteReplica { host },
            _ => Act::Offer { host, units: rng.usize(1..8) },
        };
        (at, act)
    };
    (0..count).map(act).collect()
}
