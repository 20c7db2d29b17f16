//! What a search through lists has tried in vain.

use std::collections::BTreeSet;

use super::elements::{Element, Elements, ROOT};

/// Items that were taken, none of them within another. Mostly there is one, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    first: Element,
    /// In order.
    more: Vec<Element>,
}

impl State {
    /// Whether there is more than one item.
    pub(super) const fn is_combined(&self) -> bool {
        !self.more.is_empty()
    }

    /// Adds an item. One that is within another says all that the other says.
    pub(super) fn add(&mut self, item: Element, elements: &Elements) {
        if item == ROOT || self.first == item {
            return;
        }
        if self.first == ROOT || elements.contains(self.first, item) && self.more.is_empty() {
            self.first = item;
            return;
        }
        if elements.contains(item, self.first) && self.more.is_empty() {
            return;
        }
        self.more.push(self.first);
        self.more.push(item);
        self.more.sort_unstable();
        self.more.dedup();
        let all = std::mem::take(&mut self.more);
        let mut kept = all.iter().enumerate().filter(|(index, outer)| {
            // Numbers within an item follow it directly.
            !all.get(index + 1).is_some_and(|inner| elements.contains(**outer, *inner))
        });
        self.first = kept.next().map_or(ROOT, |(_, item)| *item);
        self.more = kept.map(|(_, item)| *item).collect();
    }
}

/// Remembers for each field with what it failed, and which lists make a difference to which fields.
#[derive(Debug)]
pub(super) struct Memo {
    /// For each list, one more than the index of the last field that has values in it.
    concerns: Vec<usize>,
    /// For states of one item, one bit for each of the first fields; empty until there is one.
    single: Vec<u64>,
    other: BTreeSet<(usize, State)>,
}

impl Memo {
    /// For lists and items with numbers below `elements`.
    pub(super) fn new(elements: usize) -> Self {
        Self { concerns: vec![0; elements], single: Vec::new(), other: BTreeSet::new() }
    }

    /// Notes that a field has values in a list; false if it is known of this field or a later one. Later fields come
    /// first.
    pub(super) fn concern(&mut self, list: Element, field: usize) -> bool {
        let last = &mut self.concerns[list as usize];
        let new = *last == 0;
        if new {
            *last = field + 1;
        }
        new
    }

    /// Whether a list makes a difference to the fields from `field` on.
    pub(super) fn concerns(&self, list: Element, field: usize) -> bool {
        self.concerns[list as usize] > field
    }

    pub(super) fn has_failed(&self, field: usize, state: &State) -> bool {
        if field < 64 && state.more.is_empty() {
            return self.single.get(state.first as usize).is_some_and(|fields| fields >> field & 1 == 1);
        }
        self.other.contains(&(field, state.clone()))
    }

    pub(super) fn fail(&mut self, field: usize, state: State, elements: usize) {
        if field < 64 && state.more.is_empty() {
            if self.single.is_empty() {
                self.single = vec![0; elements.max(1)];
            }
            self.single[state.first as usize] |= 1 << field;
        } else {
            self.other.insert((field, state));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of two items, the first with a list of two items of its own: the list 1, its items 2 and 6, the inner
    /// list 3, its items 4 and 5.
    fn elements() -> Elements {
        let mut elements = Elements::new();
        let list = elements.open(ROOT);
        let first = elements.open(list);
        let inner = elements.open(first);
        for _ in 0..2 {
            let item = elements.open(inner);
            elements.close(item);
        }
        elements.close(inner);
        elements.close(first);
        let second = elements.open(list);
        elements.close(second);
        elements.close(list);
        elements
    }

    fn state(items: &[Element]) -> State {
        let mut state = State::default();
        items.iter().for_each(|item| state.add(*item, &elements()));
        state
    }

    #[test]
    fn states_are_the_same_in_any_order_of_adding() {
        assert_eq!(state(&[2, 4, 6]), state(&[6, 4, 2]));
        assert_eq!(state(&[4, 2]), state(&[4]));
        assert_eq!(state(&[2, 4, ROOT, 4]), state(&[4]));
        assert_eq!(state(&[6, 2, 4]), state(&[4, 6]));
        assert_ne!(state(&[4]), state(&[5]));
        assert_ne!(state(&[4, 6]), state(&[4]));
    }

    #[test]
    fn failures_are_remembered_by_field_and_state() {
        let mut memo = Memo::new(7);
        for (field, items) in [(1, &[4][..]), (1, &[4, 6]), (70, &[]), (0, &[])] {
            assert!(!memo.has_failed(field, &state(items)));
            memo.fail(field, state(items), 7);
            assert!(memo.has_failed(field, &state(items)));
        }
        assert!(!memo.has_failed(2, &state(&[4])));
        assert!(!memo.has_failed(1, &state(&[5])));
        assert!(!memo.has_failed(1, &state(&[5, 6])));
    }

    #[test]
    fn lists_concern_fields_up_to_the_last() {
        let mut memo = Memo::new(7);
        assert!(memo.concern(3, 4));
        assert!(!memo.concern(3, 2));
        assert!(memo.concerns(3, 4) && memo.concerns(3, 0));
        assert!(!memo.concerns(3, 5) && !memo.concerns(1, 0));
    }
}
