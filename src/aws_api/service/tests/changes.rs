//! Changes that do not come to their end: the store refuses, or the client goes away.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::poll;
use serde_json::json;

use super::world::{Rig, of_queue, with};
use crate::aws_api::ApiError;

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_keep_has_not_happened() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}");
    let before = rig.get(&uuid).await.unwrap();
    rig.store.fails.store(true, SeqCst);
    let refused = [
        rig.create(&of_queue("others")).await.map(|_| ()),
        rig.update(&uuid, &json!({ "BatchSize": 3 })).await.map(|_| ()),
        rig.update(&uuid, &json!({ "FunctionName": "other" })).await.map(|_| ()),
        rig.delete(&uuid).await.map(|_| ()),
        rig.service.tag(&arn, br#"{"Tags":{"a":"b"}}"#).await,
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (500, "ServiceException"));
        let text = error.to_string();
        assert!(
            text.contains("nothing was changed") && text.contains("no space left") && text.contains("--store"),
            "{text}"
        );
    }
    assert_eq!(rig.get(&uuid).await.unwrap(), before);
    rig.assert_left(vec![uuid.clone()]).await;

    // Nothing is left taken: neither the mapping nor the pairs.
    rig.store.fails.store(false, SeqCst);
    let others = rig.made(&of_queue("others")).await;
    let other = rig.made(&with(&of_queue("orders"), &json!({ "FunctionName": "other" }))).await;
    rig.update(&uuid, &json!({ "BatchSize": 3 })).await.unwrap();
    rig.until_rests(&uuid).await;
    rig.assert_left(vec![uuid, others, other]).await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_was_answered_is_finished_when_the_store_works_again() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    rig.delete(&uuid).await.unwrap();
    rig.store.fails.store(true, SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.state(&uuid).await, "Deleting");
    assert_eq!(rig.listed().await, [&*uuid], "it is shown, although the engine has let go of it");
    assert!(rig.entries().await.is_empty());
    assert!(matches!(rig.create(&of_queue("orders")).await, Err(ApiError::ResourceConflict(_))));
    rig.store.fails.store(false, SeqCst);
    rig.until_gone(&uuid).await;
    rig.assert_left(vec![]).await;
}

/// A client that goes away anywhere leaves a whole mapping or none, and nothing taken.
#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_leaves_nothing_half_done() {
    let rig = Rig::new().await;
    *rig.world.takes.lock().unwrap() = Duration::from_millis(2);
    let (mut whole, mut none) = (0, 0);
    for patience in 0..12 {
        let request = of_queue(&format!("q{patience}")).to_string();
        tokio::select! {
            biased;
            _ = rig.service.create(request.as_bytes()) => {}
            () = tokio::time::sleep(Duration::from_millis(patience)) => {}
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        let (rows, entries, listed) = (rig.rows().await, rig.entries().await, rig.listed().await);
        assert_eq!((&rows, &entries), (&entries, &listed), "after {patience} ms");
        match rows.as_slice() {
            [] => none += 1,
            [uuid] => {
                whole += 1;
                // The same for a Delete, and in the end it is deleted.
                tokio::select! {
                    biased;
                    _ = rig.delete(uuid) => {}
                    () = tokio::time::sleep(Duration::from_millis(patience % 3)) => {}
                }
                tokio::time::sleep(Duration::from_secs(30)).await;
                if rig.get(uuid).await.is_ok() {
                    rig.delete(uuid).await.unwrap();
                }
                rig.until_gone(uuid).await;
            }
            more => panic!("{more:?}"),
        }
        rig.assert_left(vec![]).await;
    }
    assert!(whole > 3 && none > 1, "{whole} whole, {none} none");
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_client_goes_away_is_whole_or_never_was() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    *rig.world.takes.lock().unwrap() = Duration::from_millis(2);
    let mut seen = std::collections::BTreeSet::new();
    for (patience, function) in (0..10).zip(["a", "b"].into_iter().cycle()) {
        let request = json!({ "FunctionName": function }).to_string();
        {
            let mut update = Box::pin(rig.service.update(&uuid, request.as_bytes()));
            assert!(poll!(update.as_mut()).is_pending());
            tokio::select! {
                biased;
                _ = update => {}
                () = tokio::time::sleep(Duration::from_millis(patience)) => {}
            }
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(rig.state(&uuid).await, "Enabled");
        let shown = rig.get(&uuid).await.unwrap()["FunctionArn"].as_str().unwrap().to_owned();
        let kept = rig.store.function_of(&uuid).await;
        let runs = rig.engine.overview(&uuid).await.unwrap().mapping.function.text.clone();
        assert_eq!((&shown, &kept), (&runs, &runs));
        seen.insert(shown.ends_with(function));
    }
    assert_eq!(seen.len(), 2, "some came to their end, some did not");
    rig.assert_left(vec![uuid]).await;
}
