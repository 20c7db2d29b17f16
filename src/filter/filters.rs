//! The patterns of a mapping together.

use super::error::{FiltersError, FiltersReason};
use super::explain::Finds;
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::search::{Exhausted, Found, Search};
use super::stream::{self, Origin};
use super::trie::{Branch, Slot, Trie};
use super::verdict::{Explanation, Outcome, Undecidable, Verdict};
use super::view::{Form, View};
use super::words;

/// How many steps the search through a record's lists may take for a branch, in addition to three for each of its
/// bytes. Lists that are not made for it need about one for each byte.
const STEPS: usize = 48 * 1024;
/// For how many branches at most that is granted, so that a pattern of many does not multiply it without end.
const STEPS_FOR: usize = 16;

/// The patterns of a mapping, made ready for many records. One match is enough.
///
/// Without patterns everything matches, as on AWS; callers that ask [`Filters::is_empty`] need not even show the
/// record.
#[derive(Debug, Clone)]
pub struct Filters {
    view: View,
    patterns: Vec<Pattern>,
    trie: Trie,
}

impl Filters {
    /// Makes the patterns of a mapping ready.
    ///
    /// # Errors
    ///
    /// If a pattern cannot hold for the source: values for a stream's `data` or `dynamodb` as a whole, which AWS
    /// refuses when the mapping is created.
    pub fn new(view: View, patterns: Vec<Pattern>) -> Result<Self, FiltersError> {
        for (index, pattern) in patterns.iter().enumerate() {
            for field in pattern.fields() {
                let reason = match (view, &field.path[..]) {
                    (View::Kinesis, b"data" | b"kinesis.data") => FiltersReason::DataNotAnObject,
                    (View::DynamoDb, b"dynamodb") => FiltersReason::DynamoDbNotAnObject,
                    _ => continue,
                };
                return Err(FiltersError { pattern: index, offset: field.offset, path: field.label(), reason });
            }
        }
        let trie = Trie::new(view, &patterns);
        Ok(Self { view, patterns, trie })
    }

    /// What they see of a record.
    pub const fn view(&self) -> View {
        self.view
    }

    /// The patterns, as given.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether there is no pattern, so that every record matches.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Decides on a record: the JSON that the function would get as one item of `Records`.
    pub fn decide(&self, record: &[u8]) -> Verdict {
        self.decide_on(record, Origin::Foreign)
    }

    /// The same for a record that this program has encoded itself: it is JSON, and no name stands twice at its top, so
    /// what stands behind the last member that a pattern looks at need not be read.
    pub fn decide_own(&self, record: &[u8]) -> Verdict {
        self.decide_on(record, Origin::Own)
    }

    fn decide_on(&self, record: &[u8], origin: Origin) -> Verdict {
        if self.is_empty() {
            return Verdict::Match(0);
        }
        let mut matcher = Matcher::new(&self.trie);
        let shape = match stream::read(&self.trie, record, origin, &mut matcher) {
            Ok(shape) => shape,
            Err(why) => return Verdict::Undecidable(why),
        };
        matcher.sort();
        let mut search = Search::new(&self.trie, &shape.elements, &matcher.places, self.steps(record));
        let mut verdict = Verdict::NoMatch;
        for branch in &self.trie.branches {
            match self.judge(&mut search, branch, shape.form) {
                Judgement::Yes => return Verdict::Match(branch.pattern),
                Judgement::No(_) => {}
                Judgement::Undecidable(why) if verdict == Verdict::NoMatch => verdict = Verdict::Undecidable(why),
                Judgement::Undecidable(_) => {}
            }
        }
        verdict
    }

    /// Holds one branch against a record that was read.
    fn judge(&self, search: &mut Search<'_>, branch: &Branch, form: Form) -> Judgement {
        let mismatch = branch.mismatch(form);
        // What does not depend on the content may decide without it.
        let asked = branch.keys.iter().copied().filter(|slot| {
            let path = &self.trie.slots[*slot].path;
            mismatch.is_none() || !(self.view.is_content(path) || self.view.looks_into_content(path))
        });
        match (search.holds(asked), mismatch) {
            (Ok(Found::Yes), None) => Judgement::Yes,
            (Ok(Found::Yes), Some(why)) => Judgement::Undecidable(why),
            (Ok(Found::No(slot)), _) => Judgement::No(slot),
            (Err(Exhausted), _) => Judgement::Undecidable(Undecidable::TooComplex),
        }
    }

    /// Says for each pattern whether it matches, or why not. Slower than [`Filters::decide`], with which it agrees.
    pub fn explain(&self, record: &[u8]) -> Vec<Explanation> {
        let mut matcher = Matcher::new(&self.trie);
        let read = stream::read(&self.trie, record, Origin::Foreign, &mut matcher);
        matcher.sort();
        let shape = match &read {
            Ok(shape) => shape,
            Err(why) => return self.explain_each(|_| Outcome::Undecidable(*why)),
        };
        let mut search = Search::new(&self.trie, &shape.elements, &matcher.places, self.steps(record));
        self.explain_each(|pattern| self.outcome(&mut search, pattern, shape.form, record))
    }

    fn explain_each(&self, mut outcome: impl FnMut(usize) -> Outcome) -> Vec<Explanation> {
        (0..self.patterns.len()).map(|pattern| Explanation { pattern, outcome: outcome(pattern) }).collect()
    }

    /// How long the search may take.
    fn steps(&self, record: &[u8]) -> usize {
        (STEPS + 3 * record.len()) * self.trie.branches.len().min(STEPS_FOR)
    }

    /// What becomes of one pattern.
    fn outcome(&self, search: &mut Search<'_>, pattern: usize, form: Form, record: &[u8]) -> Outcome {
        let mut undecidable = None;
        let mut furthest: Option<(usize, usize)> = None;
        for branch in self.trie.branches.iter().filter(|branch| branch.pattern == pattern) {
            match self.judge(search, branch, form) {
                Judgement::Yes => return Outcome::Matched,
                Judgement::Undecidable(why) => undecidable = undecidable.or(Some(why)),
                Judgement::No(slot) => {
                    let place = branch.keys.iter().position(|key| *key == slot).unwrap_or(0);
                    if furthest.is_none_or(|(best, _)| place > best) {
                        furthest = Some((place, slot));
                    }
                }
            }
        }
        let Some((_, slot)) = furthest.filter(|_| undecidable.is_none()) else {
            return Outcome::Undecidable(undecidable.unwrap_or(Undecidable::TooComplex));
        };
        let mut finds = Finds::new(&self.trie, slot);
        let alone = match stream::read(&self.trie, record, Origin::Foreign, &mut finds) {
            Ok(_) => !search.is_possible(slot),
            Err(_) => true,
        };
        let Slot { path, test, .. } = &self.trie.slots[slot];
        Outcome::Failed {
            path: String::from_utf8_lossy(path).into_owned(),
            wanted: words::wanted(test),
            found: finds.words(alone),
        }
    }
}

/// What is said of one branch.
enum Judgement {
    Yes,
    /// The slot that failed.
    No(usize),
    Undecidable(Undecidable),
}
