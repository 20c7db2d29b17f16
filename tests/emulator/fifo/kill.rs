//! Message groups under everything at once: functions that throw, report or are busy, poison, and SIGKILL at random
//! moments. Each group keeps its order, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::harness::fifo::{Numbers, Turns, unix};
use crate::harness::group_order::History;
use crate::harness::process::{Daemon, SOON, Site};
use crate::harness::{Emulator, amount};

const KILLS: usize = 6;
/// The emulator's send looks at every message of the queue's last five minutes, its receive at every one that is left:
/// the groups are spread over some queues, and few messages wait at a time.
const QUEUES: usize = 4;
const WAITING: usize = 400;
/// Polls of a killed process go on in the emulator and spend receives, too.
const RECEIVES: u32 = 8;

/// What becomes of failed messages; another way after each kill.
const ON_FUNCTION_ERROR: [&str; 3] = ["Wait", "Release", "{ Backoff: { Initial: 1s, Maximum: 2s } }"];

/// Goes on with a group only as long as nothing of it has failed, and often forgets to say what it left alone. A
/// message that fails may succeed when it comes again.
const FORGETFUL: &str = "
import zlib
def unlucky(record, per_mille):
    return zlib.crc32(f\"{SEED} {per_mille} {record['messageId']} {receives(record)}\".encode()) % 1000 < per_mille
def poison(record):
    index = int(group(record).split(' ')[1])
    return index % 17 == 3 and number(record) == index // 4
def handler(event, context):
    began = time.time()
    records = event['Records']
    if unlucky(records[0], 15):
        note(event, ids(records), began)
        raise ValueError('unlucky')
    failed, left, stopped = [], [], set()
    for record in records:
        if group(record) in stopped:
            left.append(record['messageId'])
        elif poison(record) or unlucky(record, 5):
            stopped.add(group(record))
            failed.append(record['messageId'])
    note(event, failed + left, began)
    return report(failed if unlucky(records[0], 500) else failed + left)
";

/// How many messages are sent.
fn messages() -> usize {
    amount(20_000, 6_000)
}

/// How many groups they have: a hundred messages each, about.
fn groups() -> usize {
    messages() / 100
}

/// The message of a group that no function can process.
fn poison() -> BTreeMap<String, usize> {
    (0..groups()).filter(|index| index % 17 == 3).map(|index| (name(index), index / 4)).collect()
}

fn name(index: usize) -> String {
    format!("group {index}")
}

/// What is sent, a few messages for each of some groups at a time.
struct Sender {
    rng: fastrand::Rng,
    next: Vec<usize>,
    sent: usize,
}

impl Sender {
    /// The next hundred or so, by queue.
    fn portion(&mut self) -> [Vec<(String, usize)>; QUEUES] {
        let mut portion = [const { Vec::new() }; QUEUES];
        let most = messages().min(self.sent + 100);
        while self.sent < most {
            let index = self.rng.usize(0..self.next.len());
            for _ in 0..self.rng.usize(1..=6).min(messages() - self.sent) {
                portion[index % QUEUES].push((name(index), self.next[index]));
                self.next[index] += 1;
                self.sent += 1;
            }
        }
        portion
    }
}

fn count(numbers: &Numbers) -> usize {
    numbers.values().map(BTreeSet::len).sum()
}

/// How often the function was too busy for a mapping.
async fn throttled(daemon: &Daemon) -> f64 {
    let mut throttles = 0.0;
    for number in 0..QUEUES {
        throttles += daemon.metric("forebay_throttles_total", &format!("orders-{number}")).await;
    }
    throttles
}

/// Everything that was sent is accounted for, and only poison, with what shared its batches, is dead-lettered.
fn nothing_is_lost(sent: &[usize], processed: &Numbers, dead: &Numbers) {
    let poison = poison();
    for (index, &sent) in sent.iter().enumerate() {
        let group = name(index);
        let (processed, dead) = (&processed[&group], dead.get(&group).cloned().unwrap_or_default());
        assert_eq!(processed | &dead, (0..sent).collect(), "{group}: something is lost");
        let Some(&poison) = poison.get(&group) else {
            assert!(dead.is_empty(), "{group}: {dead:?}");
            continue;
        };
        assert!(dead.contains(&poison) && !processed.contains(&poison), "{group}: {dead:?}");
        // What is received together with poison shares its receives, and so its end, as at AWS.
        assert!(dead.iter().all(|number| (poison..poison + 10).contains(number)), "{group}: {dead:?}");
        assert!(processed.last() > dead.last(), "{group} does not go on behind {dead:?}");
    }
}

#[tokio::test]
async fn groups_keep_their_order_whatever_fails_and_whenever_the_program_is_killed() {
    let seed = std::env::var("FOREBAY_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("FOREBAY_SEED={seed}");
    let messages = messages();
    let mut sender = Sender { rng: fastrand::Rng::with_seed(seed), next: vec![0; groups()], sent: 0 };
    let emulator = Emulator::start();
    let account = emulator.account().await;
    let dead = account.create_fifo_queue("dead", 30).await;
    let mut queues = Vec::new();
    for number in 0..QUEUES {
        let queue = account.create_fifo_queue(&format!("orders-{number}"), 5).await;
        account.redrive(&queue, &dead, RECEIVES).await;
        queues.push(queue);
    }
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(&format!("SEED = {seed}\n{FORGETFUL}"))).await;
    let reserved = account.lambda.put_function_concurrency().function_name("work").reserved_concurrent_executions(4);
    reserved.send().await.unwrap();
    let map = |kills: usize| {
        let on_error = ON_FUNCTION_ERROR[kills % ON_FUNCTION_ERROR.len()];
        let more = format!(
            "FunctionResponseTypes: [ReportBatchItemFailures]\nScalingConfig: {{ MaximumConcurrency: 3 }}\n\
             Poller: {{ Visibility: {{ OnFunctionError: {on_error} }} }}"
        );
        for (number, queue) in queues.iter().enumerate() {
            site.map(&format!("orders-{number}"), queue, "work", &more);
        }
    };

    // A kill in each part of the run, so that all of them meet a flow, however fast the machine is.
    let part = messages / (KILLS + 1);
    let moments: Vec<usize> = (0..KILLS).map(|kill| kill * part + sender.rng.usize(0..part)).collect();
    let began = Instant::now();
    let (mut kills, mut noted, mut settled, mut throttles) = (Vec::new(), 0, BTreeSet::new(), 0.0);
    map(0);
    let mut daemon = site.run().await;
    let mut moved = Instant::now();
    while settled.len() < messages {
        let entries = turns.entries();
        if entries.len() > noted {
            moved = Instant::now();
        }
        let done = entries[noted..].iter().flat_map(|turn| &turn.records).filter(|dealt| dealt.done);
        settled.extend(done.map(|dealt| (dealt.group.clone(), dealt.number)));
        noted = entries.len();
        assert!(moved.elapsed() < SOON, "{} of {messages} after {} kills, and no more", settled.len(), kills.len());
        if moments.get(kills.len()).is_some_and(|&at| settled.len() >= at) {
            throttles += throttled(&daemon).await;
            tokio::time::sleep(Duration::from_millis(sender.rng.u64(0..80))).await;
            daemon.kill().await;
            kills.push(unix());
            map(kills.len());
            daemon = site.run().await;
        } else if sender.sent < messages && sender.sent - settled.len() < WAITING {
            for (queue, portion) in queues.iter().zip(sender.portion()) {
                account.send_groups(queue, &portion).await;
            }
        } else if sender.sent < messages {
            tokio::time::sleep(Duration::from_millis(10)).await;
        } else {
            let dead = account.numbers(&dead).await;
            let each =
                |(group, numbers): (String, BTreeSet<usize>)| numbers.into_iter().map(move |n| (group.clone(), n));
            settled.extend(dead.into_iter().flat_map(each));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    for queue in &queues {
        account.emptied(queue).await;
    }
    throttles += throttled(&daemon).await;
    daemon.stop().await;

    let dead = account.numbers(&dead).await;
    let tally = History { turns: turns.entries(), kills: &kills, dead: &dead }.check().unwrap();
    println!(
        "{messages} messages, {} kills, {:.1} s, {noted} invocations, {throttles} throttles, {} dead-lettered, {} \
         processed again",
        kills.len(),
        began.elapsed().as_secs_f64(),
        count(&dead),
        tally.repeated,
    );
    assert_eq!(kills.len(), KILLS);
    assert!(throttles > 0.0, "the function was never busy when it was asked");
    nothing_is_lost(&sender.next, &tally.processed, &dead);
}
