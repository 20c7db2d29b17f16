//! A plan in the making, with numbers for names: 100 replicas and 10,000 units are a million pairs.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64;

use super::version::compare;
use super::{Member, Plan, Snapshot};
use crate::fleet::{ReplicaId, Unit};

/// The units of one mapping: `units[first..end]`.
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) end: usize,
    hash: u64,
}

pub(super) struct Draft<'a> {
    /// By id.
    members: Vec<&'a Member>,
    hashes: Vec<u64>,
    /// By mapping and shard.
    units: Vec<(&'a Unit, Option<&'a ReplicaId>)>,
    /// The member that each unit goes to.
    pub(super) owners: Vec<Option<usize>>,
    pub(super) mappings: Vec<Span>,
    /// The mapping of each unit.
    pub(super) mapping_of: Vec<usize>,
    /// For each mapping and member: whether it offers the mapping, and whether it may be given units of it.
    offers: Vec<bool>,
    takes: Vec<bool>,
    /// For each mapping and member: the units there.
    counts: Vec<u32>,
    /// For each member: the units there.
    pub(super) totals: Vec<u32>,
    pub(super) moved: BTreeSet<usize>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut members: Vec<&Member> = snapshot.members.iter().collect();
        members.sort_by(|one, other| one.id.cmp(&other.id));
        members.dedup_by(|one, other| one.id == other.id);
        let units: Vec<_> = snapshot.units.iter().map(|(unit, owner)| (unit, owner.as_ref())).collect();
        let mut mappings: Vec<Span> = Vec::new();
        let mut mapping_of = Vec::with_capacity(units.len());
        for (at, (unit, _)) in units.iter().enumerate() {
            match mappings.last_mut().filter(|span| units[span.first].0.mapping == unit.mapping) {
                Some(span) => span.end = at + 1,
                None => mappings.push(Span { first: at, end: at + 1, hash: xxh3_64(unit.mapping.as_bytes()) }),
            }
            mapping_of.push(mappings.len() - 1);
        }
        let pairs = mappings.len() * members.len();
        let mut draft = Self {
            hashes: members.iter().map(|member| xxh3_64(member.id.as_str().as_bytes())).collect(),
            owners: vec![None; units.len()],
            offers: vec![false; pairs],
            takes: vec![false; pairs],
            counts: vec![0; pairs],
            totals: vec![0; members.len()],
            moved: BTreeSet::new(),
            members,
            units,
            mappings,
            mapping_of,
        };
        draft.read_offers();
        draft
    }

    fn read_offers(&mut self) {
        for (member, offered) in self.members.iter().enumerate() {
            // Both are sorted by name.
            let mut offered = offered.offers.iter().peekable();
            for (mapping, span) in self.mappings.iter().enumerate() {
                let name = &self.units[span.first].0.mapping;
                while offered.next_if(|offer| *offer < name).is_some() {}
                self.offers[mapping * self.members.len() + member] = offered.peek().is_some_and(|offer| *offer == name);
            }
        }
        for mapping in 0..self.mappings.len() {
            let can = |&member: &usize| self.members[member].takes && self.offers[self.pair(mapping, member)];
            let versions = (0..self.members.len()).filter(can).map(|member| &self.members[member].version);
            let Some(newest) = versions
                .max_by(|one, other| if one == other { std::cmp::Ordering::Equal } else { compare(one, other) })
            else {
                continue;
            };
            let newest: Vec<usize> =
                (0..self.members.len()).filter(can).filter(|&at| self.members[at].version == *newest).collect();
            for member in newest {
                let pair = self.pair(mapping, member);
                self.takes[pair] = true;
            }
        }
    }

    const fn pair(&self, mapping: usize, member: usize) -> usize {
        mapping * self.members.len() + member
    }

    pub(super) const fn members(&self) -> usize {
        self.members.len()
    }

    pub(super) fn unit(&self, unit: usize) -> &'a Unit {
        self.units[unit].0
    }

    /// The units of this mapping that go to this member.
    pub(super) fn count(&self, mapping: usize, member: usize) -> u32 {
        self.counts[self.pair(mapping, member)]
    }

    /// Whether the member may be given units of the mapping.
    pub(super) fn takes(&self, mapping: usize, member: usize) -> bool {
        self.takes[self.pair(mapping, member)]
    }

    /// An order of members that differs from mapping to mapping, so that remainders spread.
    pub(super) fn hash(&self, mapping: usize, member: usize) -> u64 {
        let mixed = (self.mappings[mapping].hash ^ self.hashes[member]).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ (mixed >> 29)
    }

    /// Whether the unit stays with a member that had it before.
    pub(super) fn was_kept(&self, unit: usize) -> bool {
        let before = self.units[unit].1;
        self.owners[unit].is_some_and(|owner| before == Some(&self.members[owner].id))
    }

    /// Gives a unit to a member, and takes it from the one that had it.
    pub(super) fn give(&mut self, unit: usize, member: usize) {
        let mapping = self.mapping_of[unit];
        if let Some(before) = self.owners[unit].replace(member) {
            let pair = self.pair(mapping, before);
            self.counts[pair] -= 1;
            self.totals[before] -= 1;
        }
        let pair = self.pair(mapping, member);
        self.counts[pair] += 1;
        self.totals[member] += 1;
    }

    /// Units stay with members that can run them. A member that drains keeps what no other can take.
    pub(super) fn keep(&mut self) {
        for unit in 0..self.units.len() {
            let Some(owner) = self.units[unit].1 else { continue };
            let Ok(member) = self.members.binary_search_by(|member| member.id.cmp(owner)) else { continue };
            let mapping = self.mapping_of[unit];
            let can = if self.members[member].takes {
                self.offers[self.pair(mapping, member)]
            } else {
                (0..self.members()).all(|other| !self.takes(mapping, other))
            };
            if can {
                self.give(unit, member);
            }
        }
    }

    /// Units without an owner go where the fewest are.
    pub(super) fn place(&mut self) {
        for unit in 0..self.units.len() {
            if self.owners[unit].is_some() {
                continue;
            }
            let mapping = self.mapping_of[unit];
            let takers = (0..self.members()).filter(|&member| self.takes(mapping, member));
            let fewest = takers.min_by_key(|&member| {
                (self.count(mapping, member), self.totals[member], self.hash(mapping, member), member)
            });
            if let Some(member) = fewest {
                self.give(unit, member);
            }
        }
    }

    pub(super) fn finish(self) -> Plan {
        let mut wanted: Vec<BTreeSet<Unit>> = vec![BTreeSet::new(); self.members.len()];
        for (unit, owner) in self.owners.iter().enumerate() {
            if let Some(owner) = owner {
                wanted[*owner].insert(self.units[unit].0.clone());
            }
        }
        let ids = self.members.iter().map(|member| member.id.clone());
        let wanted: BTreeMap<_, _> = ids.zip(wanted).collect();
        Plan { wanted, moved: self.moved.iter().map(|&unit| self.units[unit].0.clone()).collect() }
    }
}
