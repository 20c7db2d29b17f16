//! What is kept over restarts.

use std::collections::BTreeMap;

use super::{ARN, OTHER, after, change, open, place};
use crate::machine::{Checkpoint, Positions};
use crate::store::{Checkpoints, Kept, StoreError};

#[tokio::test]
async fn checkpoints_of_every_kind_outlive_the_store() {
    let (_folder, path) = place();
    let checkpoints = [
        ("shard-0", Checkpoint::TrimHorizon),
        ("shard-1", Checkpoint::Timestamp(1_760_000_000_123)),
        ("shard-2", Checkpoint::Latest(1_760_000_000_000)),
        ("shard-3", after("49590338271490256608559692538361571095921575989136588898")),
        ("shard-4", Checkpoint::End(None)),
    ];
    let store = open(&path);
    let fence = store.claim("orders", ARN, true).await.unwrap().fence;
    let mut changes: Vec<_> = checkpoints.iter().map(|(shard, checkpoint)| change(shard, checkpoint.clone())).collect();
    changes.push(change("gone", Checkpoint::End(None)));
    store.save("orders", fence, changes).await.unwrap();
    store.save("orders", fence, vec![("gone".into(), None)]).await.unwrap();
    drop(store);

    let store = open(&path);
    let kept = store.kept().await.unwrap();
    let expected: BTreeMap<_, _> =
        checkpoints.into_iter().map(|(shard, checkpoint)| (shard.into(), checkpoint)).collect();
    assert_eq!(kept["orders"], Kept { source: ARN.into(), checkpoints: expected.clone() });
    let positions = store.claim("orders", ARN, true).await.unwrap();
    assert!(positions.begun && positions.fence > fence);
    assert_eq!(positions.checkpoints, expected);
}

#[tokio::test]
async fn a_fence_of_an_earlier_process_is_void_after_a_later_claim() {
    let (_folder, path) = place();
    let store = open(&path);
    let first = store.claim("orders", ARN, false).await.unwrap().fence;
    drop(store);
    let store = open(&path);
    // The claim alone was persisted: a fence is never handed out twice.
    let second = store.claim("orders", ARN, false).await.unwrap().fence;
    assert!(second > first);
    let stale = store.save("orders", first, vec![change("shard-0", Checkpoint::End(None))]).await;
    assert!(matches!(stale, Err(StoreError::Fenced { mapping }) if mapping == "orders"));
    store.save("orders", second, vec![change("shard-0", Checkpoint::TrimHorizon)]).await.unwrap();
    drop(store);
    assert_eq!(open(&path).kept().await.unwrap()["orders"].checkpoints["shard-0"], Checkpoint::TrimHorizon);
}

#[tokio::test]
async fn another_stream_and_an_operator_leave_no_old_checkpoint_behind() {
    let (_folder, path) = place();
    let store = open(&path);
    for mapping in ["orders", "orders2", "order"] {
        let fence = store.claim(mapping, ARN, false).await.unwrap().fence;
        store
            .save(mapping, fence, vec![change("shard-0", Checkpoint::End(None)), change("shard-1", after("1"))])
            .await
            .unwrap();
    }
    store.claim("orders", OTHER, true).await.unwrap();
    let kept = Kept { source: ARN.into(), checkpoints: [("shard-9".into(), after("9"))].into() };
    store.replace_kept("orders2", Some(kept.clone())).await.unwrap();
    drop(store);
    let store = open(&path);
    let found = store.kept().await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["order", "orders2"]);
    assert_eq!(found["order"].checkpoints.len(), 2, "a name that begins alike is another name");
    assert_eq!(found["orders2"], kept);
    assert_eq!(store.claim("orders", OTHER, false).await.unwrap().checkpoints, BTreeMap::new());
    store.replace_kept("orders2", None).await.unwrap();
    drop(store);
    let store = open(&path);
    let positions = store.claim("orders2", ARN, true).await.unwrap();
    assert_eq!(positions, Positions { fence: positions.fence, ..Positions::default() });
}
