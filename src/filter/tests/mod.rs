//! Tables of the language, of records and of what they make undecidable; the vectors, where they are present.

mod differential;
mod errors;
mod explanations;
#[allow(unreachable_pub, reason = "the fuzz target uses it by its path")]
mod generate;
mod language;
mod lists;
#[allow(unreachable_pub, reason = "the fuzz target uses it by its path")]
mod reference;
mod vectors;
mod views;

use super::{Filters, Pattern, Verdict, View};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn filters(view: View, patterns: &[&str]) -> Filters {
    Filters::new(view, patterns.iter().map(|text| pattern(text)).collect()).expect("the view takes the patterns")
}

fn decide(view: View, pattern: &str, record: &[u8]) -> Verdict {
    filters(view, &[pattern]).decide(record)
}

/// Whether a document matches; that it can be decided is expected.
fn matches(pattern: &str, document: &str) -> bool {
    match decide(View::Event, pattern, document.as_bytes()) {
        Verdict::Match(_) => true,
        Verdict::NoMatch => false,
        Verdict::Undecidable(why) => panic!("{why}: {pattern} {document}"),
    }
}
