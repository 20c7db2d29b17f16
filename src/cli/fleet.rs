//! `forebay fleet`: the replicas that share a store.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::connect::{SocketArgs, block_on};
use super::exit::{Exit, Outcome};
use super::output::{TextOrJson, counted, data, json};
use crate::view::{FleetStatus, ReplicaStatus};

#[derive(Debug, Args)]
pub(super) struct FleetArgs {
    #[command(flatten)]
    socket: SocketArgs,
    /// Show the replicas of the last day that are dead, too
    #[arg(short, long)]
    all: bool,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    output: TextOrJson,
}

impl FleetArgs {
    pub(super) fn execute(self) -> Outcome {
        let client = self.socket.client();
        let mut fleet = block_on(client.fleet())??;
        fleet.replicas.retain(|replica| self.all || replica.state != "Dead");
        data(&match self.output {
            TextOrJson::Text => table(&fleet),
            TextOrJson::Json => json(&fleet)?,
        })?;
        Ok(Exit::Done)
    }
}

fn table(fleet: &FleetStatus) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["REPLICA", "HOST", "VERSION", "STATE", "ROLE", "MAPPINGS"]);
    for replica in &fleet.replicas {
        let ReplicaStatus { id, host, version, state, .. } = replica;
        table.add_row([id, host, version, state, &role(fleet, replica), &mappings(&replica.mappings)]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn role(fleet: &FleetStatus, replica: &ReplicaStatus) -> String {
    let roles = [(replica.planner, "planner"), (replica.id == fleet.replica, "this one")];
    let held: Vec<&str> = roles.into_iter().filter(|(holds, _)| *holds).map(|(_, role)| role).collect();
    if held.is_empty() { "-".into() } else { held.join(", ") }
}

/// The first names, and how many there are.
fn mappings(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len() {
        0 => "-".into(),
        1..=SHOWN => names.join(", "),
        all => format!("{}, … ({})", names[..SHOWN].join(", "), counted(all, "mapping")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(id: &str, state: &str, planner: bool, mappings: &[&str]) -> ReplicaStatus {
        ReplicaStatus {
            id: id.into(),
            host: format!("forebay-{id}"),
            version: "1.2.3".into(),
            state: state.into(),
            planner,
            since_unix_ms: 1_760_000_000_000,
            beats: 7,
            mappings: mappings.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn shows_who_runs_what() {
        let many = ["a", "b", "c", "d", "e", "f"];
        let replicas = vec![
            replica("07", "Up", true, &["clicks", "orders"]),
            replica("3f", "Up", false, &many),
            replica("c1", "Draining", false, &[]),
        ];
        insta::assert_snapshot!(table(&FleetStatus { replica: "3f".into(), replicas }), @r"
        REPLICA  HOST        VERSION  STATE     ROLE      MAPPINGS
        07       forebay-07  1.2.3    Up        planner   clicks, orders
        3f       forebay-3f  1.2.3    Up        this one  a, b, c, d, e, … (6 mappings)
        c1       forebay-c1  1.2.3    Draining  -         -
        ");
    }
}
