//! Single bits of the file that flip: the same checkpoints or a clear error, never others, and never a panic.

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use super::{ARN, after, change, definition, open, place};
use crate::machine::Checkpoint;
use crate::store::{Checkpoints, Definition, Definitions, Desired, DesiredStates, EmbeddedStore, Kept};

const FLIPS: usize = 300;

/// All that a store gives back.
type All = (BTreeMap<String, Kept>, BTreeMap<String, Definition>, Vec<Option<Desired>>);

/// What came of the flips.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    refused: usize,
    named: usize,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Some of everything, written in many commits.
async fn fill(store: &EmbeddedStore) {
    for number in 0..12 {
        let name = format!("mapping-{number:02}");
        store.define(&name, definition(&name), false).await.unwrap();
        let desired = Desired { enabled: false, file_enabled: true, since_unix_ms: 1_760_000_000_000 + number };
        store.set_desired(&name, Some(desired)).await.unwrap();
        let fence = store.claim(&name, ARN, true).await.unwrap().fence;
        let mut changes: Vec<_> =
            (0..8).map(|shard| change(&format!("shardId-{shard:012}"), after(&format!("{number}{shard}")))).collect();
        changes.push(change("ended", Checkpoint::End(None)));
        store.save(&name, fence, changes).await.unwrap();
        store.save(&name, fence, vec![change("shardId-000000000003", after("495903382714902566"))]).await.unwrap();
    }
}

fn everything(path: &Path) -> Result<All, String> {
    let opened = catch_unwind(|| EmbeddedStore::open(path)).unwrap_or_else(|_| panic!("opening panics"));
    let store = opened.map_err(|error| error.to_string())?;
    runtime().block_on(async {
        let mut desired = Vec::new();
        for number in 0..12 {
            desired.push(store.desired(&format!("mapping-{number:02}")).await.map_err(|error| error.to_string())?);
        }
        let (kept, definitions) = (store.kept().await, store.definitions().await);
        Ok((kept.map_err(|error| error.to_string())?, definitions.map_err(|error| error.to_string())?, desired))
    })
}

/// Flips bits of a file one at a time: a third of them in its header, the others where it is not empty.
fn flip(bytes: &[u8], expected: &All, seed: u64) -> Tally {
    let (_folder, path) = place();
    let mut random = fastrand::Rng::with_seed(seed);
    let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let mut tally = Tally::default();
    for _ in 0..FLIPS {
        let (at, bit) = match random.u8(0..3) {
            0 => (random.usize(0..320), random.u8(0..8)),
            _ => (written[random.usize(0..written.len())], random.u8(0..8)),
        };
        let mut copy = bytes.to_vec();
        copy[at] ^= 1 << bit;
        fs::write(&path, &copy).unwrap();
        fs::remove_file(super::beside(&path)).ok();
        match everything(&path) {
            Ok(found) => {
                assert!(found == *expected, "byte {at}, bit {bit}: other contents without a word");
                tally.same += 1;
            }
            Err(error) => {
                assert!(error.starts_with("FB060") && error.contains("forebay.redb"), "byte {at}, bit {bit}: {error}");
                tally.refused += 1;
                tally.named += usize::from(error.contains("its checksum is wrong"));
                let after = fs::read(&path).unwrap();
                assert!(after == copy, "byte {at}, bit {bit}: a damaged file was written to");
            }
        }
    }
    tally
}

#[test]
fn a_bit_that_flips_in_a_file_that_was_closed_changes_nothing_in_silence() {
    let (_folder, path) = place();
    let store = open(&path);
    runtime().block_on(fill(&store));
    drop(store);
    let bytes = fs::read(&path).unwrap();
    let expected = everything(&path).unwrap();
    assert_eq!((expected.0.len(), expected.1.len()), (12, 12));
    let tally = flip(&bytes, &expected, 11);
    assert!(tally.named > 0 && tally.refused > tally.named && tally.same > 0, "{tally:?}");
    println!("closed: {tally:?} of {FLIPS}, {} bytes", bytes.len());
}

#[test]
fn a_bit_that_flips_in_a_file_whose_process_was_killed_changes_nothing_in_silence() {
    let (_folder, path) = place();
    let store = open(&path);
    runtime().block_on(fill(&store));
    // As a kill would leave it.
    let bytes = fs::read(&path).unwrap();
    drop(store);
    let expected = everything(&path).unwrap();
    let tally = flip(&bytes, &expected, 12);
    assert!(tally.named > 0 && tally.refused > tally.named && tally.same > 0, "{tally:?}");
    println!("killed: {tally:?} of {FLIPS}, {} bytes", bytes.len());
}

#[test]
fn what_is_whole_in_a_damaged_file_can_be_copied_out() {
    let (_folder, path) = place();
    let store = open(&path);
    runtime().block_on(fill(&store));
    let killed = fs::read(&path).unwrap();
    drop(store);
    for (mut damaged, how) in [(killed, "killed"), (fs::read(&path).unwrap(), "closed")] {
        // Also in pages that hold what was before: which of them counts cannot be seen from outside.
        let found: Vec<usize> = (0..damaged.len()).filter(|at| damaged[*at..].starts_with(b"AFTER:77")).collect();
        found.iter().for_each(|at| damaged[at + 7] ^= 1);
        let aside = path.with_extension("damaged");
        fs::write(&aside, &damaged).unwrap();
        let error = EmbeddedStore::open(&aside).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("the checkpoint of shard \"shardId-000000000007\" of \"mapping-07\""),
            "{how}: {error}"
        );
        let rescued = EmbeddedStore::rescue(&aside).unwrap();
        assert_eq!((rescued.kept.len(), rescued.definitions.len()), (11, 11), "{how}");
        assert!(fs::read(&aside).unwrap() == damaged, "{how}: it is only read");
    }
}
