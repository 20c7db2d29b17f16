//! An account of its own in the emulator for each test, and what a test makes in it.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_lambda::types::{FunctionCode, Runtime, State};
use aws_sdk_sqs::config::Credentials;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use forebay::AwsConnector;
use forebay::mapping::{Mapping, parse};

use crate::harness::emulator::get;
use crate::harness::process::{SOON, eventually};
use crate::harness::zip;

/// The region of everything in the tests.
pub(crate) const REGION: &str = "us-east-1";

/// A queue in an account.
pub(crate) struct Queue {
    pub(crate) url: String,
    pub(crate) arn: String,
}

/// An account in the emulator, named by the access key: nothing in it is seen from another one.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) config: SdkConfig,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    endpoint: String,
}

impl Account {
    /// The account `id` of the emulator at `endpoint`.
    pub(super) async fn new(id: String, endpoint: String) -> Self {
        let config = sdk_config(&endpoint, &id).await;
        Self {
            sqs: aws_sdk_sqs::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            endpoint,
            config,
            id,
        }
    }

    /// The environment in which a program talks to this account.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", self.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// A connector to this account.
    pub(crate) fn connector(&self) -> AwsConnector {
        AwsConnector::with_config(self.config.clone()).unwrap()
    }

    /// Makes a queue.
    pub(crate) async fn create_queue(&self, name: &str, attributes: &[(QueueAttributeName, &str)]) -> Queue {
        let mut request = self.sqs.create_queue().queue_name(name);
        for (attribute, value) in attributes {
            request = request.attributes(attribute.clone(), *value);
        }
        let url = request.send().await.unwrap().queue_url.unwrap();
        Queue { url, arn: format!("arn:aws:sqs:{REGION}:{}:{name}", self.id) }
    }

    /// Makes a queue, and one for its dead letters: a message is moved there after `receives` receives.
    pub(crate) async fn create_queue_pair(&self, name: &str, visibility: u32, receives: u32) -> (Queue, Queue) {
        let dead = self.create_queue(&format!("{name}-dead"), &[]).await;
        (self.create_queue_over(&dead, name, visibility, receives).await, dead)
    }

    /// Makes a queue whose messages are moved to `dead` after `receives` receives.
    pub(crate) async fn create_queue_over(&self, dead: &Queue, name: &str, visibility: u32, receives: u32) -> Queue {
        let redrive = serde_json::json!({"deadLetterTargetArn": dead.arn, "maxReceiveCount": receives}).to_string();
        let attributes = [
            (QueueAttributeName::VisibilityTimeout, &*visibility.to_string()),
            (QueueAttributeName::RedrivePolicy, &*redrive),
        ];
        self.create_queue(name, &attributes).await
    }

    /// Sends messages, ten at a time.
    pub(crate) async fn send(&self, queue: &Queue, bodies: &[String]) {
        for bodies in bodies.chunks(10) {
            let entries = bodies.iter().enumerate().map(|(index, body)| {
                SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build().unwrap()
            });
            let request = self.sqs.send_message_batch().queue_url(&queue.url).set_entries(Some(entries.collect()));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.successful.len(), bodies.len(), "{:?}", answer.failed);
        }
    }

    /// Makes a Python function whose code is `source`, with a `handler(event, context)`, and waits until it is active.
    /// It may take as long as it needs: on a busy machine its start alone takes seconds.
    pub(crate) async fn create_function(&self, name: &str, source: &str) -> String {
        self.create_function_with(name, source, 600).await
    }

    /// The same with a timeout in seconds, which makes an error of what takes longer.
    pub(crate) async fn create_function_with(&self, name: &str, source: &str, timeout: i32) -> String {
        let code = FunctionCode::builder().zip_file(zip::stored("main.py", source.as_bytes()).into()).build();
        let function = self
            .lambda
            .create_function()
            .function_name(name)
            .runtime(Runtime::Python311)
            .handler("main.handler")
            .role(format!("arn:aws:iam::{}:role/work", self.id))
            .timeout(timeout)
            .code(code)
            .send()
            .await
            .unwrap();
        eventually(SOON, &format!("the function {name} is active"), async || {
            let known = self.lambda.get_function_configuration().function_name(name).send().await.unwrap();
            matches!(known.state, None | Some(State::Active)).then_some(())
        })
        .await;
        function.function_arn.unwrap()
    }

    /// All messages of a queue, visible or not, as the emulator itself sees them.
    pub(crate) async fn messages(&self, queue: &Queue) -> Vec<serde_json::Value> {
        let path = format!("/_ministack/sqs/messages?account={}&QueueUrl={}", self.id, queue.url);
        let answer: serde_json::Value = serde_json::from_slice(&get(&self.endpoint, &path).await).unwrap();
        messages_of(&answer)
    }
}

/// A mapping from a source to a function, with the defaults. A stream is read from its end, in batches of ten.
pub(crate) fn mapping(source: &str, function: &str) -> Mapping {
    let start = if source.contains(":sqs:") { "" } else { "StartingPosition: LATEST\n" };
    let text = format!("EventSourceArn: {source}\nFunctionName: {function}\nBatchSize: 10\n{start}");
    let mapping = parse("orders.yaml".as_ref(), &text, &|_| None).mappings.remove(0);
    Mapping { uuid: "6c6fdcd6-8a1a-4d34-9d05-3a7bd47b2a8f".into(), ..mapping }
}

/// A mapping of a queue with these members of `Poller.Function`.
pub(crate) fn targeted(function: &str) -> Mapping {
    let text = format!(
        "Name: orders\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: work\n\
         Poller: {{ Function: {{ {function} }} }}\n"
    );
    let mut loaded = parse("orders.yaml".as_ref(), &text, &|_| None);
    let found: Vec<_> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    loaded.mappings.remove(0)
}

/// The SDK's configuration for an endpoint, with an account as access key and nothing from the environment.
pub(crate) async fn sdk_config(endpoint: &str, account: &str) -> SdkConfig {
    let credentials = Credentials::new(account, "test", None, None, "test");
    let config = bare_config().await.credentials_provider(SharedCredentialsProvider::new(credentials));
    config.endpoint_url(endpoint).build()
}

/// The SDK's configuration with its clock, and nothing from environment and profiles.
pub(crate) async fn bare_config() -> aws_types::sdk_config::Builder {
    let version = BehaviorVersion::v2026_01_12();
    let loaded = aws_config::defaults(version).no_credentials().region(REGION).load().await;
    SdkConfig::builder()
        .behavior_version(version)
        .region(Region::new(REGION))
        .time_source(loaded.time_source().unwrap())
        .sleep_impl(loaded.sleep_impl().unwrap())
}

/// The messages in an answer that groups them by account and queue.
fn messages_of(answer: &serde_json::Value) -> Vec<serde_json::Value> {
    match answer {
        serde_json::Value::Array(items) => items.clone(),
        serde_json::Value::Object(members) => members.values().flat_map(messages_of).collect(),
        _ => Vec::new(),
    }
}
