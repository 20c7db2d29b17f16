//! `wildcard`: `*` stands for any run of characters, also for none.

use memchr::memmem;

/// The literal parts between the stars; one part is a text without any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    parts: Vec<Vec<u8>>,
    text: Vec<u8>,
}

impl Wildcard {
    /// Reads `*`, `\*` and `\\`. Two stars in a row and other escapes are refused as AWS does.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let mut parts = vec![Vec::new()];
        let mut bytes = text.iter().copied();
        let mut after_star = false;
        while let Some(byte) = bytes.next() {
            let literal = match byte {
                b'*' if after_star => return Err("two `*` in a row: write one"),
                b'*' => {
                    parts.push(Vec::new());
                    after_star = true;
                    continue;
                }
                b'\\' => match bytes.next() {
                    Some(escaped @ (b'*' | b'\\')) => escaped,
                    Some(_) => {
                        return Err(
                            "an unknown escape: only `\\*` and `\\\\` are known (each `\\` is written twice in JSON)",
                        );
                    }
                    None => return Err("a `\\` at its end, where nothing follows to escape"),
                },
                other => other,
            };
            after_star = false;
            if let Some(part) = parts.last_mut() {
                part.push(literal);
            }
        }
        Ok(Self { parts, text: text.to_vec() })
    }

    /// Each part is taken where it is found first, so the time grows with the text and the number of parts only.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let [first, middle @ .., last] = &self.parts[..] else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(rest) = text.strip_prefix(&first[..]) else { return false };
        let Some(mut rest) = rest.strip_suffix(&last[..]) else { return false };
        for part in middle {
            let Some(at) = memmem::find(rest, part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
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
    fn matches_runs() {
        let cases = [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "x", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "acb", false),
            ("*ab*ab*", "abab", true),
            ("*ab*ab*", "aba", false),
            ("a*bc", "abcbc", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a\\\\*", "a\\b", true),
            ("é*", "é!", true),
        ];
        for (pattern, text, expected) in cases {
            let wildcard = Wildcard::parse(pattern.as_bytes()).expect(pattern);
            assert_eq!(wildcard.matches(text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn refuses_what_aws_refuses() {
        for pattern in ["**", "a**b", "x\\", "\\n", "he\\llo"] {
            assert!(Wildcard::parse(pattern.as_bytes()).is_err(), "{pattern}");
        }
        assert!(Wildcard::parse(b"*\\**").is_ok(), "a star, a literal star, a star");
    }
}
