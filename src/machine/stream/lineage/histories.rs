//! Generated histories of splits, merges, trims, lagging listings and crashes, against a stream that knows the truth.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Lineage, Plan};
use crate::machine::{Checkpoint, Positions, Shard, StartingPosition};

#[derive(Clone, Debug)]
enum Step {
    Root,
    Split(usize),
    Merge(usize, usize),
    Trim(usize),
    List { lag: usize, hide: Option<usize>, crash: Option<Crash> },
    End { pick: usize, crash: Option<Crash> },
    Restart,
}

/// The process dies while a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Crash {
    BeforeTheSave,
    /// The checkpoint END was saved, but nothing of the plan.
    AfterTheEnd,
    AfterTheSave,
}

fn steps() -> impl Strategy<Value = Step> {
    let crash = || {
        prop::option::weighted(
            0.1,
            prop::sample::select(vec![Crash::BeforeTheSave, Crash::AfterTheEnd, Crash::AfterTheSave]),
        )
    };
    let lag = prop_oneof![2 => Just(0), 1 => 0..4_usize];
    prop_oneof![
        1 => Just(Step::Root),
        4 => any::<usize>().prop_map(Step::Split),
        3 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Step::Merge(one, other)),
        3 => any::<usize>().prop_map(Step::Trim),
        8 => (lag, prop::option::weighted(0.2, any::<usize>()), crash()).prop_map(|(lag, hide, crash)| Step::List { lag,
        hide, crash }),
        8 => (any::<usize>(), crash()).prop_map(|(pick, crash)| Step::End { pick, crash }),
        1 => Just(Step::Restart),
    ]
}

/// A shard as it truly is.
struct Real {
    parents: Vec<usize>,
    closed: bool,
    trimmed: bool,
    /// Its checkpoint END was saved, or LATEST skipped it.
    ended: bool,
    started: bool,
}

struct World {
    start: StartingPosition,
    shards: Vec<Real>,
    kept: Positions,
    lineage: Lineage,
    /// How many shards the listings have shown: a listing may lag, but never behind an earlier one.
    shown: usize,
    /// The shards that this life reads, and those that it has finished.
    reading: BTreeSet<usize>,
    finished: BTreeSet<usize>,
}

fn id(shard: usize) -> Arc<str> {
    format!("shard-{shard:04}").into()
}

fn number(id: &str) -> usize {
    id.trim_start_matches("shard-").parse().unwrap()
}

/// One of these, for any number.
fn pick(from: &[usize], pick: usize) -> Option<usize> {
    (!from.is_empty()).then(|| from[pick % from.len()])
}

impl World {
    fn new(start: StartingPosition, roots: usize) -> Self {
        let lineage = Lineage::new(start, Positions::default());
        let mut world = Self {
            start,
            shards: Vec::new(),
            kept: Positions::default(),
            lineage,
            shown: 0,
            reading: BTreeSet::new(),
            finished: BTreeSet::new(),
        };
        (0..roots).for_each(|_| world.add(Vec::new()));
        world
    }

    fn add(&mut self, parents: Vec<usize>) {
        for &parent in &parents {
            self.shards[parent].closed = true;
        }
        self.shards.push(Real { parents, closed: false, trimmed: false, ended: false, started: false });
    }

    fn those(&self, wanted: impl Fn(&Real) -> bool) -> Vec<usize> {
        (0..self.shards.len()).filter(|&shard| wanted(&self.shards[shard])).collect()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Root => self.add(Vec::new()),
            Step::Split(which) => {
                if let Some(parent) = pick(&self.those(|shard| !shard.closed), which) {
                    self.add(vec![parent]);
                    self.add(vec![parent]);
                }
            }
            Step::Merge(one, other) => {
                let open = self.those(|shard| !shard.closed);
                let parents: BTreeSet<usize> =
                    [one, other].into_iter().filter_map(|which| pick(&open, which)).collect();
                self.add(parents.into_iter().collect());
            }
            Step::Trim(which) => {
                let is_oldest = |shard: &Real| shard.parents.iter().all(|&parent| self.shards[parent].trimmed);
                let old = self.those(|shard| shard.closed && !shard.trimmed && is_oldest(shard));
                if let Some(shard) = pick(&old, which) {
                    self.shards[shard].trimmed = true;
                }
            }
            Step::List { lag, hide, crash } => self.list(lag, hide, crash),
            Step::End { pick: which, crash } => {
                let reading: Vec<usize> =
                    self.reading.iter().copied().filter(|&shard| self.shards[shard].closed).collect();
                if let Some(shard) = pick(&reading, which) {
                    self.end(shard, crash);
                }
            }
            Step::Restart => self.restart(),
        }
    }

    /// A listing that misses the newest shards, and possibly one that is being read.
    fn list(&mut self, lag: usize, hide: Option<usize>, crash: Option<Crash>) {
        self.shown = self.shown.max(self.shards.len().saturating_sub(lag));
        let seen = self.shown;
        let unfinished: Vec<usize> = self
            .kept
            .checkpoints
            .iter()
            .filter(|&(_, checkpoint)| *checkpoint != Checkpoint::End(None))
            .map(|(id, _)| number(id))
            .collect();
        let hidden = hide.and_then(|which| pick(&unfinished, which));
        let has_seen_child = |shard: usize| self.shards[..seen].iter().any(|child| child.parents.contains(&shard));
        let listed = (0..seen).filter(|&shard| !self.shards[shard].trimmed && Some(shard) != hidden);
        let listing: Vec<Shard> = listed
            .map(|shard| Shard {
                id: id(shard),
                parents: self.shards[shard].parents.iter().map(|&parent| id(parent)).collect(),
                closed: self.shards[shard].closed && (lag == 0 || has_seen_child(shard)),
                begins: None,
            })
            .collect();
        let plan = self.lineage.listed(&listing, 1_000);
        self.carry_out(plan, None, crash);
    }

    fn end(&mut self, shard: usize, crash: Option<Crash>) {
        let plan = self.lineage.finished(&id(shard));
        self.reading.remove(&shard);
        self.finished.insert(shard);
        self.carry_out(plan, Some(shard), crash);
    }

    fn carry_out(&mut self, plan: Plan, ended: Option<usize>, crash: Option<Crash>) {
        if crash == Some(Crash::BeforeTheSave) {
            return self.restart();
        }
        let end = ended.map(|shard| (id(shard), Some(Checkpoint::End(None))));
        let of_the_plan = plan.save.into_iter().filter(|_| crash != Some(Crash::AfterTheEnd));
        for (shard, checkpoint) in end.into_iter().chain(of_the_plan) {
            self.kept.begun = true;
            self.shards[number(&shard)].ended |= checkpoint == Some(Checkpoint::End(None));
            match checkpoint {
                Some(checkpoint) => drop(self.kept.checkpoints.insert(shard, checkpoint)),
                None => {
                    assert_eq!(
                        self.kept.checkpoints.remove(&shard),
                        Some(Checkpoint::End(None)),
                        "only tombstones are forgotten"
                    );
                }
            }
        }
        if matches!(crash, Some(Crash::AfterTheEnd | Crash::AfterTheSave)) {
            return self.restart();
        }
        for start in plan.start {
            assert_eq!(
                self.kept.checkpoints.get(&start.shard),
                Some(&start.from),
                "the checkpoint is saved before the first read"
            );
            self.starts(number(&start.shard));
        }
    }

    fn starts(&mut self, shard: usize) {
        assert!(!self.shards[shard].ended, "{shard} was finished, and starts again");
        assert!(!self.finished.contains(&shard) && self.reading.insert(shard), "{shard} starts twice");
        for &parent in &self.shards[shard].parents {
            let real = &self.shards[parent];
            let is_over = real.ended || self.finished.contains(&parent) || real.trimmed;
            assert!(
                is_over && !self.reading.contains(&parent),
                "{shard} starts before its parent {parent} is finished"
            );
        }
        assert!(self.lineage.may_begin(&id(shard)));
        self.shards[shard].started = true;
    }

    fn restart(&mut self) {
        self.lineage = Lineage::new(self.start, self.kept.clone());
        self.reading.clear();
        self.finished.clear();
    }

    /// From here on all goes well, until nothing moves any more.
    fn end_well(&mut self) {
        loop {
            self.list(0, None, None);
            let closed: Vec<usize> = self.reading.iter().copied().filter(|&shard| self.shards[shard].closed).collect();
            if closed.is_empty() {
                break;
            }
            closed.into_iter().for_each(|shard| self.end(shard, None));
        }
        for (shard, real) in self.shards.iter().enumerate() {
            assert!(real.ended || real.started || real.trimmed, "{shard} was lost");
            assert!(real.trimmed || real.closed == real.ended, "{shard} is not what it should be");
            assert_eq!(self.reading.contains(&shard), !real.closed, "{shard} is read while it is open");
            assert!(real.trimmed || !self.lineage.has_unseen_children(&id(shard)));
        }
        assert_eq!(self.lineage.unfinished(), self.reading.len());
        // A tombstone whose children were never seen is kept until the next restart.
        self.restart();
        self.list(0, None, None);
        let mut kept = self.kept.checkpoints.keys();
        assert!(kept.all(|id| !self.shards[number(id)].trimmed), "what is no longer listed is forgotten in the end");
    }
}

fn starting_positions() -> impl Strategy<Value = StartingPosition> {
    prop::sample::select(vec![
        StartingPosition::TrimHorizon,
        StartingPosition::Latest,
        StartingPosition::Timestamp(500),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_shard_is_lost_or_read_twice_or_read_before_its_parents(
        start in starting_positions(),
        roots in 1..4_usize,
        steps in prop::collection::vec(steps(), 1..80),
    ) {
        let mut world = World::new(start, roots);
        for step in &steps {
            world.take(step);
        }
        world.end_well();
    }

    #[test]
    fn malformed_lineages_neither_hang_nor_lose_shards(
        start in starting_positions(),
        edges in prop::collection::vec((0..12_usize, 0..14_usize), 0..40),
        checkpoints in prop::collection::btree_map(
            0..14_usize, prop::sample::select(vec![Checkpoint::End(None), Checkpoint::TrimHorizon]), 0..6
        ),
    ) {
        let shard = |shard: &usize, parent: &usize| Shard {
            id: id(*shard), parents: vec![id(*parent)], closed: true, begins: None,
        };
        let listing: Vec<Shard> = edges.iter().map(|(one, other)| shard(one, other)).collect();
        let kept = Positions {
            begun: !checkpoints.is_empty(),
            checkpoints: checkpoints.into_iter().map(|(shard, checkpoint)| (id(shard), checkpoint)).collect(),
            ..Positions::default()
        };
        let mut lineage = Lineage::new(start, kept);
        let mut plans = vec![lineage.listed(&listing, 1_000)];
        let mut started = BTreeSet::new();
        while let Some(plan) = plans.pop() {
            for start in plan.start {
                prop_assert!(started.insert(Arc::clone(&start.shard)), "{} starts twice", start.shard);
                plans.push(lineage.finished(&start.shard));
            }
        }
        prop_assert!(edges.is_empty() || lineage.unfinished() == 0);
    }
}
