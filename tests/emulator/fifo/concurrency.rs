//! How many invocations run side by side: one a group, groups beside each other, and a failing one in nobody's way.

use crate::harness::Emulator;
use crate::harness::fifo::{Numbers, Turn, Turns, in_turn};
use crate::harness::group_order::History;
use crate::harness::process::{SOON, Site, eventually};

/// Notes, after so many seconds.
fn lasting(turns: &Turns, seconds: f64) -> String {
    turns.source(&format!(
        "def handler(event, context):\n    began = time.time()\n    time.sleep({seconds})\n    note(event, (), began)\n"
    ))
}

/// The same, and the first invocations go on only when so many run side by side.
fn meeting(site: &Site, turns: &Turns, invocations: usize, seconds: f64) -> String {
    let place = site.path("meeting");
    std::fs::create_dir(&place).unwrap();
    turns.source(&format!(
        "def handler(event, context):\n    began = time.time()\n    \
             open(os.path.join(PLACE, str(os.getpid())), 'w').close()\n    \
             while len(os.listdir(PLACE)) < {invocations}:\n        time.sleep(0.05)\n    \
             time.sleep({seconds})\n    note(event, (), began)\nPLACE = {:?}\n",
        place.to_str().unwrap()
    ))
}

/// No group has an invocation that begins before its last one has ended.
fn one_at_a_time(turns: &[Turn], groups: &[&str]) {
    for group in groups {
        let of = turns.iter().filter(|turn| turn.records.iter().any(|dealt| dealt.group == *group));
        let of: Vec<&Turn> = of.collect();
        assert!(of.windows(2).all(|pair| pair[0].ended <= pair[1].began), "{group}: {of:?}");
    }
}

/// Each of these groups had so many messages, which were processed once and in their order.
fn in_order(turns: &mut Turns, groups: &[&str], count: usize) {
    let tally = History { turns: turns.entries(), kills: &[], dead: &Numbers::new() }.check().unwrap();
    assert_eq!(tally.repeated, 0);
    for group in groups {
        assert_eq!(tally.processed[*group], (0..count).collect(), "{group}");
    }
}

#[tokio::test]
async fn one_group_has_one_invocation_at_a_time() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &lasting(&turns, 0.4)).await;
    account.send_groups(&queue, &in_turn(&["a"], 5)).await;
    site.map("orders", &queue, "work", "BatchSize: 1");
    let daemon = site.run().await;
    account.emptied(&queue).await;
    daemon.stop().await;

    assert_eq!((turns.entries().len(), turns.peak()), (5, 1));
    one_at_a_time(turns.entries(), &["a"]);
    in_order(&mut turns, &["a"], 5);
}

#[tokio::test]
async fn groups_are_processed_side_by_side_up_to_their_number_and_no_further() {
    let groups = ["a", "b", "c", "d", "e", "f"];
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &meeting(&site, &turns, 3, 1.0)).await;
    account.send_groups(&queue, &in_turn(&groups, 4)).await;
    site.map("orders", &queue, "work", "BatchSize: 1\nScalingConfig: { MaximumConcurrency: 10 }");
    let daemon = site.run().await;
    account.emptied(&queue).await;
    daemon.stop().await;

    assert_eq!(turns.entries().len(), 24);
    let peak = turns.peak();
    assert!((3..=6).contains(&peak), "{peak} at once for 6 groups");
    one_at_a_time(turns.entries(), &groups);
    in_order(&mut turns, &groups, 4);
}

#[tokio::test]
async fn with_fewer_slots_than_groups_batches_are_mixed_and_still_no_group_runs_twice() {
    let groups = ["a", "b", "c", "d", "e", "f"];
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &meeting(&site, &turns, 2, 0.3)).await;
    account.send_groups(&queue, &in_turn(&groups, 10)).await;
    site.map("orders", &queue, "work", "ScalingConfig: { MaximumConcurrency: 2 }");
    let daemon = site.run().await;
    account.emptied(&queue).await;
    daemon.stop().await;

    assert_eq!(turns.peak(), 2);
    let mixed = |turn: &Turn| turn.records.iter().any(|dealt| dealt.group != turn.records[0].group);
    assert!(turns.entries().iter().any(mixed), "{:?}", turns.entries());
    assert!(turns.entries().iter().all(|turn| turn.records.len() <= 10));
    one_at_a_time(turns.entries(), &groups);
    in_order(&mut turns, &groups, 10);
}

/// Fails whatever of group bad comes, until the file says otherwise.
const ONE_BAD_GROUP: &str = "
def handler(event, context):
    bad = [r for r in event['Records'] if group(r) == 'bad']
    failed = [] if os.path.exists(HEALED) else ids(bad)
    note(event, ids(event['Records']) if failed else [])
    if failed:
        raise ValueError('bad')
";

#[tokio::test]
async fn a_group_that_always_fails_stops_no_other_and_goes_on_when_it_is_healed() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    let healed = site.path("healed");
    let source = format!("HEALED = {:?}\n{ONE_BAD_GROUP}", healed.to_str().unwrap());
    account.create_function("work", &turns.source(&source)).await;
    // What failed comes again soon, and what works is hidden for as long as a busy machine needs.
    let more = "ScalingConfig: { MaximumConcurrency: 2 }\n\
        Poller: { Visibility: { OnFunctionError: { Backoff: { Initial: 1s, Maximum: 1s } } } }";
    site.map("orders", &queue, "work", more);
    let daemon = site.run().await;
    account.send_groups(&queue, &in_turn(&["bad"], 5)).await;
    eventually(SOON, "the group fails", async || (turns.of("bad").len() >= 10).then_some(())).await;

    let good = ["a", "b", "c", "d"];
    account.send_groups(&queue, &in_turn(&good, 15)).await;
    eventually(SOON, "the others are processed", async || (turns.done() >= 60).then_some(())).await;
    let entries = turns.entries();
    let failed = |turn: &&Turn| turn.records.iter().any(|dealt| !dealt.done);
    let alone = |turn: &Turn| turn.records.iter().all(|dealt| dealt.group == "bad");
    assert!(entries.iter().filter(failed).all(alone), "a group that fails drags no other along: {entries:?}");
    assert_eq!(account.numbers(&queue).await["bad"].len(), 5, "they wait in the queue");

    std::fs::write(healed, "").unwrap();
    account.emptied(&queue).await;
    daemon.stop().await;
    in_order(&mut turns, &good, 15);
    in_order(&mut turns, &["bad"], 5);
}

/// Throws for number 1 until it comes the third time, and takes its time.
const THROWS_TWICE: &str = "
def handler(event, context):
    began = time.time()
    time.sleep(0.4)
    throws = any(number(r) == 1 and receives(r) < 3 for r in event['Records'])
    note(event, ids(event['Records']) if throws else [], began)
    if throws:
        raise ValueError('not yet')
";

#[tokio::test]
async fn a_batch_that_threw_comes_again_message_by_message_and_none_overtakes() {
    let account = Emulator::shared().account().await;
    let queue = account.create_fifo_queue("orders", 60).await;
    let failed = account.create_queue("orders-failed", &[]).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &turns.source(THROWS_TWICE)).await;
    account.send_groups(&queue, &in_turn(&["a"], 5)).await;
    let more = format!(
        "DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}\n\
         Poller: {{ OnFailureAttempts: 3, Visibility: {{ OnFunctionError: Release }} }}",
        failed.arn
    );
    site.map("orders", &queue, "work", &more);
    let daemon = site.run().await;
    account.emptied(&queue).await;
    daemon.stop().await;

    assert!(account.messages(&failed).await.is_empty());
    let numbers: Vec<Vec<usize>> =
        turns.entries().iter().map(|turn| turn.records.iter().map(|dealt| dealt.number).collect()).collect();
    assert_eq!(numbers, [vec![0, 1, 2, 3, 4], vec![0], vec![1], vec![1], vec![2], vec![3], vec![4]]);
    assert_eq!(turns.peak(), 1);
    in_order(&mut turns, &["a"], 5);
}

#[tokio::test]
async fn throttles_spend_no_receive_and_keep_the_order() {
    let groups = ["a", "b", "c", "d", "e"];
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_fifo_pair("orders", 6, 3).await;
    let site = Site::new(&account);
    let mut turns = Turns::new(&site, "turns");
    account.create_function("work", &lasting(&turns, 0.5)).await;
    let reserved = account.lambda.put_function_concurrency().function_name("work").reserved_concurrent_executions(1);
    reserved.send().await.unwrap();
    account.send_groups(&queue, &in_turn(&groups, 5)).await;
    site.map("orders", &queue, "work", "BatchSize: 1");
    let daemon = site.run().await;
    account.emptied(&queue).await;

    let throttles = daemon.metric("forebay_throttles_total", "orders").await;
    assert!(throttles > 0.0, "the function was never busy when it was asked");
    daemon.stop().await;
    assert!(account.messages(&dead).await.is_empty());
    assert!(turns.entries().iter().all(|turn| turn.records[0].receives == 1), "{:?}", turns.entries());
    in_order(&mut turns, &groups, 5);
}
