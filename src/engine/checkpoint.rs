//! What operators ask about checkpoints, and what they change.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::{CheckpointChange, EngineError};
use crate::store::{EngineStore, Kept};

/// What is kept of every stream mapping.
pub(super) async fn all(store: &dyn EngineStore) -> Result<BTreeMap<String, Kept>, EngineError> {
    Ok(store.kept().await?)
}

/// What is kept of one mapping, if it has an entry or anything is kept of it.
pub(super) async fn one(store: &dyn EngineStore, entry: Option<&Entry>, name: &str) -> Result<Kept, EngineError> {
    let kept = store.kept().await?.remove(name);
    match (kept, entry) {
        // Of a stream that the mapping no longer reads, nothing counts.
        (_, Some(entry)) if !entry.wanted.has_checkpoints() => Err(EngineError::NoCheckpoints(name.into())),
        (Some(kept), Some(entry)) if kept.source != entry.wanted.mapping.source.id() => Ok(nothing(entry)),
        (Some(kept), _) => Ok(kept),
        (None, Some(entry)) => Ok(nothing(entry)),
        (None, None) => Err(EngineError::Unknown(name.into())),
    }
}

/// Changes what is kept, and has a running task take it over.
pub(super) async fn change(
    store: &dyn EngineStore,
    mut entry: Option<&mut Entry>,
    name: &str,
    change: CheckpointChange,
    force: bool,
) -> Result<Kept, EngineError> {
    let mut kept = one(store, entry.as_deref(), name).await?;
    if entry.as_deref().is_some_and(Entry::may_save) && !force {
        return Err(EngineError::Running { name: name.into() });
    }
    match change {
        CheckpointChange::Replace(new) => {
            let entry = entry.as_deref().ok_or_else(|| EngineError::Unknown(name.into()))?;
            if new.source != entry.wanted.mapping.source.id() {
                let wanted = entry.wanted.mapping.source.id().into();
                return Err(EngineError::OtherSource { name: name.into(), given: new.source, wanted });
            }
            store.replace_kept(name, Some(new.clone())).await?;
            kept = new;
        }
        CheckpointChange::Reset => {
            store.replace_kept(name, None).await?;
            kept.checkpoints.clear();
        }
        CheckpointChange::ResetShard(shard) => {
            if kept.checkpoints.remove(&shard).is_none() {
                return Err(EngineError::UnknownShard { name: name.into(), shard: shard.to_string() });
            }
            store.replace_kept(name, Some(kept.clone())).await?;
        }
    }
    tracing::info!(mapping = name, shards = kept.checkpoints.len(), force, "an operator changed the checkpoints");
    if let Some(entry) = &mut entry {
        entry.begin_again();
    }
    Ok(kept)
}

/// Of a mapping that has not begun.
fn nothing(entry: &Entry) -> Kept {
    Kept { source: entry.wanted.mapping.source.id().into(), checkpoints: BTreeMap::new() }
}
