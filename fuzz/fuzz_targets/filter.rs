//! Patterns and records: nothing panics, a decision is what its explanation says, and on small inputs both are what the
//! reference says.
#![no_main]

#[path = "../../src/filter/mod.rs"]
#[allow(dead_code, unused_imports)]
mod filter;
#[path = "../../src/filter/tests/generate.rs"]
mod generate;
#[path = "../../src/filter/tests/reference.rs"]
mod reference;

use filter::{Filters, Outcome, Pattern, Verdict, View};
use generate::{Dice, Document};
use libfuzzer_sys::fuzz_target;

/// The reference tries everything, so it gets little.
const SMALL: usize = 600;

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let mut dice = Dice::new(bytes);
    match how % 4 {
        0 => texts(bytes),
        1 => {
            let document = Document::new(&mut dice);
            agree(&document.pattern(&mut dice), document.text.as_bytes());
        }
        2 => {
            let document = Document::new(&mut dice);
            agree(&generate::pattern(&mut dice), document.text.as_bytes());
        }
        _ => several(&mut dice),
    }
});

/// A pattern and a record, each on a line of its own, as they are.
fn texts(bytes: &[u8]) {
    let middle = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let Ok(pattern) = std::str::from_utf8(&bytes[..middle]) else { return };
    agree(pattern, bytes.get(middle + 1..).unwrap_or_default());
}

/// One pattern, in every view; content is wrapped as the view has it.
fn agree(text: &str, document: &[u8]) {
    if let Err(error) = Pattern::parse(text) {
        assert!(error.offset <= text.len(), "{error:?}");
        assert!(!error.to_string().is_empty());
        return;
    }
    // As a record of each source; what is content is tried below.
    for view in [View::Event, View::Sqs, View::Kinesis, View::DynamoDb] {
        decide(view, &[text], document);
    }
    let Ok(document) = std::str::from_utf8(document) else { return };
    let verdict = decide(View::Event, &[text], document.as_bytes());
    let small = document.len() <= SMALL && text.len() <= SMALL;
    if let (Some(verdict), Some(expected)) = (verdict, small.then(|| reference::matches(text, document)).flatten()) {
        if !matches!(verdict, Verdict::Undecidable(_)) {
            assert_eq!(verdict == Verdict::Match(0), expected, "{text}\n{document}");
        }
    }
    let body = serde_json::json!({ "body": document, "messageId": "m" }).to_string();
    let wrapped = decide(View::Sqs, &[&format!("{{\"body\":{text}}}")], body.as_bytes());
    let data = base64_simd::STANDARD.encode_to_string(document);
    let data = serde_json::json!({ "kinesis": { "data": data } }).to_string();
    let decoded = decide(View::Kinesis, &[&format!("{{\"data\":{text}}}")], data.as_bytes());
    own(View::Sqs, &format!("{{\"body\":{text}}}"), &body);
    own(View::Kinesis, &format!("{{\"data\":{text}}}"), &data);
    for other in [wrapped, decoded].into_iter().flatten() {
        let alike = match (verdict, other) {
            (Some(Verdict::Undecidable(_)), Verdict::Undecidable(_)) => true,
            (verdict, other) => verdict == Some(other),
        };
        assert!(alike, "{verdict:?} {other:?}\n{text}\n{document}");
    }
}

/// Of a record as our own adapters write it, what is behind the last member that is looked at changes nothing.
fn own(view: View, text: &str, record: &str) {
    let Some(filters) = Pattern::parse(text).ok().and_then(|pattern| Filters::new(view, vec![pattern]).ok()) else {
        return;
    };
    assert_eq!(filters.decide_own(record.as_bytes()), filters.decide(record.as_bytes()), "{text}\n{record}");
}

/// Several patterns together: the first that matches alone is the one that matches.
fn several(dice: &mut Dice<'_>) {
    let patterns: Vec<String> = (0..=dice.roll(4)).map(|_| generate::pattern(dice)).collect();
    let document = Document::new(dice);
    let own = document.pattern(dice);
    // Some combine to more branches than there may be.
    let valid = |text: &&str| Pattern::parse(text).is_ok();
    let patterns: Vec<&str> = patterns.iter().chain([&own]).map(String::as_str).filter(valid).collect();
    let alone: Vec<Verdict> =
        patterns.iter().filter_map(|text| decide(View::Event, &[text], document.text.as_bytes())).collect();
    let expected = alone.iter().position(|verdict| *verdict == Verdict::Match(0));
    let together = decide(View::Event, &patterns, document.text.as_bytes());
    assert_eq!(together, Some(expected.map_or(Verdict::NoMatch, Verdict::Match)), "{patterns:?}\n{}", document.text);
}

/// What is decided, unless the view refuses the patterns; the explanations must say the same.
fn decide(view: View, texts: &[&str], record: &[u8]) -> Option<Verdict> {
    let patterns = texts.iter().map(|text| Pattern::parse(text)).collect::<Result<Vec<_>, _>>().ok()?;
    let filters = Filters::new(view, patterns).ok()?;
    let verdict = filters.decide(record);
    let outcomes: Vec<Outcome> = filters.explain(record).into_iter().map(|explanation| explanation.outcome).collect();
    let matched = outcomes.iter().position(|outcome| *outcome == Outcome::Matched);
    let undecidable = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Undecidable(why) => Some(*why),
        _ => None,
    });
    let explained = match (matched, undecidable) {
        (Some(index), _) => Verdict::Match(index),
        (None, Some(why)) => Verdict::Undecidable(why),
        (None, None) => Verdict::NoMatch,
    };
    assert_eq!(verdict, explained, "{texts:?} {:?}", String::from_utf8_lossy(record));
    for outcome in outcomes {
        assert!(!outcome.to_string().is_empty());
    }
    Some(verdict)
}
