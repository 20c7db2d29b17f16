//! Definitions that came through the AWS API, and what is left of a mapping that is forgotten: nothing.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable};

use super::{ARN, after, change, definition, open, place};
use crate::machine::Checkpoint;
use crate::store::known::beside;
use crate::store::tables::{CHECKPOINTS, DEFINITIONS, DESIRED, STREAMS};
use crate::store::{
    Checkpoints, Definition, Definitions, Desired, DesiredStates, FileError, MemoryStore, Store, StoreError,
};

const STOPPED: Desired = Desired { enabled: false, file_enabled: true, since_unix_ms: 5 };

/// Every name that stands in a table of the file or in the list beside it.
fn names(path: &Path) -> Vec<String> {
    let transaction = Database::open(path).unwrap().begin_read().unwrap();
    let mut names = Vec::new();
    for table in [DESIRED, STREAMS, DEFINITIONS] {
        let table = transaction.open_table(table).unwrap();
        names.extend(table.iter().unwrap().map(|row| row.unwrap().0.value().to_owned()));
    }
    let checkpoints = transaction.open_table(CHECKPOINTS).unwrap();
    names.extend(checkpoints.iter().unwrap().map(|row| row.unwrap().0.value().0.to_owned()));
    let known = fs::read(beside(path)).unwrap_or_else(|_| b"{\"mappings\":{}}".to_vec());
    let known: serde_json::Value = serde_json::from_slice(&known).unwrap();
    names.extend(known["mappings"].as_object().unwrap().keys().cloned());
    names
}

/// All that can be kept of a mapping.
async fn fill(store: &dyn Store, mapping: &str) {
    store.define(mapping, definition(mapping), false).await.unwrap();
    store.set_desired(mapping, Some(STOPPED)).await.unwrap();
    let fence = store.claim(mapping, ARN, true).await.unwrap().fence;
    store.save(mapping, fence, vec![change("a", after("1")), change("b", Checkpoint::End(None))]).await.unwrap();
}

fn stores() -> (tempfile::TempDir, [Arc<dyn Store>; 2]) {
    let (folder, path) = place();
    (folder, [Arc::new(MemoryStore::new()), Arc::new(open(&path))])
}

#[tokio::test]
async fn definitions_are_kept_changed_and_told_by_name() {
    let (_folder, stores) = stores();
    for store in stores {
        assert!(store.definitions().await.unwrap().is_empty());
        store.define("b", definition("one"), false).await.unwrap();
        store.define("a", definition("two"), false).await.unwrap();
        let changed = Definition { deleting: true, modified_unix_ms: 9, ..definition("three") };
        store.define("b", changed.clone(), false).await.unwrap();
        let expected = [("a".to_owned(), definition("two")), ("b".to_owned(), changed)];
        assert_eq!(store.definitions().await.unwrap(), expected.into());
    }
}

#[tokio::test]
async fn a_definition_forgets_the_desired_state_only_when_asked() {
    let (_folder, stores) = stores();
    for store in stores {
        for name in ["a", "b"] {
            store.set_desired(name, Some(STOPPED)).await.unwrap();
        }
        store.define("a", definition("a"), false).await.unwrap();
        assert_eq!(store.desired("a").await.unwrap(), Some(STOPPED));
        store.define("a", definition("a"), true).await.unwrap();
        assert_eq!(store.desired("a").await.unwrap(), None);
        assert_eq!(store.desired("b").await.unwrap(), Some(STOPPED));
    }
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_the_rest_stays() {
    let (_folder, stores) = stores();
    for store in stores {
        for name in ["orders", "orders2", "order"] {
            fill(&*store, name).await;
        }
        let stale = store.claim("orders", ARN, true).await.unwrap().fence;
        store.forget("orders").await.unwrap();
        assert_eq!(store.desired("orders").await.unwrap(), None);
        assert_eq!(store.definitions().await.unwrap().into_keys().collect::<Vec<_>>(), ["order", "orders2"]);
        assert_eq!(store.kept().await.unwrap().into_keys().collect::<Vec<_>>(), ["order", "orders2"]);
        assert_eq!(store.kept().await.unwrap()["order"].checkpoints.len(), 2);
        let late = store.save("orders", stale, vec![change("a", after("2"))]).await;
        assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
        store.forget("orders").await.unwrap();
        store.forget("never").await.unwrap();
        assert!(!store.claim("orders", ARN, true).await.unwrap().begun, "a mapping that never was");
    }
}

#[tokio::test]
async fn definitions_outlive_the_store_and_what_is_forgotten_leaves_no_row() {
    let (_folder, path) = place();
    let store = open(&path);
    fill(&store, "orders").await;
    fill(&store, "clicks").await;
    drop(store);
    let store = open(&path);
    assert_eq!(store.definitions().await.unwrap()["orders"], definition("orders"));
    store.forget("orders").await.unwrap();
    drop(store);
    assert!(names(&path).iter().all(|name| name == "clicks"), "{:?}", names(&path));
    assert_eq!(names(&path).len(), 6, "a desired state, a stream, a definition, two checkpoints, a line");
    let store = open(&path);
    assert_eq!(store.definitions().await.unwrap().into_keys().collect::<Vec<_>>(), ["clicks"]);
    assert!(store.lost().await.unwrap().is_empty());
    store.forget("clicks").await.unwrap();
    drop(store);
    assert!(names(&path).is_empty(), "{:?}", names(&path));
}

#[tokio::test]
async fn changes_that_come_together_count_in_their_order() {
    let (_folder, path) = place();
    let store = open(&path);
    fill(&store, "orders").await;
    let (forgotten, defined, desired) = tokio::join!(
        store.forget("orders"),
        store.define("orders", definition("again"), true),
        store.set_desired("orders", Some(STOPPED)),
    );
    forgotten.and(defined).and(desired).unwrap();
    let fence = store.claim("orders", ARN, true).await.unwrap().fence;
    let (saved, forgotten) =
        tokio::join!(store.save("orders", fence, vec![change("c", after("1"))]), store.forget("orders"));
    saved.and(forgotten).unwrap();
    store.define("clicks", definition("clicks"), true).await.unwrap();
    drop(store);
    assert_eq!(names(&path), ["clicks"]);
}

#[tokio::test]
async fn what_cannot_be_struck_off_the_list_keeps_its_definition_until_it_can() {
    let (_folder, path) = place();
    let store = open(&path);
    fill(&store, "orders").await;
    let obstacle = path.with_extension("redb.known.new");
    fs::create_dir(&obstacle).unwrap();
    for _ in 0..2 {
        let error = store.forget("orders").await.unwrap_err();
        assert!(
            matches!(&error, StoreError::File(FileError::Io { path, .. }) if path.ends_with("forebay.redb.known")),
            "{error}"
        );
        assert!(store.definitions().await.unwrap().contains_key("orders"), "it can be found, and forgotten again");
    }
    store.define("clicks", definition("clicks"), false).await.unwrap();
    drop(store);
    fs::remove_dir(&obstacle).unwrap();
    let store = open(&path);
    assert!(store.definitions().await.unwrap().contains_key("orders"));
    store.forget("orders").await.unwrap();
    drop(store);
    assert_eq!(names(&path), ["clicks"]);
}

#[tokio::test]
async fn a_process_that_dies_after_the_list_was_struck_has_lost_nothing() {
    let (_folder, path) = place();
    let store = open(&path);
    fill(&store, "orders").await;
    drop(store);
    // The list without its line, and every row: as far as forgetting came.
    fs::write(beside(&path), r#"{"format":1,"mappings":{}}"#).unwrap();
    let store = open(&path);
    assert_eq!(store.definitions().await.unwrap().len(), 1);
    assert!(store.claim("orders", ARN, true).await.unwrap().begun);
    store.forget("orders").await.unwrap();
    drop(store);
    assert!(names(&path).is_empty(), "{:?}", names(&path));
}
