//! All that the fake knows: its queues, how the function behaves, and what was counted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::time::Instant;

use super::control::{Content, Failing, Mark, Refusing, Setup};
use super::groups::Groups;
use super::messages::Queue;

/// The one state, shared by all connections of the one thread.
pub(super) type Shared = Rc<RefCell<State>>;

/// What was counted since the last reset.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) received: u64,
    pub(super) empty_receives: u64,
    pub(super) invoked: u64,
    pub(super) invoked_bytes: u64,
    /// Records that the function saw a second time.
    pub(super) repeated: u64,
    /// Records of a group that reached the function before their turn.
    pub(super) early: u64,
    /// Invocations that failed, also in part.
    pub(super) failures: u64,
    /// Deletions and extensions that named a handle which was no longer valid.
    pub(super) stale: u64,
    pub(super) in_flight: u64,
    pub(super) peak_in_flight: u64,
    pub(super) waiting: u64,
    pub(super) first_call_unix_us: Option<u64>,
    pub(super) first_receive_unix_us: Option<u64>,
    pub(super) first_message: Option<Instant>,
    pub(super) last_delete: Option<Instant>,
    pub(super) first_event: Option<Bytes>,
}

pub(super) struct State {
    pub(super) queues: Vec<Queue>,
    pub(super) by_name: BTreeMap<String, usize>,
    pub(super) function_time: Duration,
    /// How the function fails for the first group.
    pub(super) failing: Option<Failing>,
    refusing: Option<Refusing>,
    rng: fastrand::Rng,
    since: Instant,
    pub(super) counts: Counts,
    /// Where the fake listens: queue URLs are made of it.
    pub(super) base: String,
}

impl State {
    pub(super) fn new(base: String) -> Self {
        Self {
            queues: Vec::new(),
            by_name: BTreeMap::new(),
            function_time: Duration::ZERO,
            failing: None,
            refusing: None,
            rng: fastrand::Rng::with_seed(7),
            since: Instant::now(),
            counts: Counts::default(),
            base,
        }
    }

    /// Forgets everything and makes the queues of a new measurement.
    pub(super) fn reset(&mut self, setup: &Setup) {
        *self = Self::new(std::mem::take(&mut self.base));
        self.function_time = Duration::from_millis(setup.function_ms);
        self.refusing = setup.refusing;
        self.failing = setup.fifo.and_then(|fifo| fifo.failing);
        let now = unix_us() / 1000;
        for (number, name) in (0..).zip(&setup.queues) {
            let mut queue = Queue::new(number, name.clone(), setup);
            let groups = setup.fifo.map_or(1, |fifo| fifo.groups);
            for (index, group) in (0..setup.messages).zip((0..groups).cycle()) {
                queue.send_to(group, &body(setup.content, index, setup.body_bytes), now);
            }
            self.by_name.insert(name.clone(), self.queues.len());
            self.queues.push(queue);
        }
    }

    /// The queue that a URL, or a bare name, names.
    pub(super) fn queue(&mut self, url: &str) -> Option<&mut Queue> {
        let name = url.rsplit('/').next().unwrap_or(url);
        self.by_name.get(name).copied().and_then(|index| self.queues.get_mut(index))
    }

    /// The status of a call that Lambda refuses.
    pub(super) fn refuses(&mut self) -> Option<u16> {
        let refusing = self.refusing?;
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let refused = (refusing.from_ms..refusing.until_ms).contains(&now) && self.rng.u8(0..100) < refusing.percent;
        refused.then_some(refusing.status)
    }

    /// How far the groups of the first queue have come.
    pub(super) fn mark(&self) -> Mark {
        let groups = self.queues.first().and_then(|queue| queue.groups.as_ref());
        let at = self.counts.last_delete.unwrap_or(self.since);
        Mark {
            at_us: u64::try_from(at.duration_since(self.since).as_micros()).unwrap_or(u64::MAX),
            deleted: groups.map(Groups::deletions).unwrap_or_default(),
        }
    }

    pub(super) fn call(&mut self, operation: &str) {
        self.counts.first_call_unix_us.get_or_insert_with(unix_us);
        match self.counts.calls.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                self.counts.calls.insert(operation.to_owned(), 1);
            }
        }
    }
}

/// Microseconds since the Unix epoch: comparable between the processes of one machine.
pub(super) fn unix_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// An order as JSON, filled up to the wanted size; every one differs from the others.
pub(super) fn body(content: Content, index: usize, bytes: usize) -> String {
    let mut body = match content {
        Content::Note => format!(r#"{{"order":{index},"customer":"c-{}","note":""#, index % 977),
        Content::Order => order(index),
    };
    while body.len() + 2 < bytes {
        body.push(char::from(b'a' + u8::try_from(body.len() % 26).unwrap_or(0)));
    }
    body.push_str("\"}");
    body
}

/// A created order of 100 or more, up to the text of its note.
fn order(index: usize) -> String {
    let (customer, total) = (index % 977, 100 + index % 900);
    format!(
        concat!(
            r#"{{"type":"order.created","version":3,"id":"o-{index}","at":"2026-11-14T00:38:06.021Z","shop":"eu-1","#,
            r#""customer":{{"id":"c-{customer}","name":"Ada \u00c5berg","email":"ada.{customer}@example.com","#,
            r#""since":2019,"premium":true,"tags":["early","b2c"]}},"#,
            r#""lines":[{{"sku":"A-1001","name":"Paper, 500 sheets","quantity":2,"price":4.99}},"#,
            r#"{{"sku":"B-{customer}","name":"Ink \"black\"","quantity":1,"price":{total}.25}},"#,
            r#"{{"sku":"C-7","name":"Pencil","quantity":12,"price":0.3,"options":["HB",null]}}],"#,
            r#""payment":{{"method":"card","last":"4242","paid":true,"fee":1.5e-1,"attempts":[{{"at":1,"ok":true}}]}},"#,
            r#""shipping":{{"street":"12 Main Street","city":"Springfield","zip":"01101","country":"US","gift":false}},"#,
            r#""currency":"USD","total":{total}.25,"discount":null,"note":""#,
        ),
        index = index,
        customer = customer,
        total = total,
    )
}
