//! Files of every format: older ones are brought up, newer ones refused, damaged rows named.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableHandle, WriteTransaction};

use super::{after, definition, open, place};
use crate::store::seal::seal;
use crate::store::tables::{BARE_CHECKPOINTS, CHECKPOINTS, DEFINITIONS, DESIRED, FORMAT, META, META_FORMAT, STREAMS};
use crate::store::{Checkpoints, Definitions, Desired, DesiredStates, EmbeddedStore, FileError, StoreError};

const STOPPED: Desired = Desired { enabled: false, file_enabled: true, since_unix_ms: 1_760_000_000_000 };
const TABLES: [&str; 5] = ["definitions", "desired", "marks", "meta", "streams"];

fn refused(path: &Path) -> StoreError {
    EmbeddedStore::open(path).map(|_| ()).unwrap_err()
}

/// Changes the file as another program would.
fn write(path: &Path, change: impl FnOnce(&WriteTransaction)) {
    let database = Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

fn tables(path: &Path) -> (u64, Vec<String>) {
    let transaction = Database::open(path).unwrap().begin_read().unwrap();
    let format = transaction.open_table(META).unwrap().get(META_FORMAT).unwrap().unwrap().value();
    let mut tables: Vec<_> = transaction.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
    tables.sort();
    (format, tables)
}

/// What a forebay of that format has left behind: a desired state, and from format 2 on a stream with a checkpoint. A
/// format that is not known may look like anything.
fn made_by(format: u64, path: &Path) {
    write(path, |transaction| {
        transaction.open_table(META).unwrap().insert(META_FORMAT, format).unwrap();
        let row = |table: &str, key: &[&str], row: &[u8]| if format < 4 { row.to_vec() } else { seal(table, key, row) };
        let stopped = row("desired", &["orders"], &serde_json::to_vec(&STOPPED).unwrap());
        transaction.open_table(DESIRED).unwrap().insert("orders", stopped.as_slice()).unwrap();
        if format >= 2 {
            let stream = row("streams", &["clicks"], br#"{"fence":7,"begun":true,"source":"arn"}"#);
            transaction.open_table(STREAMS).unwrap().insert("clicks", stream.as_slice()).unwrap();
            let key = ("clicks", "shard-0");
            if format < 4 {
                transaction.open_table(BARE_CHECKPOINTS).unwrap().insert(key, "AFTER:5").unwrap();
            } else {
                let checkpoint = row("marks", &[key.0, key.1], b"AFTER:5");
                transaction.open_table(CHECKPOINTS).unwrap().insert(key, checkpoint.as_slice()).unwrap();
            }
        }
        if format >= 3 {
            transaction.open_table(DEFINITIONS).unwrap();
        }
    });
}

#[tokio::test]
async fn a_store_of_an_older_format_is_upgraded_in_place() {
    for format in 1..FORMAT {
        let (_folder, path) = place();
        made_by(format, &path);
        let store = open(&path);
        assert_eq!(store.desired("orders").await.unwrap(), Some(STOPPED), "format {format}");
        let kept = store.kept().await.unwrap();
        let checkpoints = kept.get("clicks").map(|kept| kept.checkpoints["shard-0"].clone());
        assert_eq!(checkpoints, (format >= 2).then(|| after("5")), "format {format}");
        assert!(store.definitions().await.unwrap().is_empty(), "format {format}");
        drop(store);
        // An older forebay looks at the number before anything else, and refuses what is above its own.
        assert_eq!(tables(&path), (FORMAT, TABLES.map(str::to_owned).to_vec()), "format {format}");

        let store = open(&path);
        store.define("made", definition("made"), false).await.unwrap();
        let fence = store.claim("clicks", "arn", true).await.unwrap().fence;
        assert_eq!(fence.0, if format >= 2 { 8 } else { 1 }, "format {format}");
        drop(store);
        let store = open(&path);
        assert_eq!(store.definitions().await.unwrap(), [("made".to_owned(), definition("made"))].into());
        assert_eq!(store.desired("orders").await.unwrap(), Some(STOPPED), "format {format}");
    }
}

#[test]
fn formats_that_are_not_known_are_refused_and_left_alone() {
    for (format, said) in
        [(0, "its format 0 is unknown"), (FORMAT + 1, "FB0602: "), (u64::MAX, "this forebay knows formats up to 5")]
    {
        let (_folder, path) = place();
        made_by(format, &path);
        for _ in 0..2 {
            let error = refused(&path);
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(matches!(error, StoreError::File(FileError::Newer { .. })), format > FORMAT, "{error}");
        }
        assert_eq!(tables(&path).0, format);
    }
}

#[tokio::test]
async fn a_new_store_has_every_table() {
    let (_folder, path) = place();
    drop(open(&path));
    assert_eq!(tables(&path), (FORMAT, TABLES.map(str::to_owned).to_vec()));
    let transaction = Database::open(&path).unwrap().begin_read().unwrap();
    assert!(transaction.open_table(CHECKPOINTS).unwrap().is_empty().unwrap());
    assert!(transaction.open_table(DEFINITIONS).unwrap().is_empty().unwrap());
}

#[test]
fn damaged_rows_are_named_with_mapping_and_shard() {
    type Harm = fn(&WriteTransaction);
    fn define(transaction: &WriteTransaction, row: &[u8]) {
        let row = seal("definitions", &["made"], row);
        transaction.open_table(DEFINITIONS).unwrap().insert("made", row.as_slice()).unwrap();
    }
    fn checkpoint(transaction: &WriteTransaction, key: (&str, &str), checkpoint: &str) {
        let row = seal("marks", &[key.0, key.1], checkpoint.as_bytes());
        transaction.open_table(CHECKPOINTS).unwrap().insert(key, row.as_slice()).unwrap();
    }
    let harms: [(Harm, &str); 11] = [
        (
            |transaction| checkpoint(transaction, ("orders", "shard-0"), "SOON"),
            "the checkpoint of shard \"shard-0\" of \"orders\" cannot be read: \"SOON\" is no position",
        ),
        (
            |transaction| checkpoint(transaction, ("gone", "shard-1"), "END"),
            "the checkpoint of shard \"shard-1\" of \"gone\" cannot be read: the mapping itself is not there",
        ),
        (
            |transaction| {
                let row = seal("marks", &["orders", "shard-0"], b"AFTER:5");
                transaction.open_table(CHECKPOINTS).unwrap().insert(("orders", "shard-1"), row.as_slice()).unwrap();
            },
            "the checkpoint of shard \"shard-1\" of \"orders\" cannot be read: its checksum is wrong",
        ),
        (
            |transaction| {
                transaction.open_table(CHECKPOINTS).unwrap().insert(("orders", "a"), b"END".as_slice()).unwrap();
                transaction.open_table(CHECKPOINTS).unwrap().insert(("orders", "b"), b"END".as_slice()).unwrap();
            },
            "shard \"a\" of \"orders\" cannot be read: its checksum is wrong, and 1 more",
        ),
        (
            |transaction| drop(transaction.open_table(STREAMS).unwrap().insert("orders", b"{".as_slice()).unwrap()),
            "what is kept of the stream mapping \"orders\" cannot be read",
        ),
        (
            |transaction| drop(transaction.open_table(DESIRED).unwrap().insert("orders", b"{".as_slice()).unwrap()),
            "the desired state of \"orders\" cannot be read: its checksum is wrong",
        ),
        (
            |transaction| {
                let row = seal("desired", &["orders"], b"{");
                transaction.open_table(DESIRED).unwrap().insert("orders", row.as_slice()).unwrap();
            },
            "the desired state of \"orders\" cannot be read: EOF",
        ),
        (|transaction| define(transaction, b"{"), "the definition of \"made\" cannot be read: EOF"),
        (|transaction| define(transaction, &[0xff]), "the definition of \"made\" cannot be read"),
        (
            |transaction| define(transaction, br#"{"parameters":[],"modified_unix_ms":1,"deleting":false}"#),
            "the definition of \"made\" cannot be read: invalid type: sequence",
        ),
        (
            |transaction| define(transaction, br#"{"parameters":{},"modified_unix_ms":1,"deleting":false,"more":1}"#),
            "the definition of \"made\" cannot be read: unknown field `more`",
        ),
    ];
    for (harm, said) in harms {
        let (_folder, path) = place();
        drop(open(&path));
        write(&path, |transaction| {
            let row = seal("streams", &["orders"], br#"{"fence":1,"begun":true,"source":"arn"}"#);
            transaction.open_table(STREAMS).unwrap().insert("orders", row.as_slice()).unwrap();
            harm(transaction);
        });
        let error = refused(&path);
        assert!(matches!(error, StoreError::File(FileError::Damaged { .. })), "{error}");
        assert!(error.to_string().starts_with("FB0604: ") && error.to_string().contains(said), "{error}");
    }
}
