//! Which shards are read: the claim of the marks, the listings, and what the lineage makes of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::StreamMachine;
use super::lineage::{Lineage, Plan, Start};
use super::shard::{Shard, ShardKey};
use super::standing::SKEW_SHOWN;
use super::windows::Windows;
use crate::machine::health::Standing;
use crate::machine::{
    Event, Fault, FaultKind, Fence, Invariant, Mark, Mono, Positions, StartingPosition, StreamListing, StreamRequest,
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
    /// Since when listings contradict the marks.
    pub(super) contradicted: Option<Mono>,
    /// Shards that begin when their pins are saved.
    pinned: Vec<Start>,
    /// Pinned shards that were not answered yet, and the records that the others brought meanwhile.
    pub(super) opening: usize,
    pub(super) polled: usize,
    last_key: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// The marks are not ours yet.
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
}

impl StreamMachine {
    /// Claims and lists when it is time.
    pub(super) fn claim_and_list(&mut self) {
        let now = self.now.mono;
        if self.listing.open || self.draining.is_some() || self.listing.next.unwrap_or(now) > now {
            return;
        }
        self.listing.open = true;
        self.listing.next = None;
        if self.listing.stage == Stage::Claiming {
            self.out.ask(StreamRequest::Claim);
        } else {
            self.listing.last = now;
            self.out.ask(StreamRequest::List);
        }
    }

    pub(super) fn claimed(&mut self, result: Result<Positions, Fault>) {
        self.listing.open = false;
        match result {
            Ok(positions) => {
                self.listing.failures = 0;
                self.health.store_ok();
                let fence = positions.fence;
                self.listing.stage = if positions.begun { Stage::Running } else { Stage::Beginning };
                self.listing.lineage = Some((Lineage::new(self.options.start, positions), fence));
                self.listing.next = Some(self.now.mono);
            }
            Err(fault) => {
                self.listing.failures += 1;
                let pause = self.options.retry.pause(self.listing.failures, &mut self.rng);
                self.listing.next = Some(self.now.mono + pause);
                self.health.store_failed(&fault);
                self.out.emit(Event::CheckpointFailed { message: fault.message, retry_in: pause });
            }
        }
    }

    pub(super) fn listed(&mut self, result: Result<StreamListing, Fault>) {
        self.listing.open = false;
        let StreamListing { shards, disabled } = match result {
            Ok(listing) => listing,
            Err(fault) => return self.list_failed(fault),
        };
        self.listing.failures = 0;
        self.source_recovered(ShardKey::LISTING);
        self.health.stands(Standing::Disabled, disabled.map(|disabled| format!("FB0611: {disabled}")));
        self.listing.named = shards.len();
        if self.draining.is_some() {
            return;
        }
        let unix_ms = self.now.unix_ms;
        let Some((lineage, _)) = &mut self.listing.lineage else { return };
        let plan = lineage.listed(&shards, unix_ms);
        let names: BTreeSet<&str> = shards.iter().map(|shard| &*shard.id).collect();
        // A life before this one may have ended before it saw the children of what it finished.
        let first = self.listing.listings == 0;
        let ended = shards.iter().map(|shard| &shard.id).filter(|_| first);
        self.listing.childless.extend(ended.cloned());
        self.listing.listings += 1;
        self.listing.childless.retain(|shard| lineage.has_unseen_children(shard));
        self.follow(plan);
        self.judge_missing(|shard| names.contains(shard));
        self.judge_marks();
        self.plan_listing();
    }

    fn list_failed(&mut self, fault: Fault) {
        self.listing.failures += 1;
        let pause = self.options.retry.pause(self.listing.failures, &mut self.rng);
        let pause = pause.max(fault.retry_after.unwrap_or_default()).max(APART);
        self.listing.next = Some(self.now.mono + pause);
        if fault.kind != FaultKind::Cancelled {
            self.failing.insert(ShardKey::LISTING);
            self.health.source_failed(&fault);
        }
        self.out.emit(Event::ListFailed { kind: fault.kind, message: fault.message, retry_in: pause });
    }

    fn plan_listing(&mut self) {
        let certain = self.listing.childless.is_empty() && self.listing.contradicted.is_none();
        let pause = if certain && !self.shards.is_empty() {
            self.listing.fruitless = 0;
            self.listing.again.checked_sub(1).map_or(SELDOM, |left| {
                self.listing.again = left;
                AGAIN[left.min(AGAIN.len() - 1)]
            })
        } else {
            self.listing.fruitless += 1;
            APART.saturating_mul(1 << (self.listing.fruitless - 1).min(6)).min(FRUITLESS)
        };
        let at = self.now.mono + pause;
        self.listing.next = Some(self.listing.next.map_or(at, |next| next.min(at)));
    }

    /// Carries out what the lineage wants.
    fn follow(&mut self, plan: Plan) {
        let first = self.listing.stage == Stage::Beginning;
        let saves = !plan.save.is_empty();
        for (shard, mark) in plan.save {
            self.saving.set(shard, mark);
        }
        if first && saves {
            // Nothing is read before the pins are kept: after a crash the mapping would begin at another place.
            self.listing.pinned.extend(plan.start);
            self.saving.hasten(self.now.mono);
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
        self.listing.opening = pinned.len();
        for start in pinned {
            self.begin(start, true);
        }
    }

    fn begin(&mut self, start: Start, first: bool) {
        let Start { shard: id, from } = start;
        let from = self.pinned_in_time(&id, from, first);
        let ready = self.listing.lineage.as_ref().is_none_or(|(lineage, _)| lineage.is_settled_parent(&id));
        let latest = first && self.options.start == StartingPosition::Latest;
        self.out.check(Invariant::ParentBeforeChild, ready || latest);
        self.out.emit(Event::ShardStarted { shard: Arc::clone(&id), from: from.clone() });
        self.listing.last_key += 1;
        let key = ShardKey(self.listing.last_key);
        let pinned = first && matches!(from, Mark::Latest(_));
        let options = &self.options;
        let mut shard = Shard::new(id, from, pinned, options.reads, options.parallelization, self.now.mono);
        shard.windows = options.tumbling_window.map(Windows::new);
        self.shards.insert(key, shard);
        self.advance_shard(key);
    }

    /// A pin that is still to come was made by a clock that was wrong. It would leave out what arrives until then, so
    /// it is taken for now.
    fn pinned_in_time(&mut self, id: &Arc<str>, from: Mark, first: bool) -> Mark {
        let now = self.now.unix_ms;
        let Mark::Latest(pinned) = from else { return from };
        if first || pinned <= now {
            return from;
        }
        let to = Mark::Latest(now);
        self.saving.set(Arc::clone(id), Some(to.clone()));
        if pinned - now >= SKEW_SHOWN {
            self.out.emit(Event::PinMoved { shard: Arc::clone(id), from, to: to.clone() });
        }
        to
    }

    /// The shard is processed to its end.
    pub(super) fn shard_ended(&mut self, id: &Arc<str>) {
        let now = self.now.mono;
        let Some((lineage, _)) = &mut self.listing.lineage else { return };
        let plan = lineage.finished(id);
        if lineage.has_unseen_children(id) {
            self.listing.childless.insert(Arc::clone(id));
            self.listing.fruitless = 0;
        }
        self.listing.again = AGAIN.len();
        self.listing.soon(now);
        if self.draining.is_none() {
            self.follow(plan);
        }
    }
}
