//! What a field's list asks for, and what a record has, in words that a user understands.

use super::leaf::{But, Leaf, Member, Range, Test};
use super::number::Number;

/// How many values are written out; how many characters of each.
const SHOWN: usize = 4;
const LENGTH: usize = 80;

/// What a test wants: `"a" or a number above 5`.
pub(super) fn wanted(test: &Test) -> String {
    let words: Vec<String> = test.members().map(|member| member_words(&member)).collect();
    listed(&words, " or ", words.len())
}

fn member_words(member: &Member) -> String {
    match member {
        Member::Null => "null".into(),
        Member::True => "true".into(),
        Member::False => "false".into(),
        Member::Number(number) => format!("the number {}", number.text()),
        Member::Text(text) => quoted(text),
        Member::Address(_, text) => format!("the address {}", quoted(text)),
        Member::Prefix(text) => format!("a string that begins with {}", quoted(text)),
        Member::Suffix(text) => format!("a string that ends with {}", quoted(text)),
        Member::Fold(folded) => format!("{} in any case", quoted(folded.text())),
        Member::FoldPrefix(folded) => format!("a string that begins with {} in any case", quoted(folded.text())),
        Member::FoldSuffix(folded) => format!("a string that ends with {} in any case", quoted(folded.text())),
        Member::Wildcard(wildcard) => format!("a string like {}", quoted(wildcard.text())),
        Member::Cidr(cidr) => format!("an address in {}", cidr.text()),
        Member::Numeric(range) => range_words(range),
        Member::Exists(true) => "any value".into(),
        Member::Exists(false) => "no value".into(),
        Member::But(but) => but_words(but),
    }
}

fn range_words(range: &Range) -> String {
    let end = |end: &Option<(Number, bool)>, with: &str, without: &str| {
        end.as_ref().map(|(number, included)| format!("{} {}", if *included { with } else { without }, number.text()))
    };
    match (end(&range.low, ">=", ">"), end(&range.high, "<=", "<")) {
        (Some(_), Some(_)) if !range.is_wide() => {
            format!("a number = {}", range.low.as_ref().map(|(number, _)| number.text()).unwrap_or_default())
        }
        (Some(low), Some(high)) => format!("a number {low} and {high}"),
        (Some(one), None) | (None, Some(one)) => format!("a number {one}"),
        (None, None) => "a number".into(),
    }
}

fn but_words(but: &But) -> String {
    let texts = |texts: &[Vec<u8>]| {
        let words: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        listed(&words, " or ", words.len())
    };
    match but {
        But::Texts(excluded) => format!("any value but {}", texts(excluded)),
        But::Numbers(numbers) => {
            let words: Vec<String> = numbers.iter().map(Number::text).collect();
            format!("any value but {}", listed(&words, " or ", words.len()))
        }
        But::Prefixes(prefixes) => format!("any value that does not begin with {}", texts(prefixes)),
        But::Suffixes(suffixes) => format!("any value that does not end with {}", texts(suffixes)),
        But::Folds(folds) => {
            let words: Vec<String> = folds.iter().map(|folded| quoted(folded.text())).collect();
            format!("any value but {} in any case", listed(&words, " or ", words.len()))
        }
        But::Wildcards(wildcards) => {
            let words: Vec<String> = wildcards.iter().map(|wildcard| quoted(wildcard.text())).collect();
            format!("any value that is not like {}", listed(&words, " or ", words.len()))
        }
    }
}

/// A value of a record.
pub(super) fn leaf(leaf: Leaf<'_>) -> String {
    match leaf {
        Leaf::Null => "null".into(),
        Leaf::True => "true".into(),
        Leaf::False => "false".into(),
        Leaf::Number(number) => shortened(number.text()),
        Leaf::Text(text) => quoted(text),
    }
}

/// The first values, and how many more there are.
pub(super) fn listed(words: &[String], between: &str, total: usize) -> String {
    let shown = &words[..words.len().min(SHOWN)];
    let more = total - shown.len();
    let joined = shown.join(if more > 0 { ", " } else { between });
    if more > 0 { format!("{joined}{between}{more} more") } else { joined }
}

/// How many values [`listed`] writes out.
pub(super) const fn shown() -> usize {
    SHOWN
}

fn quoted(text: &[u8]) -> String {
    format!("\"{}\"", shortened(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn shortened(text: &[u8]) -> String {
    // Four bytes a character at most; the rest is not looked at.
    let start = &text[..text.len().min(4 * LENGTH + 4)];
    let decoded = String::from_utf8_lossy(start);
    let mut shown: String =
        decoded.chars().take(LENGTH).map(|char| if char == '\n' || !char.is_control() { char } else { ' ' }).collect();
    if shown.len() < text.len() && decoded.chars().nth(LENGTH).is_some() {
        shown.push('…');
    }
    shown
}
