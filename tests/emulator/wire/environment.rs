//! What a process takes from its environment and from profiles. A process cannot safely change its own, so each row
//! runs the probe below in a process of its own.

use std::process::Stdio;
use std::time::Duration;

use forebay::AwsConnector;
use forebay::machine::{PollId, PollRequest};
use forebay::source::QueueSource as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::mapping;
use crate::harness::scripted::{Action, Scripted};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:000000000000:orders";
const MARK: &str = "probe: ";

/// Receives once, as the environment says, and prints how it went.
#[tokio::test]
#[ignore = "started by the other test of this file"]
async fn probe() {
    let poll = PollRequest { id: PollId(1), max: 10, wait: Duration::ZERO, visibility: None, attempt: None };
    let result = match AwsConnector::new().queue(&mapping(QUEUE, "work")).await {
        Ok(queue) => {
            let first = queue.receive(poll.clone()).await.map(|records| records.len());
            if let Err(fault) = &first {
                let again = queue.receive(poll).await.map(|records| records.len());
                assert_eq!(again.as_ref(), Err(fault), "what is wrong is said each time");
            }
            first
        }
        Err(fault) => Err(fault),
    };
    match result {
        Ok(records) => println!("\n{MARK}{records} records"),
        Err(fault) => println!("\n{MARK}{}: {fault}", fault.kind.as_str()),
    }
}

async fn probed(environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "wire::environment::probe", "--ignored", "--nocapture", "--test-threads=1"])
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

/// A home folder with a profile that logs in by SSO: through a session, or as older files have it.
fn sso_home(session: bool, token: Option<&str>) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let (start, region) = ("sso_start_url = https://example.awsapps.com/start", "sso_region = eu-west-1");
    // SHA-1 of the session's name, or of the start URL.
    let (login, more, hash) = if session {
        let more = format!("[sso-session corp]\n{start}\n{region}\n");
        ("sso_session = corp".to_owned(), more, "ee0bfd2552fbd840c02cc48b6e823320543c450f")
    } else {
        (format!("{start}\n{region}"), String::new(), "e8be5486177c5b5392bd9aa76563515b29358e6e")
    };
    let profile = format!("[profile corp]\n{login}\nsso_account_id = 000000000000\nsso_role_name = dev\n{more}");
    let cache = home.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(home.path().join(".aws/config"), profile).unwrap();
    if let Some(expires) = token {
        let token = json!({"accessToken": "TOKEN", "expiresAt": expires, "region": "eu-west-1"});
        std::fs::write(cache.join(format!("{hash}.json")), token.to_string()).unwrap();
    }
    home
}

#[tokio::test]
async fn a_profile_that_logs_in_by_sso_works_or_says_what_to_do() {
    let (future, past) = ("2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
    let server = Scripted::start().await;
    server.on("ReceiveMessage", [Action::json(200, &json!({}))]);
    let credentials = json!({"roleCredentials": {
        "accessKeyId": "SSOKEY", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4_102_444_800_000_u64,
    }});
    let granted = Action::json(200, &credentials);
    let refused = Action::json(401, &json!({"message": "Session token not found or invalid"}))
        .header("x-amzn-errortype", "UnauthorizedException");
    let said = async |session, token, portal: &Action| {
        let home = sso_home(session, token);
        server.on("GetRoleCredentials", [portal.clone()]);
        probed(&[
            ("AWS_PROFILE", "corp"),
            ("HOME", home.path().to_str().unwrap()),
            ("AWS_ENDPOINT_URL", server.endpoint()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
        .await
    };
    let place = "denied: GetQueueUrl on queue orders (eu-west-1, account 000000000000): profile corp uses SSO, which";
    if !cfg!(feature = "sso") {
        let text = said(true, Some(future), &granted).await;
        let advice = "run `aws configure export-credentials --profile corp --format env`";
        assert_eq!(text, format!("{place} this build cannot read: {advice}"));
        return;
    }
    for session in [true, false] {
        assert_eq!(said(session, Some(future), &granted).await, "0 records");
        let asked = server.seen("GetRoleCredentials").pop().unwrap();
        assert_eq!(asked.headers["x-amz-sso_bearer_token"], "TOKEN");
        assert!(asked.target.contains("role_name=dev") && asked.target.contains("account_id=000000000000"));
        let receive = server.seen("ReceiveMessage").pop().unwrap();
        assert!(receive.headers["authorization"].contains("Credential=SSOKEY/"), "{receive:?}");
        assert_eq!(receive.headers["x-amz-security-token"], "t");
        for (token, portal) in [(None, &granted), (Some(past), &refused), (Some(future), &refused)] {
            let text = said(session, token, portal).await;
            assert!(text.starts_with(&format!("{place} gave no credentials: ")), "{text}");
            assert!(text.ends_with("; run `aws sso login --profile corp`"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_program_gives_the_credentials_of_a_profile_and_a_login_that_cannot_be_read_is_named() {
    let server = Scripted::start().await;
    server.on("ReceiveMessage", [Action::json(200, &json!({}))]);
    let said = async |setting: &str| {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        std::fs::write(&config, format!("[profile corp]\n{setting}\n")).unwrap();
        probed(&[
            ("AWS_PROFILE", "corp"),
            ("AWS_CONFIG_FILE", config.to_str().unwrap()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/keys"),
            ("AWS_ENDPOINT_URL", server.endpoint()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
        .await
    };
    let program = r#"echo '{"Version": 1, "AccessKeyId": "PROGRAM", "SecretAccessKey": "s"}'"#;
    assert_eq!(said(&format!("credential_process = {program}")).await, "0 records");
    let receive = server.seen("ReceiveMessage").pop().unwrap();
    assert!(receive.headers["authorization"].contains("Credential=PROGRAM/"), "{receive:?}");

    let text = said("login_session = arn:aws:iam::000000000000:user/ann").await;
    assert_eq!(
        text,
        "denied: GetQueueUrl on queue orders (eu-west-1, account 000000000000): profile corp uses `aws login`, which \
         this \
         build cannot read: run `aws configure export-credentials --profile corp --format env`"
    );
}
