//! Moves of units from members that have more to members that have less.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::fleet::Unit;

/// The most units that one member gives or takes in one plan.
const MOST_OF_MEMBER: u32 = 8;
/// The most units of one mapping that move in one plan: this part of them, and at least one.
const PART_OF_MAPPING: usize = 10;

/// What one plan has moved.
struct Moves {
    by_member: Vec<u32>,
    by_mapping: Vec<usize>,
}

/// First no member has two units of one mapping more than another, then none has two units more in all.
pub(super) fn balance(draft: &mut Draft<'_>, held: &BTreeSet<Unit>) {
    let mut moves = Moves { by_member: vec![0; draft.members()], by_mapping: vec![0; draft.mappings.len()] };
    for mapping in 0..draft.mappings.len() {
        while moves.may_move(draft, mapping) && even_mapping(draft, mapping, held, &mut moves) {}
    }
    while even_totals(draft, held, &mut moves) {}
}

impl Moves {
    fn may_move(&self, draft: &Draft<'_>, mapping: usize) -> bool {
        let span = &draft.mappings[mapping];
        self.by_mapping[mapping] < (span.end - span.first).div_ceil(PART_OF_MAPPING)
    }

    fn may_trade(&self, member: usize) -> bool {
        self.by_member[member] < MOST_OF_MEMBER
    }

    fn make(&mut self, draft: &mut Draft<'_>, unit: usize, from: usize, to: usize) {
        draft.give(unit, to);
        draft.moved.insert(unit);
        self.by_mapping[draft.mapping_of[unit]] += 1;
        self.by_member[from] += 1;
        self.by_member[to] += 1;
    }
}

/// Whether a unit can be taken from this member: it was not placed or moved just now.
fn is_movable(draft: &Draft<'_>, unit: usize, from: usize, held: &BTreeSet<Unit>) -> bool {
    draft.owners[unit] == Some(from) && draft.was_kept(unit) && !draft.moved.contains(&unit) && {
        held.is_empty() || !held.contains(draft.unit(unit))
    }
}

/// Moves one unit of the mapping, if that makes it more even.
fn even_mapping(draft: &mut Draft<'_>, mapping: usize, held: &BTreeSet<Unit>, moves: &mut Moves) -> bool {
    let members = || (0..draft.members()).filter(|&member| moves.may_trade(member));
    let least = members()
        .filter(|&member| draft.takes(mapping, member))
        .min_by_key(|&member| (draft.count(mapping, member), draft.totals[member], draft.hash(mapping, member)));
    let Some(to) = least else { return false };
    let mut donors: Vec<usize> =
        members().filter(|&from| draft.count(mapping, from) > draft.count(mapping, to) + 1).collect();
    donors.sort_by_key(|&from| std::cmp::Reverse((draft.count(mapping, from), draft.totals[from], from)));
    for from in donors {
        let span = &draft.mappings[mapping];
        if let Some(unit) = (span.first..span.end).rev().find(|&unit| is_movable(draft, unit, from, held)) {
            moves.make(draft, unit, from, to);
            return true;
        }
    }
    false
}

/// Moves one unit from a member that has two more than another, without making its mapping less even.
fn even_totals(draft: &mut Draft<'_>, held: &BTreeSet<Unit>, moves: &mut Moves) -> bool {
    let mut members: Vec<usize> = (0..draft.members()).filter(|&member| moves.may_trade(member)).collect();
    members.sort_by_key(|&member| (draft.totals[member], member));
    for &from in members.iter().rev() {
        let mut units: Option<Vec<usize>> = None;
        for &to in members.iter().take_while(|&&to| draft.totals[to] + 1 < draft.totals[from]) {
            let units = units.get_or_insert_with(|| {
                let movable = |&unit: &usize| is_movable(draft, unit, from, held);
                (0..draft.owners.len())
                    .filter(movable)
                    .filter(|&unit| moves.may_move(draft, draft.mapping_of[unit]))
                    .collect()
            });
            let evens = |&unit: &usize| {
                let mapping = draft.mapping_of[unit];
                draft.takes(mapping, to) && draft.count(mapping, from) > draft.count(mapping, to)
            };
            // Of those, the one that is the first for its new owner: so mappings scatter.
            let best =
                units.iter().copied().filter(evens).min_by_key(|&unit| (draft.hash(draft.mapping_of[unit], to), unit));
            if let Some(unit) = best {
                moves.make(draft, unit, from, to);
                return true;
            }
        }
    }
    false
}
