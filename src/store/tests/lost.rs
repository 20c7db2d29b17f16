//! A store that was moved away, and what tells it from a new one.

use std::fs;

use super::{ARN, OTHER, after, change, open, place};
use crate::machine::Checkpoint;
use crate::store::known::beside;
use crate::store::{Checkpoints, EmbeddedStore, FileError, Kept, StoreError};

async fn begin(store: &EmbeddedStore, mapping: &str) {
    let fence = store.claim(mapping, ARN, true).await.unwrap().fence;
    store.save(mapping, fence, vec![change("shard-0", after("5"))]).await.unwrap();
}

#[tokio::test]
async fn a_lost_store_stops_a_mapping_at_latest_until_it_is_reset() {
    let (_folder, path) = place();
    let store = open(&path);
    begin(&store, "orders").await;
    begin(&store, "clicks").await;
    drop(store);
    fs::remove_file(&path).unwrap();

    let store = open(&path);
    assert_eq!(store.lost().await.unwrap(), ["clicks", "orders"]);
    for _ in 0..2 {
        let error = store.claim("orders", ARN, true).await.unwrap_err();
        assert!(matches!(&error, StoreError::Lost { mapping, .. } if mapping == "orders"), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("FB0601: ") && text.contains("forebay checkpoint reset orders"), "{text}");
    }
    assert!(!store.claim("never", ARN, true).await.unwrap().begun, "a new mapping may begin");
    assert!(!store.claim("orders", OTHER, true).await.unwrap().begun, "and one with another stream, too");

    store.replace_kept("orders", None).await.unwrap();
    assert!(!store.claim("orders", ARN, true).await.unwrap().begun);
    assert_eq!(store.lost().await.unwrap(), ["clicks"]);
    drop(store);
    let store = open(&path);
    assert!(store.claim("orders", ARN, true).await.is_ok(), "the reset is kept");
    store.claim("clicks", ARN, true).await.unwrap_err();
}

#[tokio::test]
async fn a_mapping_that_skips_nothing_begins_anew() {
    let (_folder, path) = place();
    begin(&open(&path), "orders").await;
    fs::remove_file(&path).unwrap();
    let store = open(&path);
    let positions = store.claim("orders", ARN, false).await.unwrap();
    assert!(!positions.begun);
    store.save("orders", positions.fence, vec![change("shard-0", Checkpoint::TrimHorizon)]).await.unwrap();
    assert!(store.lost().await.unwrap().is_empty());
    assert!(store.claim("orders", ARN, true).await.unwrap().begun);
}

#[tokio::test]
async fn checkpoints_put_in_place_by_an_operator_end_the_loss() {
    let (_folder, path) = place();
    begin(&open(&path), "orders").await;
    fs::remove_file(&path).unwrap();
    let store = open(&path);
    let kept = Kept { source: ARN.into(), checkpoints: [("shard-0".into(), after("7"))].into() };
    store.replace_kept("orders", Some(kept.clone())).await.unwrap();
    let positions = store.claim("orders", ARN, true).await.unwrap();
    assert!(positions.begun);
    assert_eq!(positions.checkpoints, kept.checkpoints);
}

#[tokio::test]
async fn a_mapping_that_only_claimed_has_lost_nothing() {
    let (_folder, path) = place();
    let store = open(&path);
    store.claim("orders", ARN, true).await.unwrap();
    drop(store);
    assert!(!beside(&path).exists());
    fs::remove_file(&path).unwrap();
    assert!(!open(&path).claim("orders", ARN, true).await.unwrap().begun);
}

#[tokio::test]
async fn a_list_that_was_removed_is_made_again() {
    let (_folder, path) = place();
    begin(&open(&path), "orders").await;
    fs::remove_file(beside(&path)).unwrap();
    drop(open(&path));
    fs::remove_file(&path).unwrap();
    open(&path).claim("orders", ARN, true).await.unwrap_err();
}

#[tokio::test]
async fn a_beginning_that_cannot_be_noted_is_an_error_until_it_can() {
    let (_folder, path) = place();
    let store = open(&path);
    begin(&store, "clicks").await;
    let (clicks, orders) = (store.claim("clicks", ARN, true).await.unwrap(), store.claim("orders", ARN, true).await);
    let fence = orders.unwrap().fence;
    let obstacle = path.with_extension("redb.known.new");
    fs::create_dir(&obstacle).unwrap();
    let error = store.save("orders", fence, vec![change("shard-0", after("1"))]).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::File(FileError::Io { path, .. }) if path.ends_with("forebay.redb.known")),
        "{error}"
    );
    store.save("clicks", clicks.fence, vec![change("shard-0", after("6"))]).await.unwrap();
    fs::remove_dir(&obstacle).unwrap();
    store.save("orders", fence, vec![change("shard-0", after("1"))]).await.unwrap();
    drop(store);
    fs::remove_file(&path).unwrap();
    assert_eq!(open(&path).lost().await.unwrap(), ["clicks", "orders"]);
}

#[test]
fn a_list_that_cannot_be_read_is_named() {
    let (_folder, path) = place();
    drop(open(&path));
    fs::write(beside(&path), "not a list").unwrap();
    let error = EmbeddedStore::open(&path).map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, StoreError::File(FileError::Damaged { path, .. }) if path.ends_with("forebay.redb.known")),
        "{error}"
    );
}
