//! Whether the fields of a branch hold together: one value for each, no two of them from different items of one list.
//!
//! The fields are taken one after the other, with steps back where one does not fit. Two things keep that from growing
//! with the product of the lists' lengths: values that are excluded by what was taken are jumped over, list by list,
//! and what has failed once is not tried again with a choice that makes no difference to the rest.

use super::elements::{Element, Elements, ROOT};
use super::memo::{Memo, State};
use super::trie::{Slot, Trie};

/// Where the values that pass a test stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// One of them belongs to no list's item, so it goes with everything.
    pub free: bool,
    /// The items of the others, in order.
    pub elements: Vec<Element>,
}

/// The search took more steps than a record is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// How many steps it is worth to remember a choice of several items together; those are the choices that multiply.
const COMBINED: usize = 32;

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Yes,
    /// The slot that nothing was found for.
    No(usize),
}

/// Searches the branches of one record.
pub(super) struct Search<'a> {
    trie: &'a Trie,
    elements: &'a Elements,
    /// By slot, then those of presence.
    places: &'a [Places],
    /// How many steps are left, for all branches together.
    steps: usize,
}

/// A field that is not decided beforehand.
struct Key<'a> {
    slot: usize,
    /// A value that goes with everything is there.
    free: bool,
    elements: &'a [Element],
    /// Where absence is accepted: the values that must be excluded for it.
    present: Option<&'a [Element]>,
}

/// A field on the way, and the choices that are left for it.
struct Level {
    next: Choice,
    /// The item that was taken for it.
    taken: Element,
    /// What was taken before, as far as it concerns this field and those after it.
    before: State,
}

impl Level {
    const fn new(before: State) -> Self {
        Self { next: Choice::Free, taken: ROOT, before }
    }
}

#[derive(Clone, Copy)]
enum Choice {
    Free,
    Absence,
    Element(usize),
}

impl<'a> Search<'a> {
    pub(super) const fn new(trie: &'a Trie, elements: &'a Elements, places: &'a [Places], steps: usize) -> Self {
        Self { trie, elements, places, steps }
    }

    /// Whether all slots hold together.
    pub(super) fn holds(&mut self, slots: impl Iterator<Item = usize> + Clone) -> Result<Found, Exhausted> {
        for slot in slots.clone() {
            if !self.is_possible(slot) {
                return Ok(Found::No(slot));
            }
        }
        // What holds whatever else is taken needs no search, unless taking a value instead could exclude others.
        let keys: Vec<Key<'_>> = slots
            .map(|slot| self.key(slot))
            .filter(|key| {
                let settled = key.free || key.present.is_some_and(<[_]>::is_empty);
                !settled || self.trie.knows_absence && !key.elements.is_empty()
            })
            .collect();
        let choosing = keys.iter().filter(|key| !key.free).count();
        if choosing == 0 || keys.len() == 1 && !keys[0].elements.is_empty() {
            return Ok(Found::Yes);
        }
        self.backtrack(&keys)
    }

    /// Whether a slot holds at all, looked at alone.
    pub(super) fn is_possible(&self, slot: usize) -> bool {
        let places = &self.places[slot];
        places.free || !places.elements.is_empty() || self.presence(slot).is_some_and(|present| !present.free)
    }

    fn presence(&self, slot: usize) -> Option<&'a Places> {
        let Slot { presence, .. } = &self.trie.slots[slot];
        presence.map(|list| &self.places[list])
    }

    fn key(&self, slot: usize) -> Key<'a> {
        let places = &self.places[slot];
        let present = self.presence(slot).filter(|present| !present.free).map(|present| &present.elements[..]);
        Key { slot, free: places.free, elements: &places.elements, present }
    }

    fn backtrack(&mut self, keys: &[Key<'_>]) -> Result<Found, Exhausted> {
        let mut memo = self.memo(keys)?;
        let mut levels = vec![Level::new(State::default())];
        let mut furthest = 0;
        while let Some(depth) = levels.len().checked_sub(1) {
            let Some(key) = keys.get(depth) else { return Ok(Found::Yes) };
            furthest = furthest.max(depth);
            if self.choose(key, &mut levels)? {
                let before = self.state(&levels, depth + 1, memo.as_ref())?;
                if !memo.as_ref().is_some_and(|memo| memo.has_failed(depth + 1, &before)) {
                    levels.push(Level::new(before));
                }
            } else if let (Some(level), Some(memo)) = (levels.pop(), &mut memo) {
                memo.fail(depth, level.before, self.elements.len());
            }
        }
        Ok(Found::No(keys[furthest].slot))
    }

    /// Takes the next value, or absence, for the last level that goes with what is taken.
    fn choose(&mut self, key: &Key<'_>, levels: &mut [Level]) -> Result<bool, Exhausted> {
        let Some((level, before)) = levels.split_last_mut() else { return Ok(false) };
        loop {
            match level.next {
                Choice::Free => {
                    level.next = Choice::Absence;
                    if key.free {
                        level.taken = ROOT;
                        return Ok(true);
                    }
                }
                Choice::Absence => {
                    level.next = Choice::Element(0);
                    if let Some(present) = key.present
                        && self.consistent(present, 0, before)?.is_none()
                    {
                        level.taken = ROOT;
                        return Ok(true);
                    }
                }
                Choice::Element(from) => {
                    let Some(index) = self.consistent(key.elements, from, before)? else { return Ok(false) };
                    level.next = Choice::Element(index + 1);
                    level.taken = key.elements[index];
                    return Ok(true);
                }
            }
        }
    }

    /// The first of some items, from an index on, that may be taken together with what is taken.
    fn consistent(&mut self, items: &[Element], from: usize, taken: &[Level]) -> Result<Option<usize>, Exhausted> {
        let mut index = from;
        while let Some(item) = items.get(index) {
            self.step()?;
            let Some(beyond) = self.conflict(*item, taken)? else { return Ok(Some(index)) };
            index += items[index..].partition_point(|item| *item < beyond);
        }
        Ok(None)
    }

    /// Where an item is of a list that another item was taken of: the first number beyond what is excluded by that.
    fn conflict(&mut self, item: Element, taken: &[Level]) -> Result<Option<Element>, Exhausted> {
        let mut last = ROOT;
        for level in taken {
            // Fields after each other are mostly in one item.
            if level.taken == ROOT || level.taken == last {
                continue;
            }
            last = level.taken;
            let mut other = level.taken;
            self.step()?;
            while !self.elements.contains(other, item) {
                self.step()?;
                let list = self.elements.parent(other);
                if self.elements.contains(list, item) {
                    let after = self.elements.last(list).saturating_add(1);
                    return Ok(Some(if item < other { other } else { after }));
                }
                other = self.elements.parent(list);
            }
        }
        Ok(None)
    }

    /// What failures are remembered in, if there is any use for it: of two fields, the second is looked at once for
    /// each value of the first.
    fn memo(&mut self, keys: &[Key<'_>]) -> Result<Option<Memo>, Exhausted> {
        if keys.len() < 3 {
            return Ok(None);
        }
        let mut memo = Memo::new(self.elements.len());
        for (index, key) in keys.iter().enumerate().rev() {
            for item in key.elements.iter().chain(key.present.unwrap_or_default()) {
                let mut item = *item;
                while item != ROOT {
                    self.step()?;
                    let list = self.elements.parent(item);
                    if !memo.concern(list, index) {
                        break;
                    }
                    item = self.elements.parent(list);
                }
            }
        }
        Ok(Some(memo))
    }

    /// What is taken, as far as it makes a difference to the keys from `depth` on.
    fn state(&mut self, levels: &[Level], depth: usize, memo: Option<&Memo>) -> Result<State, Exhausted> {
        let mut state = State::default();
        let Some(memo) = memo else { return Ok(state) };
        let mut last = ROOT;
        for level in levels {
            let mut item = level.taken;
            if item == last {
                continue;
            }
            last = item;
            self.step()?;
            while item != ROOT && !memo.concerns(self.elements.parent(item), depth) {
                self.step()?;
                item = self.elements.parent(self.elements.parent(item));
            }
            state.add(item, self.elements);
        }
        if state.is_combined() {
            self.steps = self.steps.checked_sub(COMBINED).ok_or(Exhausted)?;
        }
        Ok(state)
    }

    fn step(&mut self) -> Result<(), Exhausted> {
        self.steps = self.steps.checked_sub(1).ok_or(Exhausted)?;
        Ok(())
    }
}
