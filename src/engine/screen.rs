//! Holds what was polled or read against the mapping's filters, before its machine sees it.

use std::sync::Arc;

use crate::filter::{Filters, Pattern, Verdict};
use crate::machine::{Fault, FaultKind, Record, Screening};
use crate::mapping::Mapping;

/// The filters of a mapping, if it has any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen(Option<Arc<Filters>>);

impl Screen {
    /// Makes the filters of a mapping ready.
    pub(crate) fn new(mapping: &Mapping) -> Result<Self, Fault> {
        if mapping.filters.is_empty() {
            return Ok(Self(None));
        }
        // Patterns were checked when the mapping was made; one that slipped through must not let everything pass.
        let broken = |reason: &dyn std::fmt::Display| Fault::new(FaultKind::Invalid, format!("filter: {reason}"));
        let patterns = mapping.filters.iter().map(|text| Pattern::parse(text).map_err(|error| broken(&error)));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        let filters = Filters::new(mapping.source.kind().view(), patterns).map_err(|error| broken(&error))?;
        Ok(Self(Some(Arc::new(filters))))
    }

    /// Notes with each record what the filters say of it.
    pub(crate) fn apply<'a>(&self, records: impl Iterator<Item = &'a mut Record>) {
        let Some(filters) = &self.0 else { return };
        for record in records {
            record.screening = match filters.decide_own(&record.fragment) {
                Verdict::Match(_) => Screening::Passes,
                Verdict::NoMatch => Screening::FilteredOut,
                Verdict::Undecidable(why) => Screening::Undecidable(why.in_short()),
            };
        }
    }
}
