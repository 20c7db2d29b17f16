//! Passes over values that are not asked for, checking only that they are JSON. Most of a record is passed over, so
//! this decides how fast records are filtered.

use super::lex::{Broken, Fault, fault, number, space, string, word};

/// Behind a value, however deep it nests.
pub(super) fn skip(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    let mut open = Nesting::default();
    loop {
        at = space(text, at);
        at = match text.get(at) {
            Some(b'"') => string(text, at + 1)?.0,
            Some(b'{') => {
                at = space(text, at + 1);
                if text.get(at) != Some(&b'}') {
                    open.push(true);
                    at = name(text, at)?;
                    continue;
                }
                at + 1
            }
            Some(b'[') => {
                at = space(text, at + 1);
                if text.get(at) != Some(&b']') {
                    open.push(false);
                    continue;
                }
                at + 1
            }
            Some(b'-' | b'0'..=b'9') => number(text, at)?,
            Some(b't') => word(text, at, b"true")?,
            Some(b'f') => word(text, at, b"false")?,
            Some(b'n') => word(text, at, b"null")?,
            _ => return fault(text, at, Broken::Value),
        };
        loop {
            let Some(object) = open.innermost() else { return Ok(at) };
            at = space(text, at);
            match text.get(at) {
                Some(b',') => {
                    at += 1;
                    if object {
                        at = name(text, space(text, at))?;
                    }
                    break;
                }
                Some(b'}') if object => open.pop(),
                Some(b']') if !object => open.pop(),
                _ => return fault(text, at, if object { Broken::Member } else { Broken::Item }),
            }
            at += 1;
        }
    }
}

/// Behind the name of a member and its colon.
#[inline]
fn name(text: &[u8], at: usize) -> Result<usize, Fault> {
    if text.get(at) != Some(&b'"') {
        return fault(text, at, Broken::Name);
    }
    let (end, _) = string(text, at + 1)?;
    let end = space(text, end);
    if text.get(end) == Some(&b':') { Ok(end + 1) } else { fault(text, end, Broken::Colon) }
}

/// What is open around a place, one bit for each: an object, or a list.
#[derive(Default)]
struct Nesting {
    bits: u64,
    depth: usize,
    outer: Vec<u64>,
}

impl Nesting {
    /// Something opens.
    #[inline]
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(object);
        self.depth += 1;
    }

    /// What is innermost ends.
    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    /// Whether what is innermost is an object; None if nothing is open.
    #[inline]
    const fn innermost(&self) -> Option<bool> {
        if self.depth == 0 { None } else { Some(self.bits & 1 == 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a text stops to be JSON.
    fn broken(text: &[u8]) -> Option<usize> {
        match skip(text, 0).map(|end| space(text, end)) {
            Ok(end) if end == text.len() => None,
            Ok(end) => Some(end),
            Err((at, _)) => Some(at),
        }
    }

    #[test]
    fn passes_over_what_serde_json_cannot_hold() {
        let deep = format!("{}1{}", "[{\"a\":".repeat(50_000), "}]".repeat(50_000));
        for text in [&deep, "1e400", r#""\ud800""#, r#"[-0.5E-3, {}, [], {"a": [null, true, false]}]"#] {
            assert_eq!(broken(text.as_bytes()), None, "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn finds_where_it_is_no_json() {
        let cases = [
            ("", 0),
            ("nul", 0),
            ("01", 1),
            ("-", 1),
            ("1.", 2),
            ("1e", 2),
            ("1e+", 3),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("{1:2}", 1),
            (r#"{"a" 1}"#, 5),
            (r#"{"a":1,}"#, 7),
            (r#"{"a":1]"#, 6),
            ("[}", 1),
            ("\"a", 2),
            ("\"\n\"", 1),
            ("\"1234567\u{1}89\"", 8),
            (r#""\x""#, 1),
            (r#""\u12g4""#, 1),
            ("'a'", 0),
        ];
        for (text, offset) in cases {
            assert_eq!(broken(text.as_bytes()), Some(offset), "{text}");
        }
    }

    #[test]
    fn agrees_with_serde_json_on_short_texts() {
        // Every text of up to four of these bytes: what is JSON for the one is for the other.
        let alphabet = b"{}[],:\"\\a1-.e 0";
        let mut texts = vec![Vec::new()];
        for _ in 0..4 {
            let longer =
                texts.iter().flat_map(|text: &Vec<u8>| alphabet.iter().map(|byte| [&text[..], &[*byte]].concat()));
            texts = longer.collect();
            for text in &texts {
                let theirs = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
                assert_eq!(broken(text).is_none(), theirs, "{}", String::from_utf8_lossy(text));
            }
        }
    }

    #[test]
    fn remembers_every_level() {
        let mut open = Nesting::default();
        let kinds: Vec<bool> = (0..300).map(|level| level % 3 == 0 || level % 7 == 0).collect();
        kinds.iter().for_each(|object| open.push(*object));
        for object in kinds.iter().rev() {
            assert_eq!(open.innermost(), Some(*object));
            open.pop();
        }
        assert_eq!(open.innermost(), None);
    }
}
