//! The forms that the `aws` command gives its requests, beyond those of a mapping's life: shorthand, files, pages.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::api::command::{Printed, aws};
use crate::api::life::Stage;
use crate::api::site::{Client, arn, uuid};
use crate::api::sources::Kind;

/// Runs `aws lambda …` for a stage.
async fn run(stage: &Stage, words: &[&str]) -> Printed {
    aws(stage.api.endpoint(), Some(&stage.api.key), words).await
}

#[tokio::test]
async fn shorthand_and_json_say_the_same() {
    let mut stage = Stage::new(Kind::Standard, Client::Command).await;
    let failed = stage.account.create_queue("failed", &[]).await;
    let pattern = r#"{"body": [{"prefix": "keep"}]}"#;
    let filters = json!({"Filters": [{ "Pattern": pattern }]});
    let source = stage.source.arn().to_owned();
    let words = [
        "create-event-source-mapping",
        "--event-source-arn",
        &source,
        "--function-name",
        "work",
        "--no-enabled",
        "--batch-size",
        "25",
        "--maximum-batching-window-in-seconds",
        "2",
        "--scaling-config",
        "MaximumConcurrency=7",
        "--function-response-types",
        "ReportBatchItemFailures",
        "--filter-criteria",
        &filters.to_string(),
        "--tags",
        "team=orders,stage=test",
    ];
    let created = run(&stage, &words).await.json();
    let shown = |member: &str| created[member].clone();
    assert_eq!((shown("State"), shown("BatchSize")), (json!("Disabled"), json!(25)));
    assert_eq!((shown("MaximumBatchingWindowInSeconds"), shown("FilterCriteria")), (json!(2), filters));
    assert_eq!(shown("ScalingConfig"), json!({"MaximumConcurrency": 7}));
    assert_eq!(shown("FunctionResponseTypes"), json!(["ReportBatchItemFailures"]));
    // What is null on the wire is not shown.
    assert_eq!(created.get("StartingPosition"), None);
    let (uuid, arn) = (uuid(&created).to_owned(), arn(&created).to_owned());

    let shorthand = r#"Filters=[{Pattern="{\"body\":[{\"prefix\":\"only\"}]}"}]"#;
    let words = ["update-event-source-mapping", "--uuid", &uuid, "--filter-criteria", shorthand, "--enabled"];
    let updated = run(&stage, &words).await.json();
    assert_eq!(updated["FilterCriteria"]["Filters"][0]["Pattern"], r#"{"body":[{"prefix":"only"}]}"#);
    assert_eq!(updated["State"], "Enabling");
    stage.api.becomes(&uuid, "Enabled").await;
    stage.put("keep", 1).await;
    stage.flows("only", 1).await;

    let words = ["tag-resource", "--resource", &arn, "--tags", r#"{"team":"payments","owner":"a=b: c"}"#];
    assert_eq!(run(&stage, &words).await.json(), Value::Null);
    assert_eq!(
        run(&stage, &["list-tags", "--resource", &arn]).await.json(),
        json!({"Tags": {"owner": "a=b: c", "stage": "test", "team": "payments"}})
    );
    let words = ["untag-resource", "--resource", &arn, "--tag-keys", "owner", "stage"];
    assert_eq!(run(&stage, &words).await.json(), Value::Null);
    assert_eq!(run(&stage, &["list-tags", "--resource", &arn]).await.json(), json!({"Tags": {"team": "payments"}}));

    let destination = format!("OnFailure={{Destination={}}}", failed.arn);
    let words = ["update-event-source-mapping", "--uuid", &uuid, "--destination-config", &destination];
    let updated = run(&stage, &words).await;
    assert_eq!(updated.json()["DestinationConfig"], json!({"OnFailure": {"Destination": failed.arn}}));
    stage.api.stop().await;
}

#[tokio::test]
async fn a_request_can_stand_in_a_file_and_an_answer_goes_back_in() {
    let stage = Stage::new(Kind::Kinesis, Client::Command).await;
    let request = json!({
        "EventSourceArn": stage.source.arn(), "FunctionName": "work:live", "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": "2026-01-02T03:04:05Z", "BatchSize": 7, "ParallelizationFactor": 2,
        "Enabled": false,
        "MaximumRetryAttempts": 3, "MaximumRecordAgeInSeconds": 3600, "BisectBatchOnFunctionError": true,
        "FilterCriteria": Kind::Kinesis.keeping(), "Tags": {"from": "a file"},
    });
    let file = stage.api.site.path("request.json");
    fs::write(&file, request.to_string()).unwrap();
    let from = format!("file://{}", file.display());
    let created = run(&stage, &["create-event-source-mapping", "--cli-input-json", &from]).await.json();
    let uuid = uuid(&created).to_owned();
    let shown = stage.api.becomes(&uuid, "Disabled").await;
    for (member, value) in request.as_object().unwrap() {
        let expected = match &**member {
            "FunctionName" | "Enabled" | "Tags" => continue,
            "StartingPositionTimestamp" => json!(1_767_323_045.0),
            _ => value.clone(),
        };
        assert_eq!(shown[member], expected, "{member}");
    }
    assert_eq!(shown["FunctionArn"], format!("{}:live", stage.function));

    // Flags go before the file; what is given twice counts as the flag says.
    fs::write(&file, json!({"UUID": uuid, "BatchSize": 8, "MaximumRetryAttempts": 4}).to_string()).unwrap();
    let words = [
        "update-event-source-mapping",
        "--cli-input-json",
        &from,
        "--batch-size",
        "9",
        "--no-bisect-batch-on-function-error",
    ];
    let updated = run(&stage, &words).await.json();
    assert_eq!(
        (&updated["BatchSize"], &updated["MaximumRetryAttempts"], &updated["BisectBatchOnFunctionError"]),
        (&json!(9), &json!(4), &json!(false))
    );
    let asked = ["get-event-source-mapping", "--uuid", &uuid, "--query", "[BatchSize,State]"];
    stage.api.becomes(&uuid, "Disabled").await;
    assert_eq!(run(&stage, &asked).await.json(), json!([9, "Disabled"]));
    stage.api.stop().await;
}

#[tokio::test]
async fn the_command_pages_by_itself_and_by_hand() {
    const MAPPINGS: usize = 7;
    let stage = Stage::new(Kind::Standard, Client::Boto).await;
    let mut made = BTreeSet::new();
    for number in 0..MAPPINGS {
        let queue = stage.account.create_queue(&format!("idle-{number}"), &[]).await;
        let arguments = json!({"EventSourceArn": queue.arn, "FunctionName": "work", "Enabled": false});
        made.insert(uuid(&stage.api.create(arguments).await).to_owned());
    }
    let uuids = |page: &Value| -> Vec<String> {
        page["EventSourceMappings"].as_array().unwrap().iter().map(|mapping| uuid(mapping).to_owned()).collect()
    };
    let all: Vec<String> = made.into_iter().collect();
    let list = "list-event-source-mappings";
    for words in [&[list][..], &[list, "--page-size", "2"]] {
        let mut shown = uuids(&run(&stage, words).await.json());
        shown.sort_unstable();
        assert_eq!(shown, all, "{words:?}");
    }
    // The command's own token holds the marker, and how many of the page were shown.
    let (mut shown, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut words = vec![list, "--max-items", "3", "--page-size", "2"];
        words.extend(token.iter().flat_map(|token| ["--starting-token", token]));
        let page = run(&stage, &words).await.json();
        shown.extend(uuids(&page));
        match page["NextToken"].as_str() {
            Some(next) => token = Some(next.to_owned()),
            None => break,
        }
    }
    shown.sort_unstable();
    assert_eq!(shown, all);
    let narrowed = [list, "--function-name", "work", "--event-source-arn", stage.source.arn()];
    assert_eq!(uuids(&run(&stage, &narrowed).await.json()), [""; 0]);
    stage.api.stop().await;
}

#[tokio::test]
async fn the_command_tells_the_errors_of_the_api() {
    let stage = Stage::new(Kind::Standard, Client::Command).await;
    let source = stage.source.arn();
    let words = ["create-event-source-mapping", "--event-source-arn", source, "--function-name", "work"];
    let made = run(&stage, &words).await.json();
    let conflict = format!(
        "An event source mapping with SQS arn (\" {source} \") and function (\" work \") already exists. Please update \
         or \
         delete the existing mapping with UUID {}",
        uuid(&made)
    );
    let error = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    assert_eq!(run(&stage, &words).await.error(), error("ResourceConflictException", &conflict));
    let words = ["create-event-source-mapping", "--event-source-arn", source, "--function-name", "nowhere"];
    assert_eq!(run(&stage, &words).await.error(), error("InvalidParameterValueException", "Function does not exist"));
    let nobody = "00000000-0000-4000-8000-000000000000";
    let gone = error("ResourceNotFoundException", crate::api::site::GONE);
    assert_eq!(run(&stage, &["get-event-source-mapping", "--uuid", nobody]).await.error(), gone);
    stage.api.stop().await;
}
