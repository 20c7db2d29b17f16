//! The life of a delivery: handed out, extended, ended; and the checks that hang on each of these.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use forebay::machine::{Message, OnFunctionError, Receipt, Record, Screening};
use forebay::mapping::Mapping;

use crate::fifo;
use crate::plan::queue;
use crate::queue::delivery::{HELD, Hold, IN_THE_WAY, Lease, Place};
use crate::queue::receipts::RETURNED;
use crate::queue::subject::{Quiet, Subject, SubjectState};
use crate::run::millis;
use crate::world::World;

/// The text that bodies are cut from.
static PAD: LazyLock<String> = LazyLock::new(|| "0123456789abcdef".repeat(65_536));

const MESSAGE_ID: &str = "{\"messageId\":\"";
const RECEIPT: &str = "\",\"receiptHandle\":\"";
const ID_LEN: usize = 36;
const RECEIPT_LEN: usize = 23;

/// SQS counts 12 hours from the receive.
pub(crate) const TWELVE_HOURS: u64 = 12 * 3600 * 1000;

impl Subject {
    /// Messages that a receive would find, and those that it moves to the dead-letter queue.
    pub(crate) fn find_visible(&self, state: &mut SubjectState) -> Vec<usize> {
        if self.is_fifo() {
            return self.find_groups(state).concat();
        }
        let limit = self.plan.queue.max_receive_count;
        let mut visible = Vec::new();
        for (n, message) in state.messages.iter_mut().enumerate() {
            if message.place != Place::Queued || message.current.is_some() {
                continue;
            }
            if limit.is_some_and(|limit| message.receive_count >= limit) {
                message.place = Place::Dead;
                self.note(format_args!("m{n} goes to the dead-letter queue after {} receives", message.receive_count));
                continue;
            }
            visible.push(n);
        }
        visible
    }

    /// When the next message becomes visible again by itself.
    pub(crate) fn next_visible(state: &SubjectState) -> Option<u64> {
        state.open.iter().map(|&lease| state.leases[lease].until).min()
    }

    /// Hides message `n` until `until` and makes a receipt for it.
    pub(crate) fn hand_out(
        &self,
        state: &mut SubjectState,
        n: usize,
        session: usize,
        until: u64,
        receive: u64,
    ) -> usize {
        let (now, index) = (self.world.now(), state.leases.len());
        let receipt: Arc<str> = format!("r{index:06x}.{n:06x}.{:08x}", self.world.between(0, 0xffff_ffff)).into();
        debug_assert_eq!(receipt.len(), RECEIPT_LEN, "receipts have one length");
        if let Some(old) = state.messages[n].current {
            state.leases[old].allowed.get_or_insert("handed out a second time");
            state.leases[old].over = true;
            state.lost |= state.leases[old].hold == Hold::Unstarted;
            state.open.retain(|&lease| lease != old);
        }
        let message = &mut state.messages[n];
        message.receive_count += 1;
        message.current = Some(index);
        let first = *message.first_received.get_or_insert(now);
        let head = format!("{MESSAGE_ID}{}{RECEIPT}{receipt}\",\"body\":\"", message.id);
        let tail = format!(
            "\",\"attributes\":{{\"ApproximateReceiveCount\":\"{}\",\"SentTimestamp\":\"{}\",\"SenderId\":\"AIDASIM\",\
             \"ApproximateFirstReceiveTimestamp\":\"{}\"{}}},\"messageAttributes\":{{}},\"eventSource\":\"aws:sqs\",\
             \"eventSourceARN\":\"{}\",\"awsRegion\":\"us-east-1\"}}",
            message.receive_count,
            World::unix_at(message.sent),
            World::unix_at(first),
            fifo::attributes(message, n),
            self.plan.mapping.source.id(),
        );
        self.note(format_args!("m{n} handed out as L{index}, receive {}", message.receive_count));
        state.by_receipt.insert(Arc::clone(&receipt), index);
        state.open.push(index);
        state.leases.push(Lease {
            message: n,
            receipt,
            head,
            tail,
            session,
            received: now,
            delivered: None,
            until,
            hold: Hold::Underway,
            allowed: None,
            known: until,
            not_extended: None,
            extending: 0,
            failed_returns: 0,
            attempts: 0,
            over: false,
            batch: 0,
            receive,
            perhaps_undelivered: false,
            delivering: false,
            tries: 0,
            refused: false,
            terminal: false,
            uuid: None,
            asked: None,
            gone: None,
            changed: false,
            failed_in: 0,
            deferred: false,
            perhaps_filtered_out: false,
            heard: 0,
            span: None,
            split: None,
            left: None,
            passed: false,
            doubtful: false,
            stays: false,
            returning: false,
        });
        index
    }

    /// The message that the engine gets for a delivery.
    pub(crate) fn message(state: &SubjectState, index: usize) -> Message {
        let lease = &state.leases[index];
        let message = &state.messages[lease.message];
        let mut fragment = Vec::with_capacity(lease.head.len() + message.size + lease.tail.len());
        fragment.extend_from_slice(lease.head.as_bytes());
        fragment.extend_from_slice(&PAD.as_bytes()[..message.size]);
        fragment.extend_from_slice(lease.tail.as_bytes());
        let record = Record {
            id: Arc::clone(&message.id),
            fragment: Bytes::from(fragment),
            arrived_unix_ms: World::unix_at(message.sent),
            screening: Screening::Passes,
        };
        Message {
            record,
            receipt: Receipt::new(Arc::clone(&lease.receipt)),
            receive_count: message.receive_count,
            group: message.group.clone(),
        }
    }

    /// Reads the deliveries out of an event, byte for byte.
    pub(crate) fn read_event(state: &SubjectState, body: &[u8]) -> Result<Vec<usize>, String> {
        let mut rest =
            body.strip_prefix(b"{\"Records\":[".as_slice()).ok_or("the event does not begin with Records")?;
        let mut found = Vec::new();
        loop {
            let at = MESSAGE_ID.len() + ID_LEN + RECEIPT.len();
            let receipt = rest.get(at..at + RECEIPT_LEN).and_then(|bytes| std::str::from_utf8(bytes).ok());
            let receipt = receipt.ok_or_else(|| format!("record {} of the event is cut off", found.len()))?;
            let index = *state.by_receipt.get(receipt).ok_or_else(|| format!("receipt {receipt:?} was never made"))?;
            let lease = &state.leases[index];
            let pad = &PAD.as_bytes()[..state.messages[lease.message].size];
            rest = rest
                .strip_prefix(lease.head.as_bytes())
                .and_then(|rest| rest.strip_prefix(pad))
                .and_then(|rest| rest.strip_prefix(lease.tail.as_bytes()))
                .ok_or_else(|| format!("the bytes of L{index} changed"))?;
            found.push(index);
            match rest {
                b"]}" => return Ok(found),
                [b',', more @ ..] => rest = more,
                _ => {
                    return Err(format!(
                        "after L{index} comes {:?}",
                        String::from_utf8_lossy(&rest[..rest.len().min(20)])
                    ));
                }
            }
        }
    }

    /// Ends every delivery whose time is over, and asks of each what allows that.
    pub(crate) fn sweep(&self, state: &mut SubjectState) {
        let now = self.world.now();
        self.look_for_panic(state);
        while let Some(at) = state.late.iter().position(|(due, _)| *due <= now) {
            let (_, n) = state.late.swap_remove(at);
            self.remove(state, n);
        }
        self.check_together(state);
        self.leave_behind(state);
        let over: Vec<usize> = state.open.iter().copied().filter(|&lease| state.leases[lease].until <= now).collect();
        for index in over {
            self.end(state, index);
        }
    }

    /// Ends a delivery without a delete.
    pub(crate) fn end(&self, state: &mut SubjectState, index: usize) {
        let mapping = state.mapping_of(index);
        // By a drain, which may have been taken back since, or with its group.
        let returned = state.quiet.is_some() || state.leases[index].doubtful || self.group_is_broken(state, index);
        let behind_one_left = self.is_behind_one_left(state, index);
        let lease = &mut state.leases[index];
        lease.over = true;
        state.open.retain(|&open| open != index);
        let n = lease.message;
        if state.messages[n].current == Some(index) {
            state.messages[n].current = None;
        }
        state.lost |= lease.hold == Hold::Unstarted;
        let held_for = lease.until - lease.received;
        let session = &state.sessions[lease.session];
        let (shortest, longest) = session.hidden;
        let waits = match lease.hold {
            Hold::Failed(at) => session.policies_at(at).any(|policy| policy == OnFunctionError::Wait),
            _ => false,
        };
        let pause = millis(mapping.poller.retry_backoff.maximum).max(5_000);
        // An extension that failed is tried again well within what is left of the lease; the last try may be open
        // still.
        let tries = if lease.extending > 0 { 2 } else { 1 };
        // After a change the engine counts on the shorter of two times, and stops its tries that much sooner.
        let pace = tries * longest / 6 + (longest - shortest) + 2 * self.plan.queue.latency.1 + 200;
        let tried = lease.not_extended.is_some_and(|at| lease.known.saturating_sub(at) <= pace);
        let allowed = match (lease.allowed, lease.hold) {
            (Some(allowed), _) => allowed,
            (None, _) if lease.returning => RETURNED,
            (None, Hold::Failed(_)) if waits => "failed",
            (None, Hold::Failed(_)) if lease.extending > 0 || lease.not_extended.is_some() => {
                "failed, and not released"
            }
            (None, Hold::Unstarted | Hold::Waiting)
                if (lease.extending > 0 || lease.not_extended.is_some()) && returned =>
            {
                // The return is still to come.
                lease.allowed = Some(IN_THE_WAY);
                IN_THE_WAY
            }
            (None, _) if tried => "could not be extended",
            (None, _) if held_for + pause + 2_000 >= TWELVE_HOURS => HELD,
            (None, Hold::Unstarted | Hold::Waiting) if behind_one_left => "left with the batch that it waited for",
            (None, hold) => {
                let what = format!(
                    "L{index} (m{n}) became visible again at {} ms although it is {hold:?} in the engine's hands: \
                     received at {} ms, invoked {} times",
                    lease.until, lease.received, lease.attempts
                );
                self.violate(what);
                return;
            }
        };
        self.note(format_args!("L{index} (m{n}) is visible again: {allowed}"));
    }

    /// Whether another receive of this message would bring it to the dead-letter queue, or one for whose sake a drain
    /// keeps it.
    pub(crate) fn is_last(&self, state: &SubjectState, index: usize) -> bool {
        self.is_spent(state, index) || self.is_fifo() && state.leases[index].stays
    }

    fn is_spent(&self, state: &SubjectState, index: usize) -> bool {
        let received = state.messages[state.leases[index].message].receive_count;
        self.plan.queue.max_receive_count.is_some_and(|most| received >= most)
    }

    /// Whether a receive has brought a message for the last time since then.
    pub(crate) fn came_last(&self, state: &SubjectState, since: u64) -> bool {
        let late = |index: &usize| state.leases[*index].delivered.is_some_and(|at| at >= since);
        (0..state.leases.len()).filter(late).any(|index| self.is_last(state, index))
    }

    /// A drain looks at these together: of a FIFO queue all are kept where one of them is at its last receive.
    pub(crate) fn keep_together(&self, state: &mut SubjectState, leases: &[usize]) {
        let spent = leases.iter().any(|&index| self.is_spent(state, index));
        for &index in leases {
            state.leases[index].stays = spent;
        }
    }

    /// A drain begins.
    pub(crate) fn hush(&self, quiet: Quiet) {
        let mut state = self.state();
        self.leave_behind(&mut state);
        state.quiet = Some(quiet);
        let is_idle = |&index: &usize| matches!(state.leases[index].hold, Hold::Unstarted | Hold::Waiting);
        let idle: Vec<usize> = state.open.iter().copied().filter(is_idle).collect();
        self.keep_together(&mut state, &idle);
    }

    /// What is in flight has its bound, and when the drain is over the engine holds nothing more.
    pub(crate) fn leave_behind(&self, state: &mut SubjectState) {
        let Some(Quiet { since, bound: Some(bound), receives: Some(receives), .. }) = state.quiet else { return };
        let (now, over) = (self.world.now(), since + receives);
        let outlasted = if self.came_last(state, since) { over } else { since + bound };
        if now < outlasted {
            return;
        }
        // Their answers are not heard any more.
        if now > outlasted {
            for call in std::mem::take(&mut state.calls).into_values() {
                state.fifo.freed.extend(call.groups.into_iter().map(|group| (group, now)));
            }
        }
        for index in state.open.clone() {
            let lease = &mut state.leases[index];
            let returns = lease.hold == Hold::Succeeded || lease.hold == Hold::Unstarted && !lease.stays;
            let until = if returns { over } else { outlasted };
            if now >= until && lease.received < until && lease.until >= until {
                lease.allowed.get_or_insert("left behind by a drain");
            }
        }
    }

    /// What a drain gave back is not received by the same drain: that would spend a receive on nothing.
    pub(crate) fn check_not_given_back(&self, state: &SubjectState, index: usize) {
        let lease = &state.leases[index];
        let before = state.leases[..index].iter().rev().find(|before| before.message == lease.message);
        let returned = |since: u64| {
            before.is_some_and(|before| {
                before.allowed == Some(RETURNED) && before.session == lease.session && before.until >= since
            })
        };
        if state.quiet.is_some_and(|quiet| returned(quiet.since)) {
            self.violate(format_args!("m{} comes back to the drain that has given it back", lease.message));
        }
    }

    /// How long a receive with these numbers hides a message (milliseconds).
    pub(crate) fn hidden(&self, mapping: &Mapping) -> u64 {
        let own = self.plan.queue.visibility * 1000;
        let own = if own == 0 { 30_000 } else { own };
        queue(mapping).visibility.timeout.map_or(own, millis)
    }

    /// Allows every delivery that the engine holds to end, for one reason.
    pub(crate) fn allow_all(&self, why: &'static str) {
        let mut state = self.state();
        self.sweep(&mut state);
        let open = state.open.clone();
        for index in open {
            state.leases[index].allowed = Some(why);
        }
    }
}
