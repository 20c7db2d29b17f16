//! SIGKILL at random moments: every message is processed at least once, and none is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Emulator, amount};

const KILLS: usize = 20;
/// The emulator's receive looks at every message of the queue: few wait at a time. Fewer than come between two kills,
/// so that no flow ends before the last.
const WAITING: usize = 250;

#[tokio::test]
async fn nothing_is_lost_when_the_program_is_killed_again_and_again() {
    let seed = std::env::var("FOREBAY_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("FOREBAY_SEED={seed}");
    let messages = amount(20_000, 8_000);
    let mut rng = fastrand::Rng::with_seed(seed);
    let emulator = Emulator::start();
    let account = emulator.account().await;
    let (queue, dead) = account.create_queue_pair("orders", 5, 1_000).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    account.create_function("work", &ledger.noting()).await;
    site.map("orders", &queue, "work", "ScalingConfig: { MaximumConcurrency: 6 }");

    // A kill in each part of the run, so that all of them meet a flow, however fast the machine is.
    let part = messages / (KILLS + 1);
    let kills: Vec<usize> = (0..KILLS).map(|kill| kill * part + rng.usize(0..part)).collect();
    let began = Instant::now();
    let mut processed = BTreeSet::new();
    let (mut sent, mut killed, mut invokes) = (0, 0, 0);
    let mut daemon = site.run().await;
    let mut moved = Instant::now();
    while processed.len() < messages {
        let entries = ledger.entries();
        if entries.len() > invokes {
            moved = Instant::now();
        }
        for (_, body, _) in entries[invokes..].iter().flat_map(|entry| &entry.records) {
            processed.insert(body.parse::<usize>().unwrap());
        }
        invokes = entries.len();
        assert!(moved.elapsed() < SOON, "{} of {messages} after {killed} kills, and no more", processed.len());
        if kills.get(killed).is_some_and(|&at| processed.len() >= at) {
            tokio::time::sleep(Duration::from_millis(rng.u64(0..80))).await;
            daemon.kill().await;
            killed += 1;
            daemon = site.run().await;
        } else if sent < messages && sent - processed.len() < WAITING {
            let bodies: Vec<String> = (sent..messages.min(sent + 100)).map(|number| number.to_string()).collect();
            account.send(&queue, &bodies).await;
            sent += bodies.len();
        } else {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    eventually(SOON, "the queue is empty", async || account.messages(&queue).await.is_empty().then_some(())).await;
    daemon.stop().await;
    assert_eq!(killed, KILLS);
    assert_eq!(processed, (0..messages).collect());
    assert!(account.messages(&dead).await.is_empty());
    let handed: usize = ledger.bodies().values().sum();
    println!(
        "{messages} messages, {killed} kills, {:.1} s, {} delivered again",
        began.elapsed().as_secs_f64(),
        handed - messages
    );
}
