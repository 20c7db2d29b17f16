//! The texts of errors, as messages have them.

use std::error::Error;

use crate::aws::faults::Answer;

/// The longest piece of a service's own text that goes into a message.
const TEXT_LIMIT: usize = 300;

/// Code, text and status of an answer, as far as it has them.
pub(super) fn describe(answer: &Answer<'_>) -> String {
    let mut text = String::new();
    if answer.code.is_empty() {
        text.push_str("an error without a code");
    } else {
        text.push_str(answer.code);
    }
    let said = answer.message.trim();
    if !said.is_empty() {
        text.push_str(": ");
        text.push_str(&shortened(said));
    }
    if answer.status != 0 {
        text.push_str(&format!(" (HTTP {})", answer.status));
    }
    text
}

/// The innermost error's text: the outer ones only say that something failed.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let text = chain(error).last().map(ToString::to_string).unwrap_or_default();
    shortened(text.trim_end_matches('.'))
}

/// Looks for an error type in a chain of sources.
pub(crate) fn in_chain<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    chain(error).find_map(<dyn Error>::downcast_ref)
}

/// An error and its sources.
pub(crate) fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// At most [`TEXT_LIMIT`] characters on one line.
pub(crate) fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(TEXT_LIMIT).map(|char| if char.is_control() { ' ' } else { char }).collect();
    if text.chars().nth(TEXT_LIMIT).is_some() {
        short.push('…');
    }
    short
}
