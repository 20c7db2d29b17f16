//! What forebay is measured against: the plainest programs on the same SDK that do the same work.

use std::time::Duration;

use anyhow::Context;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use serde::Serialize;

const BATCH: i32 = 10;
const WAIT: i32 = 20;
/// An error pauses a worker; the measurements have none.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub(crate) struct BareOptions {
    /// Names of the queues; each has its own workers.
    #[arg(long, required = true, value_delimiter = ',')]
    queues: Vec<String>,
    /// The function's name.
    #[arg(long)]
    function: String,
    /// Workers a queue.
    #[arg(long, default_value_t = 1)]
    concurrency: usize,
    /// Messages that a worker receives at most.
    #[arg(long, default_value_t = BATCH)]
    batch: i32,
}

/// Receives, invokes and deletes until it is killed.
pub(crate) fn run(options: &BareOptions) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
        let (sqs, lambda) = (sqs(&config), lambda(&config));
        let mut workers = tokio::task::JoinSet::new();
        for queue in &options.queues {
            let url = queue_url(&sqs, queue).await?;
            for _ in 0..options.concurrency {
                workers.spawn(worker(
                    sqs.clone(),
                    lambda.clone(),
                    url.clone(),
                    queue.clone(),
                    options.function.clone(),
                    options.batch,
                ));
            }
        }
        match workers.join_next().await {
            Some(ended) => ended.context("a worker panicked"),
            None => Ok(()),
        }
    })
}

/// Loads the configuration, makes a client, receives once, and ends.
pub(crate) fn start(queue: &str) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
        let sqs = sqs(&config);
        let url = queue_url(&sqs, queue).await?;
        sqs.receive_message().queue_url(url).max_number_of_messages(BATCH).wait_time_seconds(0).send().await?;
        Ok(())
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")
}

/// The settings that a poller needs: forebay's own, down to what it turns off.
fn sqs(config: &SdkConfig) -> aws_sdk_sqs::Client {
    let read = Duration::from_secs(WAIT.unsigned_abs().into()) + Duration::from_secs(5);
    let timeouts = TimeoutConfig::builder().read_timeout(read).build();
    let settings = aws_sdk_sqs::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    aws_sdk_sqs::Client::from_conf(settings.build())
}

fn lambda(config: &SdkConfig) -> aws_sdk_lambda::Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(40)).build();
    let settings = aws_sdk_lambda::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    aws_sdk_lambda::Client::from_conf(settings.build())
}

async fn queue_url(sqs: &aws_sdk_sqs::Client, queue: &str) -> anyhow::Result<String> {
    let answer = sqs.get_queue_url().queue_name(queue).send().await.context("GetQueueUrl")?;
    answer.queue_url.context("GetQueueUrl answered without a URL")
}

async fn worker(
    sqs: aws_sdk_sqs::Client,
    lambda: aws_sdk_lambda::Client,
    url: String,
    queue: String,
    function: String,
    batch: i32,
) {
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
    loop {
        if let Err(problem) = round(&sqs, &lambda, &url, &arn, &function, batch).await {
            tracing::warn!("{problem:#}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn round(
    sqs: &aws_sdk_sqs::Client,
    lambda: &aws_sdk_lambda::Client,
    url: &str,
    arn: &str,
    function: &str,
    batch: i32,
) -> anyhow::Result<()> {
    let received = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(batch)
        .wait_time_seconds(WAIT)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .send()
        .await?;
    let messages = received.messages.unwrap_or_default();
    if messages.is_empty() {
        return Ok(());
    }
    let records = messages.iter().map(|message| EventRecord::of(message, arn)).collect();
    let event = serde_json::to_vec(&Event { records })?;
    let answer = lambda.invoke().function_name(function).payload(Blob::new(event)).send().await?;
    anyhow::ensure!(answer.function_error.is_none(), "the function failed");
    let mut delete = sqs.delete_message_batch().queue_url(url);
    for (number, message) in messages.into_iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(number.to_string())
            .set_receipt_handle(message.receipt_handle)
            .build()?;
        delete = delete.entries(entry);
    }
    let deleted = delete.send().await?;
    anyhow::ensure!(deleted.failed.is_empty(), "{} deletions failed", deleted.failed.len());
    Ok(())
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "Records")]
    records: Vec<EventRecord<'a>>,
}

/// One record as Lambda delivers it, for messages without attributes of their own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventRecord<'a> {
    message_id: &'a str,
    receipt_handle: &'a str,
    body: &'a str,
    attributes: Attributes<'a>,
    message_attributes: Empty,
    md5_of_body: &'a str,
    event_source: &'a str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
    aws_region: &'a str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes<'a> {
    approximate_receive_count: &'a str,
    sent_timestamp: &'a str,
    sender_id: &'a str,
    approximate_first_receive_timestamp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<&'a str>,
}

impl<'a> EventRecord<'a> {
    fn of(message: &'a Message, arn: &'a str) -> Self {
        let given =
            |name: MessageSystemAttributeName| message.attributes().and_then(|all| all.get(&name)).map(String::as_str);
        let attribute = |name: MessageSystemAttributeName| given(name).unwrap_or_default();
        Self {
            message_id: message.message_id().unwrap_or_default(),
            receipt_handle: message.receipt_handle().unwrap_or_default(),
            body: message.body().unwrap_or_default(),
            attributes: Attributes {
                approximate_receive_count: attribute(MessageSystemAttributeName::ApproximateReceiveCount),
                sent_timestamp: attribute(MessageSystemAttributeName::SentTimestamp),
                sender_id: attribute(MessageSystemAttributeName::SenderId),
                approximate_first_receive_timestamp: attribute(
                    MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
                ),
                sequence_number: given(MessageSystemAttributeName::SequenceNumber),
                message_group_id: given(MessageSystemAttributeName::MessageGroupId),
                message_deduplication_id: given(MessageSystemAttributeName::MessageDeduplicationId),
            },
            message_attributes: Empty {},
            md5_of_body: message.md5_of_body().unwrap_or_default(),
            event_source: "aws:sqs",
            event_source_arn: arn,
            aws_region: "us-east-1",
        }
    }
}
