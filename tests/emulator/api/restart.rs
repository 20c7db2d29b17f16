//! SIGKILL and a new start between every two steps: what the API answered is what it says afterwards.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::life::Stage;
use crate::api::site::{Client, MAPPINGS, arn, uuid};
use crate::api::sources::{Kind, a_while, merge};
use crate::harness::process::{SOON, eventually};

/// A mapping without what moves by itself.
fn lasting(mut shown: Value) -> Value {
    let object = shown.as_object_mut().unwrap();
    for member in ["State", "LastProcessingResult"] {
        object.remove(member);
    }
    shown
}

/// Kills forebay as soon as it has answered, and fails unless Get, List and ListTags then tell of just this mapping
/// what was answered last.
async fn survives(stage: &mut Stage, answered: &Value, state: &str, tags: &Value) {
    let uuid = uuid(answered);
    stage.api.kill_and_restart().await;
    // Nothing is restored as if it were new: whoever saw it may go on at once.
    let shown = stage.api.get(uuid).await;
    assert_eq!(shown["State"], state);
    assert_eq!(lasting(shown), lasting(answered.clone()));
    let listed = stage.api.list(json!({})).await;
    assert_eq!(listed.into_iter().map(lasting).collect::<Vec<_>>(), [lasting(answered.clone())]);
    assert_eq!(&serde_json::to_value(stage.api.tags(arn(answered)).await).unwrap(), tags);
}

async fn life_of_kills(kind: Kind) {
    let mut stage = Stage::new(kind, Client::Boto).await;
    let tags = json!({"team": "orders", "stage": "test"});
    let filters = kind.keeping();
    let answered = stage.create(&json!({"Tags": tags, "FilterCriteria": filters, "BatchSize": 5})).await;
    let (uuid, arn) = (uuid(&answered).to_owned(), arn(&answered).to_owned());
    survives(&mut stage, &answered, "Enabled", &tags).await;
    assert_eq!(stage.put("drop", 1).await.len(), 1);
    settle(&mut stage, &uuid, "keep").await;

    stage.api.ask("tag_resource", json!({"Resource": arn, "Tags": {"team": "payments", "new": ""}})).await;
    let tags = json!({"team": "payments", "stage": "test", "new": ""});
    survives(&mut stage, &answered, "Enabled", &tags).await;
    stage.api.ask("untag_resource", json!({"Resource": arn, "TagKeys": ["stage", "new"]})).await;
    let tags = json!({"team": "payments"});
    survives(&mut stage, &answered, "Enabled", &tags).await;
    settle(&mut stage, &uuid, "keep").await;

    let answered = stage.api.update(&uuid, &json!({"BatchSize": 2, "FunctionName": "work:live"})).await;
    assert_eq!((&answered["BatchSize"], &answered["FilterCriteria"]), (&json!(2), &filters));
    survives(&mut stage, &answered, "Enabled", &tags).await;
    settle(&mut stage, &uuid, "keep").await;
    assert_eq!(stage.journal.last_version(), "one");

    let answered = stage.api.update(&uuid, &json!({"FilterCriteria": {}})).await;
    survives(&mut stage, &answered, "Enabled", &tags).await;
    settle(&mut stage, &uuid, "drop").await;

    let answered = stage.api.update(&uuid, &json!({"Enabled": false})).await;
    assert_eq!(answered["State"], "Disabling");
    survives(&mut stage, &answered, "Disabled", &tags).await;
    let told = stage.journal.texts().len();
    let waiting = stage.put("while disabled", 2).await;
    // Also a second start does not make it run.
    stage.api.kill_and_restart().await;
    a_while().await;
    assert_eq!((stage.journal.texts().len(), &stage.api.get(&uuid).await["State"]), (told, &json!("Disabled")));

    let answered = stage.api.update(&uuid, &json!({"Enabled": true})).await;
    assert_eq!(answered["State"], "Enabling");
    survives(&mut stage, &answered, "Enabled", &tags).await;
    // What was received before the kill comes when its visibility timeout is over.
    eventually(SOON, &format!("{waiting:?} come"), async || {
        let texts = stage.journal.texts().split_off(told);
        waiting.iter().all(|text| texts.contains(text)).then_some(())
    })
    .await;
    saved(&stage, &uuid).await;

    assert_eq!(stage.api.delete(&uuid).await["State"], "Deleting");
    stage.api.kill_and_restart().await;
    let gone = stage.api.reply(&format!("get_{MAPPINGS}"), json!({ "UUID": uuid })).await;
    assert_eq!(gone.status, 404, "what was being deleted is forgotten when forebay starts: {gone:?}");
    assert_eq!(stage.api.list(json!({})).await, [] as [Value; 0]);
    assert_eq!(stage.api.reply("list_tags", json!({ "Resource": arn })).await.status, 404);
    assert_eq!(stage.api.site.json(&["checkpoint", "list"]).await, json!([]));
    assert_eq!(stage.api.site.json(&["list"]).await, json!([]));

    // A new mapping is another one: nothing of the old one's place is left.
    let before = stage.journal.texts().len();
    let again = stage.create(&json!({"FilterCriteria": filters})).await;
    let fresh = crate::api::site::uuid(&again);
    assert_ne!(fresh, uuid);
    stage.api.becomes(fresh, "Enabled").await;
    if kind.is_stream() {
        let kept: BTreeSet<String> =
            stage.journal.texts().into_iter().filter(|text| text.starts_with("keep")).collect();
        assert!(kept.len() > 3);
        eventually(SOON, "a stream is read again from its oldest record", async || {
            let texts: BTreeSet<String> = stage.journal.texts().split_off(before).into_iter().collect();
            assert!(texts.iter().all(|text| text.starts_with("keep")), "{texts:?}");
            texts.is_superset(&kept).then_some(())
        })
        .await;
    }
    stage.flows("keep", 2).await;
    stage.api.stop().await;
}

/// Waits until all that the function was given is settled, and with a stream the place behind it is saved.
async fn saved(stage: &Stage, uuid: &str) {
    eventually(SOON, "everything is settled", async || {
        let status = stage.api.site.status(uuid).await;
        let held = if stage.kind.is_stream() { &status["Stream"] } else { &status["Queue"] };
        (held["Held"] == 0 && held["InFlight"] == 0).then_some(())
    })
    .await;
    if stage.kind.is_stream() {
        eventually(SOON, "the place is saved", async || {
            let status = stage.api.site.status(uuid).await;
            status["Stream"]["CheckpointAgeSeconds"].as_f64().is_none_or(|age| age == 0.0).then_some(())
        })
        .await;
    }
}

/// Records flow, whatever was settled before does not come again, and then all is settled.
async fn settle(stage: &mut Stage, uuid: &str, word: &str) {
    stage.flows(word, 3).await;
    saved(stage, uuid).await;
}

#[tokio::test]
async fn a_queues_mapping_outlives_kills_between_all_steps() {
    life_of_kills(Kind::Standard).await;
}

#[tokio::test]
async fn a_kinesis_mapping_outlives_kills_between_all_steps() {
    life_of_kills(Kind::Kinesis).await;
}

#[tokio::test]
async fn a_tables_mapping_outlives_kills_between_all_steps() {
    life_of_kills(Kind::DynamoDb).await;
}

#[tokio::test]
async fn pages_go_on_after_a_kill_between_each_two() {
    const MAPPINGS_MADE: usize = 9;
    let mut stage = Stage::new(Kind::Standard, Client::Boto).await;
    let mut made = Vec::new();
    for number in 0..MAPPINGS_MADE {
        let queue = stage.account.create_queue(&format!("idle-{number}"), &[]).await;
        let mut arguments = json!({"EventSourceArn": queue.arn, "FunctionName": "work"});
        merge(&mut arguments, &json!({"Enabled": number % 3 == 0, "Tags": {"number": number.to_string()}}));
        made.push(stage.api.create(arguments).await);
    }
    let (mut shown, mut arguments) = (Vec::new(), json!({"MaxItems": 2}));
    loop {
        let page = stage.api.reply(&format!("list_{MAPPINGS}s"), arguments.clone()).await.answer();
        shown.extend(page["EventSourceMappings"].as_array().unwrap().clone());
        let Some(marker) = page["NextMarker"].as_str() else { break };
        arguments["Marker"] = json!(marker);
        stage.api.kill_and_restart().await;
    }
    made.sort_by_key(|answer| uuid(answer).to_owned());
    let shown: Vec<Value> = shown.into_iter().map(lasting).collect();
    assert_eq!(shown, made.iter().cloned().map(lasting).collect::<Vec<_>>());
    stage.api.stop().await;
}
