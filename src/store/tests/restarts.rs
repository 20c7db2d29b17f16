//! What is kept over restarts, upgrades and damage.

use std::collections::BTreeMap;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableHandle};

use super::{ARN, OTHER, after, change, open, place};
use crate::machine::{Mark, Positions};
use crate::store::tables::{DESIRED, FORMAT, MARKS, META, META_FORMAT, STREAMS};
use crate::store::{Desired, EmbeddedStore, Kept, Store, StoreError};

fn refused(path: &Path) -> StoreError {
    EmbeddedStore::open(path).map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn marks_of_every_kind_outlive_the_store() {
    let (_folder, path) = place();
    let marks = [
        ("shard-0", Mark::TrimHorizon),
        ("shard-1", Mark::Timestamp(1_760_000_000_123)),
        ("shard-2", Mark::Latest(1_760_000_000_000)),
        ("shard-3", after("49590338271490256608559692538361571095921575989136588898")),
        ("shard-4", Mark::End),
    ];
    let store = open(&path);
    let fence = store.claim("orders", ARN, true).await.unwrap().fence;
    let mut changes: Vec<_> = marks.iter().map(|(shard, mark)| change(shard, mark.clone())).collect();
    changes.push(change("gone", Mark::End));
    store.save("orders", fence, changes).await.unwrap();
    store.save("orders", fence, vec![("gone".into(), None)]).await.unwrap();
    drop(store);

    let store = open(&path);
    let kept = store.kept().await.unwrap();
    let expected: BTreeMap<_, _> = marks.into_iter().map(|(shard, mark)| (shard.into(), mark)).collect();
    assert_eq!(kept["orders"], Kept { source: ARN.into(), marks: expected.clone() });
    let positions = store.claim("orders", ARN, true).await.unwrap();
    assert!(positions.begun && positions.fence > fence);
    assert_eq!(positions.marks, expected);
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
    let stale = store.save("orders", first, vec![change("shard-0", Mark::End)]).await;
    assert!(matches!(stale, Err(StoreError::Fenced { mapping }) if mapping == "orders"));
    store.save("orders", second, vec![change("shard-0", Mark::TrimHorizon)]).await.unwrap();
    drop(store);
    assert_eq!(open(&path).kept().await.unwrap()["orders"].marks["shard-0"], Mark::TrimHorizon);
}

#[tokio::test]
async fn another_stream_and_an_operator_leave_no_old_mark_behind() {
    let (_folder, path) = place();
    let store = open(&path);
    for mapping in ["orders", "orders2", "order"] {
        let fence = store.claim(mapping, ARN, false).await.unwrap().fence;
        store.save(mapping, fence, vec![change("shard-0", Mark::End), change("shard-1", after("1"))]).await.unwrap();
    }
    store.claim("orders", OTHER, true).await.unwrap();
    let kept = Kept { source: ARN.into(), marks: [("shard-9".into(), after("9"))].into() };
    store.replace_kept("orders2", Some(kept.clone())).await.unwrap();
    drop(store);
    let store = open(&path);
    let found = store.kept().await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["order", "orders2"]);
    assert_eq!(found["order"].marks.len(), 2, "a name that begins alike is another name");
    assert_eq!(found["orders2"], kept);
    assert_eq!(store.claim("orders", OTHER, false).await.unwrap().marks, BTreeMap::new());
    store.replace_kept("orders2", None).await.unwrap();
    drop(store);
    let store = open(&path);
    let positions = store.claim("orders2", ARN, true).await.unwrap();
    assert_eq!(positions, Positions { fence: positions.fence, ..Positions::default() });
}

#[tokio::test]
async fn a_store_of_format_1_is_upgraded_in_place() {
    let (_folder, path) = place();
    let stopped = Desired { enabled: false, file_enabled: true, since_unix_ms: 1_760_000_000_000 };
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(META_FORMAT, 1).unwrap();
    let wish = serde_json::to_vec(&stopped).unwrap();
    transaction.open_table(DESIRED).unwrap().insert("orders", wish.as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);

    let store = open(&path);
    assert_eq!(store.desired("orders").await.unwrap(), Some(stopped.clone()));
    assert!(store.kept().await.unwrap().is_empty());
    let fence = store.claim("clicks", ARN, true).await.unwrap().fence;
    store.save("clicks", fence, vec![change("shard-0", Mark::End)]).await.unwrap();
    drop(store);
    let store = open(&path);
    assert_eq!(store.desired("orders").await.unwrap(), Some(stopped));
    assert!(store.kept().await.unwrap().contains_key("clicks"));
    drop(store);

    // What a forebay of format 1 looks at before anything else: it refuses whatever is above 1.
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_read().unwrap();
    let format = transaction.open_table(META).unwrap().get(META_FORMAT).unwrap().unwrap().value();
    assert_eq!((format, FORMAT), (2, 2));
}

#[tokio::test]
async fn a_new_store_has_every_table() {
    let (_folder, path) = place();
    drop(open(&path));
    let transaction = Database::open(&path).unwrap().begin_read().unwrap();
    let mut tables: Vec<_> = transaction.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
    tables.sort();
    assert_eq!(tables, ["desired", "marks", "meta", "streams"]);
    assert!(transaction.open_table(MARKS).unwrap().is_empty().unwrap());
}

#[test]
fn damaged_rows_are_named_with_mapping_and_shard() {
    type Harm = fn(&redb::WriteTransaction);
    let harms: [(Harm, &str); 3] = [
        (
            |transaction| drop(transaction.open_table(MARKS).unwrap().insert(("orders", "shard-0"), "SOON").unwrap()),
            "the mark of shard \"shard-0\" of \"orders\" cannot be read: \"SOON\" is no position",
        ),
        (
            |transaction| drop(transaction.open_table(MARKS).unwrap().insert(("gone", "shard-1"), "END").unwrap()),
            "the mark of shard \"shard-1\" of \"gone\" cannot be read: the mapping itself is not there",
        ),
        (
            |transaction| drop(transaction.open_table(STREAMS).unwrap().insert("orders", b"{".as_slice()).unwrap()),
            "what is kept of the stream mapping \"orders\" cannot be read",
        ),
    ];
    for (harm, said) in harms {
        let (_folder, path) = place();
        drop(open(&path));
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let row = br#"{"fence":1,"begun":true,"source":"arn"}"#;
        transaction.open_table(STREAMS).unwrap().insert("orders", row.as_slice()).unwrap();
        harm(&transaction);
        transaction.commit().unwrap();
        drop(database);
        let error = refused(&path);
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
