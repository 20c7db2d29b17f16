//! Operators' requests about checkpoints.

use std::sync::Arc;
use std::time::Duration;

use super::world::{Rig, is_degraded, mapping, stream};
use crate::engine::{CheckpointChange, EngineError, Kept, MappingState};
use crate::machine::Checkpoint;
use crate::store::StoreError;

fn kept(name: &str, checkpoints: &[(&str, Checkpoint)]) -> Kept {
    let checkpoints = checkpoints.iter().map(|(shard, checkpoint)| (Arc::from(*shard), checkpoint.clone())).collect();
    Kept { source: stream(name).source.id().to_owned(), checkpoints }
}

fn replace(kept: &Kept) -> CheckpointChange {
    CheckpointChange::Replace(kept.clone())
}

impl Rig {
    async fn until_checkpoints(&self, name: &str, wanted: impl Fn(&Kept) -> bool) {
        for _ in 0..6_000 {
            if self.handle.checkpoints().await.unwrap().get(name).is_some_and(&wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?} is kept", self.handle.checkpoints().await);
    }

    pub(super) async fn until_kept(&self, name: &str) {
        self.until_checkpoints(name, |kept| !kept.checkpoints.is_empty()).await;
    }

    async fn until_checkpoint(&self, name: &str, checkpoint: &Checkpoint) {
        self.until_checkpoints(name, |kept| kept.checkpoints.values().any(|found| found == checkpoint)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_mapping_takes_other_checkpoints() {
    let rig = Rig::new(vec![stream("clicks")]);
    rig.handle.stop("clicks").await.unwrap();
    rig.until_state("clicks", MappingState::Disabled).await;
    assert_eq!(rig.handle.checkpoint("clicks").await.unwrap(), kept("clicks", &[]));
    let two = kept("clicks", &[("a", Checkpoint::After("7".into())), ("b", Checkpoint::End(None))]);
    assert_eq!(rig.handle.change_checkpoint("clicks", replace(&two), false).await.unwrap(), two);
    assert_eq!(rig.handle.checkpoints().await.unwrap(), [("clicks".to_owned(), two.clone())].into());
    let one = kept("clicks", &[("a", Checkpoint::After("7".into()))]);
    let change = CheckpointChange::ResetShard("b".into());
    assert_eq!(rig.handle.change_checkpoint("clicks", change.clone(), false).await.unwrap(), one);
    let error = rig.handle.change_checkpoint("clicks", change, false).await.unwrap_err();
    assert!(matches!(error, EngineError::UnknownShard { shard, .. } if shard == "b"));
    assert_eq!(rig.handle.checkpoint("clicks").await.unwrap(), one);
    rig.handle.change_checkpoint("clicks", CheckpointChange::Reset, false).await.unwrap();
    assert_eq!(rig.handle.checkpoints().await.unwrap().len(), 0);
    assert!(!rig.store.claim("clicks", &two.source, true).await.unwrap().begun);
}

#[tokio::test(start_paused = true)]
async fn a_running_mapping_refuses_unless_forced() {
    let rig = Rig::new(vec![stream("clicks")]);
    let checkpoints = kept("clicks", &[("a", Checkpoint::End(None))]);
    for change in [replace(&checkpoints), CheckpointChange::Reset, CheckpointChange::ResetShard("a".into())] {
        let error = rig.handle.change_checkpoint("clicks", change, false).await.unwrap_err();
        assert!(matches!(&error, EngineError::Running { name } if name == "clicks"), "{error}");
    }
    assert!(!rig.handle.checkpoint("clicks").await.unwrap().checkpoints.contains_key("a"));
    rig.handle.stop("clicks").await.unwrap();
    rig.until_state("clicks", MappingState::Disabled).await;
    rig.handle.change_checkpoint("clicks", replace(&checkpoints), false).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_forced_change_voids_the_running_claim_and_starts_the_mapping_again_at_once() {
    let rig = Rig::new(vec![stream("clicks")]);
    rig.until_connected(1).await;
    let source = stream("clicks").source.id().to_owned();
    let fence = rig.store.claim("clicks", &source, true).await.unwrap().fence;
    let checkpoints = kept("clicks", &[("a", Checkpoint::After("9".into()))]);
    let begun = tokio::time::Instant::now();
    rig.handle.change_checkpoint("clicks", replace(&checkpoints), true).await.unwrap();
    let stale = rig.store.save("clicks", fence, vec![("a".into(), Some(Checkpoint::End(None)))]).await;
    assert!(matches!(stale, Err(StoreError::Fenced { .. })), "{stale:?}");
    rig.until_connected(2).await;
    assert!(begun.elapsed() < Duration::from_millis(500), "it took {:?}", begun.elapsed());
    assert_eq!(rig.handle.checkpoint("clicks").await.unwrap().checkpoints["a"], Checkpoint::After("9".into()));
    // Again and again: an operator's request is no failure of the mapping, and costs no pause.
    for times in 3..8 {
        rig.handle.change_checkpoint("clicks", CheckpointChange::Reset, true).await.unwrap();
        rig.until_connected(times).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "it took {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_mapping_whose_checkpoints_were_taken_over_ends_and_is_started_again_after_a_pause() {
    let rig = Rig::new(vec![stream("clicks")]);
    rig.until_connected(1).await;
    rig.until_kept("clicks").await;
    rig.store.claim("clicks", stream("clicks").source.id(), true).await.unwrap();
    rig.put(1..2);
    let begun = tokio::time::Instant::now();
    rig.until_connected(2).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "it took {:?}", begun.elapsed());
    let status = rig.status("clicks").await;
    assert!(!is_degraded(&status), "{status:?}");
    // Its new claim counts again.
    rig.put(2..3);
    rig.until_checkpoint("clicks", &Checkpoint::After("2".into())).await;
}

#[tokio::test(start_paused = true)]
async fn queues_unknown_names_and_other_streams_are_refused() {
    let rig = Rig::new(vec![mapping("orders", "Enabled: false"), stream("clicks")]);
    let checkpoints = kept("clicks", &[("a", Checkpoint::End(None))]);
    assert!(matches!(rig.handle.checkpoint("orders").await, Err(EngineError::NoCheckpoints(name)) if name == "orders"));
    for change in [replace(&checkpoints), CheckpointChange::Reset] {
        let error = rig.handle.change_checkpoint("orders", change.clone(), true).await.unwrap_err();
        assert_eq!(error.to_string(), "\"orders\" reads a queue: only mappings of streams have checkpoints");
        let error = rig.handle.change_checkpoint("nope", change, true).await.unwrap_err();
        assert!(matches!(error, EngineError::Unknown(name) if name == "nope"));
    }
    assert!(matches!(rig.handle.checkpoint("nope").await, Err(EngineError::Unknown(_))));
    let foreign = Kept { source: "arn:other".into(), ..checkpoints };
    let error = rig.handle.change_checkpoint("clicks", replace(&foreign), true).await.unwrap_err();
    assert!(matches!(error, EngineError::OtherSource { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_of_a_mapping_in_no_file_can_be_seen_and_reset() {
    let rig = Rig::new(vec![]);
    let checkpoints = kept("gone", &[("a", Checkpoint::End(None))]);
    rig.store.replace_kept("gone", Some(checkpoints.clone())).await.unwrap();
    assert_eq!(rig.handle.checkpoint("gone").await.unwrap(), checkpoints);
    let error = rig.handle.change_checkpoint("gone", replace(&checkpoints), true).await.unwrap_err();
    assert!(matches!(error, EngineError::Unknown(_)), "{error}");
    rig.handle.change_checkpoint("gone", CheckpointChange::Reset, false).await.unwrap();
    assert!(matches!(rig.handle.checkpoint("gone").await, Err(EngineError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn checkpoints_of_the_stream_that_was_read_before_do_not_count() {
    let rig = Rig::new(vec![]);
    let before = Kept { source: "arn:before".into(), ..kept("clicks", &[("a", Checkpoint::End(None))]) };
    rig.store.replace_kept("clicks", Some(before)).await.unwrap();
    let mut disabled = stream("clicks");
    disabled.enabled = false;
    rig.handle.reload(vec![disabled]).await.unwrap();
    assert_eq!(rig.handle.checkpoint("clicks").await.unwrap(), kept("clicks", &[]));
}
