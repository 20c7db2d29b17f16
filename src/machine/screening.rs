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
    /// The filters cannot be applied: the record has not the form that they ask for.
    Undecidable,
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
            Screening::Undecidable => self.undecidable,
        }
    }
}

impl Screening {
    /// Why a record that does not pass is given to a destination.
    pub(crate) const fn condition(self) -> Condition {
        match self {
            Self::Undecidable => Condition::FilterUndecidable,
            Self::Passes | Self::FilteredOut => Condition::FilteredOut,
        }
    }
}

/// How many records of one answer did not pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) filtered_out: usize,
    pub(crate) undecidable: usize,
}

impl Tally {
    pub(crate) const fn add(&mut self, screening: Screening) {
        match screening {
            Screening::Passes => {}
            Screening::FilteredOut => self.filtered_out += 1,
            Screening::Undecidable => self.undecidable += 1,
        }
    }
}
