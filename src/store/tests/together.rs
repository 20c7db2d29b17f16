//! Writes that come together.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::{ARN, after, change, open, place};
use crate::machine::{Checkpoint, Fence};
use crate::store::{Checkpoints, Desired, DesiredStates, EmbeddedStore, StoreError};

type Write<'a> = BoxFuture<'a, Result<(), StoreError>>;

/// Lets every write queue up before the first of them can reach the disk.
async fn at_once(store: &EmbeddedStore, writes: Vec<Write<'_>>) -> Vec<Result<(), StoreError>> {
    let mut all = join_all(writes);
    {
        let _busy = store.turns.open.lock().unwrap_or_else(PoisonError::into_inner);
        assert!((&mut all).now_or_never().is_none(), "nothing is answered before it is written");
    }
    all.await
}

#[tokio::test]
async fn a_thousand_shards_share_a_transaction_and_a_stale_fence_hurts_nobody() {
    let (_folder, path) = place();
    let store = open(&path);
    let names: Vec<String> = (0..20).map(|number| format!("mapping-{number}")).collect();
    let stale = store.claim("mapping-0", ARN, false).await.unwrap().fence;
    let mut fences = Vec::new();
    for name in &names {
        fences.push(store.claim(name, ARN, false).await.unwrap().fence);
    }
    let before = store.turns.commits.load(Relaxed);
    let mut writes: Vec<Write<'_>> = Vec::new();
    for shard in 0..50 {
        for (name, fence) in names.iter().zip(&fences) {
            let checkpoint = after(&format!("{shard}"));
            writes.push(store.save(name, *fence, vec![change(&format!("shard-{shard}"), checkpoint)]));
        }
    }
    let place_of_stale = writes.len() / 2;
    writes.insert(place_of_stale, store.save("mapping-0", stale, vec![change("shard-7", Checkpoint::End(None))]));
    writes.push(store.save("nobody", Fence(1), vec![change("shard-0", Checkpoint::End(None))]));
    let stopped = Desired { enabled: false, file_enabled: true, since_unix_ms: 5 };
    writes.push(store.set_desired("orders", Some(stopped.clone())));
    let answers = at_once(&store, writes).await;
    for (number, answer) in answers.iter().enumerate() {
        if number == place_of_stale || number == answers.len() - 2 {
            assert!(matches!(answer, Err(StoreError::Fenced { .. })), "{number}: {answer:?}");
        } else {
            assert!(answer.is_ok(), "{number}: {answer:?}");
        }
    }
    let commits = store.turns.commits.load(Relaxed) - before;
    assert!(commits <= 2, "{commits} transactions");
    assert_eq!(store.desired("orders").await.unwrap(), Some(stopped));
    drop(store);

    let kept = open(&path).kept().await.unwrap();
    assert_eq!(kept.len(), 20);
    for (name, kept) in kept {
        assert_eq!(kept.checkpoints.len(), 50, "{name}");
        assert!(
            kept.checkpoints
                .iter()
                .all(|(shard, checkpoint)| after(shard.strip_prefix("shard-").unwrap()) == *checkpoint)
        );
    }
}

#[tokio::test]
async fn writes_of_one_round_take_effect_in_their_order() {
    let (_folder, path) = place();
    let store = open(&path);
    let fence = store.claim("orders", ARN, false).await.unwrap().fence;
    let writes: Vec<Write<'_>> = vec![
        store.save("orders", fence, vec![change("a", after("1")), change("b", after("1"))]),
        store.save("orders", fence, vec![change("a", after("2")), ("b".into(), None)]),
        store.replace_kept("orders", None),
        store.save("orders", fence, vec![change("a", after("3"))]),
    ];
    let answers = at_once(&store, writes).await;
    assert!(answers[..3].iter().all(Result::is_ok), "{answers:?}");
    assert!(matches!(answers[3], Err(StoreError::Fenced { .. })), "{answers:?}");
    drop(store);
    assert!(open(&path).kept().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_save_that_nobody_waits_for_any_more_still_counts() {
    let (_folder, path) = place();
    let store = open(&path);
    let fence = store.claim("orders", ARN, false).await.unwrap().fence;
    let mut save = store.save("orders", fence, vec![change("a", Checkpoint::End(None))]);
    {
        let _busy = store.turns.open.lock().unwrap_or_else(PoisonError::into_inner);
        assert!((&mut save).now_or_never().is_none());
    }
    drop(save);
    drop(store);
    assert_eq!(open(&path).kept().await.unwrap()["orders"].checkpoints["a"], Checkpoint::End(None));
}

#[test]
fn a_runtime_that_is_gone_does_not_block_the_next_one() {
    let (_folder, path) = place();
    let store = open(&path);
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = runtime();
    let fence = first.block_on(store.claim("orders", ARN, false)).unwrap().fence;
    first.shutdown_background();
    runtime().block_on(store.save("orders", fence, vec![change("a", Checkpoint::End(None))])).unwrap();
}

#[tokio::test]
async fn transactions_keep_apart_and_what_comes_meanwhile_shares_the_next() {
    let (_folder, path) = place();
    let store = open(&path);
    let fence = store.claim("orders", ARN, false).await.unwrap().fence;
    let begun = Instant::now();
    for number in 0..10 {
        store.save("orders", fence, vec![change("a", after(&number.to_string()))]).await.unwrap();
    }
    // Ten that come one after the other, each at once when the one before is done.
    assert!(begun.elapsed() >= Duration::from_millis(90), "{:?}", begun.elapsed());
    let commits = store.turns.commits.load(Relaxed);
    for _ in 0..20 {
        store.kept().await.unwrap();
    }
    assert_eq!(store.turns.commits.load(Relaxed), commits, "asking writes nothing");
}
