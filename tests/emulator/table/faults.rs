//! Calls that are lost, late, doubled, refused or throttled: no checkpoint goes back, and no claim stays unsure.

use std::time::Duration;

use forebay::machine::Checkpoint;
use forebay::store::{Checkpoints as _, StoreError, TableError};

use super::{ARN, after, is_fenced};
use crate::harness::dynamodb::{Fate, Faults, Place};
use crate::harness::process::{SOON, eventually};

#[tokio::test]
async fn a_save_that_arrives_late_moves_nothing_back() {
    for place in Place::all().await {
        let way = Faults::start(&place.endpoint).await;
        let a = place.replica_over("a", &way.endpoint()).await;
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(1))]).await.unwrap();
        way.next("UpdateItem", Fate::Late(Duration::from_millis(700)));
        let failed = a.save(fence, &[("s0", after(2))]).await;
        assert!(matches!(failed, Err(StoreError::Table(TableError::Call(_)))), "{}: {failed:?}", place.name);
        a.save(fence, &[("s0", after(3))]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(a.at("s0").await, after(3), "{}", place.name);
        a.save(fence, &[("s0", after(4))]).await.unwrap();
    }
}

#[tokio::test]
async fn a_release_that_arrives_late_frees_nothing() {
    for place in Place::all().await {
        let way = Faults::start(&place.endpoint).await;
        let a = place.replica_over("a", &way.endpoint()).await;
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(1))]).await.unwrap();
        way.next("UpdateItem", Fate::Late(Duration::from_millis(700)));
        assert!(a.store.release("orders").await.is_err());
        let again = a.claim().await;
        a.save(again, &[("s0", after(2))]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        a.save(again, &[("s0", after(3))]).await.unwrap();
        let b = place.replica("b").await;
        let claim = tokio::time::timeout(Duration::from_secs(2), b.store.claim("orders", ARN, false)).await;
        assert!(claim.is_err(), "{}: a has let go: {claim:?}", place.name);
    }
}

#[tokio::test]
async fn lost_and_doubled_answers_change_nothing() {
    for place in Place::all().await {
        let way = Faults::start(&place.endpoint).await;
        let a = place.replica_over("a", &way.endpoint()).await;
        // The answer of the very first write: who claims again finds its own.
        way.next("UpdateItem", Fate::Lost);
        assert!(a.store.claim("orders", ARN, false).await.is_err());
        let fence = a.claim().await;
        way.next("UpdateItem", Fate::Doubled);
        a.save(fence, &[("s0", after(1))]).await.unwrap();
        for sequence in [2, 4, 6] {
            way.next("UpdateItem", Fate::Lost);
            assert!(a.save(fence, &[("s0", after(sequence))]).await.is_err());
            way.next("UpdateItem", Fate::Doubled);
            a.save(fence, &[("s0", after(sequence + 1))]).await.unwrap();
        }
        // A shard that begins, and one that ends.
        way.next("UpdateItem", Fate::Lost);
        assert!(a.save(fence, &[("s1", Checkpoint::TrimHorizon)]).await.is_err());
        a.save(fence, &[("s1", after(10))]).await.unwrap();
        a.save(fence, &[("s1", after(11))]).await.unwrap();
        way.next("UpdateItem", Fate::Lost);
        assert!(a.save(fence, &[("s0", Checkpoint::End(None))]).await.is_err());
        a.save(fence, &[("s0", Checkpoint::End(None))]).await.unwrap();
        assert!(way.all_met());
        let kept = a.kept().await;
        assert_eq!(kept.checkpoints["s0"], Checkpoint::End(None), "{}", place.name);
        assert_eq!(kept.checkpoints["s1"], after(11));
        // A claim whose answer is lost is our own when it is made again.
        way.next("UpdateItem", Fate::Lost);
        assert!(a.store.claim("orders", ARN, false).await.is_err());
        let again = a.claim().await;
        assert!(is_fenced(&a.save(fence, &[("s1", after(12))]).await));
        a.save(again, &[("s1", after(12))]).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_throttled_or_refused_is_said_and_done_later() {
    for place in Place::all().await {
        let way = Faults::start(&place.endpoint).await;
        let a = place.replica_over("a", &way.endpoint()).await;
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(1)), ("s1", after(1))]).await.unwrap();
        for fate in [Fate::Throttled, Fate::Refused] {
            way.next("UpdateItem", fate);
            let failed = a.save(fence, &[("s0", after(2)), ("s1", after(2))]).await;
            assert!(matches!(failed, Err(StoreError::Table(TableError::Call(_)))), "{failed:?}");
            eventually(SOON, "it is saved", async || a.save(fence, &[("s0", after(3)), ("s1", after(3))]).await.ok())
                .await;
            way.next("Query", fate);
            assert!(a.store.claim("orders", ARN, false).await.is_err());
        }
        assert_eq!((a.at("s0").await, a.at("s1").await), (after(3), after(3)), "{}", place.name);
    }
}
