//! The matcher against the reference, on small documents and patterns that fit them.

use proptest::prelude::*;

use super::generate::{Dice, Document, pattern};
use super::reference;
use crate::filter::{Filters, Outcome, Pattern, Undecidable, Verdict, View};

/// What the matcher says; that its two ways to say it agree is checked on the way.
fn decided(view: View, pattern: &str, record: &str) -> Verdict {
    let pattern = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{error}\n{pattern}"));
    let filters = Filters::new(view, vec![pattern]).expect("it names no content");
    let verdict = filters.decide(record.as_bytes());
    let explained = filters.explain(record.as_bytes()).remove(0).outcome;
    let agrees = match verdict {
        Verdict::Match(index) => index == 0 && explained == Outcome::Matched,
        Verdict::NoMatch => matches!(explained, Outcome::Failed { .. }),
        Verdict::Undecidable(why) => explained == Outcome::Undecidable(why),
    };
    assert!(agrees, "{verdict:?} {explained:?}");
    verdict
}

/// What it says of a record that it takes for one of our own.
fn decided_own(view: View, pattern: &str, record: &str) -> Verdict {
    let pattern = Pattern::parse(pattern).expect("it was parsed before");
    Filters::new(view, vec![pattern]).expect("it names no content").decide_own(record.as_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_reference(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut dice = Dice::new(&bytes);
        let document = Document::new(&mut dice);
        let pattern = if dice.roll(2) == 0 { document.pattern(&mut dice) } else { pattern(&mut dice) };
        let document = document.text;
        // A few combine to more branches than there may be.
        prop_assume!(Pattern::parse(&pattern).is_ok());
        let verdict = decided(View::Event, &pattern, &document);
        prop_assert!(!matches!(verdict, Verdict::Undecidable(_)), "{} {}", pattern, document);
        if let Some(expected) = reference::matches(&pattern, &document) {
            prop_assert_eq!(verdict == Verdict::Match(0), expected, "{} {}", &pattern, &document);
        }
        // The same document as a message's body.
        let record = serde_json::json!({ "attributes": {}, "body": document, "messageId": "m" }).to_string();
        let within = format!("{{\"body\":{pattern}}}");
        prop_assert_eq!(decided(View::Sqs, &within, &record), verdict);
        prop_assert_eq!(decided_own(View::Sqs, &within, &record), verdict);
        let data = base64_simd::STANDARD.encode_to_string(&document);
        let record = serde_json::json!({ "eventSource": "aws:kinesis", "kinesis": { "data": data } }).to_string();
        let within = format!("{{\"data\":{pattern}}}");
        prop_assert_eq!(decided(View::Kinesis, &within, &record), verdict);
        prop_assert_eq!(decided_own(View::Kinesis, &within, &record), verdict);
    }
}

#[test]
fn of_a_record_of_our_own_nothing_is_read_behind_what_patterns_look_at() {
    let broken = r#"{"messageId":"m","body":"{\"a\":1}","attributes":{"b":"2"}, and no JSON any more"#;
    let offset = broken.find("and").expect("it is there");
    for (pattern, own) in [
        (r#"{"body":{"a":[1]}}"#, Verdict::Match(0)),
        (r#"{"body":{"a":[2]}}"#, Verdict::NoMatch),
        (r#"{"body":{"a":[1]},"messageId":["m"]}"#, Verdict::Match(0)),
        (r#"{"attributes":{"b":["2"]},"body":{"a":[1]}}"#, Verdict::Match(0)),
        (r#"{"attributes":{"b":["2"],"c":["3"]}}"#, Verdict::NoMatch),
        // It has to look for what is not there.
        (r#"{"awsRegion":[{"exists":false}]}"#, Verdict::Undecidable(Undecidable::Malformed { offset })),
    ] {
        assert_eq!(decided_own(View::Sqs, pattern, broken), own, "{pattern}");
        let foreign = Verdict::Undecidable(Undecidable::Malformed { offset });
        assert_eq!(decided(View::Sqs, pattern, broken), foreign, "{pattern}");
    }
}

#[test]
fn content_of_a_record_of_our_own_is_read_to_its_end() {
    for body in ["{\"a\":1}", "{\"a\":1} more", "{\"a\":1}{}", "{\"a\":1", "{\"a\":1,}", "[{\"a\":1}]]", "a", ""] {
        let record = serde_json::json!({ "body": body, "messageId": "m" }).to_string();
        let pattern = r#"{"body":{"a":[1]}}"#;
        let expected = decided(View::Sqs, pattern, &record);
        assert_eq!(expected == Verdict::Match(0), serde_json::from_str::<serde_json::Value>(body).is_ok(), "{body}");
        assert_eq!(decided_own(View::Sqs, pattern, &record), expected, "{body}");
    }
}

#[test]
fn generated_patterns_match_often_enough() {
    let mut matched = 0;
    let mut known = 0;
    for seed in 0..2000_u32 {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let bytes: Vec<u8> = (0..120)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_le_bytes()[1]
            })
            .collect();
        let mut dice = Dice::new(&bytes);
        let document = Document::new(&mut dice);
        let answer = reference::matches(&document.pattern(&mut dice), &document.text);
        known += usize::from(answer.is_some());
        matched += usize::from(answer == Some(true));
    }
    assert!(known > 1000 && matched > 300 && matched < known, "{known} {matched}");
}
