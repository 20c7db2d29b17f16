//! A field's list of values: what a single leaf of a record is compared with.

use std::cmp::Ordering;

use super::cidr::{Address, Cidr};
use super::fold::Folded;
use super::number::{Number, Seen};
use super::wildcard::Wildcard;

/// A value of a record that has no parts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'a> {
    Null,
    True,
    False,
    Number(Seen<'a>),
    /// UTF-8, save for lone surrogates.
    Text(&'a [u8]),
}

/// One member of a field's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    Null,
    True,
    False,
    Number(Number),
    Text(Vec<u8>),
    /// A string that is an address: any way to write it is the same.
    Address(Address, Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Fold(Folded),
    FoldPrefix(Folded),
    FoldSuffix(Folded),
    Wildcard(Wildcard),
    Cidr(Cidr),
    Numeric(Range),
    /// Some leaf (true), or none (false).
    Exists(bool),
    But(But),
}

/// What `anything-but` excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum But {
    Texts(Vec<Vec<u8>>),
    Numbers(Vec<Number>),
    Prefixes(Vec<Vec<u8>>),
    Suffixes(Vec<Vec<u8>>),
    Folds(Vec<Folded>),
    Wildcards(Vec<Wildcard>),
}

/// What `numeric` asks for: a lower and an upper end, each with whether it belongs to the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub low: Option<(Number, bool)>,
    pub high: Option<(Number, bool)>,
}

impl Range {
    /// Whether two ends leave nothing between them; a range of one number is written with `=`.
    pub(super) fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Some((low, _)), Some((high, _))) => low.compare(high.seen()) != Ordering::Less,
            _ => false,
        }
    }

    /// Whether more than one number is in it.
    pub(super) fn is_wide(&self) -> bool {
        !self.is_empty()
    }

    fn contains(&self, number: Seen<'_>) -> bool {
        let end = |end: &Option<(Number, bool)>, inside: Ordering| {
            end.as_ref().is_none_or(|(end, included)| {
                let order = end.compare(number);
                order == inside || (*included && order == Ordering::Equal)
            })
        };
        end(&self.low, Ordering::Less) && end(&self.high, Ordering::Greater)
    }
}

/// A field's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    /// The plain strings, sorted: there may be many.
    texts: Vec<Vec<u8>>,
    /// Everything else.
    members: Vec<Member>,
    absent: bool,
}

impl Test {
    pub(super) fn new(members: Vec<Member>) -> Self {
        let absent = members.contains(&Member::Exists(false));
        let mut texts = Vec::new();
        let mut rest = Vec::new();
        for member in members {
            match member {
                Member::Text(text) => texts.push(text),
                Member::Exists(false) => {}
                other => rest.push(other),
            }
        }
        texts.sort_unstable();
        texts.dedup();
        Self { texts, members: rest, absent }
    }

    /// Whether a record without any leaf there passes.
    pub(super) const fn accepts_absence(&self) -> bool {
        self.absent
    }

    #[inline]
    pub(super) fn matches(&self, leaf: Leaf<'_>) -> bool {
        if let Leaf::Text(text) = leaf {
            let listed = match &self.texts[..] {
                [] => false,
                [only] => only == text,
                texts => texts.binary_search_by(|probe| probe[..].cmp(text)).is_ok(),
            };
            if listed {
                return true;
            }
        }
        self.members.iter().any(|member| member.matches(leaf))
    }

    /// All members, for messages.
    pub(super) fn members(&self) -> impl Iterator<Item = Member> {
        let texts = self.texts.iter().cloned().map(Member::Text);
        let absent = self.absent.then_some(Member::Exists(false));
        texts.chain(self.members.iter().cloned()).chain(absent)
    }
}

impl Member {
    fn matches(&self, leaf: Leaf<'_>) -> bool {
        match (self, leaf) {
            (Self::Null, Leaf::Null)
            | (Self::True, Leaf::True)
            | (Self::False, Leaf::False)
            | (Self::Exists(true), _) => true,
            (Self::Number(wanted), Leaf::Number(number)) => wanted.compare(number) == Ordering::Equal,
            (Self::Numeric(range), Leaf::Number(number)) => range.contains(number),
            (Self::But(but), leaf) => but.admits(leaf),
            (member, Leaf::Text(text)) => member.matches_text(text),
            _ => false,
        }
    }

    fn matches_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(wanted) => wanted == text,
            Self::Address(address, wanted) => wanted == text || Address::parse(text) == Some(*address),
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Fold(folded) => folded.matches(text),
            Self::FoldPrefix(folded) => folded.is_prefix_of(text),
            Self::FoldSuffix(folded) => folded.is_suffix_of(text),
            Self::Wildcard(wildcard) => wildcard.matches(text),
            Self::Cidr(cidr) => cidr.contains(text),
            _ => false,
        }
    }
}

impl But {
    /// Whether a leaf is none of what is excluded. A leaf of another type never is.
    fn admits(&self, leaf: Leaf<'_>) -> bool {
        match (self, leaf) {
            (Self::Numbers(numbers), Leaf::Number(number)) => {
                numbers.iter().all(|excluded| excluded.compare(number) != Ordering::Equal)
            }
            (Self::Numbers(_), _) => true,
            (but, Leaf::Text(text)) => but.admits_text(text),
            _ => true,
        }
    }

    fn admits_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Texts(texts) => texts.iter().all(|excluded| excluded != text),
            Self::Prefixes(prefixes) => !prefixes.iter().any(|prefix| text.starts_with(prefix)),
            Self::Suffixes(suffixes) => !suffixes.iter().any(|suffix| text.ends_with(suffix)),
            Self::Folds(folds) => !folds.iter().any(|folded| folded.matches(text)),
            Self::Wildcards(wildcards) => !wildcards.iter().any(|wildcard| wildcard.matches(text)),
            Self::Numbers(_) => true,
        }
    }
}
