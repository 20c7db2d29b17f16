//! What a batch failed of, in the function's own words where it has any.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Fault, FunctionAnswer};

/// The most characters of a type, and of a message.
const LONGEST_TYPE: usize = 100;
const LONGEST_MESSAGE: usize = 1_000;
const LONGEST_LINE: usize = 300;

/// Why a batch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The function's `errorType`, the class of a fault, or a word of ours: `MalformedResponse`, `BatchItemFailures`.
    pub kind: String,
    /// The function's `errorMessage`, or what the service said.
    pub message: String,
}

impl Problem {
    /// The function answered with an error.
    pub(crate) fn of_function(error: &str, answer: &FunctionAnswer) -> Self {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Said<'a> {
            #[serde(borrow, default)]
            error_type: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            error_message: Option<Cow<'a, str>>,
        }
        let said: Option<Said<'_>> = serde_json::from_slice(&answer.payload).ok();
        let (kind, message) = said.map_or((None, None), |said| (said.error_type, said.error_message));
        let kind = kind.filter(|kind| !kind.trim().is_empty()).unwrap_or(Cow::Borrowed(error));
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(head(&answer.payload)));
        Self { kind: cut(&kind, LONGEST_TYPE), message: cut(&message, LONGEST_MESSAGE) }
    }

    /// The answer breaks this rule.
    pub(crate) fn malformed(rule: &str) -> Self {
        Self { kind: "MalformedResponse".into(), message: rule.into() }
    }

    /// The function reported so many records that nothing of the batch is done.
    pub(crate) fn all_reported() -> Self {
        let message = "no record of the batch is acknowledged".into();
        Self { kind: "BatchItemFailures".into(), message }
    }

    /// There is no answer of the function.
    pub(crate) fn of_fault(fault: &Fault) -> Self {
        Self { kind: fault.kind.as_str().into(), message: fault.message.clone() }
    }

    /// The first line of the message that says something.
    #[must_use]
    pub fn first_line(&self) -> String {
        let mut lines = self.message.lines().map(str::trim);
        cut(lines.find(|line| !line.is_empty()).unwrap_or_default(), LONGEST_LINE)
    }

    /// Type and first line.
    #[must_use]
    pub fn headline(&self) -> String {
        match self.first_line() {
            line if line.is_empty() => self.kind.clone(),
            line => format!("{}: {line}", self.kind),
        }
    }
}

/// As much of a payload as a message can hold.
fn head(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(4 * LONGEST_MESSAGE)]
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::machine::FaultKind;

    fn said(payload: &str) -> (String, String) {
        let answer = FunctionAnswer { payload: Bytes::from(payload.to_owned()), ..FunctionAnswer::default() };
        let Problem { kind, message } = Problem::of_function("Unhandled", &answer);
        (kind, message)
    }

    #[test]
    fn a_function_is_quoted() {
        for (payload, kind, message) in [
            (
                r#"{"errorMessage":"division by zero","errorType":"ZeroDivisionError","stackTrace":["a"]}"#,
                "ZeroDivisionError",
                "division by zero",
            ),
            (
                r#"{"errorMessage":"Task timed out after 3.00 seconds"}"#,
                "Unhandled",
                "Task timed out after 3.00 seconds",
            ),
            (r#"{"errorType":" ","errorMessage":null}"#, "Unhandled", r#"{"errorType":" ","errorMessage":null}"#),
            (r#"{"errorType":7}"#, "Unhandled", r#"{"errorType":7}"#),
            ("boom", "Unhandled", "boom"),
            ("", "Unhandled", ""),
        ] {
            assert_eq!(said(payload), (kind.to_owned(), message.to_owned()), "{payload}");
        }
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let (kind, message) =
            said(&format!(r#"{{"errorType":"{}","errorMessage":"{}"}}"#, "é".repeat(101), "ü".repeat(1001)));
        assert_eq!((kind.chars().count(), message.chars().count()), (101, 1001));
        assert!(kind.ends_with("é…") && message.ends_with("ü…"));
        assert_eq!(said(&"ß".repeat(5_000)).1.chars().count(), 1001);
    }

    #[test]
    fn the_headline_is_one_line() {
        let problem = |message: &str| Problem { kind: "KeyError".into(), message: message.into() };
        assert_eq!(problem("\n  'id'  \nTraceback").headline(), "KeyError: 'id'");
        assert_eq!(problem(" \n").headline(), "KeyError");
        assert_eq!(Problem::of_fault(&Fault::new(FaultKind::Denied, "no\nmore")).headline(), "denied: no");
    }
}
