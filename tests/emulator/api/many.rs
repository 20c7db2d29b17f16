//! Many mappings at once: 200 that come and go together, and 1,000 that are listed.

use std::collections::BTreeSet;
use std::time::Instant;

use forebay::store::{Checkpoints as _, Definitions as _, DesiredStates as _, EmbeddedStore};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::api::life::Stage;
use crate::api::site::{Api, Client, MAPPINGS, uuid};
use crate::api::sources::{Journal, Kind, Source, TIMEOUT, a_while, merge};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

async fn queues(account: &Account, count: usize) -> Vec<Queue> {
    let mut queues = Vec::new();
    for number in 0..count {
        queues.push(account.create_queue(&format!("orders-{number}"), &[]).await);
    }
    queues
}

/// Creates mappings all at once, from as many threads as boto3's process has.
async fn create_all(api: &Api, arguments: Vec<Value>) -> Vec<Value> {
    let create = format!("create_{MAPPINGS}");
    let replies = join_all(arguments.into_iter().map(|arguments| api.reply(&create, arguments))).await;
    replies.into_iter().map(|reply| reply.answer()).collect()
}

/// Deletes mappings all at once, and beside every other Delete stands a Create of the same pair: it is refused, or
/// makes a new mapping, which is then deleted too. How many were made.
async fn delete_all(api: &Api, made: &[Value], arguments: &[Value]) -> usize {
    let (create, delete) = (format!("create_{MAPPINGS}"), format!("delete_{MAPPINGS}"));
    let mut calls = Vec::new();
    for (number, (made, arguments)) in made.iter().zip(arguments).enumerate() {
        calls.push(api.reply(&delete, json!({ "UUID": uuid(made) })));
        if number % 2 == 0 {
            calls.push(api.reply(&create, arguments.clone()));
        }
    }
    let mut fresh = Vec::new();
    for reply in join_all(calls).await {
        if reply.failed {
            assert_eq!((reply.status, reply.error().0), (409, "ResourceConflictException"));
        } else if reply.body["State"] != "Deleting" {
            fresh.push(reply.body);
        }
    }
    for made in &fresh {
        eventually(SOON, "a new one is deleted", async || {
            let reply = api.reply(&delete, json!({ "UUID": uuid(made) })).await;
            if reply.failed {
                // It may still be on its way to what it was made as.
                assert_eq!(reply.error().0, "ResourceInUseException");
            }
            (!reply.failed).then_some(())
        })
        .await;
    }
    fresh.len()
}

/// Fails when the store has anything of these mappings.
async fn has_nothing_of(site: &Site, made: &[Value]) {
    let store = EmbeddedStore::open(&site.path("store.redb")).unwrap();
    assert_eq!(store.definitions().await.unwrap().len(), 0);
    assert_eq!(store.kept().await.unwrap().len(), 0);
    for made in made {
        assert_eq!(store.desired(uuid(made)).await.unwrap(), None, "the wish of `forebay stop` is left");
    }
    let known = std::fs::read_to_string(site.path("store.redb.known")).unwrap_or_default();
    assert!(made.iter().all(|made| !known.contains(uuid(made))), "{known}");
}

/// How many different records that begin with a word were told.
fn seen(journal: &mut Journal, word: &str) -> usize {
    let texts = journal.texts().into_iter().filter(|text| text.starts_with(word));
    texts.collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn two_hundred_come_and_go_at_once_and_leave_nothing() {
    const QUEUES: usize = 180;
    const STREAMS: usize = 20;
    const STOPPED: usize = 5;
    // An emulator of its own: all of them poll.
    let emulator = Emulator::start();
    let (account, site) = Kind::Kinesis.site(&emulator).await;
    let mut journal = Journal::new(&site, "journal");
    account.create_function_with("work", &journal.code("one"), TIMEOUT).await;
    let mut sources: Vec<Source> = queues(&account, QUEUES).await.into_iter().map(Source::Queue).collect();
    for number in 0..STREAMS {
        sources.push(Kind::Kinesis.source(&account, &format!("clicks-{number}")).await);
    }
    let send = async |word: &str| {
        for (number, source) in sources.iter().enumerate() {
            source.put(&account, &[("key", format!("{word} {number}"))]).await;
        }
    };
    send("first").await;
    let api = Api::start(site, Client::Boto).await;
    let arguments: Vec<Value> = sources
        .iter()
        .map(|source| {
            let kind = if matches!(source, Source::Queue(_)) { Kind::Standard } else { Kind::Kinesis };
            let mut arguments = json!({"EventSourceArn": source.arn(), "FunctionName": "work"});
            merge(&mut arguments, &kind.start());
            arguments
        })
        .collect();
    let made = create_all(&api, arguments.clone()).await;
    assert_eq!(api.list(json!({})).await.len(), sources.len());
    // Every one of them works.
    let all = async || (seen(&mut journal, "first") == sources.len()).then_some(());
    eventually(SOON, "the record of each source is told", all).await;
    for made in &made {
        api.becomes(uuid(made), "Enabled").await;
    }
    let (_, metrics) = api.daemon().probe("/metrics").await;
    assert!(made.iter().all(|made| metrics.contains(uuid(made))), "each has its metrics");
    for made in made.iter().rev().take(STOPPED) {
        assert_eq!(api.site.call(&["stop", uuid(made), "--wait"]).await.code, Some(0));
        assert_eq!(api.get(uuid(made)).await["State"], "Disabled");
    }

    let fresh = delete_all(&api, &made, &arguments).await;
    eventually(SOON, "all are gone", async || api.list(json!({})).await.is_empty().then_some(())).await;
    println!("{} created and deleted at once; {fresh} of {} pairs were free again in time", made.len(), made.len() / 2);
    assert_eq!(api.site.json(&["list"]).await, json!([]));
    assert_eq!(api.site.json(&["checkpoint", "list"]).await, json!([]));
    let (_, metrics) = api.daemon().probe("/metrics").await;
    let left: Vec<&str> = metrics.lines().filter(|line| line.contains("mapping=")).collect();
    assert!(left.is_empty(), "metrics of mappings that are gone: {left:?}");
    // Nobody reads for them any more.
    send("second").await;
    a_while().await;
    assert_eq!(seen(&mut journal, "second"), 0, "a source without a mapping is read");
    has_nothing_of(&api.stop().await, &made).await;
}

#[tokio::test]
async fn a_thousand_are_listed_page_by_page() {
    const COUNT: usize = 1_000;
    const PAGE: usize = 100;
    const ALIASES: usize = 10;
    let emulator = Emulator::start();
    let (account, site) = Kind::Standard.site(&emulator).await;
    let journal = Journal::new(&site, "journal");
    account.create_function_with("work", &journal.code("one"), TIMEOUT).await;
    account.publish("work").await;
    for number in 0..ALIASES {
        account.alias("work", &format!("alias-{number}"), "1").await;
    }
    let queues = queues(&account, COUNT / ALIASES).await;
    let api = Api::start(site, Client::Boto).await;
    let pair = |number: usize| {
        json!({
            "EventSourceArn": queues[number / ALIASES].arn, "FunctionName": format!("work:alias-{}", number % ALIASES),
            "Enabled": false, "Tags": {"number": number.to_string()},
        })
    };
    let began = Instant::now();
    let made = create_all(&api, (0..COUNT).map(pair).collect()).await;
    println!("{COUNT} created in {:.1} s", began.elapsed().as_secs_f64());
    let mut expected: Vec<&str> = made.iter().map(uuid).collect();
    expected.sort_unstable();

    let list = format!("list_{MAPPINGS}s");
    for round in 0..3 {
        let (mut shown, mut times, mut arguments) = (Vec::new(), Vec::new(), json!({"MaxItems": 10_000}));
        loop {
            let asked = Instant::now();
            let page = api.reply(&list, arguments.clone()).await.answer();
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
            let mappings = page["EventSourceMappings"].as_array().unwrap();
            assert!(mappings.len() <= PAGE, "a page has at most a hundred, whatever is asked for");
            shown.extend(mappings.iter().map(|mapping| uuid(mapping).to_owned()));
            let Some(marker) = page["NextMarker"].as_str() else { break };
            arguments["Marker"] = json!(marker);
        }
        assert_eq!(shown, expected);
        assert_eq!(times.len(), COUNT / PAGE);
        times.sort_by(f64::total_cmp);
        println!(
            "List, round {round}: {} pages of {PAGE} in {:.0} to {:.0} ms, half of them in {:.0} ms, boto3 included",
            times.len(),
            times[0],
            times[times.len() - 1],
            times[times.len() / 2],
        );
    }
    let narrowed = api.list(json!({"EventSourceArn": queues[7].arn})).await;
    assert_eq!(narrowed.len(), ALIASES);
    let narrowed = api.list(json!({"FunctionName": "work:alias-3"})).await;
    assert_eq!(narrowed.len(), COUNT / ALIASES);
    api.stop().await;
}

#[tokio::test]
async fn from_create_to_enabled() {
    const ROUNDS: usize = 5;
    for kind in Kind::ALL {
        let stage = Stage::new(kind, Client::Boto).await;
        // The first call of boto3 loads its models.
        assert_eq!(stage.api.list(json!({})).await, [] as [Value; 0]);
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let asked = Instant::now();
            let made = stage.create(&json!({})).await;
            stage.api.becomes(uuid(&made), "Enabled").await;
            times.push(asked.elapsed());
            stage.api.delete(uuid(&made)).await;
            stage.api.vanishes(uuid(&made)).await;
        }
        println!("{kind:?}: from Create to Enabled {times:.0?}, boto3 and looking every 40 ms included");
        stage.api.stop().await;
    }
}
