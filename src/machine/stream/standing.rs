//! What stands between a mapping and its work although every call succeeds: checkpoints of another stream, nothing that
//! could be read, and a clock that is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::lineage::Contradiction;
use super::list::{Listing, Stage};
use crate::machine::health::Standing;
use crate::machine::{Event, Invariant, Mono};

/// A listing may lag behind what reads have shown; after this it counts. And so long a mapping may read nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// A host clock that is off by so much is reported (milliseconds).
pub(super) const SKEW_SHOWN: u64 = 30_000;
/// It is no longer, when it is off by less than this: what answers tell is exact to a second.
const SKEW_OVER: u64 = 25_000;
/// It is reported again when it has changed by so much.
const SKEW_STEP: u64 = 10_000;
/// It degrades the mapping: AWS takes no signature that is older than this.
const SKEW_DEGRADES: u64 = 300_000;
/// The most shards that a message names.
const NAMED: usize = 3;

/// What has lasted for a while, or was reported.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Since when there is no shard to read.
    unread: Option<Mono>,
    /// How far the host's clock is ahead of the source's, as it was reported last (milliseconds).
    skew: i64,
}

impl Watch {
    /// Notices when nothing is read, and nothing that was read is still in work.
    pub(super) fn reading(&mut self, reads: bool, listing: &Listing, cx: &mut Context) {
        if reads || cx.draining.is_some() {
            self.unread = None;
            return cx.health.stands(Standing::Unread, None);
        }
        let since = *self.unread.get_or_insert(cx.now.mono);
        if cx.now.mono.since(since) >= PATIENCE {
            let problem = listing.why_unread(&cx.options.mapping);
            cx.health.stands(Standing::Unread, Some(problem));
        }
    }

    /// Reports a host clock that is wrong. Ages and pins use the source's clock. What signs calls, and writes the log,
    /// does not.
    pub(super) fn clock(&mut self, cx: &mut Context) {
        let ahead = cx.now.ahead_ms;
        let far = ahead.unsigned_abs() >= if self.skew == 0 { SKEW_SHOWN } else { SKEW_OVER };
        let ahead = if far { ahead } else { 0 };
        let changed = ahead.abs_diff(self.skew) >= SKEW_STEP || (self.skew == 0) != (ahead == 0);
        if !changed {
            return;
        }
        self.skew = ahead;
        cx.out.emit(Event::ClockSkew { ahead_ms: ahead });
        let degrades = ahead.unsigned_abs() >= SKEW_DEGRADES;
        cx.health.stands(Standing::Clock, degrades.then(|| skewed(ahead)));
    }

    /// When it will have read nothing for too long.
    pub(super) fn due(&self, now: Mono) -> Option<Mono> {
        self.unread.map(|since| since + PATIENCE).filter(|&due| due > now)
    }

    /// To be called when the health is shown: a mapping that reads nothing says so.
    pub(super) fn check(&self, cx: &mut Context) {
        let idle = self.unread.is_some_and(|since| cx.now.mono.since(since) >= 2 * PATIENCE);
        cx.out.check(Invariant::IdleIsDegraded, !idle || cx.health.is_degraded());
    }
}

impl Listing {
    /// Compares the checkpoints with a new listing: a shard that is processed to its end is closed, and the same as
    /// before.
    pub(super) fn judge_checkpoints(&mut self, cx: &mut Context) {
        let shards = self.lineage.as_ref().map(|(lineage, _)| lineage.contradicted());
        let Some(shards) = shards.filter(|shards| !shards.is_empty()) else {
            self.contradicted = None;
            return cx.health.stands(Standing::Contradicted, None);
        };
        let since = *self.contradicted.get_or_insert(cx.now.mono);
        let namesake = shards.values().any(|&why| why == Contradiction::Namesake);
        if namesake || cx.now.mono.since(since) >= PATIENCE {
            let mapping = &cx.options.mapping;
            let problem = if namesake { made_again(shards, mapping) } else { still_open(shards, mapping) };
            cx.health.stands(Standing::Contradicted, Some(problem));
        }
    }

    fn why_unread(&self, mapping: &str) -> String {
        let why = match (self.stage, self.childless.first()) {
            (Stage::Claiming, _) => "the store has not handed out the checkpoints".into(),
            (_, _) if self.listings == 0 => "the stream has not listed its shards".into(),
            (_, _) if self.named == 0 => "the stream lists no shard".into(),
            (Stage::Beginning, _) => "the starting positions are not saved".into(),
            (Stage::Running, Some(ended)) => {
                format!("shard {ended} is processed to its end, and the stream lists no child of it")
            }
            (Stage::Running, None) => {
                format!(
                    "every shard that the stream lists counts as processed to its end; `forebay checkpoint get \
                     {mapping}` shows the checkpoints, and `forebay checkpoint reset {mapping} --force` begins again"
                )
            }
        };
        format!("FB0613: no shard is read: {why}")
    }
}

fn skewed(ahead_ms: i64) -> String {
    let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
    format!(
        "FB0614: this host's clock is {} s {way} the source's: ages of records and starting positions go by the \
         source's; \
         set the host's clock, for instance by NTP",
        ahead_ms.unsigned_abs() / 1000
    )
}

fn made_again(shards: &BTreeMap<Arc<str>, Contradiction>, mapping: &str) -> String {
    let namesakes = shards.iter().filter(|&(_, &why)| why == Contradiction::Namesake).map(|(shard, _)| &**shard);
    format!(
        "FB0612: the stream was deleted and made again: the checkpoint END of {} belongs to an earlier shard of that \
         name: nothing of it is read; `forebay checkpoint reset {mapping} --force` begins the stream again",
        named(namesakes)
    )
}

fn named<'s>(shards: impl Iterator<Item = &'s str> + Clone) -> String {
    let more = if shards.clone().count() > NAMED { " and others" } else { "" };
    format!("{}{more}", shards.take(NAMED).collect::<Vec<_>>().join(", "))
}

fn still_open(shards: &BTreeMap<Arc<str>, Contradiction>, mapping: &str) -> String {
    let names = named(shards.keys().map(|shard| &**shard));
    let first = shards.keys().next().map_or("SHARD", |shard| &**shard);
    let each = if shards.len() > 1 { ", and so on for each of them" } else { "" };
    format!(
        "FB0612: the checkpoint END says that {names} is processed to its end, but the stream lists it as open, \
         as \
         when it was deleted and made again: nothing of it is read; `forebay checkpoint set {mapping} {first} \
         TRIM_HORIZON --force` begins it again{each}"
    )
}
