//! Gathers a stream's shards over the pages of a listing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::machine::Shard;

/// More pages than any stream has: Kinesis lists 1,000 shards a page, DynamoDB 100.
const MOST_PAGES: usize = 2_000;

/// The shards of a stream as they come in.
#[derive(Default)]
pub(super) struct Listing {
    shards: Vec<Shard>,
    places: BTreeMap<Arc<str>, usize>,
    pages: BTreeSet<String>,
}

impl Listing {
    /// Takes one shard in. One that was listed before, which happens when the stream changes between two pages, is kept
    /// once, and is closed when any page says so.
    pub(super) fn add<'s>(
        &mut self,
        id: &str,
        parents: impl IntoIterator<Item = &'s str>,
        closed: bool,
        begins: Option<&str>,
    ) {
        if let Some(&place) = self.places.get(id) {
            self.shards[place].closed |= closed;
            return;
        }
        let id: Arc<str> = id.into();
        let begins = begins.filter(|begins| !begins.is_empty()).map(Into::into);
        let mut shard = Shard { id: Arc::clone(&id), parents: Vec::new(), closed, begins };
        for parent in parents.into_iter().filter(|parent| !parent.is_empty() && **parent != *id) {
            if shard.parents.iter().all(|known| **known != *parent) {
                shard.parents.push(parent.into());
            }
        }
        self.places.insert(id, self.shards.len());
        self.shards.push(shard);
    }

    /// Whether the page that starts at `next` is to be asked for: not when it was asked for already, or when there are
    /// more pages than can be, because then the listing would never end.
    pub(super) fn goes_on_at(&mut self, next: &str) -> bool {
        self.pages.len() < MOST_PAGES && self.pages.insert(next.to_owned())
    }

    /// All shards in the order in which they came.
    pub(super) fn done(self) -> Vec<Shard> {
        self.shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_comes_twice_is_kept_once() {
        let mut listing = Listing::default();
        listing.add("s1", [], false, Some("7"));
        listing.add("s2", ["s0", "s1"], false, Some(""));
        listing.add("s1", [], true, None);
        listing.add("s3", ["s1", "s1", "", "s3"], false, None);
        let shards = listing.done();
        let seen: Vec<_> = shards.iter().map(|shard| (&*shard.id, shard.parents.len(), shard.closed)).collect();
        assert_eq!(seen, [("s1", 0, true), ("s2", 2, false), ("s3", 1, false)]);
        assert_eq!(*shards[1].parents[1], *"s1");
        assert_eq!((shards[0].begins.as_deref(), shards[1].begins.as_deref()), (Some("7"), None));
    }

    #[test]
    fn pages_that_come_again_or_never_end_are_refused() {
        let mut listing = Listing::default();
        assert!(listing.goes_on_at("a") && listing.goes_on_at("b"));
        assert!(!listing.goes_on_at("a"));
        let pages = (0..MOST_PAGES * 2).take_while(|page| listing.goes_on_at(&page.to_string())).count();
        assert_eq!(pages, MOST_PAGES - 2);
    }
}
