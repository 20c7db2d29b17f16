//! One table: reads, and conditional writes of single items.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use futures_util::{StreamExt as _, stream};

use super::SIDE_BY_SIDE;
use super::row::{Item, Row};
use crate::aws::{Call, Service, bounded, fault_of, timed_out};
use crate::machine::Fault;

/// What DynamoDB says of a condition that does not hold.
const REFUSED: &str = "ConditionalCheckFailedException";

/// A table of DynamoDB with the keys `pk` and `sk`, and how it is named in messages.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) region: String,
    /// The longest that a call may take.
    pub(super) bound: Duration,
    pub(super) label: String,
}

/// Where an item stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

/// A conditional write of one item. Attributes are written as `#name`, values as `:name`.
pub(super) struct Write {
    pub(super) update: &'static str,
    pub(super) condition: &'static str,
    pub(super) values: Vec<(&'static str, AttributeValue)>,
}

/// What came of a conditional write.
#[derive(Debug)]
pub(super) enum Written {
    /// It took effect; the item as it is now.
    Done(Row),
    /// The condition does not hold; the item as it is, where there is one.
    Refused(Option<Row>),
}

impl Key {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    fn item(self) -> Item {
        let of = AttributeValue::S;
        [("pk".to_owned(), of(self.pk)), ("sk".to_owned(), of(self.sk))].into()
    }
}

impl Table {
    /// A table of this name, whose calls may take as long as `bound`. The client must not retry: a write that is
    /// repeated unseen looks like that of another replica.
    #[must_use]
    pub fn new(client: Client, name: &str, region: &str, bound: Duration) -> Self {
        let label = format!("table {name} ({region})");
        Self { client, name: name.to_owned(), region: region.to_owned(), bound, label }
    }

    pub(super) fn call(&self, operation: &'static str) -> Call<'_> {
        Call { service: Service::DynamoDb, operation, target: &self.label }
    }

    /// One item, as the last write left it.
    pub(super) async fn get(&self, key: Key) -> Result<Option<Row>, Fault> {
        self.read(key, true).await
    }

    /// One item, as some write of the last second or so left it. That costs half.
    pub(super) async fn get_at_last(&self, key: Key) -> Result<Option<Row>, Fault> {
        self.read(key, false).await
    }

    async fn read(&self, key: Key, consistent: bool) -> Result<Option<Row>, Fault> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.item()));
        let request = request.consistent_read(consistent);
        let answer = bounded(self.call("GetItem"), self.bound, request.send()).await?;
        Ok(answer.item.map(Row))
    }

    /// Every item of a partition. A `consistent` answer has all writes that ended before it; another one costs half.
    pub(super) async fn query(&self, pk: &str, consistent: bool) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        let mut from = None;
        loop {
            let request = self.client.query().table_name(&self.name).consistent_read(consistent);
            let request = request.key_condition_expression("#pk = :pk").expression_attribute_names("#pk", "pk");
            let request = request.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
            let request = request.set_exclusive_start_key(from);
            let answer = bounded(self.call("Query"), self.bound, request.send()).await?;
            rows.extend(answer.items.unwrap_or_default().into_iter().map(Row));
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Writes one item, made if it is not there, where the condition holds.
    pub(super) async fn write(&self, key: Key, write: Write) -> Result<Written, Fault> {
        let Write { update, condition, values } = write;
        let mut request = self.client.update_item().table_name(&self.name).set_key(Some(key.item()));
        request = request.update_expression(update).condition_expression(condition);
        request = request.set_expression_attribute_names(Some(names(&[update, condition])));
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        let request = request
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match self.unless(REFUSED, "UpdateItem", self.bound, request.send()).await? {
            Ok(answer) => Written::Done(Row(answer.attributes.unwrap_or_default())),
            Err(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                Written::Refused(refusal.item.filter(|item| !item.is_empty()).map(Row))
            }
            Err(_) => Written::Refused(None),
        })
    }

    /// Removes one item, where the condition holds. An item that is not there is removed.
    pub(super) async fn remove(
        &self,
        key: Key,
        condition: &'static str,
        values: Vec<(&'static str, AttributeValue)>,
    ) -> Result<bool, Fault> {
        let mut request = self.client.delete_item().table_name(&self.name).set_key(Some(key.item()));
        if !condition.is_empty() {
            request = request.condition_expression(condition);
            request = request.set_expression_attribute_names(Some(names(&[condition])));
        }
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        Ok(self.unless(REFUSED, "DeleteItem", self.bound, request.send()).await?.is_ok())
    }

    /// Waits for a call, but not longer than `bound`. An error of this code is an answer.
    pub(super) async fn unless<T, E>(
        &self,
        code: &str,
        operation: &'static str,
        bound: Duration,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<Result<T, E>, Fault>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let call = self.call(operation);
        match tokio::time::timeout(bound, send).await {
            Ok(Ok(answer)) => Ok(Ok(answer)),
            Ok(Err(SdkError::ServiceError(refusal))) if refusal.err().code() == Some(code) => {
                Ok(Err(refusal.into_err()))
            }
            Ok(Err(error)) => Err(fault_of(call, &error)),
            Err(_) => Err(timed_out(call, bound)),
        }
    }
}

/// Carries calls out side by side, to the end of each, and fails where one of them did.
pub(super) async fn side_by_side<T, E>(calls: Vec<impl Future<Output = Result<T, E>>>) -> Result<Vec<T>, E> {
    let ended: Vec<_> = stream::iter(calls).buffer_unordered(SIDE_BY_SIDE).collect().await;
    ended.into_iter().collect()
}

/// The attributes that expressions name as `#name`. Some of them are reserved words, so all are written that way.
fn names(expressions: &[&str]) -> HashMap<String, String> {
    let marked = expressions.iter().flat_map(|expression| expression.split('#').skip(1));
    let named = marked.filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
    named.map(|name| (format!("#{name}"), name.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_of_an_expression_is_named() {
        let found = names(&["SET #ow = :me, #ep = :next REMOVE #gone", "#ep = :seen AND attribute_not_exists(#ow)"]);
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort();
        let expected = [("#ep", "ep"), ("#gone", "gone"), ("#ow", "ow")];
        assert_eq!(found, expected.map(|(mark, name)| (mark.to_owned(), name.to_owned())));
    }
}
