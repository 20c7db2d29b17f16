//! `equals-ignore-case`: each character of the pattern in its upper or its lower case.
//!
//! Not the same as lower case on both sides: "ß" stands for "SS", but "SS" does not stand for "ß".

/// A text of a pattern, character by character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    text: Vec<u8>,
    chars: Vec<Cases>,
}

/// A character's two cases; the same twice where it has one only.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cases {
    lower: Vec<u8>,
    upper: Vec<u8>,
}

impl Folded {
    pub(super) fn new(text: &[u8]) -> Self {
        let mut chars = Vec::new();
        for chunk in text.utf8_chunks() {
            chars.extend(chunk.valid().chars().map(|char| Cases {
                lower: char.to_lowercase().collect::<String>().into_bytes(),
                upper: char.to_uppercase().collect::<String>().into_bytes(),
            }));
            // Lone surrogates have no case.
            if !chunk.invalid().is_empty() {
                chars.push(Cases { lower: chunk.invalid().to_vec(), upper: chunk.invalid().to_vec() });
            }
        }
        Self { text: text.to_vec(), chars }
    }

    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.rest_after(text).is_some_and(<[u8]>::is_empty)
    }

    pub(super) fn is_prefix_of(&self, text: &[u8]) -> bool {
        self.rest_after(text).is_some()
    }

    pub(super) fn is_suffix_of(&self, text: &[u8]) -> bool {
        let mut rest = text;
        self.chars.iter().rev().all(|cases| {
            let shorter = rest.strip_suffix(&cases.lower[..]).or_else(|| rest.strip_suffix(&cases.upper[..]));
            rest = shorter.unwrap_or(rest);
            shorter.is_some()
        })
    }

    /// At most one case of a character can be at a place, so the first that is there is the right one.
    fn rest_after<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        self.chars.iter().try_fold(text, |rest, cases| {
            rest.strip_prefix(&cases.lower[..]).or_else(|| rest.strip_prefix(&cases.upper[..]))
        })
    }

    /// As it is written.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_by_character() {
        let cases = [
            ("Alice", "aLICE", true),
            ("alice", "alic", false),
            ("alice", "alicee", false),
            ("ß", "SS", true),
            ("ß", "ß", true),
            ("SS", "ß", false),
            ("ß", "ẞ", false),
            ("ς", "Σ", true),
            ("σ", "ς", false),
            ("É", "é", true),
            ("é", "e\u{301}", false),
            ("😀x", "😀X", true),
            ("", "", true),
            ("", "x", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Folded::new(pattern.as_bytes()).matches(text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn folds_beginnings_and_ends() {
        assert!(Folded::new(b"ab").is_prefix_of(b"ABc"));
        assert!(!Folded::new(b"ab").is_prefix_of(b"a"));
        assert!(Folded::new("ß.PNG".as_bytes()).is_suffix_of(b"xSS.png"));
        assert!(!Folded::new(b".png").is_suffix_of(b"png"));
        assert!(Folded::new(b"").is_suffix_of(b"x"));
    }

    #[test]
    fn no_case_begins_or_ends_like_the_other() {
        for char in '\0'..=char::MAX {
            let (lower, upper): (String, String) = (char.to_lowercase().collect(), char.to_uppercase().collect());
            if lower != upper {
                let alike = |a: &str, b: &str| a.starts_with(b) || a.ends_with(b);
                assert!(!alike(&lower, &upper) && !alike(&upper, &lower), "{char}");
            }
        }
    }
}
