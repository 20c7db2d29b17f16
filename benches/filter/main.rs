//! `cargo bench --bench filter`: what it costs to hold event patterns against a record, next to what it costs
//! `serde_json` merely to skip the same bytes. `docs/filters.md` explains the figures.

#![expect(clippy::disallowed_methods, reason = "it measures by the host's clock")]

mod events;
mod hostile;
mod measure;

use std::hint::black_box;

use forebay::filter::{Filters, Pattern, Verdict, View};
use serde::de::IgnoredAny;

use crate::measure::{Row, compare, line};

fn main() {
    let asked = |option: &str| std::env::args().any(|argument| argument == option);
    let rounds = if asked("--quick") { 5 } else { 101 };
    line(&format!(
        "An event of {} bytes, one thread; medians of {rounds} rounds, taken in turns.\n",
        events::ORDER.len()
    ));
    Row::head();
    let ten: Vec<&str> = events::PATTERNS.to_vec();
    speed("one pattern, matches", View::Event, &ten[..1], events::ORDER.as_bytes(), rounds);
    speed("one pattern, does not match", View::Event, &[events::MISS], events::ORDER.as_bytes(), rounds);
    speed("ten patterns, the last matches", View::Event, &ten_last(&ten), events::ORDER.as_bytes(), rounds);
    speed("ten patterns, none matches", View::Event, &ten_misses(&ten), events::ORDER.as_bytes(), rounds);
    let (message, record) = (events::message(), events::kinesis());
    own("a message, its body, one pattern", View::Sqs, &events::within("body"), &message, rounds);
    own("a Kinesis record, its data, one pattern", View::Kinesis, &events::within("data"), &record, rounds);

    if asked("--speed") {
        return;
    }
    line("\nRecords made to be slow: the same shape at 9, 90 and 256 KB.\n");
    Row::head();
    for case in hostile::cases() {
        for kilobytes in [9, 90, 256] {
            let record = (case.record)(kilobytes * 1000);
            let label = format!("{}, {kilobytes} KB", case.name);
            speed(&label, View::Event, &[case.pattern], record.as_bytes(), rounds.min(15));
        }
    }
}

/// Nine patterns that do not match, then one that does.
fn ten_last<'a>(patterns: &[&'a str]) -> Vec<&'a str> {
    ten_misses(patterns).into_iter().take(9).chain(patterns.first().copied()).collect()
}

fn ten_misses<'a>(patterns: &[&'a str]) -> Vec<&'a str> {
    patterns.iter().copied().skip(1).chain([events::MISS]).collect()
}

/// Prints what skipping and deciding take.
fn speed(label: &str, view: View, patterns: &[&str], record: &[u8], rounds: usize) {
    let filters = filters(view, patterns);
    print(label, record, rounds, |record| filters.decide(record));
}

/// The same for a record that forebay has encoded, as the engine decides on it.
fn own(label: &str, view: View, pattern: &str, record: &[u8], rounds: usize) {
    let filters = filters(view, &[pattern]);
    print(label, record, rounds, |record| filters.decide_own(record));
}

fn filters(view: View, patterns: &[&str]) -> Filters {
    let patterns = patterns.iter().map(|text| Pattern::parse(text).expect("a pattern of the bench is valid")).collect();
    Filters::new(view, patterns).expect("the patterns of the bench fit their view")
}

fn print(label: &str, record: &[u8], rounds: usize, decide: impl Fn(&[u8]) -> Verdict) {
    let verdict = match decide(record) {
        Verdict::Match(_) => "match",
        Verdict::NoMatch => "no match",
        Verdict::Undecidable(_) => "undecidable",
    };
    let skip = || {
        black_box(serde_json::from_slice::<IgnoredAny>(black_box(record)).is_ok());
    };
    let decide = || {
        black_box(decide(black_box(record)));
    };
    Row { label, bytes: record.len(), pair: compare(rounds, skip, decide), verdict }.print();
}
