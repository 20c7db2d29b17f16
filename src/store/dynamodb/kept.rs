//! What is kept of mappings, for operators.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claim::checkpoint;
use super::keys;
use super::row::{Row, flag, number, text};
use super::table::{Table, Write, Written, side_by_side};
use crate::machine::Checkpoint;
use crate::store::{Kept, TableError};

/// Everything that has begun.
pub(super) async fn all(table: &Table) -> Result<BTreeMap<String, Kept>, TableError> {
    let mut all = BTreeMap::new();
    for row in table.query(keys::MAPPINGS, true).await? {
        if row.flag("begun") {
            let (source, generation) = (row.text_of("src")?.to_owned(), row.number_of("gen")?);
            let shards = table.query(&keys::shards(row.sk()), true).await?;
            let current = shards.iter().filter(|shard| shard.number("gen") == Some(generation));
            let checkpoints = current.map(|shard| Ok((Arc::from(shard.sk()), checkpoint(shard)?)));
            let checkpoints = checkpoints.collect::<Result<_, TableError>>()?;
            all.insert(row.sk().to_owned(), Kept { source, checkpoints });
        }
    }
    Ok(all)
}

/// Replaces the checkpoints of a mapping, or forgets that it ever began. A replica that runs it is superseded first.
/// Until the last item is written, no replica can claim the mapping.
pub(super) async fn replace(table: &Table, mapping: &str, kept: Option<Kept>) -> Result<(), TableError> {
    let generation = begin_change(table, mapping).await?;
    let rows = table.query(&keys::shards(mapping), true).await?;
    let (source, checkpoints) = kept.map_or((None, BTreeMap::new()), |kept| (Some(kept.source), kept.checkpoints));
    remove_others(table, mapping, &rows, &checkpoints).await?;
    let epochs: BTreeMap<&str, u64> = rows.iter().map(|row| (row.sk(), row.number("ep").unwrap_or(0))).collect();
    let writes: Vec<_> = checkpoints
        .iter()
        .map(|(shard, checkpoint)| {
            let epoch = epochs.get(&**shard).copied().unwrap_or(0) + 1;
            let write = Write {
                update: "SET #gen = :gen, #ep = :ep, #sv = :sv, #mk = :mk REMOVE #ow",
                condition: "attribute_not_exists(#pk) OR #gen <= :gen",
                values: vec![
                    (":gen", number(generation)),
                    (":ep", number(epoch)),
                    (":sv", number(0)),
                    (":mk", text(checkpoint.to_string())),
                ],
            };
            table.write(keys::shard(mapping, shard), write)
        })
        .collect();
    side_by_side(writes).await?;
    let (update, mut values) = match source {
        Some(source) => {
            ("SET #begun = :begun, #src = :src REMOVE #set", vec![(":begun", flag(true)), (":src", text(source))])
        }
        None => ("SET #begun = :begun REMOVE #set", vec![(":begun", flag(false))]),
    };
    values.push((":gen", number(generation)));
    match table.write(keys::mapping(mapping), Write { update, condition: "#gen = :gen", values }).await? {
        Written::Done(_) => Ok(()),
        Written::Refused(_) => Err(TableError::Raced { mapping: mapping.to_owned() }),
    }
}

/// Forgets all checkpoints of a mapping whose name never comes back.
pub(super) async fn forget(table: &Table, mapping: &str) -> Result<(), TableError> {
    let rows = table.query(&keys::shards(mapping), true).await?;
    remove_others(table, mapping, &rows, &BTreeMap::new()).await?;
    table.remove(keys::mapping(mapping), "", Vec::new()).await?;
    Ok(())
}

/// Begins the next generation, which no claim can enter yet.
async fn begin_change(table: &Table, mapping: &str) -> Result<u64, TableError> {
    let key = keys::mapping(mapping);
    let seen = table.get(key.clone()).await?.map(|row| row.number_of("gen")).transpose()?.unwrap_or(0);
    let write = Write {
        update: "SET #gen = :next, #set = :set, #src = if_not_exists(#src, :none)",
        condition: "attribute_not_exists(#pk) OR #gen = :seen",
        values: vec![
            (":next", number(seen + 1)),
            (":set", flag(true)),
            (":none", text("none")),
            (":seen", number(seen)),
        ],
    };
    match table.write(key, write).await? {
        Written::Done(_) => Ok(seen + 1),
        Written::Refused(_) => Err(TableError::Raced { mapping: mapping.to_owned() }),
    }
}

async fn remove_others(
    table: &Table,
    mapping: &str,
    rows: &[Row],
    kept: &BTreeMap<Arc<str>, Checkpoint>,
) -> Result<(), TableError> {
    let others = rows.iter().filter(|row| !kept.contains_key(row.sk()));
    let removals = others.map(|row| table.remove(keys::shard(mapping, row.sk()), "", Vec::new())).collect();
    side_by_side(removals).await?;
    Ok(())
}
