//! Many requests at once, and many mappings.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::world::{Rig, of_queue};
use crate::aws_api::ApiError;

#[tokio::test(start_paused = true)]
async fn of_creates_of_one_pair_at_once_exactly_one_wins() {
    let rig = Rig::new().await;
    for takes in [0, 10] {
        *rig.world.takes.lock().unwrap() = Duration::from_millis(takes);
        let request = of_queue(&format!("q{takes}"));
        let answers = join_all((0..20).map(|_| rig.create(&request))).await;
        let won: Vec<&String> =
            answers.iter().filter_map(|answer| answer.as_ref().ok().map(|(uuid, _)| uuid)).collect();
        assert_eq!(won.len(), 1);
        for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert!(matches!(refused, ApiError::ResourceConflict(text) if text.ends_with(won[0])), "{refused}");
        }
    }
    assert_eq!(rig.rows().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_changes_of_one_mapping_at_once_one_wins() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    let updates = (2..=9).map(async |size: u32| rig.update(&uuid, &json!({ "BatchSize": size })).await.map(|_| size));
    let answers = join_all(updates).await;
    let won: Vec<u32> = answers.iter().filter_map(|answer| answer.clone().ok()).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    rig.until_rests(&uuid).await;
    assert_eq!(rig.get(&uuid).await.unwrap()["BatchSize"], won[0]);
    let deletes = join_all((0..8).map(|_| rig.delete(&uuid))).await;
    assert_eq!(deletes.iter().filter(|answer| answer.is_ok()).count(), 1);
    rig.until_gone(&uuid).await;
    rig.assert_left(vec![]).await;
}

/// Two mappings that each want the other's function: a pair is nobody's twice, also in between.
#[tokio::test(start_paused = true)]
async fn pairs_that_are_changed_at_once_never_meet() {
    let rig = Rig::new().await;
    let mut request = of_queue("orders");
    request["FunctionName"] = json!("a");
    let a = rig.made(&request).await;
    request["FunctionName"] = json!("b");
    let b = rig.made(&request).await;
    *rig.world.takes.lock().unwrap() = Duration::from_millis(5);
    request["FunctionName"] = json!("c");
    let to_c = json!({ "FunctionName": "c" });
    let (first, second, third) = tokio::join!(rig.update(&a, &to_c), rig.update(&b, &to_c), rig.create(&request));
    let won = [first.is_ok(), second.is_ok(), third.is_ok()];
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    let overviews = rig.engine.overviews().await.unwrap();
    let functions: BTreeSet<&str> = overviews.iter().map(|one| one.mapping.function.text.as_str()).collect();
    assert_eq!(functions.len(), overviews.len());
}

#[tokio::test(start_paused = true)]
async fn two_hundred_creates_and_deletes_at_once_leave_nothing_behind() {
    let rig = Rig::new().await;
    *rig.world.takes.lock().unwrap() = Duration::from_millis(4);
    let idle = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let kept: Vec<String> = join_all((0..100).map(|n| {
        let request = of_queue(&format!("first-{n}"));
        let rig = &rig;
        async move { rig.create(&request).await.unwrap().0 }
    }))
    .await;
    for uuid in &kept {
        rig.until_rests(uuid).await;
    }
    rig.assert_left(kept.clone()).await;

    // A hundred are deleted while a hundred are made, and those are deleted as soon as they may be.
    let deletes = join_all(kept.iter().map(async |uuid| {
        rig.delete(uuid).await.unwrap();
        rig.until_gone(uuid).await;
    }));
    let lives = join_all((0..100).map(async |n| {
        let uuid = rig.made(&of_queue(&format!("second-{n}"))).await;
        assert_eq!(rig.delete(&uuid).await.unwrap()["State"], "Deleting");
        rig.until_gone(&uuid).await;
    }));
    tokio::join!(deletes, lives);
    rig.assert_left(vec![]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), idle, "a task is left");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_mappings_are_listed_page_by_page_each_once() {
    let rig = Rig::new().await;
    let disabled = |n: usize| {
        let mut request = of_queue(&format!("q{n}"));
        request["Enabled"] = json!(false);
        request
    };
    let requests: Vec<Value> = (0..1_000).map(disabled).collect();
    let mut made: Vec<String> = join_all(requests.iter().map(|request| rig.create(request)))
        .await
        .into_iter()
        .map(|answer| answer.unwrap().0)
        .collect();
    made.sort();
    let (mut seen, mut marker, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = rig.list(&format!("MaxItems=10000{marker}")).await.unwrap();
        let page = answer["EventSourceMappings"].as_array().unwrap().clone();
        assert!(page.len() <= 100);
        pages += 1;
        seen.extend(page.iter().map(|one| one["UUID"].as_str().unwrap().to_owned()));
        let Some(next) = answer["NextMarker"].as_str() else { break };
        // One that was listed goes away in between: nobody is passed over or told twice.
        if pages == 3 {
            rig.delete(&seen[250]).await.unwrap();
            rig.until_gone(&seen[250]).await;
        }
        let next: String = next.bytes().map(|byte| format!("%{byte:02X}")).collect();
        marker = format!("&Marker={next}");
    }
    assert_eq!(pages, 10);
    assert_eq!(seen, made);
}
