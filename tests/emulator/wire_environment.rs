//! What a process takes from its environment. A process cannot safely change its own, so each row runs the probe
//! below in a process of its own.

use std::process::Stdio;
use std::time::Duration;

use forebay::aws::AwsConnector;
use forebay::machine::{PollId, PollRequest};
use forebay::source::QueueSource as _;
use serde_json::json;
use tokio::process::Command;

use crate::harness::mapping;
use crate::scripted::{Action, Scripted};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:000000000000:orders";
const MARK: &str = "probe: ";

/// Receives once, as the environment says, and prints how it went.
#[tokio::test]
#[ignore = "started by the other test of this file"]
async fn probe() {
    let poll = PollRequest { id: PollId(1), max: 10, wait: Duration::ZERO, visibility: None, attempt: None };
    let result = match AwsConnector::new().queue(&mapping(QUEUE, "work")).await {
        Ok(queue) => queue.receive(poll).await.map(|records| records.len()),
        Err(fault) => Err(fault),
    };
    match result {
        Ok(records) => println!("\n{MARK}{records} records"),
        Err(fault) => println!("\n{MARK}{}: {fault}", fault.kind.as_str()),
    }
}

async fn probed(environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "wire_environment::probe", "--ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
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
async fn the_environment_says_who_calls_and_where() {
    let server = Scripted::start().await;
    server.on("ReceiveMessage", [Action::json(200, &json!({}))]);
    let here = server.endpoint();
    let nowhere = "http://127.0.0.1:9";
    let keys = [("AWS_ACCESS_KEY_ID", "KEY"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let quiet = ("AWS_EC2_METADATA_DISABLED", "true");
    let files = [("AWS_CONFIG_FILE", "/nonexistent/config"), ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/keys")];
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    let profile = format!("[profile work]\naws_access_key_id = P\naws_secret_access_key = s\nendpoint_url = {here}\n");
    std::fs::write(&config, profile).unwrap();
    let config = config.to_str().unwrap();

    let keyed = |more: &[(&'static str, &'static str)]| [&keys[..], &files[..], more].concat();
    let with = |base: &[(&'static str, &'static str)], name, value| {
        let mut all: Vec<(&str, &str)> = base.to_vec();
        all.push((name, value));
        all
    };
    type Row<'r> = (&'static str, Vec<(&'r str, &'r str)>, &'static str);
    let table: Vec<Row<'_>> = vec![
        ("one endpoint for all", with(&keyed(&[]), "AWS_ENDPOINT_URL", here), "0 records"),
        (
            "the service's own endpoint wins",
            with(&keyed(&[("AWS_ENDPOINT_URL", nowhere)]), "AWS_ENDPOINT_URL_SQS", here),
            "0 records",
        ),
        (
            "an empty endpoint is none",
            with(&keyed(&[("AWS_ENDPOINT_URL_SQS", "")]), "AWS_ENDPOINT_URL", here),
            "0 records",
        ),
        (
            "nobody is at the endpoint",
            with(&keyed(&[]), "AWS_ENDPOINT_URL", nowhere),
            "transient: GetQueueUrl on queue orders (eu-west-1, account 000000000000): the connection failed",
        ),
        (
            "an endpoint without a scheme",
            with(&keyed(&[]), "AWS_ENDPOINT_URL", "localhost:4566"),
            "invalid: the SQS endpoint \"localhost:4566\" is not a URL",
        ),
        (
            "no credentials",
            with(&[quiet, files[0], files[1]], "AWS_ENDPOINT_URL", here),
            "denied: GetQueueUrl on queue orders (eu-west-1, account 000000000000): there are no AWS credentials",
        ),
        ("half of the credentials", with(&[quiet, files[0], files[1], keys[0]], "AWS_ENDPOINT_URL", here), "denied: "),
        ("a profile", vec![quiet, ("AWS_PROFILE", "work"), ("AWS_CONFIG_FILE", config), files[1]], "0 records"),
        (
            "a profile that is not there",
            with(&[quiet, ("AWS_PROFILE", "rest"), files[0], files[1]], "AWS_ENDPOINT_URL", here),
            "denied: ",
        ),
    ];
    for (name, environment, expected) in table {
        let said = probed(&environment).await;
        assert!(said.starts_with(expected), "{name}: {said}");
    }
    // The last row that reached the server was the profile.
    let authorization = server.seen("ReceiveMessage").pop().unwrap().headers["authorization"].clone();
    assert!(authorization.contains("Credential=P/"), "{authorization}");
    assert!(authorization.contains("/eu-west-1/sqs/"), "no region was set, so the ARN's counts: {authorization}");
}
