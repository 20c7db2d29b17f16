//! Which variables of the environment say where streams are. A process cannot safely change its own environment, so
//! each row runs the probe below in a process of its own.

use std::process::Stdio;

use forebay::AwsConnector;
use forebay::source::StreamSource as _;
use serde_json::json;
use tokio::process::Command;

use crate::harness::mapping;
use crate::harness::scripted::{Action, Scripted};

const KINESIS: &str = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders";
const DYNAMODB: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-11-20T00:00:00.000";
const MARK: &str = "probe: ";

/// Lists the shards of both kinds of streams, as the environment says, and prints how it went.
#[tokio::test]
#[ignore = "started by the other test of this file"]
async fn probe() {
    let connector = AwsConnector::new();
    let kinesis = mapping(KINESIS, "work");
    let dynamodb = mapping(DYNAMODB, "work");
    let function = connector.function(&kinesis).await.unwrap();
    let listed = [
        connector.kinesis(&kinesis, function).await.unwrap().shards().await.map(|listing| listing.shards.len()),
        connector.dynamodb_stream(&dynamodb).await.unwrap().shards().await.map(|listing| listing.shards.len()),
    ];
    let words = listed.map(|result| result.map_or_else(|fault| fault.kind.as_str().to_owned(), |n| n.to_string()));
    println!("\n{MARK}{} {}", words[0], words[1]);
}

async fn probed(environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "wire::stream_environment::probe", "--ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
        .envs([
            ("AWS_ACCESS_KEY_ID", "KEY"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_CONFIG_FILE", "/nonexistent/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/keys"),
        ])
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(MARK));
    line.unwrap_or_else(|| panic!("the probe said: {text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

#[tokio::test]
async fn each_kind_of_stream_has_its_variable() {
    let server = Scripted::start().await;
    server.on("ListShards", [Action::json(200, &json!({"Shards": [{"ShardId": "s-0"}]}))]);
    let page = json!({"StreamDescription": {"Shards": [{"ShardId": "s-0"}, {"ShardId": "s-1"}]}});
    server.on("DescribeStream", [Action::json(200, &page)]);
    let here = server.endpoint();
    let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    for (environment, expected) in [
        (vec![("AWS_ENDPOINT_URL", here)], "1 2"),
        (vec![all, ("AWS_ENDPOINT_URL_KINESIS", here)], "1 transient"),
        (vec![all, ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", here)], "transient 2"),
    ] {
        assert_eq!(probed(&environment).await, expected, "{environment:?}");
    }
}
