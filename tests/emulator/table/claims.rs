//! Who may claim, and what a claim is worth.

use std::time::Duration;

use forebay::fleet::{ReplicaId, Request};
use forebay::machine::Checkpoint;
use forebay::store::{Checkpoints as _, StoreError, TableError};

use super::{ARN, OTHER, after, is_fenced};
use crate::harness::dynamodb::{Place, Replica};

/// Long enough for a claim that would succeed at once.
const A_MOMENT: Duration = Duration::from_secs(2);

async fn die(replica: &Replica, id: &str) {
    let id = ReplicaId::new(id);
    replica.rows.ask(Request::Kill { id, seen: 1 }).await.unwrap();
}

#[tokio::test]
async fn a_mapping_begins_with_its_first_save() {
    for place in Place::all().await {
        let a = place.replica("a").await;
        let first = a.store.claim("orders", ARN, false).await.unwrap();
        assert!(!first.begun && first.checkpoints.is_empty(), "{}", place.name);
        assert!(a.store.kept().await.unwrap().is_empty());
        a.save(first.fence, &[("s0", Checkpoint::TrimHorizon), ("s1", after(5))]).await.unwrap();
        let again = a.store.claim("orders", ARN, false).await.unwrap();
        assert!(again.begun);
        assert_eq!(again.checkpoints.get("s1"), Some(&after(5)));
        assert_eq!(again.checkpoints.get("s0"), Some(&Checkpoint::TrimHorizon));
        let late = a.save(first.fence, &[("s1", after(4))]).await;
        assert!(is_fenced(&late), "{}: {late:?}", place.name);
        a.save(again.fence, &[("s1", after(6))]).await.unwrap();
        assert_eq!(a.at("s1").await, after(6));
    }
}

#[tokio::test]
async fn a_claim_waits_for_an_owner_that_lives_and_not_for_a_dead_one() {
    for place in Place::all().await {
        let (a, b) = (place.replica("a").await, place.replica("b").await);
        let of_a = a.claim().await;
        a.save(of_a, &[("s0", after(5)), ("s1", after(7))]).await.unwrap();
        let waiting = b.store.claim("orders", ARN, false);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(A_MOMENT, &mut waiting).await.is_err(), "{}: b has taken over", place.name);
        a.save(of_a, &[("s0", after(6))]).await.unwrap();
        a.store.release("orders").await.unwrap();
        let taken = waiting.await.unwrap();
        assert!(taken.begun);
        assert_eq!(taken.checkpoints.get("s0"), Some(&after(6)), "{}", place.name);
        let late = a.save(of_a, &[("s0", after(9))]).await;
        assert!(is_fenced(&late), "{late:?}");
        b.save(taken.fence, &[("s0", after(7))]).await.unwrap();

        die(&a, "b").await;
        let c = place.replica("c").await;
        let heir = c.store.claim("orders", ARN, false).await.unwrap();
        assert_eq!(heir.checkpoints.get("s0"), Some(&after(7)));
        let late = b.save(taken.fence, &[("s0", after(8))]).await;
        assert!(is_fenced(&late), "{late:?}");
        assert_eq!(c.at("s0").await, after(7));
    }
}

#[tokio::test]
async fn what_an_owner_says_of_a_shard_that_ends_stays() {
    for place in Place::all().await {
        let (a, b) = (place.replica("a").await, place.replica("b").await);
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(5))]).await.unwrap();
        a.save(
            fence,
            &[("s0", Checkpoint::End(None)), ("s1", Checkpoint::TrimHorizon), ("s2", Checkpoint::TrimHorizon)],
        )
        .await
        .unwrap();
        a.store.save("orders", fence, vec![("s0".into(), None)]).await.unwrap();
        a.store.release("orders").await.unwrap();
        let taken = b.store.claim("orders", ARN, false).await.unwrap();
        assert_eq!(taken.checkpoints.keys().map(|shard| &**shard).collect::<Vec<_>>(), ["s1", "s2"], "{}", place.name);
        b.save(taken.fence, &[("s1", Checkpoint::End(None))]).await.unwrap();
        b.store.release("orders").await.unwrap();
        let again = a.store.claim("orders", ARN, false).await.unwrap();
        assert_eq!(again.checkpoints.get("s1"), Some(&Checkpoint::End(None)));
    }
}

#[tokio::test]
async fn one_of_many_that_claim_at_once_wins() {
    for place in Place::all().await {
        let first = place.replica("first").await;
        let fence = first.claim().await;
        let shards: Vec<String> = (0..40).map(|shard| format!("s{shard:02}")).collect();
        let begun: Vec<_> = shards.iter().map(|shard| (&**shard, after(1))).collect();
        first.save(fence, &begun).await.unwrap();
        die(&first, "first").await;
        let mut others = Vec::new();
        for name in ["a", "b", "c", "d"] {
            others.push(place.replica(name).await);
        }
        let claims = others.iter().map(|other| other.store.claim("orders", ARN, false));
        let (won, _, others) = futures_util::future::select_all(claims).await;
        assert_eq!(won.unwrap().checkpoints.len(), 40, "{}", place.name);
        let second = tokio::time::timeout(A_MOMENT, futures_util::future::select_all(others)).await;
        assert!(second.is_err(), "{}: two have won", place.name);
    }
}

#[tokio::test]
async fn another_stream_of_the_name_begins_from_the_start_unless_the_first_one_runs() {
    for place in Place::all().await {
        let (a, b) = (place.replica("a").await, place.replica("b").await);
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(5))]).await.unwrap();
        let refused = b.store.claim("orders", OTHER, false).await;
        let other = matches!(refused, Err(StoreError::Table(TableError::OtherSource { .. })));
        assert!(other, "{}: {refused:?}", place.name);
        a.save(fence, &[("s0", after(6))]).await.unwrap();
        a.store.release("orders").await.unwrap();
        let taken = b.store.claim("orders", OTHER, false).await.unwrap();
        assert!(!taken.begun && taken.checkpoints.is_empty());
        b.save(taken.fence, &[("s0", Checkpoint::TrimHorizon)]).await.unwrap();
        assert_eq!(b.kept().await.source, OTHER);
        assert_eq!(b.at("s0").await, Checkpoint::TrimHorizon);
    }
}
