//! Writes that fail, and the way back.

use std::fs;
use std::sync::PoisonError;

use super::{ARN, after, change, open, place};
use crate::store::{Checkpoints, Desired, DesiredStates, EmbeddedStore, FileError, Store, StoreError};

const STOPPED: Desired = Desired { enabled: false, file_enabled: true, since_unix_ms: 5 };

/// What a write that failed leaves behind.
fn break_off(store: &EmbeddedStore) {
    let mut open = store.turns.open.lock().unwrap_or_else(PoisonError::into_inner);
    open.as_mut().unwrap().database = None;
}

#[tokio::test]
async fn a_write_that_failed_is_not_the_end_of_the_store() {
    let (_folder, path) = place();
    let store = open(&path);
    let fence = store.claim("orders", ARN, true).await.unwrap().fence;
    store.save("orders", fence, vec![change("a", after("1"))]).await.unwrap();
    store.set_desired("orders", Some(STOPPED)).await.unwrap();
    break_off(&store);
    // Another process stands for a disk that does not take writes: the file is locked.
    let other = open(&path);
    for _ in 0..2 {
        let error = store.save("orders", fence, vec![change("a", after("2"))]).await.unwrap_err();
        assert!(matches!(error, StoreError::File(FileError::Locked { .. })), "{error}");
        assert!(store.set_desired("orders", None).await.is_err());
    }
    assert_eq!(store.kept().await.unwrap()["orders"].checkpoints["a"], after("1"), "what failed was taken back");
    assert_eq!(store.desired("orders").await.unwrap(), Some(STOPPED));
    drop(other);
    store.save("orders", fence, vec![change("a", after("3"))]).await.unwrap();
    store.set_desired("orders", None).await.unwrap();
    drop(store);
    let store = open(&path);
    assert_eq!(store.kept().await.unwrap()["orders"].checkpoints["a"], after("3"));
    assert_eq!(store.desired("orders").await.unwrap(), None);
}

#[tokio::test]
async fn what_took_effect_although_it_seemed_to_fail_counts() {
    let (_folder, path) = place();
    let store = open(&path);
    let fence = store.claim("orders", ARN, true).await.unwrap().fence;
    break_off(&store);
    let other = open(&path);
    let later = other.claim("orders", ARN, true).await.unwrap().fence;
    drop(other);
    let stale = store.save("orders", fence, vec![change("a", after("1"))]).await;
    assert!(matches!(stale, Err(StoreError::Fenced { .. })), "{stale:?}");
    store.save("orders", later, vec![change("a", after("2"))]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_made_again_under_way() {
    let (_folder, path) = place();
    let store = open(&path);
    let fence = store.claim("orders", ARN, true).await.unwrap().fence;
    break_off(&store);
    fs::remove_file(&path).unwrap();
    let error = store.save("orders", fence, vec![change("a", after("1"))]).await.unwrap_err();
    assert!(matches!(error, StoreError::File(FileError::Gone { .. })), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn what_is_written_to_a_file_that_was_removed_is_refused_until_it_is_back() {
    let (folder, path) = place();
    let store = open(&path);
    let fence = store.claim("orders", ARN, true).await.unwrap().fence;
    store.save("orders", fence, vec![change("a", after("1"))]).await.unwrap();
    store.check().await.unwrap();
    let aside = folder.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    let refused = |error: StoreError, how: &str| {
        assert!(matches!(error, StoreError::File(FileError::Gone { .. })), "{error}");
        assert!(error.to_string().starts_with("FB0603: ") && error.to_string().contains(how), "{error}");
    };
    refused(store.check().await.unwrap_err(), "was removed");
    refused(store.set_desired("orders", Some(STOPPED)).await.unwrap_err(), "was removed");
    refused(store.save("orders", fence, vec![change("a", after("2"))]).await.unwrap_err(), "was removed");
    assert_eq!(store.desired("orders").await.unwrap(), None, "what was refused is not in force");
    assert_eq!(store.kept().await.unwrap()["orders"].checkpoints["a"], after("1"), "it can still be copied out");

    // A second process finds no file, and makes one.
    let second = open(&path);
    second.claim("orders", ARN, false).await.unwrap();
    refused(store.set_desired("orders", Some(STOPPED)).await.unwrap_err(), "replaced by another one");
    drop(second);
    refused(store.claim("orders", ARN, true).await.unwrap_err(), "replaced by another one");

    fs::rename(&aside, &path).unwrap();
    store.check().await.unwrap();
    store.save("orders", fence, vec![change("a", after("3"))]).await.unwrap();
    store.set_desired("orders", Some(STOPPED)).await.unwrap();
    drop(store);
    let store = open(&path);
    assert_eq!(store.kept().await.unwrap()["orders"].checkpoints["a"], after("3"));
    assert_eq!(store.desired("orders").await.unwrap(), Some(STOPPED));
}
