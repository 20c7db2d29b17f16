//! A process that is killed between two steps: the next one has what was answered.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::world::{NOW, QUEUE, Rig, of_queue, of_stream, with};
use crate::store::{Checkpoints, Definition, Definitions};

/// Has a request get as far as the durable write, and no further.
async fn until_written(rig: &Rig, request: impl Future) {
    rig.store.hangs.store(true, SeqCst);
    tokio::select! {
        _ = request => panic!("it was answered"),
        () = tokio::time::sleep(Duration::from_secs(5)) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_there_after_a_kill_between_every_two_steps() {
    let rig = Rig::new().await;
    let (uuid, made) = rig.create(&of_queue("orders")).await.unwrap();
    let rig = rig.restarted().await;
    let shown = rig.get(&uuid).await.unwrap();
    assert_eq!(shown["State"], "Enabled", "nobody asked for a change: it is as it was, and may be changed");
    assert_eq!(shown["LastModified"], made["LastModified"]);
    rig.update(&uuid, &json!({ "Enabled": false, "BatchSize": 4 })).await.unwrap();
    let rig = rig.restarted().await;
    let shown = rig.get(&uuid).await.unwrap();
    assert_eq!((shown["State"].as_str(), shown["BatchSize"].as_u64()), (Some("Disabled"), Some(4)));
    rig.update(&uuid, &json!({ "Enabled": true })).await.unwrap();
    let rig = rig.restarted().await;
    assert_eq!(rig.state(&uuid).await, "Enabled");
    rig.delete(&uuid).await.unwrap();
    let rig = rig.restarted().await;
    assert_eq!(rig.get(&uuid).await.unwrap_err().code(), "ResourceNotFoundException");
    rig.assert_left(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_operator_is_kept_for_the_next_process() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    rig.engine.stop(&uuid).await.unwrap();
    let rig = rig.restarted().await;
    assert_eq!(rig.state(&uuid).await, "Disabled");
    // A change that does not say `Enabled` leaves it stopped.
    assert_eq!(rig.update(&uuid, &json!({ "BatchSize": 3 })).await.unwrap()["State"], "Updating");
    let rig = rig.restarted().await;
    assert_eq!(rig.state(&uuid).await, "Disabled");
    assert_eq!(rig.rows().await, [uuid]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_behind_the_write_leaves_whole_mappings_only() {
    let rig = Rig::new().await;
    until_written(&rig, rig.create(&of_queue("orders"))).await;
    assert!(rig.entries().await.is_empty(), "durable comes first");
    let rig = rig.restarted().await;
    let uuid = rig.rows().await.remove(0);
    assert_eq!(rig.state(&uuid).await, "Enabled");

    until_written(&rig, rig.update(&uuid, &json!({ "BatchSize": 4 }))).await;
    assert_eq!(rig.get(&uuid).await.unwrap()["BatchSize"], 10);
    let rig = rig.restarted().await;
    assert_eq!(rig.get(&uuid).await.unwrap()["BatchSize"], 4);

    until_written(&rig, rig.delete(&uuid)).await;
    let rig = rig.restarted().await;
    rig.assert_left(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_drain_was_cut_is_finished_at_the_next_start() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_stream()).await;
    rig.delete(&uuid).await.unwrap();
    let rig = rig.restarted().await;
    rig.assert_left(vec![]).await;
    assert!(rig.store.kept().await.unwrap().is_empty(), "its position went with it");
    let again = rig.made(&of_stream()).await;
    rig.assert_left(vec![again]).await;
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_cannot_be_read_any_more_is_kept_and_not_started() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    let parameters: Map<String, Value> =
        json!({ "EventSourceArn": QUEUE, "FunctionName": "no function", "BatchSize": "many" })
            .as_object()
            .unwrap()
            .clone();
    let broken = Definition { parameters, modified_unix_ms: NOW, deleting: false };
    rig.store.define("broken", broken.clone(), false).await.unwrap();
    let rig = rig.restarted().await;
    assert_eq!(rig.entries().await, [&*uuid]);
    assert_eq!(rig.listed().await, [uuid]);
    assert_eq!(rig.store.definitions().await.unwrap()["broken"], broken);
}

#[tokio::test(start_paused = true)]
async fn variables_are_plain_text() {
    let rig = Rig::new().await;
    let pattern = r#"{"body":["${HOME}","$$5"]}"#;
    let filters = json!({ "FilterCriteria": { "Filters": [{ "Pattern": pattern }] } });
    let uuid = rig.made(&with(&of_queue("orders"), &filters)).await;
    let rig = rig.restarted().await;
    assert_eq!(rig.get(&uuid).await.unwrap()["FilterCriteria"], filters["FilterCriteria"]);
}
