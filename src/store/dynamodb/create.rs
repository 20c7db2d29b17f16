//! Making the table, and finding out whether it is one of ours.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription, TableStatus,
    TimeToLiveSpecification,
};
use tokio::time::{Instant, sleep};

use super::row::{number, text};
use super::table::{Table, Write, Written};
use super::{DynamoDbStore, FORMAT, keys};
use crate::aws::bounded;
use crate::machine::FaultKind;
use crate::store::TableError;

/// How long a new table may take to become active.
const PATIENCE: Duration = Duration::from_secs(120);

/// A call that makes or describes a table takes longer than one of an item.
const BOUND: Duration = Duration::from_secs(20);

/// Makes the table, unless it is there, and writes its format.
///
/// # Errors
/// When it cannot be made, or is there and no store.
pub async fn create(table: &Table) -> Result<(), TableError> {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
    let broken = |error: aws_sdk_dynamodb::error::BuildError| TableError::Item {
        item: table.name.clone(),
        reason: error.to_string(),
    };
    let request = table
        .client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash).map_err(broken)?)
        .key_schema(key("sk", KeyType::Range).map_err(broken)?)
        .attribute_definitions(attribute("pk").map_err(broken)?)
        .attribute_definitions(attribute("sk").map_err(broken)?);
    // It is there already.
    table.unless("ResourceInUseException", "CreateTable", BOUND, request.send()).await?.ok();
    let begun = Instant::now();
    while describe(table).await?.table_status != Some(TableStatus::Active) {
        if begun.elapsed() >= PATIENCE {
            return Err(TableError::Foreign { table: table.name.clone(), reason: "it does not become active".into() });
        }
        sleep(Duration::from_millis(500)).await;
    }
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().map_err(broken)?;
    let request = table.client.update_time_to_live().table_name(&table.name).time_to_live_specification(ttl);
    // It is enabled already.
    table.unless("ValidationException", "UpdateTimeToLive", BOUND, request.send()).await?.ok();
    DynamoDbStore::check_format(table).await
}

async fn describe(table: &Table) -> Result<TableDescription, TableError> {
    let request = table.client.describe_table().table_name(&table.name);
    let described =
        bounded(table.call("DescribeTable"), BOUND, request.send()).await.map_err(|fault| match fault.kind {
            FaultKind::Missing => TableError::Missing { table: table.name.clone(), region: table.region.clone() },
            _ => TableError::Call(fault),
        })?;
    described
        .table
        .ok_or_else(|| TableError::Foreign { table: table.name.clone(), reason: "its description is empty".into() })
}

impl DynamoDbStore {
    /// Whether the table is one of ours, of a format that this program knows. An empty table becomes one.
    ///
    /// # Errors
    /// When it is missing, of another program, replicated to other regions, or of a newer forebay.
    pub async fn check_format(table: &Table) -> Result<(), TableError> {
        let described = describe(table).await?;
        let foreign = |reason: &str| TableError::Foreign { table: table.name.clone(), reason: reason.to_owned() };
        let keys: Vec<(&str, &str)> = described
            .key_schema
            .iter()
            .flatten()
            .map(|key| (key.attribute_name.as_str(), key.key_type.as_str()))
            .collect();
        if keys != [("pk", "HASH"), ("sk", "RANGE")] {
            return Err(foreign("its keys are not pk and sk"));
        }
        // There the last writer wins, in each region: no condition holds.
        if described.replicas.is_some_and(|replicas| !replicas.is_empty()) {
            return Err(foreign("it is a global table, whose regions do not see each other's writes in time"));
        }
        let write = Write {
            update: "SET #fmt = :fmt, #id = :id",
            condition: "attribute_not_exists(#pk)",
            values: vec![(":fmt", number(FORMAT)), (":id", text(format!("{:032x}", fastrand::u128(..))))],
        };
        match table.write(keys::format(), write).await? {
            Written::Done(_) => Ok(()),
            Written::Refused(row) => match row.as_ref().and_then(|row| row.number("fmt")) {
                Some(found) if found <= FORMAT => Ok(()),
                Some(found) => Err(TableError::Newer { table: table.name.clone(), found, known: FORMAT }),
                None => Err(foreign("its item FLEET/FORMAT has no format")),
            },
        }
    }
}
