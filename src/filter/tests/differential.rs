//! The matcher against the reference, on small documents and patterns that fit them.

use proptest::prelude::*;

use super::generate::{Dice, Document, pattern};
use super::reference;
use crate::filter::{Filters, Outcome, Pattern, Verdict, View};

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
        let record = serde_json::json!({ "messageId": "m", "body": document }).to_string();
        prop_assert_eq!(decided(View::Sqs, &format!("{{\"body\":{pattern}}}"), &record), verdict);
        let data = base64_simd::STANDARD.encode_to_string(&document);
        let record = serde_json::json!({ "kinesis": { "data": data } }).to_string();
        prop_assert_eq!(decided(View::Kinesis, &format!("{{\"data\":{pattern}}}"), &record), verdict);
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
