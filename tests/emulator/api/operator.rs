//! Who runs forebay, and who calls its API: the commands know mappings of the API, and the last word counts.

use serde_json::{Value, json};

use crate::api::life::Stage;
use crate::api::site::{Client, uuid};
use crate::api::sources::{Kind, a_while};

#[tokio::test]
async fn what_the_operator_stopped_stays_so_until_a_request_says_enabled() {
    let mut stage = Stage::new(Kind::Standard, Client::Boto).await;
    let created = stage.create(&json!({})).await;
    let uuid = uuid(&created).to_owned();
    stage.api.becomes(&uuid, "Enabled").await;
    assert_eq!(stage.api.site.call(&["stop", &uuid, "--wait"]).await.code, Some(0));
    assert_eq!(stage.api.get(&uuid).await["State"], "Disabled");
    let listed = stage.api.site.json(&["list"]).await;
    assert_eq!((&listed[0]["EnabledBy"], &listed[0]["Origin"]), (&json!("operator"), &json!("api")));
    // Neither another change nor a restart starts it.
    stage.api.changes(&uuid, &json!({"BatchSize": 4})).await;
    stage.api.kill_and_restart().await;
    assert_eq!(stage.api.get(&uuid).await["State"], "Disabled");
    let waiting = stage.put("keep", 2).await;
    a_while().await;
    assert_eq!(stage.journal.texts(), [""; 0]);

    let answer = stage.api.update(&uuid, &json!({"Enabled": true})).await;
    assert_eq!(answer["State"], "Enabling");
    stage.api.becomes(&uuid, "Enabled").await;
    stage.journal.comes(0, &waiting, false).await;
    assert_eq!(stage.api.site.json(&["list"]).await[0]["EnabledBy"], "api");
    stage.api.kill_and_restart().await;
    assert_eq!(stage.api.get(&uuid).await["State"], "Enabled");
    stage.api.stop().await;
}

#[tokio::test]
async fn the_place_of_a_mapping_of_the_api_can_be_set() {
    let mut stage = Stage::new(Kind::Kinesis, Client::Boto).await;
    let created = stage.create(&json!({})).await;
    let uuid = uuid(&created).to_owned();
    stage.flows("keep", 3).await;
    let first = stage.journal.texts();
    assert_eq!(stage.api.site.call(&["stop", &uuid, "--wait"]).await.code, Some(0));
    let kept = stage.api.site.json(&["checkpoint", "get", &uuid]).await;
    let (shard, mark) = kept["marks"].as_object().unwrap().iter().next().unwrap();
    assert!(mark.as_str().unwrap().starts_with("AFTER:"), "{kept}");
    assert_eq!(stage.api.site.call(&["checkpoint", "set", &uuid, shard, "TRIM_HORIZON"]).await.code, Some(0));
    stage.api.changes(&uuid, &json!({"Enabled": true})).await;
    stage.journal.comes(first.len(), &first, true).await;

    stage.api.delete(&uuid).await;
    stage.api.vanishes(&uuid).await;
    let kept = stage.api.site.json(&["checkpoint", "list"]).await;
    assert_eq!(kept, json!([]));
    let gone = stage.api.site.call(&["status", &uuid]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert_eq!(stage.api.list(json!({})).await, [] as [Value; 0]);
    stage.api.stop().await;
}
