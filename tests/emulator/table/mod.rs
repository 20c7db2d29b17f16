//! The store in a table of DynamoDB, on each emulator that is installed.

mod claims;
mod faults;
mod operators;
mod rows;

use std::sync::Arc;

use forebay::machine::{Checkpoint, Fence};
use forebay::store::{Checkpoints as _, Kept, StoreError};

use crate::harness::dynamodb::Replica;

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
const OTHER: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/others";

fn after(sequence: u64) -> Checkpoint {
    Checkpoint::After(sequence.to_string().into())
}

fn change(shard: &str, checkpoint: Checkpoint) -> (Arc<str>, Option<Checkpoint>) {
    (shard.into(), Some(checkpoint))
}

impl Replica {
    /// Claims the mapping, and says under which fence.
    async fn claim(&self) -> Fence {
        self.store.claim("orders", ARN, false).await.unwrap().fence
    }

    async fn save(&self, fence: Fence, changes: &[(&str, Checkpoint)]) -> Result<(), StoreError> {
        let changes = changes.iter().map(|(shard, checkpoint)| change(shard, checkpoint.clone())).collect();
        self.store.save("orders", fence, changes).await
    }

    async fn kept(&self) -> Kept {
        self.store.kept().await.unwrap().remove("orders").expect("the mapping has begun")
    }

    /// The checkpoint of a shard.
    async fn at(&self, shard: &str) -> Checkpoint {
        self.kept().await.checkpoints.remove(shard).expect("the shard has a checkpoint")
    }
}

fn is_fenced(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Fenced { .. }))
}
