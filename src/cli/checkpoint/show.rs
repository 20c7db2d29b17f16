//! Checkpoints as tables and as JSON.

use std::collections::BTreeMap;

use anyhow::anyhow;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

use crate::cli::output::json;
use crate::store::{Kept, ShownToClients};

/// How checkpoints are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TableOrJson {
    /// A table for people.
    #[default]
    Table,
    /// JSON (fields are only added).
    Json,
}

/// A mapping's checkpoint as JSON. Stable: members are added, never renamed.
#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(flatten)]
    kept: ShownToClients<'a>,
}

/// A shard's checkpoint as JSON.
#[derive(Serialize)]
struct Shard<'a> {
    name: &'a str,
    source: &'a str,
    shard: &'a str,
    checkpoint: &'a str,
    /// The old name of `checkpoint`, until the next version.
    mark: &'a str,
}

/// Every shard of every mapping.
pub(super) fn all(kept: &BTreeMap<String, Kept>, output: TableOrJson) -> anyhow::Result<String> {
    if output == TableOrJson::Json {
        return json(&kept.iter().map(|(name, kept)| Named { name, kept: ShownToClients(kept) }).collect::<Vec<_>>());
    }
    let rows = kept.iter().flat_map(|(name, kept)| {
        let row = |shard: &str, at: String| [name.clone(), stream(&kept.source).into(), shard.to_owned(), at];
        let mut rows: Vec<_> = kept.checkpoints.iter().map(|(shard, at)| row(shard, at.to_string())).collect();
        if rows.is_empty() {
            rows.push(row("-", "-".into()));
        }
        rows
    });
    Ok(table(["NAME", "STREAM", "SHARD", "POSITION"], rows))
}

/// Every shard of one mapping.
pub(super) fn one(name: &str, kept: &Kept, output: TableOrJson) -> anyhow::Result<String> {
    match output {
        TableOrJson::Json => json(&Named { name, kept: ShownToClients(kept) }),
        TableOrJson::Table => {
            let rows = kept.checkpoints.iter().map(|(shard, at)| [shard.to_string(), at.to_string()]);
            Ok(table(["SHARD", "POSITION"], rows))
        }
    }
}

/// One shard: its position alone, or as JSON.
pub(super) fn shard(name: &str, kept: &Kept, shard: &str, output: TableOrJson) -> anyhow::Result<String> {
    let checkpoint = kept.checkpoints.get(shard).map(ToString::to_string).ok_or_else(|| {
        anyhow!(
            "shard {shard:?} of {name:?} has no checkpoint\nhelp: `forebay checkpoint get {name}` shows all checkpoints"
        )
    })?;
    match output {
        TableOrJson::Json => {
            json(&Shard { name, source: &kept.source, shard, checkpoint: &checkpoint, mark: &checkpoint })
        }
        TableOrJson::Table => Ok(format!("{checkpoint}\n")),
    }
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(head);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// What stands behind the account in a stream's ARN: `stream/orders`, `table/orders/stream/2026-…`.
fn stream(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}
