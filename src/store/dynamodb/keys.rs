//! The keys of the table's items.

use super::table::Key;

/// What concerns all replicas: the format, and a row for each of them.
pub(super) const FLEET: &str = "FLEET";
/// The mappings of streams.
pub(super) const MAPPINGS: &str = "MAP";
/// What each replica is to run.
pub(super) const ASSIGNMENTS: &str = "ASSIGN";
/// What each replica can run.
pub(super) const OFFERS: &str = "OFFER";
const DESIRED: &str = "DESIRED";
pub(super) const DEFINITIONS: &str = "DEF";

/// The format of the table.
pub(super) fn format() -> Key {
    Key::new(FLEET, "FORMAT")
}

/// A replica's own row.
pub(super) fn replica(id: &str) -> Key {
    Key::new(FLEET, format!("R#{id}"))
}

/// Who plans.
pub(super) fn head() -> Key {
    Key::new(FLEET, "HEAD")
}

/// What a replica is to run.
pub(super) fn assignment(id: &str) -> Key {
    Key::new(ASSIGNMENTS, id)
}

/// What a replica can run.
pub(super) fn offer(id: &str) -> Key {
    Key::new(OFFERS, id)
}

/// A mapping of a stream.
pub(super) fn mapping(name: &str) -> Key {
    Key::new(MAPPINGS, name)
}

/// The partition of a mapping's shards.
pub(super) fn shards(mapping: &str) -> String {
    // One partition takes 1,000 writes a second: the number leaves room for more of them.
    format!("S#{mapping}#0")
}

/// A shard of a mapping.
pub(super) fn shard(mapping: &str, shard: &str) -> Key {
    Key::new(shards(mapping), shard)
}

/// What an operator asked for.
pub(super) fn desired(mapping: &str) -> Key {
    Key::new(DESIRED, mapping)
}

/// A mapping that was made through the AWS API.
pub(super) fn definition(mapping: &str) -> Key {
    Key::new(DEFINITIONS, mapping)
}
