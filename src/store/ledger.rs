//! The checkpoints of stream mappings and the fences they are written under, without anything that keeps them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Kept, StoreError};
use crate::machine::{Checkpoint, Fence, Positions};

/// Every stream mapping's book.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    books: BTreeMap<String, Book>,
}

/// What is kept of one mapping, and the fence of its last claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) fence: Fence,
    /// Checkpoints were saved under this source, or set by an operator. Before that nothing is pinned, and the mapping
    /// may begin again; after it, it has begun even when it has forgotten every shard.
    pub(super) begun: bool,
    /// `None`: the mapping was never claimed, or an operator has reset it.
    pub(super) kept: Option<Kept>,
}

impl Ledger {
    /// A ledger that holds what was read from a file.
    pub(super) const fn of(books: BTreeMap<String, Book>) -> Self {
        Self { books }
    }

    /// Every mapping that there is a book of.
    pub(super) fn mappings(&self) -> impl Iterator<Item = &String> {
        self.books.keys()
    }

    /// One mapping's book.
    pub(super) fn book(&self, mapping: &str) -> Option<&Book> {
        self.books.get(mapping)
    }

    /// Puts a book back as it was.
    pub(super) fn restore(&mut self, mapping: String, book: Option<Book>) {
        match book {
            Some(book) => self.books.insert(mapping, book),
            None => self.books.remove(&mapping),
        };
    }

    /// Whether the mapping has begun to read that source.
    pub(super) fn has_begun(&self, mapping: &str, source: &str) -> bool {
        let book = self.books.get(mapping).filter(|book| book.begun);
        book.and_then(|book| book.kept.as_ref()).is_some_and(|kept| kept.source == source)
    }

    /// The next fence, and what it gives the right to.
    pub(super) fn claim(&mut self, mapping: &str, source: &str) -> Positions {
        let book = self.books.entry(mapping.to_owned()).or_default();
        book.fence.0 += 1;
        if book.kept.as_ref().is_none_or(|kept| kept.source != source) {
            book.kept = Some(Kept { source: source.to_owned(), checkpoints: BTreeMap::new() });
            book.begun = false;
        }
        let checkpoints = book.kept.as_ref().map(|kept| kept.checkpoints.clone()).unwrap_or_default();
        Positions { fence: book.fence, begun: book.begun, checkpoints }
    }

    /// Takes changes in, unless the fence is an old one.
    pub(super) fn save(
        &mut self,
        mapping: &str,
        fence: Fence,
        changes: &[(Arc<str>, Option<Checkpoint>)],
    ) -> Result<(), StoreError> {
        let fenced = || StoreError::Fenced { mapping: mapping.to_owned() };
        let book = self.books.get_mut(mapping).filter(|book| book.fence == fence).ok_or_else(fenced)?;
        let kept = book.kept.as_mut().ok_or_else(fenced)?;
        book.begun = true;
        for (shard, checkpoint) in changes {
            match checkpoint {
                Some(checkpoint) => kept.checkpoints.insert(Arc::clone(shard), checkpoint.clone()),
                None => kept.checkpoints.remove(shard),
            };
        }
        Ok(())
    }

    /// Everything that has begun.
    pub(super) fn kept(&self) -> BTreeMap<String, Kept> {
        let begun = self.books.iter().filter(|(_, book)| book.begun);
        begun.filter_map(|(name, book)| Some((name.clone(), book.kept.clone()?))).collect()
    }

    /// Sets the operator's checkpoints, and makes every earlier claim void.
    pub(super) fn replace(&mut self, mapping: &str, kept: Option<Kept>) {
        let book = self.books.entry(mapping.to_owned()).or_default();
        book.fence.0 += 1;
        book.begun = kept.is_some();
        book.kept = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(shard: &str, checkpoint: Checkpoint) -> Vec<(Arc<str>, Option<Checkpoint>)> {
        vec![(shard.into(), Some(checkpoint))]
    }

    #[test]
    fn a_mapping_has_begun_with_its_first_save() {
        let mut ledger = Ledger::default();
        let first = ledger.claim("orders", "arn:a");
        assert_eq!(first, Positions { fence: Fence(1), ..Positions::default() });
        assert!(!ledger.claim("orders", "arn:a").begun);
        let fence = ledger.claim("orders", "arn:a").fence;
        ledger.save("orders", fence, &change("s0", Checkpoint::TrimHorizon)).unwrap();
        let again = ledger.claim("orders", "arn:a");
        assert!(again.begun);
        assert_eq!(again.checkpoints.get("s0"), Some(&Checkpoint::TrimHorizon));
    }

    #[test]
    fn a_later_claim_and_an_operator_make_a_fence_void() {
        let mut ledger = Ledger::default();
        let old = ledger.claim("orders", "arn:a").fence;
        let new = ledger.claim("orders", "arn:a").fence;
        assert!(matches!(
            ledger.save("orders", old, &change("s0", Checkpoint::End(None))),
            Err(StoreError::Fenced { .. })
        ));
        ledger.save("orders", new, &change("s0", Checkpoint::End(None))).unwrap();
        ledger.replace("orders", None);
        assert!(matches!(
            ledger.save("orders", new, &change("s0", Checkpoint::End(None))),
            Err(StoreError::Fenced { .. })
        ));
        assert!(ledger.kept().is_empty());
        assert!(!ledger.claim("orders", "arn:a").begun);
    }

    #[test]
    fn another_stream_is_begun_anew() {
        let mut ledger = Ledger::default();
        let fence = ledger.claim("orders", "arn:a").fence;
        ledger.save("orders", fence, &change("s0", Checkpoint::End(None))).unwrap();
        assert!(!ledger.has_begun("orders", "arn:b"));
        assert!(!ledger.claim("orders", "arn:b").begun);
        assert!(ledger.kept().is_empty());
        assert!(!ledger.claim("orders", "arn:a").begun, "it was left for another");
    }

    #[test]
    fn a_mapping_that_has_forgotten_every_shard_has_still_begun() {
        let mut ledger = Ledger::default();
        let fence = ledger.claim("orders", "arn:a").fence;
        ledger.save("orders", fence, &change("s0", Checkpoint::End(None))).unwrap();
        ledger.save("orders", fence, &[("s0".into(), None)]).unwrap();
        let again = ledger.claim("orders", "arn:a");
        assert!(again.begun && again.checkpoints.is_empty());
        assert!(ledger.has_begun("orders", "arn:a"));
        assert!(ledger.kept().contains_key("orders"));
    }

    #[test]
    fn shards_are_forgotten_one_by_one() {
        let mut ledger = Ledger::default();
        let fence = ledger.claim("orders", "arn:a").fence;
        ledger.save("orders", fence, &change("s0", Checkpoint::End(None))).unwrap();
        ledger.save("orders", fence, &[("s0".into(), None), ("s1".into(), Some(Checkpoint::TrimHorizon))]).unwrap();
        assert_eq!(ledger.kept()["orders"].checkpoints.keys().map(|shard| &**shard).collect::<Vec<_>>(), ["s1"]);
    }
}
