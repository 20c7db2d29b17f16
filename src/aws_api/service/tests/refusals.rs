//! AWS's refusals that need an answer of AWS, of the store or of the other mappings, word for word.

use std::sync::atomic::Ordering::SeqCst;

use serde_json::{Value, json};

use super::world::{FUNCTION, QUEUE, Rig, STREAM, TABLE, of_file, of_queue, of_stream, with};
use crate::aws_api::ApiError;
use crate::machine::FaultKind::{Denied, Expired, Invalid, Missing, Throttled, Timeout, Transient};

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::InvalidParameterValue(text.into())
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_or_may_not_be_used_is_refused_in_the_words_of_aws() {
    let rig = Rig::new().await;
    let queue = of_queue("orders");
    let stream = of_stream();
    let table = with(&stream, &json!({ "EventSourceArn": TABLE }));
    let no_function = "Function does not exist";
    let no_queue = "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS \
        Error Message: The specified queue does not exist.";
    let no_access = "The provided execution role does not have permissions to call ReceiveMessage on SQS";
    let no_access_to = |arn: &str, actions: &str| {
        format!(
            "Cannot access stream {arn}. Please ensure the role can perform the {actions} Actions on your stream in \
             IAM."
        )
    };
    let of_kinesis = "GetRecords, GetShardIterator, DescribeStream, ListShards, and ListStreams";
    let of_dynamodb = "GetRecords, GetShardIterator, DescribeStream, and ListStreams";
    let cases: [(&Value, &str, _, String); 9] = [
        (&queue, "work", Missing, no_function.into()),
        (&stream, "work", Missing, no_function.into()),
        (&queue, QUEUE, Missing, no_queue.into()),
        (&stream, STREAM, Missing, format!("Stream not found: {STREAM}")),
        (&table, TABLE, Missing, format!("Stream not found: {TABLE}")),
        (&queue, QUEUE, Denied, no_access.into()),
        (&stream, STREAM, Denied, no_access_to(STREAM, of_kinesis)),
        (&table, TABLE, Denied, no_access_to(TABLE, of_dynamodb)),
        // The function is looked up first.
        (&with(&queue, &json!({ "FunctionName": "gone" })), QUEUE, Missing, no_function.into()),
    ];
    rig.world.functions.lock().unwrap().insert("gone".into(), Missing);
    for (request, what, kind, text) in cases {
        let faults = if what == "work" { &rig.world.functions } else { &rig.world.sources };
        faults.lock().unwrap().insert(what.into(), kind);
        assert_eq!(rig.create(request).await.unwrap_err(), invalid(text), "{request}");
        faults.lock().unwrap().remove(what);
    }
    rig.assert_left(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_an_error_of_the_service_that_says_what_failed() {
    let rig = Rig::new().await;
    for kind in [Throttled, Transient, Timeout, Expired] {
        rig.world.functions.lock().unwrap().insert("work".into(), kind);
        let error = rig.create(&of_queue("orders")).await.unwrap_err();
        let text = format!(
            "the function cannot be asked: asked, and it was {}; nothing was changed, try again",
            kind.as_str()
        );
        assert_eq!(error, ApiError::Service(text));
        rig.world.functions.lock().unwrap().clear();

        for (request, noun) in [(of_queue("orders"), "queue"), (of_stream(), "stream")] {
            let arn = request["EventSourceArn"].as_str().unwrap().to_owned();
            rig.world.sources.lock().unwrap().insert(arn, kind);
            let error = rig.create(&request).await.unwrap_err();
            assert!(matches!(&error, ApiError::Service(text) if text.contains(noun)), "{error}");
            rig.world.sources.lock().unwrap().clear();
        }
    }
    // What the service itself calls wrong is not worth another try.
    rig.world.sources.lock().unwrap().insert(QUEUE.into(), Invalid);
    let refused = rig.create(&of_queue("orders")).await.unwrap_err();
    assert_eq!(refused, invalid("the queue cannot be asked: asked, and it was invalid"));
    rig.assert_left(vec![]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_configuration_may_not_be_read_is_mapped_all_the_same() {
    let rig = Rig::new().await;
    rig.world.functions.lock().unwrap().insert("work".into(), Denied);
    let (uuid, answer) = rig.create(&of_queue("orders")).await.unwrap();
    assert_eq!(answer["FunctionArn"], FUNCTION, "region and account are the queue's");
    rig.assert_left(vec![uuid]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_may_not_run_longer_than_its_queue_hides_messages() {
    let rig = Rig::new().await;
    let uuid = rig.made(&of_queue("orders")).await;
    let stream = rig.made(&of_stream()).await;
    rig.world.timeout.store(900, SeqCst);
    let text = "Queue visibility timeout: 30 seconds is less than Function timeout: 900 seconds";
    assert_eq!(rig.create(&of_queue("others")).await.unwrap_err(), invalid(text));
    // An Update looks only when it names the function, though it be the same one.
    rig.update(&uuid, &json!({ "BatchSize": 5 })).await.unwrap();
    rig.until_rests(&uuid).await;
    assert_eq!(rig.update(&uuid, &json!({ "FunctionName": "work" })).await.unwrap_err(), invalid(text));
    assert_eq!(rig.state(&uuid).await, "Enabled");
    // Streams hide nothing.
    rig.update(&stream, &json!({ "FunctionName": "work" })).await.unwrap();
    rig.world.functions.lock().unwrap().insert("gone".into(), Missing);
    rig.until_rests(&stream).await;
    for uuid in [&uuid, &stream] {
        let refused = rig.update(uuid, &json!({ "FunctionName": "gone" })).await.unwrap_err();
        assert_eq!(refused, invalid("Function does not exist"));
    }
    rig.assert_left(vec![uuid, stream]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pair_of_source_and_function_is_mapped_once() {
    let rig = Rig::with_files(vec![of_file("mine", "arn:aws:sqs:us-east-1:000000000000:filed", "work")]).await;
    let of_the_file = rig.entries().await.remove(0);
    let queue = rig.made(&of_queue("orders")).await;
    let stream = rig.made(&of_stream()).await;
    let sqs = |arn: &str, uuid: &str| {
        ApiError::ResourceConflict(format!(
            "An event source mapping with SQS arn (\" {arn} \") and function (\" work \") already exists. Please \
             update or delete the existing mapping with UUID {uuid}"
        ))
    };
    let streams = ApiError::ResourceConflict(format!(
        "The event source arn (\" {STREAM} \") and function (\" work \") provided mapping already exists. Please \
         update or delete the existing mapping with UUID {stream}"
    ));
    for name in ["work", "000000000000:function:work", FUNCTION] {
        let named = json!({ "FunctionName": name });
        assert_eq!(rig.create(&with(&of_queue("orders"), &named)).await.unwrap_err(), sqs(QUEUE, &queue), "{name}");
        assert_eq!(rig.create(&with(&of_stream(), &named)).await.unwrap_err(), streams, "{name}");
        let filed = "arn:aws:sqs:us-east-1:000000000000:filed";
        let refused = rig.create(&with(&of_queue("filed"), &named)).await.unwrap_err();
        assert_eq!(refused, sqs(filed, &of_the_file), "mappings of files count, {name}");
    }
    // Another version is another function, and another function is another pair.
    let live = rig.made(&with(&of_queue("orders"), &json!({ "FunctionName": "work:live" }))).await;
    let other = rig.made(&with(&of_queue("orders"), &json!({ "FunctionName": "other" }))).await;
    let refused = rig.update(&other, &json!({ "FunctionName": "work" })).await.unwrap_err();
    assert_eq!(refused, sqs(QUEUE, &queue));
    rig.update(&other, &json!({ "FunctionName": "other:1" })).await.unwrap();
    rig.until_rests(&other).await;
    // The pair that was left is free again.
    let again = rig.made(&with(&of_queue("orders"), &json!({ "FunctionName": "other" }))).await;
    assert_eq!(rig.listed().await.len(), 6);
    assert_eq!(rig.rows().await.len(), 5);
    for uuid in [live, again] {
        assert_eq!(rig.state(&uuid).await, "Enabled");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_mappings_and_those_of_files_are_not_changed() {
    let rig = Rig::with_files(vec![of_file("mine", QUEUE, "work")]).await;
    let unknown = ApiError::ResourceNotFound("The resource you requested does not exist.".into());
    for uuid in ["1a2b3c4d-0000-4000-8000-000000000000", "mine", "", "é"] {
        assert_eq!(rig.get(uuid).await.unwrap_err(), unknown, "{uuid}");
        assert_eq!(rig.update(uuid, &json!({})).await.unwrap_err(), unknown, "{uuid}");
        assert_eq!(rig.delete(uuid).await.unwrap_err(), unknown, "{uuid}");
    }
    let uuid = rig.entries().await.remove(0);
    let text =
        format!("The event source mapping {uuid} comes from the file mine.yaml: change the file and reload forebay.");
    let refused = invalid(text);
    assert_eq!(rig.update(&uuid, &json!({ "BatchSize": 5 })).await.unwrap_err(), refused);
    assert_eq!(rig.delete(&uuid).await.unwrap_err(), refused);
    let arn = rig.get(&uuid).await.unwrap()["EventSourceMappingArn"].as_str().unwrap().to_owned();
    assert_eq!(rig.service.tag(&arn, br#"{"Tags":{"a":"b"}}"#).await.unwrap_err(), refused);
    assert_eq!(rig.service.untag(&arn, "tagKeys=a").await.unwrap_err(), refused);
    assert_eq!(rig.tags(&arn).await.unwrap(), json!({ "Tags": {} }));

    let gone = arn.replace(&uuid, "1a2b3c4d-0000-4000-8000-000000000000");
    let elsewhere = arn.replace("us-east-1", "eu-west-1");
    for arn in [gone, elsewhere] {
        let missing = ApiError::ResourceNotFound(format!("Event source mapping not found: {arn}"));
        assert_eq!(rig.tags(&arn).await.unwrap_err(), missing);
        assert_eq!(rig.service.tag(&arn, br#"{"Tags":{"a":"b"}}"#).await.unwrap_err(), missing);
        assert_eq!(rig.service.untag(&arn, "tagKeys=a").await.unwrap_err(), missing);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_on_its_way_is_in_use() {
    let rig = Rig::new().await;
    let in_use =
        |what: &str| ApiError::ResourceInUse(format!("Cannot {what} the event source mapping because it is in use."));
    let (uuid, _) = rig.create(&of_queue("orders")).await.unwrap();
    let refuses = async |state: &str| {
        assert_eq!(rig.update(&uuid, &json!({ "BatchSize": 5 })).await.unwrap_err(), in_use("update"), "{state}");
        assert_eq!(rig.delete(&uuid).await.unwrap_err(), in_use("delete"), "{state}");
    };
    refuses("Creating").await;
    rig.until_rests(&uuid).await;
    // A change that goes on polling is taken over at once; this one waits for a receive that is open.
    for (change, state) in
        [(json!({ "BatchSize": 6, "Enabled": false }), "Disabling"), (json!({ "Enabled": true }), "Enabling")]
    {
        assert_eq!(rig.update(&uuid, &change).await.unwrap()["State"], state);
        refuses(state).await;
        rig.until_rests(&uuid).await;
    }
    assert_eq!(rig.delete(&uuid).await.unwrap()["State"], "Deleting");
    refuses("Deleting").await;
    rig.until_gone(&uuid).await;
    rig.assert_left(vec![]).await;
}
