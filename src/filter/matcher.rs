//! Tests the values of a record as they are read, and keeps only where those stand that pass.

use super::elements::{Element, ROOT};
use super::leaf::Leaf;
use super::search::Places;
use super::stream::Sink;
use super::trie::{NodeId, Slot, Trie};

/// What a record's values have passed so far.
pub(super) struct Matcher<'t> {
    trie: &'t Trie,
    /// For each slot the values that pass; then, for those that accept absence, all values there.
    pub places: Vec<Places>,
}

impl<'t> Matcher<'t> {
    pub(super) fn new(trie: &'t Trie) -> Self {
        Self { trie, places: vec![Places::default(); trie.lists] }
    }

    /// Whether there is no need to look at further values.
    fn is_settled(&self, list: usize) -> bool {
        self.places[list].free && !self.trie.knows_absence
    }

    fn add(&mut self, list: usize, element: Element) {
        let places = &mut self.places[list];
        if element == ROOT {
            places.free = true;
        } else if places.elements.last() != Some(&element) {
            places.elements.push(element);
        }
    }

    /// Brings the places into the order of the text; a value may come after one of an item that began later.
    pub(super) fn sort(&mut self) {
        for places in self.places.iter_mut().filter(|places| !places.elements.is_sorted()) {
            places.elements.sort_unstable();
            places.elements.dedup();
        }
    }
}

impl Sink for Matcher<'_> {
    #[inline]
    fn leaf(&mut self, node: NodeId, leaf: Leaf<'_>, element: Element) {
        for slot in &self.trie.nodes[node].slots {
            let Slot { test, presence, .. } = &self.trie.slots[*slot];
            if let Some(list) = presence {
                self.add(*list, element);
            }
            if !self.is_settled(*slot) && test.matches(leaf) {
                self.add(*slot, element);
            }
        }
    }
}
