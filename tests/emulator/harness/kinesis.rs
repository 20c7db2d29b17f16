//! Starts the emulator of Kinesis, and makes streams in it and puts records into them.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Record, Shard, ShardIteratorType, StreamStatus};

use md5::{Digest as _, Md5};

use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, REGION, free_port, sdk_config};

/// Says where the emulator of Kinesis is, to a program that finds everything else elsewhere.
const VARIABLE: &str = "AWS_ENDPOINT_URL_KINESIS";

/// A running emulator of Kinesis on a port of its own.
pub(crate) struct Kinesis {
    port: u16,
    process: Child,
}

impl Kinesis {
    /// The emulator that the tests of this binary share. It ends with the process.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Kinesis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts an emulator and waits until it answers. It ends when it is dropped.
    pub(crate) fn start() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let installed =
            std::env::var_os("FOREBAY_TEST_EMULATORS").map_or_else(|| root.join(".emulators"), PathBuf::from);
        let package = installed.join("node_modules/kinesis-local");
        assert!(
            package.join("main.js").exists(),
            "the emulator of Kinesis is not installed in {}: `make test` prepares it (or set FOREBAY_TEST_EMULATORS)",
            installed.display()
        );
        // The ports are free when we look; if somebody takes one first, the emulator ends, and we look again.
        for _ in 0..5 {
            let (port, tls) = (free_port(), free_port());
            let process = Command::new("node")
                .arg("-r")
                .arg(root.join("scripts/emulators/loopback.js"))
                .arg(package.join("main.js"))
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("END_WITH_STDIN", "yes")
                .env("KINESIS_MOCK_CERT_PATH", package.join("server.json"))
                .env("KINESIS_MOCK_PLAIN_PORT", port.to_string())
                .env("KINESIS_MOCK_TLS_PORT", tls.to_string())
                .env("SHARD_LIMIT", "1000")
                .env("LOG_LEVEL", "ERROR")
                // Half a second each unless told otherwise, of which tests with a few records have no use.
                .env("CREATE_STREAM_DURATION", "20ms")
                .env("SPLIT_SHARD_DURATION", "200ms")
                .env("MERGE_SHARDS_DURATION", "200ms")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the tests need node on the PATH");
            let mut emulator = Self { port, process };
            if emulator.answers() {
                return emulator;
            }
        }
        panic!("the emulator of Kinesis did not start on any of five free ports");
    }

    /// Waits until somebody listens; false when the process has ended.
    fn answers(&mut self) -> bool {
        let patience = Instant::now() + SOON;
        while Instant::now() < patience {
            if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            // There is nothing to wait on: a port does not announce itself.
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Where it answers.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A place for a forebay that works in this account, with its streams here.
    pub(crate) fn site(&self, account: &Account) -> Site {
        let mut site = Site::new(account);
        site.set_variable(VARIABLE, &self.endpoint());
        site
    }

    /// Makes a stream in an account, and waits until it is active.
    pub(crate) async fn create_stream(&self, account: &Account, name: &str, shards: i32) -> Stream {
        let config = sdk_config(&self.endpoint(), &account.id).await;
        let stream = Stream {
            client: Client::new(&config),
            name: name.to_owned(),
            arn: format!("arn:aws:kinesis:{REGION}:{}:stream/{name}", account.id),
        };
        stream.client.create_stream().stream_name(name).shard_count(shards).send().await.unwrap();
        stream.active().await;
        stream
    }
}

impl Drop for Kinesis {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

/// A stream in an account.
pub(crate) struct Stream {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) arn: String,
}

impl Stream {
    /// Waits until the stream takes the next change.
    pub(crate) async fn active(&self) {
        eventually(SOON, &format!("the stream {} is active", self.name), async || {
            let answer = self.client.describe_stream_summary().stream_name(&self.name).send().await.ok()?;
            (answer.stream_description_summary?.stream_status == StreamStatus::Active).then_some(())
        })
        .await;
    }

    /// Puts records (partition key and data) in one call, in this order; their sequence numbers.
    pub(crate) async fn put(&self, records: &[(&str, &str)]) -> Vec<String> {
        let entries = records.iter().map(|(key, data)| {
            let data = Blob::new(data.as_bytes());
            PutRecordsRequestEntry::builder().partition_key(*key).data(data).build().unwrap()
        });
        let request = self.client.put_records().stream_name(&self.name).set_records(Some(entries.collect()));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.failed_record_count, Some(0));
        answer.records.into_iter().map(|record| record.sequence_number.unwrap()).collect()
    }

    /// Puts records whose data is the given text, all under one partition key; their sequence numbers.
    pub(crate) async fn put_all(&self, data: &[&str]) -> Vec<String> {
        self.put(&data.iter().map(|data| ("key", *data)).collect::<Vec<_>>()).await
    }

    /// Every record of a shard, read past forebay.
    pub(crate) async fn records(&self, shard: &str) -> Vec<Record> {
        let iterator = self.client.get_shard_iterator().stream_name(&self.name).shard_id(shard);
        let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
        let (mut iterator, mut records) = (iterator.shard_iterator, Vec::new());
        while iterator.is_some() {
            let answer = self.client.get_records().set_shard_iterator(iterator).send().await.unwrap();
            if answer.records.is_empty() {
                break;
            }
            records.extend(answer.records);
            iterator = answer.next_shard_iterator;
        }
        records
    }

    /// All shards, closed ones included.
    pub(crate) async fn shards(&self) -> Vec<Shard> {
        let answer = self.client.list_shards().stream_name(&self.name).send().await.unwrap();
        assert_eq!(answer.next_token, None, "more shards than one page has");
        answer.shards.unwrap()
    }

    /// The shards that take records, in the order of their hash keys.
    pub(crate) async fn open_shards(&self) -> Vec<Shard> {
        let mut open = self.shards().await;
        open.retain(|shard| shard.sequence_number_range.as_ref().unwrap().ending_sequence_number.is_none());
        open.sort_by_key(|shard| hash_range(shard).0);
        open
    }

    /// A partition key for each open shard, in the order of their hash keys.
    pub(crate) async fn key_of_each_shard(&self) -> Vec<String> {
        let ranges: Vec<(u128, u128)> = self.open_shards().await.iter().map(hash_range).collect();
        let keys = || (0..10_000).map(|number| format!("key {number}"));
        let hash = |key: &String| u128::from_be_bytes(Md5::digest(key).into());
        let within = |(from, to): &(u128, u128)| keys().find(|key| (*from..=*to).contains(&hash(key))).unwrap();
        ranges.iter().map(within).collect()
    }

    /// Splits a shard in the middle, once the stream takes a change.
    pub(crate) async fn split(&self, shard: &Shard) {
        self.active().await;
        let (from, to) = hash_range(shard);
        let middle = from + (to - from) / 2;
        let request = self.client.split_shard().stream_name(&self.name).shard_to_split(&shard.shard_id);
        request.new_starting_hash_key(middle.to_string()).send().await.unwrap();
    }

    /// Merges a shard with its neighbour, once the stream takes a change.
    pub(crate) async fn merge(&self, shard: &Shard, neighbour: &Shard) {
        self.active().await;
        let request = self.client.merge_shards().stream_name(&self.name).shard_to_merge(&shard.shard_id);
        request.adjacent_shard_to_merge(&neighbour.shard_id).send().await.unwrap();
    }
}

/// First and last hash key of a shard.
fn hash_range(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range.as_ref().unwrap();
    (range.starting_hash_key.parse().unwrap(), range.ending_hash_key.parse().unwrap())
}
