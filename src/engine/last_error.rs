//! The last thing that went wrong with a mapping's function, as `list` and `status` show it.

use super::LastError;
use crate::machine::{FaultKind, InvokeEnd, Problem};

/// `Type: message`.
pub(crate) fn headline(kind: &str, message: &str) -> String {
    match message {
        "" => kind.to_owned(),
        message => format!("{kind}: {message}"),
    }
}

/// What the invokes of a mapping have come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    pub(super) last_error: Option<LastError>,
    /// Batches that failed since the function last processed one, even in part.
    pub(super) in_a_row: u64,
}

impl Ends {
    pub(super) fn note(&mut self, end: InvokeEnd, problem: Option<&Problem>, now_unix_ms: u64) {
        match (end, problem) {
            (InvokeEnd::Success | InvokeEnd::Partial, None) => self.in_a_row = 0,
            (InvokeEnd::Fault(FaultKind::Throttled | FaultKind::Cancelled), _) | (_, None) => {}
            (end, Some(problem)) => {
                let is_of_function = !matches!(end, InvokeEnd::Fault(_));
                self.in_a_row += u64::from(is_of_function);
                let before = self.last_error.as_ref().filter(|last| last.kind == problem.kind);
                self.last_error = Some(LastError {
                    kind: problem.kind.clone(),
                    message: problem.first_line(),
                    at_unix_ms: now_unix_ms,
                    count: before.map_or(0, |last| last.count) + 1,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, message: &str) -> Problem {
        Problem { kind: kind.into(), message: message.into() }
    }

    #[test]
    fn counts_what_is_seen_again_and_remembers_it_after_a_success() {
        let mut ends = Ends::default();
        let now = 1_800_000_000_000;
        ends.note(InvokeEnd::FunctionError, Some(&problem("KeyError", "'id'\nTraceback")), now);
        ends.note(InvokeEnd::Fault(FaultKind::Throttled), Some(&problem("throttled", "slow down")), now + 1_000);
        ends.note(InvokeEnd::FunctionError, Some(&problem("KeyError", "'name'")), now + 2_000);
        let last = LastError { kind: "KeyError".into(), message: "'name'".into(), at_unix_ms: now + 2_000, count: 2 };
        assert_eq!((ends.last_error.as_ref(), ends.in_a_row), (Some(&last), 2));
        assert_eq!(headline(&last.kind, &last.message), "KeyError: 'name'");
        ends.note(InvokeEnd::Partial, None, now + 3_000);
        assert_eq!((ends.last_error.as_ref(), ends.in_a_row), (Some(&last), 0));
        ends.note(InvokeEnd::Partial, Some(&Problem::all_reported()), now + 4_000);
        ends.note(InvokeEnd::Fault(FaultKind::Denied), Some(&problem("denied", "")), now + 5_000);
        let last = ends.last_error.as_ref().map(|last| (headline(&last.kind, &last.message), last.count));
        assert_eq!((last, ends.in_a_row), (Some(("denied".into(), 1)), 1), "a fault is not the function's");
    }
}
