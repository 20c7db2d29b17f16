//! What is answered and kept from Create to Delete.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{FUNCTION, NOW, QUEUE, Rig, STREAM, of_file, of_queue, of_stream, with};
use crate::aws_api::ApiError;
use crate::engine::MappingState;
use crate::machine::FaultKind;
use crate::store::{Checkpoints, Definitions, DesiredStates};

#[tokio::test(start_paused = true)]
async fn a_mapping_lives_from_create_to_delete() {
    let rig = Rig::new().await;
    let (uuid, made) = rig.create(&of_queue("orders")).await.unwrap();
    assert_eq!((made["UUID"].as_str(), made["State"].as_str()), (Some(&*uuid), Some("Creating")));
    assert_eq!(made["EventSourceArn"], QUEUE);
    assert_eq!(made["FunctionArn"], FUNCTION, "a bare name becomes an ARN");
    assert_eq!(made["LastModified"].as_f64(), Some(NOW as f64 / 1000.0));
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}");
    assert_eq!(made["EventSourceMappingArn"], arn);
    assert_eq!((uuid.len(), uuid.as_bytes()[14], uuid.to_lowercase()), (36, b'4', uuid.clone()));
    assert_eq!(rig.until_rests(&uuid).await, "Enabled");
    rig.assert_left(vec![uuid.clone()]).await;

    // It is started, stopped and shown like every other.
    let mapping = rig.engine.status(&uuid).await.unwrap().mapping;
    assert_eq!((mapping.uuid.as_str(), mapping.name.as_str()), (&*uuid, &*uuid));
    rig.engine.stop(&uuid).await.unwrap();
    assert_eq!(rig.until_rests(&uuid).await, "Disabled");

    let changed = rig.update(&uuid, &json!({ "Enabled": true, "BatchSize": 7 })).await.unwrap();
    assert_eq!((changed["State"].as_str(), changed["BatchSize"].as_u64()), (Some("Enabling"), Some(7)));
    assert_eq!(rig.until_rests(&uuid).await, "Enabled", "who says Enabled has the last word");
    assert_eq!(rig.store.desired(&uuid).await.unwrap(), None);
    assert_eq!(rig.get(&uuid).await.unwrap()["BatchSize"], 7);

    let deleted = rig.delete(&uuid).await.unwrap();
    assert_eq!((deleted["State"].as_str(), deleted["BatchSize"].as_u64()), (Some("Deleting"), Some(7)));
    rig.until_gone(&uuid).await;
    rig.assert_left(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_may_be_made_disabled() {
    let rig = Rig::new().await;
    let disabled = json!({ "Enabled": false });
    let (queue, made) = rig.create(&with(&of_queue("orders"), &disabled)).await.unwrap();
    assert_eq!(made["State"], "Disabled");
    let (stream, made) = rig.create(&with(&of_stream(), &disabled)).await.unwrap();
    assert_eq!(made["State"], "Creating", "of a stream AWS says it is on its way");
    for uuid in [&queue, &stream] {
        assert_eq!(rig.state(uuid).await, "Disabled");
        assert_eq!(rig.update(uuid, &json!({ "Enabled": true })).await.unwrap()["State"], "Enabling");
        assert_eq!(rig.until_rests(uuid).await, "Enabled");
        assert_eq!(
            rig.update(uuid, &json!({ "Enabled": true })).await.unwrap()["State"],
            "Updating",
            "nothing to switch"
        );
        assert_eq!(rig.until_rests(uuid).await, "Enabled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_position_survives_an_update_and_not_a_delete() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_stream()).await;
    let begun = rig.store.kept().await.unwrap()[&uuid].clone();
    assert_eq!((begun.source.as_str(), begun.checkpoints.len()), (STREAM, 1));
    for change in [json!({ "FunctionName": "work:live" }), json!({ "Enabled": false }), json!({ "BatchSize": 7 })] {
        rig.update(&uuid, &change).await.unwrap();
        rig.until_rests(&uuid).await;
        assert_eq!(rig.store.kept().await.unwrap()[&uuid], begun, "{change}");
    }
    assert_eq!(rig.state(&uuid).await, "Disabled");
    rig.delete(&uuid).await.unwrap();
    rig.until_gone(&uuid).await;
    assert!(rig.store.kept().await.unwrap().is_empty());
    rig.assert_left(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pair_is_taken_until_its_mapping_is_gone() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    rig.delete(&uuid).await.unwrap();
    let refused = rig.create(&of_queue("orders")).await.unwrap_err();
    assert!(matches!(&refused, ApiError::ResourceConflict(text) if text.ends_with(&uuid)), "{refused}");
    rig.until_gone(&uuid).await;
    let again = rig.made(&of_queue("orders")).await;
    assert_ne!(again, uuid);
    rig.assert_left(vec![again]).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_does_not_work_can_be_changed_and_deleted() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    // The queue is deleted: the mapping stays, as in AWS.
    rig.world.sources.lock().unwrap().insert(QUEUE.into(), FaultKind::Missing);
    rig.update(&uuid, &json!({ "BatchSize": 3 })).await.unwrap();
    rig.until_rests(&uuid).await;
    rig.delete(&uuid).await.unwrap();
    rig.until_gone(&uuid).await;
    rig.assert_left(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn list_shows_both_origins_and_filters_exactly() {
    let file = of_file("mine", "arn:aws:sqs:us-east-1:000000000000:filed", "work");
    let rig = Rig::with_files(vec![file]).await;
    let of_the_file = rig.entries().await.remove(0);
    let queue = rig.made(&of_queue("orders")).await;
    let live = rig.made(&with(&of_queue("orders"), &json!({ "FunctionName": "work:live" }))).await;
    let stream = rig.made(&of_stream()).await;
    let table: [(String, Vec<&String>); 9] = [
        (String::new(), vec![&of_the_file, &queue, &live, &stream]),
        ("FunctionName=work".into(), vec![&of_the_file, &queue, &stream]),
        (format!("FunctionName={FUNCTION}"), vec![&of_the_file, &queue, &stream]),
        ("FunctionName=work%3Alive".into(), vec![&live]),
        ("FunctionName=nobody".into(), vec![]),
        (format!("EventSourceArn={STREAM}"), vec![&stream]),
        (format!("EventSourceArn={QUEUE}&FunctionName=work"), vec![&queue]),
        (format!("EventSourceArn={STREAM}&FunctionName=work%3Alive"), vec![]),
        ("EventSourceArn=arn:aws:sqs:us-east-1:000000000009:orders".into(), vec![]),
    ];
    for (query, mut expected) in table {
        let answer = rig.list(&query).await.unwrap();
        let listed = answer["EventSourceMappings"].as_array().unwrap();
        let listed: Vec<&str> = listed.iter().map(|one| one["UUID"].as_str().unwrap()).collect();
        expected.sort();
        assert_eq!(listed, expected, "{query}");
        assert_eq!(answer["NextMarker"], Value::Null, "{query}");
    }
    let shown = rig.list(&format!("EventSourceArn={STREAM}")).await.unwrap()["EventSourceMappings"][0].clone();
    assert_eq!(shown, rig.get(&stream).await.unwrap(), "both show the same");
}

#[tokio::test(start_paused = true)]
async fn tags_are_added_changed_and_removed_in_any_state_and_outlive_the_process() {
    let rig = Rig::new().await;
    let request = with(&of_queue("orders"), &json!({ "Tags": { "team": "a", "empty": "" } }));
    let (uuid, made) = rig.create(&request).await.unwrap();
    let arn = made["EventSourceMappingArn"].as_str().unwrap().to_owned();
    assert_eq!(rig.tags(&arn).await.unwrap(), json!({ "Tags": { "empty": "", "team": "a" } }));
    assert_eq!(rig.state(&uuid).await, "Creating");
    rig.service.tag(&arn, br#"{"Tags":{"team":"b","stage":"dev"}}"#).await.unwrap();
    rig.service.untag(&arn, "tagKeys=empty&tagKeys=never").await.unwrap();
    let expected = json!({ "Tags": { "stage": "dev", "team": "b" } });
    assert_eq!(rig.tags(&arn).await.unwrap(), expected);
    rig.until_rests(&uuid).await;
    let before = rig.get(&uuid).await.unwrap();
    rig.service.tag(&arn, br#"{"Tags":{"team":"c"}}"#).await.unwrap();
    rig.service.tag(&arn, br#"{"Tags":{"team":"b"}}"#).await.unwrap();
    assert_eq!(rig.get(&uuid).await.unwrap(), before, "tags are no change of the mapping");

    let many: serde_json::Map<String, Value> = (0..49).map(|key| (format!("k{key}"), json!("v"))).collect();
    let refused = rig.service.tag(&arn, json!({ "Tags": many }).to_string().as_bytes()).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterValueException");
    assert_eq!(rig.tags(&arn).await.unwrap(), expected, "all, or none");

    let rig = rig.restarted().await;
    assert_eq!(rig.tags(&arn).await.unwrap(), expected);
    rig.service.untag(&arn, "tagKeys=stage&tagKeys=team").await.unwrap();
    assert_eq!(rig.tags(&arn).await.unwrap(), json!({ "Tags": {} }));
    assert_eq!(rig.store.definitions().await.unwrap()[&uuid].parameters.get("Tags"), None);
    rig.assert_left(vec![uuid]).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_closes_takes_no_change_and_finishes_those_that_it_has_begun() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    let busy = rig.made(&of_queue("busy")).await;
    // One is between its checks, one behind them.
    *rig.world.takes.lock().unwrap() = Duration::from_secs(5);
    let service = rig.service.clone();
    let asking = tokio::spawn(async move { service.create(of_queue("late").to_string().as_bytes()).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let service = rig.service.clone();
    let deleting = tokio::spawn({
        let busy = busy.clone();
        async move { service.delete(&busy).await }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!rig.service.is_closing());
    rig.service.close().await;
    assert_eq!(asking.await.unwrap().unwrap_err(), ApiError::Closing);
    deleting.await.unwrap().unwrap();
    assert!(rig.service.is_closing());
    for refused in [
        rig.create(&of_queue("later")).await.map(|_| ()),
        rig.update(&uuid, &json!({ "BatchSize": 3 })).await.map(|_| ()),
        rig.delete(&uuid).await.map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err(), ApiError::Closing);
    }
    assert_eq!(rig.engine.overview(&uuid).await.unwrap().state, MappingState::Enabled);
    rig.engine.shutdown(Duration::from_secs(25)).await.unwrap();
    rig.service.finished().await;
    let rig = rig.restarted().await;
    rig.assert_left(vec![uuid]).await;
}
