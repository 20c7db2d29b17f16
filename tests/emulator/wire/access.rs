//! Who calls, from which region, at which endpoint; and what is said when that does not work.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use forebay::AwsConnector;
use forebay::function::Invocation;
use forebay::machine::{Fault, FaultKind, PollId, PollRequest};
use forebay::mapping::Mapping;
use forebay::source::QueueSource as _;
use serde_json::json;

use crate::harness::scripted::{Action, Scripted};
use crate::harness::{bare_config, mapping, sdk_config};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:000000000000:orders";
const ROLE: &str = "arn:aws:iam::000000000000:role/reader";

fn poll() -> PollRequest {
    PollRequest { id: PollId(1), max: 10, wait: Duration::ZERO, visibility: None, attempt: None }
}

async fn receive(connector: &AwsConnector, mapping: &Mapping) -> Result<(), Fault> {
    connector.queue(mapping).await.unwrap().receive(poll()).await.map(|_| ())
}

/// A server on which everything works, and a connector to it with the access key `OWN`.
async fn working() -> (Scripted, AwsConnector) {
    let server = Scripted::start().await;
    server.on("ReceiveMessage", [Action::json(200, &json!({}))]);
    server.on("Invoke", [Action::text(200, "null")]);
    let connector = AwsConnector::with_config(sdk_config(server.endpoint(), "OWN").await).unwrap();
    (server, connector)
}

/// The access key, region and service of the last call of an operation.
fn signer(server: &Scripted, operation: &str) -> (String, String, String) {
    let authorization = server.seen(operation).pop().unwrap().headers["authorization"].clone();
    let scope = authorization.split("Credential=").nth(1).unwrap().split(',').next().unwrap();
    let mut parts = scope.split('/');
    let key = parts.next().unwrap().to_owned();
    parts.next();
    (key, parts.next().unwrap().to_owned(), parts.next().unwrap().to_owned())
}

fn signed(key: &str, region: &str, service: &str) -> (String, String, String) {
    (key.to_owned(), region.to_owned(), service.to_owned())
}

fn assumed(key: &str) -> Action {
    Action::text(
        200,
        &format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

#[tokio::test]
async fn the_region_comes_from_the_arn_unless_the_mapping_names_one() {
    let (server, connector) = working().await;
    let mut mapping = mapping(QUEUE, "work");
    receive(&connector, &mapping).await.unwrap();
    assert_eq!(signer(&server, "ReceiveMessage"), signed("OWN", "eu-west-1", "sqs"));
    connector.function(&mapping).await.unwrap().invoke(Invocation::first("")).await.unwrap();
    assert_eq!(signer(&server, "Invoke"), signed("OWN", "eu-west-1", "lambda"), "a bare name is in the queue's region");

    mapping.function.region = Some("us-east-2".to_owned());
    connector.function(&mapping).await.unwrap().invoke(Invocation::first("")).await.unwrap();
    assert_eq!(signer(&server, "Invoke"), signed("OWN", "us-east-2", "lambda"));

    mapping.poller.source.region = Some("ap-south-1".to_owned());
    mapping.target.lambda_mut().unwrap().side.region = Some("sa-east-1".to_owned());
    receive(&connector, &mapping).await.unwrap();
    connector.function(&mapping).await.unwrap().invoke(Invocation::first("")).await.unwrap();
    assert_eq!(signer(&server, "ReceiveMessage"), signed("OWN", "ap-south-1", "sqs"));
    assert_eq!(signer(&server, "Invoke"), signed("OWN", "sa-east-1", "lambda"));
}

#[tokio::test]
async fn a_role_is_assumed_once_for_each_side_that_has_one() {
    let (server, connector) = working().await;
    server.on("AssumeRole", [assumed("ROLE")]);
    let mut mapping = mapping(QUEUE, "work");
    mapping.poller.source.role_arn = Some(ROLE.to_owned());
    for _ in 0..3 {
        receive(&connector, &mapping).await.unwrap();
    }
    assert_eq!(signer(&server, "ReceiveMessage"), signed("ROLE", "eu-west-1", "sqs"));
    assert_eq!(signer(&server, "AssumeRole"), signed("OWN", "eu-west-1", "sts"));
    assert_eq!(server.seen("AssumeRole").len(), 1);
    let body = String::from_utf8(server.seen("AssumeRole").remove(0).body).unwrap();
    assert!(body.contains("RoleSessionName=forebay"), "{body}");
    connector.function(&mapping).await.unwrap().invoke(Invocation::first("")).await.unwrap();
    assert_eq!(signer(&server, "Invoke"), signed("OWN", "eu-west-1", "lambda"));
}

#[tokio::test]
async fn roles_are_assumed_at_the_mappings_own_sts() {
    let (server, connector) = working().await;
    let sts = Scripted::start().await;
    sts.on("AssumeRole", [assumed("ELSEWHERE")]);
    let mut mapping = mapping(QUEUE, "work");
    mapping.poller.source.role_arn = Some(ROLE.to_owned());
    mapping.poller.endpoints.insert("sts".to_owned(), sts.endpoint().to_owned());
    receive(&connector, &mapping).await.unwrap();
    assert_eq!(signer(&server, "ReceiveMessage"), signed("ELSEWHERE", "eu-west-1", "sqs"));
    assert!(server.seen("AssumeRole").is_empty());
}

#[tokio::test]
async fn a_role_that_is_refused_is_denied_with_the_reason() {
    let (server, connector) = working().await;
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                   <Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>";
    server.on("AssumeRole", [Action::text(403, refusal)]);
    let mut mapping = mapping(QUEUE, "work");
    mapping.poller.source.role_arn = Some(ROLE.to_owned());
    let fault = receive(&connector, &mapping).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied, "{fault}");
    assert!(fault.message.contains("AccessDenied: not authorized to perform: sts:AssumeRole"), "{fault}");
    assert!(fault.message.contains("check RoleArn"), "{fault}");
    assert!(server.seen("GetQueueUrl").is_empty(), "nothing is asked without credentials");
}

async fn with_credentials(server: &Scripted, error: fn() -> CredentialsError) -> SdkConfig {
    let credentials = provide_credentials_fn(move || async move { Err(error()) });
    let config = bare_config().await.credentials_provider(SharedCredentialsProvider::new(credentials));
    config.endpoint_url(server.endpoint()).build()
}

#[tokio::test]
async fn what_is_wrong_with_the_credentials_is_said() {
    type Row = (fn() -> CredentialsError, FaultKind, &'static str);
    let table: [Row; 5] = [
        (|| CredentialsError::not_loaded("none"), FaultKind::Denied, "AWS_ACCESS_KEY_ID"),
        (|| CredentialsError::invalid_configuration("no profile named x"), FaultKind::Denied, "no profile named x"),
        (|| CredentialsError::provider_error("token file is gone"), FaultKind::Denied, "token file is gone"),
        (|| CredentialsError::unhandled("nonsense"), FaultKind::Denied, "nonsense"),
        (
            || CredentialsError::provider_timed_out(Duration::from_secs(5)),
            FaultKind::Transient,
            "did not answer in time",
        ),
    ];
    let server = Scripted::start().await;
    for (error, kind, text) in table {
        let connector = AwsConnector::with_config(with_credentials(&server, error).await).unwrap();
        let fault = receive(&connector, &mapping(QUEUE, "work")).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.contains(text), "{fault}");
    }
    let config = bare_config().await.build();
    assert_eq!(AwsConnector::with_config(config).err().unwrap().kind, FaultKind::Denied);
}

#[tokio::test]
async fn endpoints_and_regions_that_cannot_be_are_invalid() {
    let (server, connector) = working().await;
    for endpoint in ["", "localhost:4566", "not a url", "ftp://127.0.0.1"] {
        let mut mapping = mapping(QUEUE, "work");
        mapping.poller.endpoints.insert("sqs".to_owned(), endpoint.to_owned());
        let fault = connector.queue(&mapping).await.err().unwrap();
        assert_eq!(fault.kind, FaultKind::Invalid, "{endpoint:?}: {fault}");
        assert!(fault.message.contains("endpoint"), "{endpoint:?}: {fault}");
    }
    let own = aws_sdk_sqs::config::Credentials::new("OWN", "s", None, None, "test");
    let config = bare_config().await.credentials_provider(SharedCredentialsProvider::new(own));
    let connector = AwsConnector::with_config(config.build()).unwrap();
    let mut mapping = mapping(QUEUE, "work");
    mapping.poller.source.region = Some("somewhere nice".to_owned());
    let fault = receive(&connector, &mapping).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid, "{fault}");
    assert!(server.seen("ReceiveMessage").is_empty());
}

#[tokio::test]
async fn a_configuration_without_a_clock_is_refused() {
    let fault = AwsConnector::with_config(SdkConfig::builder().build()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(fault.message.contains("aws_config::defaults"), "{fault}");
}

#[tokio::test]
async fn mappings_share_connections() {
    let (server, connector) = working().await;
    for index in 0..20 {
        let arn = format!("arn:aws:sqs:eu-west-1:000000000000:orders-{index}");
        let mapping = mapping(&arn, "work");
        receive(&connector, &mapping).await.unwrap();
        connector.function(&mapping).await.unwrap().invoke(Invocation::first("")).await.unwrap();
    }
    // Each function's timeout is asked for beside its first invoke, so two connections can be in use at once.
    assert!(server.connections() <= 3, "{} connections", server.connections());
}

/// NAT gateways forget silent connections after 350 s, and functions are silent for up to 900 s.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_keeps_connections_alive() {
    let (server, connector) = working().await;
    receive(&connector, &mapping(QUEUE, "work")).await.unwrap();
    let port: u16 = server.endpoint().rsplit(':').next().unwrap().parse().unwrap();
    let remote = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    // Columns: number, local and remote address, state (01: established), queues, timer (02: keepalive) and its end
    // in hundredths of a second.
    let timers: Vec<&str> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns[2].ends_with(&remote) && columns[3] == "01")
        .map(|columns| columns[5])
        .collect();
    assert!(!timers.is_empty(), "the connection stays open");
    for timer in timers {
        let (kind, end) = timer.split_once(':').unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        assert!(kind == "02" && end <= 6_000, "timer {kind} ends in {end} hundredths of a second");
    }
}
