//! What operators want of the API's mappings, and what the API wants later.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::world::{Rig, api, mapping};
use crate::engine::EngineError;
use crate::engine::MappingState::{Disabled, Disabling, Enabled, Enabling};
use crate::mapping::Mapping;
use crate::store::fixture::Wobbly;
use crate::store::{Definition, FileError, Store, StoreError};
use crate::view::MappingStatus;

fn definition() -> Definition {
    Definition { parameters: serde_json::Map::new(), modified_unix_ms: 1, deleting: false }
}

/// The next process, with what was restored.
fn next(rig: &Rig, restored: Vec<Mapping>) -> Rig {
    rig.task.abort();
    Rig::restoring(Arc::clone(&rig.world), Arc::clone(&rig.store), Vec::new(), restored)
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_kept_as_it_is_for_files() {
    let rig = Rig::new(vec![]);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.until_state("made", Enabled).await;
    let status = MappingStatus::from(&rig.handle.stop("made").await.unwrap());
    assert_eq!((status.state, status.enabled_by.as_str()), (Disabling, "operator"));
    rig.until_state("made", Disabled).await;
    let rig = next(&rig, vec![api("made", "")]);
    let overview = rig.handle.overview("made").await.unwrap();
    assert_eq!((overview.state, overview.enabled, overview.mapping.enabled), (Disabled, false, true));
    let put = rig.handle.put(api("made", "BatchSize: 2")).await.unwrap();
    assert_eq!(
        (put.state, put.enabled),
        (Disabled, false),
        "a change that does not name Enabled leaves the desired state"
    );
    let status = MappingStatus::from(&rig.handle.start("made").await.unwrap());
    assert_eq!((status.state, status.enabled_by.as_str()), (Enabling, "api"));
    rig.until_state("made", Enabled).await;
    assert_eq!(rig.store.desired("made").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_definition_with_another_enabled_ends_the_desired_state() {
    let rig = Rig::new(vec![]);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.until_state("made", Enabled).await;
    rig.handle.stop("made").await.unwrap();
    rig.until_state("made", Disabled).await;
    rig.handle.put(api("made", "Enabled: false")).await.unwrap();
    assert_eq!(rig.store.desired("made").await.unwrap(), None);
    let status = rig.status("made").await;
    assert_eq!((status.state, status.enabled_by.as_str()), (Disabled, "api"));
    assert_eq!(rig.handle.put(api("made", "")).await.unwrap().state, Enabling);
}

#[tokio::test(start_paused = true)]
async fn an_enabled_that_is_said_again_ends_the_desired_state_once_the_store_has_forgotten_it() {
    let rig = Rig::new(vec![]);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.until_state("made", Enabled).await;
    rig.handle.stop("made").await.unwrap();
    rig.until_state("made", Disabled).await;
    rig.store.define("made", definition(), true).await.unwrap();
    let put = rig.handle.put(api("made", "")).await.unwrap();
    assert_eq!((put.state, put.enabled), (Enabling, true));
    rig.until_state("made", Enabled).await;
    // The same the other way round.
    rig.handle.put(api("made", "Enabled: false")).await.unwrap();
    rig.until_state("made", Disabled).await;
    rig.handle.start("made").await.unwrap();
    rig.until_state("made", Enabled).await;
    rig.store.define("made", definition(), true).await.unwrap();
    let put = rig.handle.put(api("made", "Enabled: false")).await.unwrap();
    assert_eq!((put.state, put.enabled), (Disabling, false));
}

#[tokio::test(start_paused = true)]
async fn a_desired_state_during_a_change_is_one_of_the_changed_mapping() {
    let rig = Rig::new(vec![]);
    *rig.world.invoke_takes.lock().unwrap() = Duration::from_secs(5);
    rig.handle.put(api("made", "")).await.unwrap();
    rig.put(0..1);
    rig.until("made", |status| status.queue.unwrap().in_flight == 1).await;
    let changed = api("made", "BatchSize: 2\nEnabled: false");
    rig.handle.put(changed.clone()).await.unwrap();
    rig.handle.start("made").await.unwrap();
    assert!(rig.handle.overview("made").await.unwrap().enabled);
    let status = rig.until_state("made", Enabled).await;
    assert_eq!((status.batch_size, status.enabled_by.as_str()), (2, "operator"));
    let rig = next(&rig, vec![changed]);
    assert_eq!(rig.handle.overview("made").await.unwrap().state, Enabled, "it counts after a restart, too");
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_of_the_store_nothing_that_was_stopped_starts() {
    let store = Arc::new(Wobbly::default());
    let rig = Rig::over(Arc::default(), Arc::clone(&store) as Arc<dyn Store>, vec![mapping("orders", "")]);
    rig.handle.put(api("made", "")).await.unwrap();
    for name in ["made", "orders"] {
        rig.until_state(name, Enabled).await;
        rig.handle.stop(name).await.unwrap();
        rig.until_state(name, Disabled).await;
    }
    store.deaf.store(true, SeqCst);
    for more in ["BatchSize: 2", "", "Enabled: false"] {
        let refused = rig.handle.put(api("made", more)).await.unwrap_err();
        assert!(matches!(refused, EngineError::Store(StoreError::File(FileError::Io { .. }))), "{refused}");
        let refused = rig.handle.put(api("other", more)).await.unwrap_err();
        assert!(matches!(refused, EngineError::Store(StoreError::File(FileError::Io { .. }))), "{refused}");
    }
    assert_eq!(*rig.handle.overview("made").await.unwrap().mapping, api("made", ""), "nothing has changed");
    assert!(rig.handle.overview("other").await.is_err());
    let summary = rig.handle.reload(vec![mapping("orders", "BatchSize: 2")]).await.unwrap();
    assert_eq!(summary.changed, ["orders"]);
    let overview = rig.handle.overview("orders").await.unwrap();
    assert_eq!((overview.state, overview.enabled), (Disabled, false), "what was known counts");
    rig.handle.reload(vec![mapping("orders", "Enabled: false")]).await.unwrap();
    assert_eq!(rig.status("orders").await.enabled_by, "file", "the file has the last word");
}
