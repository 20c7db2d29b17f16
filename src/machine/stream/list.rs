//! Which shards are read: the claim of the checkpoints, the listings, and what the lineage makes of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::StreamMachine;
use super::context::Context;
use super::lineage::{Lineage, Plan, Start};
use super::reading::Reading;
use super::records::Records;
use super::shard::{Shard, ShardKey};
use super::standing::SKEW_SHOWN;
use super::windows::Windows;
use crate::machine::health::Standing;
use crate::machine::{
    Checkpoint, Event, Fault, FaultKind, Fence, Invariant, Mono, Positions, StartingPosition, StreamListing,
    StreamRequest,
};

/// New shards follow the end of others, which is seen at once; this is for what was missed.
const SELDOM: Duration = Duration::from_secs(300);
/// Listings are at least so far apart, however many shards end together.
const APART: Duration = Duration::from_secs(1);
/// The longest pause while a shard that has ended has no child yet.
const FRUITLESS: Duration = Duration::from_secs(60);
/// A listing may show one child of a split and not yet the other: after the end of a shard it is looked again.
const AGAIN: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(5)];

/// Claim and listings.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) stage: Stage,
    pub(super) lineage: Option<(Lineage, Fence)>,
    /// A claim or a listing is open.
    open: bool,
    /// When the next one is due.
    next: Option<Mono>,
    last: Mono,
    /// Listings that were answered.
    pub(super) listings: u64,
    failures: u32,
    /// Listings in a row that did not show the children of `childless`, or no shard at all.
    fruitless: u32,
    /// How many listings are still to follow the end of a shard.
    again: usize,
    /// Shards that ended, and of whose children nothing is known.
    pub(super) childless: BTreeSet<Arc<str>>,
    /// How many shards the last listing named.
    pub(super) named: usize,
    /// Since when listings contradict the checkpoints.
    pub(super) contradicted: Option<Mono>,
    /// Shards that begin when their pins are saved.
    pinned: Vec<Start>,
    last_key: ShardKey,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// The checkpoints are not claimed yet.
    #[default]
    Claiming,
    /// The mapping has never begun.
    Beginning,
    /// Shards are read.
    Running,
}

impl Listing {
    pub(super) const fn due(&self) -> Option<Mono> {
        if self.open { None } else { self.next }
    }

    pub(super) fn fence(&self) -> Option<Fence> {
        self.lineage.as_ref().map(|(_, fence)| *fence)
    }

    /// Wants a listing soon, but not right after the last one.
    pub(super) fn soon(&mut self, now: Mono) {
        let at = now.max(self.last + APART);
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Wants no listing any more.
    pub(super) const fn stop(&mut self) {
        self.next = None;
    }

    /// Claims and lists when it is time.
    pub(super) fn ask_if_due(&mut self, cx: &mut Context) {
        let now = cx.mono();
        if self.open || cx.draining.is_some() || self.next.unwrap_or(now) > now {
            return;
        }
        self.open = true;
        self.next = None;
        if self.stage == Stage::Claiming {
            cx.out.ask(StreamRequest::Claim);
        } else {
            self.last = now;
            cx.out.ask(StreamRequest::List);
        }
    }

    pub(super) fn claimed(&mut self, result: Result<Positions, Fault>, cx: &mut Context) {
        self.open = false;
        match result {
            Ok(positions) => {
                self.failures = 0;
                cx.health.store_ok();
                let fence = positions.fence;
                self.stage = if positions.begun { Stage::Running } else { Stage::Beginning };
                self.lineage = Some((Lineage::new(cx.options.start, positions), fence));
                self.next = Some(cx.mono());
            }
            Err(fault) => {
                self.failures += 1;
                let pause = cx.options.retry.pause(self.failures, &mut cx.rng);
                self.next = Some(cx.mono() + pause);
                cx.health.store_failed(&fault);
                cx.out.emit(Event::CheckpointFailed { message: fault.message, retry_in: pause });
            }
        }
    }

    /// Takes a listing in; what follows from it, unless the mapping drains.
    fn take_in(&mut self, listing: StreamListing, cx: &mut Context) -> Option<Plan> {
        let StreamListing { shards, disabled } = listing;
        self.failures = 0;
        cx.reads.listing_fails = false;
        cx.source_recovered();
        cx.health.stands(Standing::Disabled, disabled.map(|disabled| format!("FB0611: {disabled}")));
        self.named = shards.len();
        let (lineage, _) = self.lineage.as_mut().filter(|_| cx.draining.is_none())?;
        let plan = lineage.listed(&shards, cx.now.unix_ms);
        // A life before this one may have ended before it saw the children of what it finished.
        let first = self.listings == 0;
        self.childless.extend(shards.iter().map(|shard| Arc::clone(&shard.id)).filter(|_| first));
        self.listings += 1;
        self.childless.retain(|shard| lineage.has_unseen_children(shard));
        Some(plan)
    }

    fn failed(&mut self, fault: Fault, cx: &mut Context) {
        self.failures += 1;
        let pause = cx.pause(self.failures, &fault).max(APART);
        self.next = Some(cx.mono() + pause);
        if fault.kind != FaultKind::Cancelled {
            cx.reads.listing_fails = true;
            cx.health.source_failed(&fault);
        }
        cx.out.emit(Event::ListFailed { kind: fault.kind, message: fault.message, retry_in: pause });
    }

    /// When to list again, where shards are read or not.
    fn plan_next(&mut self, reads: bool, now: Mono) {
        let certain = self.childless.is_empty() && self.contradicted.is_none();
        let pause = if certain && reads {
            self.fruitless = 0;
            self.again.checked_sub(1).map_or(SELDOM, |left| {
                self.again = left;
                AGAIN[left.min(AGAIN.len() - 1)]
            })
        } else {
            self.fruitless += 1;
            APART.saturating_mul(1 << (self.fruitless - 1).min(6)).min(FRUITLESS)
        };
        let at = now + pause;
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// A shard is processed to its end; what follows from that.
    fn shard_ended(&mut self, id: &Arc<str>, now: Mono) -> Plan {
        let plan = self.lineage.as_mut().map(|(lineage, _)| lineage.finished(id)).unwrap_or_default();
        if self.lineage.as_ref().is_some_and(|(lineage, _)| lineage.has_unseen_children(id)) {
            self.childless.insert(Arc::clone(id));
            self.fruitless = 0;
        }
        self.again = AGAIN.len();
        self.soon(now);
        plan
    }
}

impl StreamMachine {
    pub(super) fn listed(&mut self, result: Result<StreamListing, Fault>) {
        self.listing.open = false;
        let listing = match result {
            Ok(listing) => listing,
            Err(fault) => return self.listing.failed(fault, &mut self.cx),
        };
        let names: BTreeSet<Arc<str>> = listing.shards.iter().map(|shard| Arc::clone(&shard.id)).collect();
        let Some(plan) = self.listing.take_in(listing, &mut self.cx) else { return };
        self.follow(plan);
        self.judge_missing(&names);
        self.listing.judge_checkpoints(&mut self.cx);
        self.listing.plan_next(!self.shards.is_empty(), self.cx.now.mono);
    }

    /// Decides what a new listing means for shards that could not be found: those that it does not name are gone.
    fn judge_missing(&mut self, names: &BTreeSet<Arc<str>>) {
        let missing = self.shards.iter().filter(|(_, shard)| shard.reading.is_missing());
        let missing: Vec<(ShardKey, bool)> =
            missing.map(|(&key, shard)| (key, names.contains(&shard.records.id))).collect();
        for (key, listed) in missing {
            self.work_on(key, |shard, cx| shard.judge_missing(listed, cx));
        }
    }

    /// Carries out what the lineage wants.
    fn follow(&mut self, plan: Plan) {
        let first = self.listing.stage == Stage::Beginning;
        let saves = !plan.save.is_empty();
        for (shard, checkpoint) in plan.save {
            self.cx.saving.set(shard, checkpoint);
        }
        if first && saves {
            // Nothing is read before the pins are kept: after a crash the mapping would begin at another place.
            self.listing.pinned.extend(plan.start);
            self.cx.saving.hasten(self.cx.now.mono);
            return;
        }
        for start in plan.start {
            self.begin(start, false);
        }
    }

    /// The pins are kept, so reading may begin.
    pub(super) fn begin_pinned(&mut self) {
        if self.listing.stage != Stage::Beginning {
            return;
        }
        self.listing.stage = Stage::Running;
        let pinned = std::mem::take(&mut self.listing.pinned);
        self.cx.reads.opening = pinned.len();
        for start in pinned {
            self.begin(start, true);
        }
    }

    fn begin(&mut self, start: Start, first: bool) {
        let Start { shard: id, from } = start;
        let cx = &mut self.cx;
        let from = cx.pinned_in_time(&id, from, first);
        let ready = self.listing.lineage.as_ref().is_none_or(|(lineage, _)| lineage.may_begin(&id));
        let options = &cx.options;
        let latest = first && options.start == StartingPosition::Latest;
        cx.out.check(Invariant::ParentBeforeChild, ready || latest);
        cx.out.emit(Event::ShardStarted { shard: Arc::clone(&id), from: from.clone() });
        self.listing.last_key.0 += 1;
        let key = self.listing.last_key;
        let pinned = first && matches!(from, Checkpoint::Latest(_));
        let windows = |length| Windows::new(length, Arc::clone(&id), Arc::clone(&options.source_arn));
        let windows = options.tumbling_window.map(windows);
        let reading = Reading::new(from, pinned, options.reads, cx.now.mono);
        self.shards.insert(key, Shard::new(reading, Records::new(key, id, windows), options));
        self.work_on(key, |_, _| {});
    }

    /// A closed shard whose every record is finished: its children may begin.
    pub(super) fn end_shard(&mut self, key: ShardKey) {
        let Some(Shard { records, entries, .. }) = self.shards.remove(&key) else { return };
        let cx = &mut self.cx;
        cx.out.check(Invariant::CheckpointContiguous, records.frontier.is_clear());
        let id = records.id;
        cx.books.forget(key, entries);
        cx.reads.forget(key);
        let end = self.listing.lineage.as_ref().map_or(Checkpoint::End(None), |(lineage, _)| lineage.end_of(&id));
        cx.saving.set(Arc::clone(&id), Some(end));
        cx.out.emit(Event::ShardEnded { shard: Arc::clone(&id) });
        let plan = self.listing.shard_ended(&id, cx.now.mono);
        if cx.draining.is_none() {
            self.follow(plan);
        }
    }
}

impl Context {
    /// A pin that is still to come was made by a clock that was wrong. It would leave out what arrives until then, so
    /// it is taken for now.
    fn pinned_in_time(&mut self, id: &Arc<str>, from: Checkpoint, first: bool) -> Checkpoint {
        let now = self.now.unix_ms;
        let Checkpoint::Latest(pinned) = from else { return from };
        if first || pinned <= now {
            return from;
        }
        let to = Checkpoint::Latest(now);
        self.saving.set(Arc::clone(id), Some(to.clone()));
        if pinned - now >= SKEW_SHOWN {
            self.out.emit(Event::PinMoved { shard: Arc::clone(id), from, to: to.clone() });
        }
        to
    }
}
