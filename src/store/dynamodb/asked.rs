//! What operators and the AWS API asked for.

use std::collections::BTreeMap;

use super::keys;
use super::row::{Row, flag, number, text};
use super::table::{Key, Table, Write};
use crate::store::{Definition, Desired, TableError};

pub(super) async fn desired(table: &Table, mapping: &str) -> Result<Option<Desired>, TableError> {
    let Some(row) = table.get(keys::desired(mapping)).await? else { return Ok(None) };
    Ok(Some(Desired {
        enabled: row.flag("enabled"),
        file_enabled: row.flag("file"),
        since_unix_ms: row.number_of("since")?,
    }))
}

pub(super) async fn set_desired(table: &Table, mapping: &str, desired: Option<Desired>) -> Result<(), TableError> {
    let key = keys::desired(mapping);
    let Some(desired) = desired else {
        gone(table, key).await?;
        return Ok(table.note_change().await?);
    };
    let write = Write {
        update: "SET #enabled = :enabled, #file = :file, #since = :since",
        condition: ALWAYS,
        values: vec![
            (":enabled", flag(desired.enabled)),
            (":file", flag(desired.file_enabled)),
            (":since", number(desired.since_unix_ms)),
        ],
    };
    table.write(key, write).await?;
    Ok(table.note_change().await?)
}

pub(super) async fn definitions(table: &Table) -> Result<BTreeMap<String, Definition>, TableError> {
    let rows = table.query(keys::DEFINITIONS, true).await?;
    rows.iter().map(|row| Ok((row.sk().to_owned(), definition(row)?))).collect()
}

fn definition(row: &Row) -> Result<Definition, TableError> {
    serde_json::from_str(row.text_of("def")?).map_err(|error| row.unreadable(&error.to_string()))
}

pub(super) async fn define(
    table: &Table,
    mapping: &str,
    definition: &Definition,
    forget_desired: bool,
) -> Result<(), TableError> {
    let key = keys::definition(mapping);
    let json = serde_json::to_string(definition)
        .map_err(|error| TableError::Item { item: format!("{}/{}", key.pk, key.sk), reason: error.to_string() })?;
    // First: a desired state that is left without the definition that it belongs to counts for nothing.
    if forget_desired {
        gone(table, keys::desired(mapping)).await?;
    }
    table
        .write(key, Write { update: "SET #def = :def", condition: ALWAYS, values: vec![(":def", text(json))] })
        .await?;
    Ok(())
}

pub(super) async fn forget(table: &Table, mapping: &str) -> Result<(), TableError> {
    gone(table, keys::desired(mapping)).await?;
    gone(table, keys::definition(mapping)).await
}

/// A condition that every item fulfils, the one that is not there included.
const ALWAYS: &str = "attribute_not_exists(#never)";

async fn gone(table: &Table, key: Key) -> Result<(), TableError> {
    table.remove(key, "", Vec::new()).await?;
    Ok(())
}
