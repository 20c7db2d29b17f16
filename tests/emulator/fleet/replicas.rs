//! A fleet, its streams, and what their function saw.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::harness::dynamodb::Dynoxide;
use crate::harness::key_order::Order;
use crate::harness::kinesis::{Kinesis, Stream};
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{Daemon, SOON, Site, eventually};
use crate::harness::{Account, Emulator};

pub(super) const STORE: &str = "dynamodb://fleet";
/// The mappings, with a stream each.
pub(super) const MAPPINGS: [&str; 4] = ["clicks", "orders", "paints", "sales"];
/// Each stream has so many keys, and a round puts one record of each.
const KEYS: usize = 6;
const ROUND: Duration = Duration::from_millis(250);

/// A replica's place, and its process while it has one.
pub(super) struct Replica {
    pub(super) site: Site,
    pub(super) daemon: Option<Daemon>,
}

pub(super) struct Fleet {
    pub(super) account: Account,
    streams: Vec<Stream>,
    ledger: StreamLedger,
    order: Order,
    rounds: usize,
    /// A server of tables that no function keeps busy, where it can be installed.
    tables: Option<Dynoxide>,
    /// The ledger is in its folder.
    _keeper: Site,
}

impl Fleet {
    /// Streams, a function and a table, and no replica yet.
    pub(super) async fn new() -> Self {
        let account = Emulator::shared().account().await;
        let kinesis = Kinesis::shared();
        let mut streams = Vec::new();
        for name in MAPPINGS {
            streams.push(kinesis.create_stream(&account, name, 2).await);
        }
        let tables = Dynoxide::start();
        let keeper = site(&account, tables.as_ref());
        let ledger = StreamLedger::new(&keeper, "ledger");
        account.create_function("work", &ledger.noting()).await;
        let made = keeper.call(&["store", "create", STORE]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        Self { account, streams, ledger, order: Order::default(), rounds: 0, tables, _keeper: keeper }
    }

    /// A replica that does not run yet.
    pub(super) fn replica(&self) -> Replica {
        let mut site = site(&self.account, self.tables.as_ref());
        site.set_store(STORE);
        for (name, stream) in MAPPINGS.iter().zip(&self.streams) {
            site.map_arn(name, &stream.arn, "work", "StartingPosition: TRIM_HORIZON\nBatchSize: 20");
        }
        Replica { site, daemon: None }
    }

    /// Puts one more record of each key into each stream.
    pub(super) async fn put(&mut self) {
        let number = self.rounds.to_string();
        for stream in &self.streams {
            let keys: Vec<String> = (0..KEYS).map(|key| format!("{} {key}", stream.name)).collect();
            let records: Vec<(&str, &str)> = keys.iter().map(|key| (&**key, &*number)).collect();
            stream.put(&records).await;
        }
        self.rounds += 1;
    }

    /// Puts records as long as `work` takes.
    pub(super) async fn flow<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        let mut pace = tokio::time::interval(ROUND);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = pace.tick() => self.put().await,
            }
            // Order is looked at all the time, so that what breaks it is near.
            self.order.follow(&mut self.ledger);
        }
    }

    /// Waits until every record was seen; fails when one of a key was seen before an earlier one.
    pub(super) async fn all_seen(&mut self) {
        let all = self.rounds * KEYS * MAPPINGS.len();
        let deadline = std::time::Instant::now() + SOON;
        loop {
            self.order.follow(&mut self.ledger);
            if self.order.delivered() == all {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{} of {all} records were seen", self.order.delivered());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many different records were seen so far.
    pub(super) fn seen(&mut self) -> usize {
        self.order.follow(&mut self.ledger);
        self.order.delivered()
    }

    pub(super) const fn repeated(&self) -> usize {
        self.order.repeated()
    }
}

/// A place for a forebay whose table is on that server.
fn site(account: &Account, tables: Option<&Dynoxide>) -> Site {
    let mut site = Kinesis::shared().site(account);
    if let Some(tables) = tables {
        site.set_variable("AWS_ENDPOINT_URL_DYNAMODB", &tables.endpoint());
    }
    site
}

impl Replica {
    pub(super) async fn run(&mut self) {
        self.daemon = Some(self.site.run_with(&["--save-every", "1s"]).await);
    }

    /// Runs with a lease time that outlasts a busy machine.
    pub(super) async fn run_patiently(&mut self) {
        self.daemon = Some(self.site.run_with(&["--save-every", "1s", "--lease-time", "30s"]).await);
    }

    pub(super) async fn kill(&mut self) {
        self.daemon.take().unwrap().kill().await;
    }

    pub(super) async fn stop(&mut self) {
        self.daemon.take().unwrap().stop().await;
    }

    /// Its own row of `forebay fleet`.
    pub(super) async fn own(&self) -> Value {
        let fleet = self.site.json(&["fleet"]).await;
        let rows = fleet["Replicas"].as_array().unwrap();
        rows.iter().find(|row| row["Id"] == fleet["Replica"]).cloned().unwrap_or_default()
    }

    /// What each living replica runs, by its id.
    pub(super) async fn shares(&self) -> BTreeMap<String, Vec<String>> {
        let fleet = self.site.json(&["fleet"]).await;
        let rows = fleet["Replicas"].as_array().unwrap().iter().filter(|row| row["State"] == "Up");
        let share = |row: &Value| {
            let names = row["Mappings"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
            (row["Id"].as_str().unwrap().to_owned(), names.collect())
        };
        rows.map(share).collect()
    }

    /// Waits until so many replicas live, every mapping has one, and none has more than `most`.
    pub(super) async fn balanced(&self, replicas: usize, most: usize) -> BTreeMap<String, Vec<String>> {
        eventually(SOON, &format!("{replicas} replicas share the mappings"), async || {
            let shares = self.shares().await;
            let mut names: Vec<&String> = shares.values().flatten().collect();
            names.sort();
            let even = shares.values().all(|share| share.len() <= most);
            (shares.len() == replicas && names == MAPPINGS && even).then_some(shares)
        })
        .await
    }
}
