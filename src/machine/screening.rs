//! What a mapping's filters say of a record, and what follows from it.

use super::Condition;

/// What the filters of a mapping say of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screening {
    /// A filter matches, or there are none.
    #[default]
    Passes,
    /// No filter matches.
    FilteredOut,
    /// The filters cannot be applied, and why: `the body is not JSON, and a filter looks into it`.
    Undecidable(&'static str),
}

/// What becomes of a record that does not pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screened {
    /// A message is deleted, a record of a stream is passed over (what AWS does).
    #[default]
    Drop,
    /// The function gets it all the same.
    Deliver,
    /// A message is given back, for other consumers of its queue.
    Release,
    /// It goes to a destination, and is deleted or passed over when that has confirmed it.
    Destination,
}

/// What becomes of the records that do not pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScreeningPolicy {
    /// Of those that no filter matches.
    pub filtered_out: Screened,
    /// Of those to which the filters cannot be applied.
    pub undecidable: Screened,
}

impl ScreeningPolicy {
    /// What becomes of a record.
    #[must_use]
    pub const fn of(self, screening: Screening) -> Screened {
        match screening {
            Screening::Passes => Screened::Deliver,
            Screening::FilteredOut => self.filtered_out,
            Screening::Undecidable(_) => self.undecidable,
        }
    }
}

impl Screened {
    /// As mapping files write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "Drop",
            Self::Deliver => "Deliver",
            Self::Release => "Release",
            Self::Destination => "Destination",
        }
    }
}

impl Screening {
    /// Why a record that does not pass is given to a destination.
    pub(crate) const fn condition(self) -> Condition {
        match self {
            Self::Undecidable(_) => Condition::FilterUndecidable,
            Self::Passes | Self::FilteredOut => Condition::FilteredOut,
        }
    }
}

/// Records of one answer to which the filters could not be applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undecided {
    /// How many.
    pub records: usize,
    /// Why, of the first.
    pub why: &'static str,
    /// What becomes of them.
    pub then: Screened,
}

/// How many records of one answer did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) filtered_out: usize,
    pub(crate) undecided: Undecided,
}

impl Tally {
    /// Of a mapping with that policy.
    pub(crate) const fn of(policy: ScreeningPolicy) -> Self {
        Self { filtered_out: 0, undecided: Undecided { records: 0, why: "", then: policy.undecidable } }
    }

    pub(crate) const fn add(&mut self, screening: Screening) {
        match screening {
            Screening::Passes => {}
            Screening::FilteredOut => self.filtered_out += 1,
            Screening::Undecidable(why) => {
                if self.undecided.records == 0 {
                    self.undecided.why = why;
                }
                self.undecided.records += 1;
            }
        }
    }
}
