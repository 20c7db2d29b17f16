//! What a fleet names: its replicas, and the units of work that they share.

use std::fmt;
use std::sync::Arc;

/// Names one life of a replica: new for every start of a process, and after every death.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(Arc<str>);

impl ReplicaId {
    /// The id of that text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is assigned to one replica at a time: a part of a stream mapping.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The mapping's name.
    pub mapping: Arc<str>,
    /// The shard, or [`Unit::WHOLE`].
    pub shard: Arc<str>,
}

impl Unit {
    /// Stands for all shards of a mapping together.
    pub const WHOLE: &'static str = "*";

    /// A whole mapping.
    #[must_use]
    pub fn whole(mapping: impl Into<Arc<str>>) -> Self {
        Self { mapping: mapping.into(), shard: Self::WHOLE.into() }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mapping, self.shard)
    }
}
