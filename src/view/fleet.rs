//! A fleet as its replicas see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fleet::{Assignment, ReplicaState, Sight, Unit};

/// A fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FleetStatus {
    /// The replica that answers.
    pub(crate) replica: String,
    /// The replicas, those of the last day that are dead included; by state, then by id.
    pub(crate) replicas: Vec<ReplicaStatus>,
}

/// A replica of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReplicaStatus {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) version: String,
    /// `Up`, `Draining` or `Dead`.
    pub(crate) state: String,
    /// Whether it assigns the mappings.
    pub(crate) planner: bool,
    /// When its process began, in milliseconds since the Unix epoch.
    pub(crate) since_unix_ms: u64,
    /// How many heartbeats it has written.
    pub(crate) beats: u64,
    /// The stream mappings that are assigned to it.
    pub(crate) mappings: Vec<String>,
}

impl FleetStatus {
    /// What the rows of a fleet say.
    pub(crate) fn new(replica: &str, sight: Sight, assignments: Vec<Assignment>) -> Self {
        let mut assigned: BTreeMap<_, _> =
            assignments.into_iter().map(|assignment| (assignment.to, assignment.units)).collect();
        let planner = sight.head.map(|head| head.planner);
        let mut rows = sight.replicas;
        rows.sort_by(|a, b| (a.state, &a.id).cmp(&(b.state, &b.id)));
        let replicas = rows.into_iter().map(|row| {
            let is_dead = row.state == ReplicaState::Dead;
            let units = assigned.remove(&row.id).filter(|_| !is_dead).unwrap_or_default();
            ReplicaStatus {
                planner: !is_dead && planner.as_ref() == Some(&row.id),
                id: row.id.as_str().to_owned(),
                host: row.host.to_string(),
                version: row.version.to_string(),
                state: format!("{:?}", row.state),
                since_unix_ms: row.since_unix_ms,
                beats: row.beat,
                mappings: units.iter().map(name).collect(),
            }
        });
        Self { replica: replica.to_owned(), replicas: replicas.collect() }
    }
}

fn name(unit: &Unit) -> String {
    if &*unit.shard == Unit::WHOLE { unit.mapping.to_string() } else { unit.to_string() }
}
