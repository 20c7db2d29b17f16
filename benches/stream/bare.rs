//! What forebay is measured against: the plainest quick loop on the same SDK that reads a stream and invokes.

use std::time::Duration;

use anyhow::Context;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use aws_sdk_lambda::primitives::Blob;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

/// Records of one read: several batches, so that reads cost little, and not so many that memory does.
const READ: i32 = 1_000;
/// What Kinesis hands out of one shard in a second.
const BYTES_PER_SECOND: f64 = 2.0 * 1024.0 * 1024.0;
/// The pause before a shard that is caught up is read again: forebay's, and AWS's.
const IDLE: Duration = Duration::from_secs(1);
/// An error pauses a shard's task; the measurements have none.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(clap::Args, Clone)]
pub(crate) struct BareOptions {
    /// The stream's name.
    #[arg(long)]
    stream: String,
    /// The function's name.
    #[arg(long)]
    function: String,
    /// The most records in an invoke.
    #[arg(long)]
    batch_size: usize,
    /// The most reads of a shard in a second.
    #[arg(long)]
    reads_per_second: f64,
}

/// One task a shard: reads and invokes until it is killed.
pub(crate) fn run(options: &BareOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")?;
    runtime.block_on(async {
        let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
        let (kinesis, lambda) = (kinesis(&config), lambda(&config));
        let listed = kinesis.list_shards().stream_name(&options.stream).send().await.context("ListShards")?;
        let mut tasks = tokio::task::JoinSet::new();
        for shard in listed.shards.unwrap_or_default() {
            let worker = Worker {
                kinesis: kinesis.clone(),
                lambda: lambda.clone(),
                arn: format!("arn:aws:kinesis:us-east-1:000000000000:stream/{}", options.stream),
                shard: shard.shard_id,
                options: options.clone(),
            };
            tasks.spawn(worker.run());
        }
        match tasks.join_next().await {
            Some(ended) => ended.context("a shard's task panicked"),
            None => Ok(()),
        }
    })
}

/// The settings that a poller needs: forebay's own, down to what it turns off.
fn kinesis(config: &SdkConfig) -> aws_sdk_kinesis::Client {
    let settings = aws_sdk_kinesis::config::Builder::from(config)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(40)).build())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    aws_sdk_kinesis::Client::from_conf(settings.build())
}

fn lambda(config: &SdkConfig) -> aws_sdk_lambda::Client {
    let settings = aws_sdk_lambda::config::Builder::from(config)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(40)).build())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    aws_sdk_lambda::Client::from_conf(settings.build())
}

struct Worker {
    kinesis: aws_sdk_kinesis::Client,
    lambda: aws_sdk_lambda::Client,
    arn: String,
    shard: String,
    options: BareOptions,
}

impl Worker {
    async fn run(self) {
        let mut iterator = None;
        loop {
            match self.round(&mut iterator).await {
                Ok(next) => sleep_until(next).await,
                Err(problem) => {
                    tracing::warn!("{problem:#}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// One read and its invokes, one after the other; answers when the next read may be made.
    async fn round(&self, iterator: &mut Option<String>) -> anyhow::Result<Instant> {
        let here = match iterator.take() {
            Some(here) => here,
            None => self.open().await?,
        };
        let begun = Instant::now();
        let read = self.kinesis.get_records().shard_iterator(here).limit(READ).send().await?;
        let size = |record: &Record| record.data().as_ref().len() + record.partition_key().unwrap_or_default().len();
        let bytes: usize = read.records.iter().map(size).sum();
        for batch in read.records.chunks(self.options.batch_size) {
            let records = batch.iter().map(|record| EventRecord::of(record, &self.shard, &self.arn)).collect();
            let event = serde_json::to_vec(&Event { records })?;
            let answer = self.lambda.invoke().function_name(&self.options.function).payload(Blob::new(event)).send();
            anyhow::ensure!(answer.await?.function_error.is_none(), "the function failed");
        }
        *iterator = read.next_shard_iterator;
        let caught_up = read.millis_behind_latest == Some(0);
        let paid = Duration::from_secs_f64(bytes as f64 / BYTES_PER_SECOND);
        let turn = Duration::from_secs_f64(1.0 / self.options.reads_per_second);
        Ok(begun + paid.max(turn).max(if caught_up { IDLE } else { Duration::ZERO }))
    }

    async fn open(&self) -> anyhow::Result<String> {
        let opened = self
            .kinesis
            .get_shard_iterator()
            .stream_name(&self.options.stream)
            .shard_id(&self.shard)
            .shard_iterator_type(ShardIteratorType::TrimHorizon)
            .send()
            .await
            .context("GetShardIterator")?;
        opened.shard_iterator.context("GetShardIterator answered without an iterator")
    }
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "Records")]
    records: Vec<EventRecord<'a>>,
}

/// One record as Lambda delivers it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventRecord<'a> {
    kinesis: Inner<'a>,
    event_source: &'a str,
    event_version: &'a str,
    #[serde(rename = "eventID")]
    event_id: String,
    event_name: &'a str,
    invoke_identity_arn: &'a str,
    aws_region: &'a str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inner<'a> {
    kinesis_schema_version: &'a str,
    partition_key: &'a str,
    sequence_number: &'a str,
    data: String,
    approximate_arrival_timestamp: f64,
}

impl<'a> EventRecord<'a> {
    fn of(record: &'a Record, shard: &str, arn: &'a str) -> Self {
        Self {
            kinesis: Inner {
                kinesis_schema_version: "1.0",
                partition_key: record.partition_key().unwrap_or_default(),
                sequence_number: record.sequence_number(),
                data: base64_simd::STANDARD.encode_to_string(record.data()),
                approximate_arrival_timestamp: record
                    .approximate_arrival_timestamp()
                    .map_or(0.0, aws_sdk_kinesis::primitives::DateTime::as_secs_f64),
            },
            event_source: "aws:kinesis",
            event_version: "1.0",
            event_id: format!("{shard}:{}", record.sequence_number()),
            event_name: "aws:kinesis:record",
            invoke_identity_arn: "",
            aws_region: "us-east-1",
            event_source_arn: arn,
        }
    }
}
