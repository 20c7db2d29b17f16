//! Tables of DynamoDB with a stream, and what is written to them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use aws_sdk_dynamodbstreams::types::{Record, ShardIteratorType};

use crate::harness::Account;

/// A table whose items have the key `id` and the attribute `data`, and its stream.
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    /// The stream's.
    pub(crate) arn: String,
    streams: aws_sdk_dynamodbstreams::Client,
}

impl Table {
    /// Makes a table whose stream carries new and old images.
    pub(crate) async fn create(account: &Account, name: &str) -> Self {
        let client = Client::new(&account.config);
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
        let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let stream = StreamSpecification::builder().stream_enabled(true);
        let stream = stream.stream_view_type(StreamViewType::NewAndOldImages).build().unwrap();
        let request = client.create_table().table_name(name).key_schema(key);
        let request = request.attribute_definitions(id.build().unwrap()).billing_mode(BillingMode::PayPerRequest);
        let table = request.stream_specification(stream).send().await.unwrap().table_description.unwrap();
        Self {
            streams: aws_sdk_dynamodbstreams::Client::new(&account.config),
            arn: table.latest_stream_arn.unwrap(),
            name: name.to_owned(),
            client,
        }
    }

    /// Switches the stream on or off. One that is switched on again is another stream; the answer has the newest one's
    /// ARN.
    pub(crate) async fn stream(&self, enabled: bool) -> Option<String> {
        let stream = StreamSpecification::builder().stream_enabled(enabled);
        let stream = stream.set_stream_view_type(enabled.then_some(StreamViewType::NewAndOldImages)).build().unwrap();
        let request = self.client.update_table().table_name(&self.name).stream_specification(stream);
        request.send().await.unwrap().table_description.unwrap().latest_stream_arn
    }

    /// Inserts or changes an item.
    pub(crate) async fn put(&self, id: &str, data: &str) {
        let request = self.client.put_item().table_name(&self.name).item("id", text(id)).item("data", text(data));
        request.send().await.unwrap();
    }

    /// Deletes an item.
    pub(crate) async fn delete(&self, id: &str) {
        self.client.delete_item().table_name(&self.name).key("id", text(id)).send().await.unwrap();
    }

    /// Every record of the stream's only shard, read past forebay.
    pub(crate) async fn records(&self) -> Vec<Record> {
        let iterator = self.streams.get_shard_iterator().stream_arn(&self.arn).shard_id(self.shard().await);
        let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
        let (mut iterator, mut records) = (iterator.shard_iterator, Vec::new());
        loop {
            let answer = self.streams.get_records().set_shard_iterator(iterator).send().await.unwrap();
            let read = answer.records.unwrap_or_default();
            if read.is_empty() {
                return records;
            }
            records.extend(read);
            iterator = answer.next_shard_iterator;
        }
    }

    /// The name of the stream's only shard.
    pub(crate) async fn shard(&self) -> String {
        let answer = self.streams.describe_stream().stream_arn(&self.arn).send().await.unwrap();
        let shards = answer.stream_description.unwrap().shards.unwrap();
        assert_eq!(shards.len(), 1);
        shards[0].shard_id.clone().unwrap()
    }
}

/// A string attribute.
pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
