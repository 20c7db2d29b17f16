//! All that the fake knows: its shards, how the function behaves, and what was counted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::time::Instant;

use super::control::Setup;
use super::shard::Shard;

/// The one state, shared by all connections of the one thread.
pub(super) type Shared = Rc<RefCell<State>>;

/// What was counted since the last reset.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: BTreeMap<String, u64>,
    /// Records that went through the function, each counted once.
    pub(super) done: usize,
    /// Records that went through the function a second time.
    pub(super) repeated: u64,
    /// Records that went through the function before an older one with their key.
    pub(super) out_of_order: u64,
    pub(super) function_errors: u64,
    pub(super) in_flight: u64,
    pub(super) peak_in_flight: u64,
    pub(super) first_read: Option<Instant>,
    pub(super) last_done: Option<Instant>,
    pub(super) first_event: Option<Bytes>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) shards: Vec<Shard>,
    /// Every record's data in base64.
    pub(super) data: String,
    pub(super) function_time: Duration,
    /// The record of the first shard with which the function fails.
    pub(super) poison: Option<usize>,
    pub(super) counts: Counts,
}

impl State {
    /// Forgets everything and makes the shards of a new measurement.
    pub(super) fn reset(&mut self, setup: &Setup) {
        let now = unix_ms();
        let data: Vec<u8> = (b'a'..=b'z').cycle().take(setup.data_bytes).collect();
        *self = Self {
            shards: (0..setup.shards).map(|number| Shard::new(number, setup.records, setup.keys, now)).collect(),
            data: base64_simd::STANDARD.encode_to_string(data),
            function_time: Duration::from_millis(setup.function_ms),
            poison: setup.poison,
            counts: Counts::default(),
        };
    }

    pub(super) fn call(&mut self, operation: &str) {
        match self.counts.calls.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                self.counts.calls.insert(operation.to_owned(), 1);
            }
        }
    }
}

pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
