//! One queue: which messages wait, which are hidden and until when, which are deleted.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use md5::{Digest, Md5};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::control::{Content, Setup};
use super::groups::Groups;
use super::state::body;

/// Real handles are opaque text of about this length; a client's cost depends on it.
const HANDLE_LENGTH: usize = 344;
const HANDLE_START: &str = "AQEB";

/// Where one message is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Visible,
    /// Hidden by the hiding with this number; an older hiding's end means nothing.
    Hidden {
        hiding: u32,
    },
    Deleted,
}

/// One message and what became of it.
pub(super) struct Message {
    pub(super) id: String,
    /// Its message group, in a FIFO queue.
    pub(super) group: u32,
    /// The body as a JSON string, quotes included.
    pub(super) body: Box<str>,
    pub(super) md5: String,
    pub(super) sent_unix_ms: u64,
    pub(super) sent: Instant,
    pub(super) first_received_unix_ms: u64,
    pub(super) receives: u32,
    /// How often it was handed to the function.
    pub(super) invokes: u32,
    pub(super) handed_out: Option<Instant>,
    /// When the function first started with it.
    pub(super) started: Option<Instant>,
    /// When the function ended last with it; for FIFO queues alone.
    pub(super) ended: Option<Instant>,
    pub(super) place: Place,
    hidings: u32,
}

/// A queue, standard or FIFO.
pub(super) struct Queue {
    number: u32,
    pub(super) name: String,
    pub(super) visibility: Duration,
    content: Content,
    body_bytes: usize,
    pub(super) messages: Vec<Message>,
    /// The line of a standard queue.
    ready: VecDeque<u32>,
    /// A FIFO queue's lines.
    pub(super) groups: Option<Groups>,
    ends: BinaryHeap<Reverse<(Instant, u32, u32)>>,
    /// Wakes one long poll for each message that becomes visible, or for each group that becomes free.
    pub(super) arrivals: Rc<Notify>,
    pub(super) deleted: usize,
    pub(super) hidden: usize,
}

impl Queue {
    /// An empty queue.
    pub(super) fn new(number: u32, name: String, setup: &Setup) -> Self {
        Self {
            number,
            name,
            visibility: Duration::from_secs(setup.visibility_s),
            content: setup.content,
            body_bytes: setup.body_bytes,
            messages: Vec::new(),
            ready: VecDeque::new(),
            groups: setup.fifo.map(|fifo| Groups::new(fifo.groups)),
            ends: BinaryHeap::new(),
            arrivals: Rc::new(Notify::new()),
            deleted: 0,
            hidden: 0,
        }
    }

    /// Takes a message in and wakes one waiting receive. Answers its index.
    pub(super) fn send(&mut self, body: &str, unix_ms: u64) -> usize {
        self.send_to(0, body, unix_ms)
    }

    /// The same for a message of a group.
    pub(super) fn send_to(&mut self, group: u32, body: &str, unix_ms: u64) -> usize {
        let index = self.messages.len();
        self.messages.push(Message {
            id: format!("{:08x}-0000-4000-8000-{index:012x}", self.number),
            group,
            body: serde_json::Value::from(body).to_string().into_boxed_str(),
            md5: Md5::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
            sent_unix_ms: unix_ms,
            sent: Instant::now(),
            first_received_unix_ms: 0,
            receives: 0,
            invokes: 0,
            handed_out: None,
            started: None,
            ended: None,
            place: Place::Visible,
            hidings: 0,
        });
        let sent = u32::try_from(index).unwrap_or(u32::MAX);
        let wakes = match &mut self.groups {
            Some(groups) => groups.sent(group, sent),
            None => {
                self.ready.push_back(sent);
                true
            }
        };
        if wakes {
            self.arrivals.notify_one();
        }
        index
    }

    /// Hands out up to `max` messages and hides them.
    pub(super) fn receive(&mut self, max: usize, visibility: Option<Duration>, now: Instant, unix_ms: u64) -> Vec<u32> {
        self.reveal(now);
        let taken = match &mut self.groups {
            Some(groups) => groups.take(max),
            None => self.take(max),
        };
        let until = now + visibility.unwrap_or(self.visibility);
        for &index in &taken {
            let message = &mut self.messages[index as usize];
            message.receives += 1;
            message.handed_out = Some(now);
            if message.receives == 1 {
                message.first_received_unix_ms = unix_ms;
            }
            self.hide(index, until);
        }
        taken
    }

    /// Up to `max` messages from the front of the one line.
    fn take(&mut self, max: usize) -> Vec<u32> {
        let mut taken = Vec::with_capacity(max);
        while taken.len() < max {
            let Some(index) = self.ready.pop_front() else { break };
            // A message that was deleted while it was visible is still in the line.
            if self.messages[index as usize].place == Place::Visible {
                taken.push(index);
            }
        }
        taken
    }

    /// Puts messages whose hiding has ended back in the line.
    pub(super) fn reveal(&mut self, now: Instant) {
        while let Some(&Reverse((until, index, hiding))) = self.ends.peek() {
            if until > now {
                break;
            }
            self.ends.pop();
            if self.messages[index as usize].place == (Place::Hidden { hiding }) {
                self.show(index);
            }
        }
    }

    /// Deletes by handle; `false` when the handle's message is gone already or never was.
    pub(super) fn delete(&mut self, handle: &str) -> bool {
        let Some(index) = self.find(handle) else { return false };
        let message = &mut self.messages[index as usize];
        match message.place {
            Place::Deleted => return false,
            Place::Hidden { .. } => self.hidden -= 1,
            Place::Visible => {}
        }
        message.place = Place::Deleted;
        self.deleted += 1;
        let (group, whole) = (message.group, message.handed_out.zip(message.started).zip(message.ended));
        if let Some(groups) = &mut self.groups {
            if let Some(((handed_out, started), ended)) = whole {
                groups.phases.deleted += 1;
                groups.phases.to_function += started.saturating_duration_since(handed_out);
                groups.phases.to_deletion += ended.elapsed();
            }
            if groups.deleted(group, index) {
                self.arrivals.notify_one();
            }
        }
        true
    }

    /// A call has been carried out. A FIFO queue gets a new message for each one that was deleted, so that its groups
    /// never run out.
    pub(super) fn call_ended(&mut self, unix_ms: u64) {
        let deleted = self.groups.as_mut().map(Groups::call_ended).unwrap_or_default();
        for group in deleted {
            let body = body(self.content, self.messages.len(), self.body_bytes);
            self.send_to(group, &body, unix_ms);
        }
    }

    /// Hides again, or shows at once with zero; `false` when the message is not in flight.
    pub(super) fn change_visibility(&mut self, handle: &str, visibility: Duration, now: Instant) -> bool {
        let Some(index) = self.find(handle) else { return false };
        if !matches!(self.messages[index as usize].place, Place::Hidden { .. }) {
            return false;
        }
        if visibility.is_zero() {
            self.show(index);
        } else {
            self.hide(index, now + visibility);
        }
        true
    }

    /// The handle of a message's latest delivery.
    pub(super) fn handle(&self, index: u32) -> String {
        let message = &self.messages[index as usize];
        let mut handle = format!("{HANDLE_START}{:08x}{index:08x}{:08x}", self.number, message.receives);
        let filler = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
        handle.extend(filler.chars().cycle().take(HANDLE_LENGTH - handle.len()));
        handle
    }

    /// The message that a handle belongs to, when it is the handle of its latest delivery.
    fn find(&self, handle: &str) -> Option<u32> {
        let rest = handle.strip_prefix(HANDLE_START)?;
        let number = |from: usize| u32::from_str_radix(rest.get(from..from + 8)?, 16).ok();
        let message = self.messages.get(number(8)? as usize)?;
        (number(0)? == self.number && number(16)? == message.receives).then(|| number(8)).flatten()
    }

    fn hide(&mut self, index: u32, until: Instant) {
        let message = &mut self.messages[index as usize];
        if !matches!(message.place, Place::Hidden { .. }) {
            self.hidden += 1;
        }
        message.hidings += 1;
        message.place = Place::Hidden { hiding: message.hidings };
        self.ends.push(Reverse((until, index, message.hidings)));
    }

    fn show(&mut self, index: u32) {
        self.hidden -= 1;
        let message = &mut self.messages[index as usize];
        message.place = Place::Visible;
        let wakes = match &mut self.groups {
            Some(groups) => groups.shown(message.group, index),
            None => {
                self.ready.push_back(index);
                true
            }
        };
        if wakes {
            self.arrivals.notify_one();
        }
    }
}

/// The queue's number and the message's index, read back from a message id.
pub(super) fn locate(id: &[u8]) -> Option<(usize, u32)> {
    let text = std::str::from_utf8(id).ok()?;
    let queue = usize::from_str_radix(text.get(..8)?, 16).ok()?;
    let index = u32::from_str_radix(text.get(24..36)?, 16).ok()?;
    Some((queue, index))
}
