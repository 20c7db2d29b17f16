//! A stream of either kind, for tests that hold for both.

use jiff::Timestamp;

use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::SeenRecord;
use crate::harness::process::Site;
use crate::harness::tables::Table;
use crate::harness::{Account, Emulator};

/// Which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Kinesis,
    DynamoDb,
}

/// A stream with one shard.
pub(crate) enum Feed {
    Kinesis(Stream),
    DynamoDb(Table),
}

impl Kind {
    /// An account of its own, and a place for a forebay in it.
    pub(crate) async fn site(self) -> (Account, Site) {
        let account = Emulator::shared().account().await;
        let site = match self {
            Self::Kinesis => Kinesis::shared().site(&account),
            Self::DynamoDb => Site::new(&account),
        };
        (account, site)
    }

    /// Makes a stream with one shard.
    pub(crate) async fn feed(self, account: &Account, name: &str) -> Feed {
        match self {
            Self::Kinesis => Feed::Kinesis(Kinesis::shared().create_stream(account, name, 1).await),
            Self::DynamoDb => Feed::DynamoDb(Table::create(account, name).await),
        }
    }
}

impl Feed {
    /// The stream's ARN.
    pub(crate) fn arn(&self) -> &str {
        match self {
            Self::Kinesis(stream) => &stream.arn,
            Self::DynamoDb(table) => &table.arn,
        }
    }

    /// Adds one record for each text: all of one partition key, or each of an item of its own.
    pub(crate) async fn put(&self, data: &[&str]) {
        match self {
            Self::Kinesis(stream) => {
                stream.put_all(data).await;
            }
            Self::DynamoDb(table) => {
                for data in data {
                    table.put(data, data).await;
                }
            }
        }
    }

    /// The name of its only shard.
    pub(crate) async fn shard(&self) -> String {
        match self {
            Self::Kinesis(stream) => stream.shards().await.remove(0).shard_id,
            Self::DynamoDb(table) => table.shard().await,
        }
    }

    /// All its records so far, read past forebay.
    pub(crate) async fn records(&self) -> Vec<SeenRecord> {
        match self {
            Self::Kinesis(stream) => {
                let records = stream.records(&self.shard().await).await;
                let seen = records.into_iter().map(|record| SeenRecord {
                    key: record.partition_key.unwrap(),
                    data: String::from_utf8(record.data.into_inner()).unwrap(),
                    sequence: record.sequence_number,
                    arrived: record.approximate_arrival_timestamp.unwrap().as_secs_f64(),
                });
                seen.collect()
            }
            Self::DynamoDb(table) => {
                let seen = table.records().await.into_iter().map(|record| {
                    let change = record.dynamodb.unwrap();
                    let string = |value: &aws_sdk_dynamodbstreams::types::AttributeValue| value.as_s().unwrap().clone();
                    let data = change.new_image.map(|image| string(&image["data"]));
                    SeenRecord {
                        key: string(&change.keys.unwrap()["id"]),
                        data: data.unwrap_or_else(|| record.event_name.unwrap().as_str().to_owned()),
                        sequence: change.sequence_number.unwrap(),
                        arrived: change.approximate_creation_date_time.unwrap().as_secs_f64(),
                    }
                });
                seen.collect()
            }
        }
    }

    /// What a failure record calls the records that were given up, and in which format it has their times.
    pub(crate) const fn failure_format(&self) -> (&'static str, &'static str) {
        match self {
            Self::Kinesis(_) => ("KinesisBatchInfo", "%Y-%m-%dT%H:%M:%S%.3fZ"),
            Self::DynamoDb(_) => ("DDBStreamBatchInfo", "%Y-%m-%dT%H:%M:%SZ"),
        }
    }
}

/// A time as Unix seconds, in a format of `strftime`.
pub(crate) fn formatted(seconds: f64, format: &str) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our days are far from the bounds")]
    let milliseconds = (seconds * 1000.0).round() as i64;
    Timestamp::from_millisecond(milliseconds).unwrap().strftime(format).to_string()
}
