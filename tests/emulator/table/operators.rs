//! What operators and the AWS API write, and what they find.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use forebay::machine::Checkpoint;
use forebay::store::{
    Checkpoints as _, Definition, Definitions as _, Desired, DesiredStates as _, DynamoDbStore, Kept, StoreError,
    TableError,
};

use super::{ARN, after, is_fenced};
use crate::harness::dynamodb::{Place, TABLE};

#[tokio::test]
async fn checkpoints_that_an_operator_sets_count_and_fence_who_runs() {
    for place in Place::all().await {
        let a = place.replica("a").await;
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(5)), ("s1", after(5))]).await.unwrap();
        let set = Kept { source: ARN.into(), checkpoints: [("s1".into(), after(2)), ("s2".into(), after(9))].into() };
        a.store.replace_kept("orders", Some(set.clone())).await.unwrap();
        assert_eq!(a.kept().await, set, "{}", place.name);
        for shard in ["s0", "s1", "s2"] {
            let late = a.save(fence, &[(shard, after(6))]).await;
            assert!(is_fenced(&late), "{}: {shard}: {late:?}", place.name);
        }
        assert_eq!(a.kept().await, set, "{}", place.name);
        let taken = a.store.claim("orders", ARN, false).await.unwrap();
        assert_eq!(taken.checkpoints, set.checkpoints);
        a.store.replace_kept("orders", None).await.unwrap();
        assert!(is_fenced(&a.save(taken.fence, &[("s1", after(3))]).await));
        assert!(a.store.kept().await.unwrap().is_empty());
        assert!(!a.store.claim("orders", ARN, true).await.unwrap().begun);
    }
}

#[tokio::test]
async fn a_change_that_was_not_finished_is_said_until_it_is_repeated() {
    for place in Place::all().await {
        let a = place.replica("a").await;
        let fence = a.claim().await;
        a.save(fence, &[("s0", after(5))]).await.unwrap();
        // A process that dies in the middle leaves the mapping marked.
        let client = place.client(&place.endpoint).await;
        let request = client.update_item().table_name(TABLE).key("pk", text("MAP")).key("sk", text("orders"));
        let request =
            request.update_expression("SET #s = :true, gen = gen + :one").expression_attribute_names("#s", "set");
        let request = request.expression_attribute_values(":true", AttributeValue::Bool(true));
        request.expression_attribute_values(":one", AttributeValue::N("1".into())).send().await.unwrap();
        let refused = a.store.claim("orders", ARN, false).await;
        assert!(matches!(refused, Err(StoreError::Table(TableError::Unfinished { .. }))), "{refused:?}");
        let set = Kept { source: ARN.into(), checkpoints: [("s0".into(), after(2))].into() };
        a.store.replace_kept("orders", Some(set.clone())).await.unwrap();
        assert_eq!(a.store.claim("orders", ARN, false).await.unwrap().checkpoints, set.checkpoints);
    }
}

#[tokio::test]
async fn desired_states_and_definitions_are_the_same_for_all_replicas() {
    for place in Place::all().await {
        let (a, b) = (place.replica("a").await, place.replica("b").await);
        let stopped = Desired { enabled: false, file_enabled: true, since_unix_ms: 5 };
        assert_eq!(b.store.desired("orders").await.unwrap(), None);
        a.store.set_desired("orders", Some(stopped.clone())).await.unwrap();
        assert_eq!(b.store.desired("orders").await.unwrap(), Some(stopped.clone()), "{}", place.name);
        b.store.set_desired("orders", None).await.unwrap();
        assert_eq!(a.store.desired("orders").await.unwrap(), None);

        let parameters = [("FunctionName".to_owned(), "work".into())].into_iter().collect();
        let definition = Definition { parameters, modified_unix_ms: 7, deleting: false };
        a.store.set_desired("uuid", Some(stopped)).await.unwrap();
        a.store.define("uuid", definition.clone(), true).await.unwrap();
        assert_eq!(b.store.definitions().await.unwrap(), BTreeMap::from([("uuid".to_owned(), definition)]));
        assert_eq!(b.store.desired("uuid").await.unwrap(), None);
        let claimed = b.store.claim("uuid", ARN, false).await.unwrap();
        let begun = vec![("s0".into(), Some(Checkpoint::TrimHorizon))];
        b.store.save("uuid", claimed.fence, begun).await.unwrap();
        a.store.forget("uuid").await.unwrap();
        assert!(b.store.definitions().await.unwrap().is_empty() && b.store.kept().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_table_that_is_no_store_is_refused_with_a_code() {
    for place in Place::all().await {
        let client = place.client(&place.endpoint).await;
        let table = place.table(&place.endpoint).await;
        DynamoDbStore::check_format(&table).await.unwrap();
        forebay::store::create(&table).await.unwrap();
        let request = client.update_item().table_name(TABLE).key("pk", text("FLEET")).key("sk", text("FORMAT"));
        let request = request.update_expression("SET fmt = :fmt");
        request.expression_attribute_values(":fmt", AttributeValue::N("99".into())).send().await.unwrap();
        let newer = DynamoDbStore::check_format(&table).await.unwrap_err();
        assert!(newer.to_string().starts_with("FB0602") && newer.to_string().contains("99"), "{newer}");

        client.delete_table().table_name(TABLE).send().await.unwrap();
        let missing = DynamoDbStore::check_format(&table).await.unwrap_err();
        assert!(matches!(missing, TableError::Missing { .. }), "{}: {missing}", place.name);
        assert!(missing.to_string().starts_with("FB0620") && missing.to_string().contains("forebay store create"));

        make_foreign(&client).await;
        for refused in [DynamoDbStore::check_format(&table).await, forebay::store::create(&table).await] {
            let foreign = refused.unwrap_err();
            assert!(foreign.to_string().starts_with("FB0621"), "{}: {foreign}", place.name);
        }
    }
}

/// A table with other keys.
async fn make_foreign(client: &aws_sdk_dynamodb::Client) {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let request = client.create_table().table_name(TABLE).key_schema(key).attribute_definitions(id.build().unwrap());
    request.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
