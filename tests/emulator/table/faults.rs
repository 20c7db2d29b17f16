//! Calls that are lost, late, doubled, refused or throttled: no checkpoint goes back, and no claim stays unsure.

use std::time::Duration;

use forebay::machine::Checkpoint;
use forebay::store::{Checkpoints as _, StoreError, TableError};

use super::{ARN, after, is_fenced};
use crate::harness::dynamodb::{Fate, Place};
use crate::harness::process::{SOON, eventually};

#[tokio::test]
async fn a_save_that_arrives_late_moves_nothing_back() {
    for place in Place::all().await {
        let (way, a) = place.behind_faults().await;
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
        let (way, a) = place.behind_faults().await;
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
        let (way, a) = place.behind_faults().await;
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
        let (way, a) = place.behind_faults().await;
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

/// Whether another replica gets the mapping although the first one lives.
async fn is_free(place: &Place) -> bool {
    let heir = place.replica("heir").await;
    let claim = tokio::time::timeout(Duration::from_secs(10), heir.store.claim("orders", ARN, false)).await;
    matches!(claim, Ok(Ok(_)))
}

#[tokio::test]
async fn a_release_that_failed_is_made_good_by_the_next() {
    for place in Place::all().await {
        let (way, a) = place.behind_faults().await;
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(1)), ("s1", after(1))]).await.unwrap();
        way.next("UpdateItem", Fate::Refused);
        assert!(a.store.release("orders").await.is_err(), "{}", place.name);
        a.store.release("orders").await.unwrap();
        assert!(is_free(&place).await, "{}: a still has it", place.name);
    }
}

#[tokio::test]
async fn what_a_claim_without_an_answer_has_taken_is_released() {
    for fate in [Fate::Lost, Fate::Late(Duration::from_millis(700))] {
        for place in Place::all().await {
            let (way, a) = place.behind_faults().await;
            let fence = a.claim().await;
            a.save(fence, &[("s0", after(1)), ("s1", after(1))]).await.unwrap();
            a.store.release("orders").await.unwrap();
            way.next("UpdateItem", fate);
            assert!(a.store.claim("orders", ARN, false).await.is_err(), "{}", place.name);
            a.store.release("orders").await.unwrap();
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            assert!(is_free(&place).await, "{}: a has what it does not know of: {fate:?}", place.name);
        }
    }
}
