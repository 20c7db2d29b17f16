//! Reads JSON text where it lies: tokens for the pattern's reader and the matcher, and values that nobody asks for are passed over.
//!
//! Own code rather than `serde_json`, because a record must not become undecidable by what its patterns do not look at, nor by
//! numbers beyond a double, lone surrogates and deep nesting in what they do look at. Nothing here recurses.

use super::nesting::Nesting;
use super::text::Text;

/// JSON text that is none: where, and what is wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub offset: usize,
    pub what: &'static str,
}

/// A value's first token, or the whole of a scalar.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'a> {
    Object,
    Array,
    Text(Text<'a>),
    /// As it is written.
    Number(&'a [u8]),
    True,
    False,
    Null,
}

impl Token<'_> {
    /// What it is, for messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "a list",
            Self::Text(_) => "a string",
            Self::Number(_) => "a number",
            Self::True | Self::False => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A place in JSON text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The offset of the next byte.
    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, Broken> {
        let what = if self.at >= self.bytes.len() { "the text ends too early" } else { what };
        Err(Broken { offset: self.at.min(self.bytes.len()), what })
    }

    /// The next byte that is no white space, without taking it; 0 at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Whether only white space is left.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek();
        self.at >= self.bytes.len()
    }

    /// Takes the byte if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// Takes what separates or ends: the name of an object's next member with its colon, or nothing where the object ends.
    #[inline]
    pub(super) fn member(&mut self, first: bool) -> Result<Option<Text<'a>>, Broken> {
        match self.peek() {
            b'}' => {
                self.at += 1;
                return Ok(None);
            }
            b',' if !first => {
                self.at += 1;
                self.peek();
            }
            b'"' if first => {}
            _ => return self.broken(if first { "expected a name or `}`" } else { "expected `,` or `}`" }),
        }
        if self.bytes.get(self.at) != Some(&b'"') {
            return self.broken("expected a name in quotes");
        }
        let name = self.text()?;
        if !self.take(b':') {
            return self.broken("expected `:`");
        }
        Ok(Some(name))
    }

    /// Whether a list has another item.
    #[inline]
    pub(super) fn item(&mut self, first: bool) -> Result<bool, Broken> {
        match self.peek() {
            b']' => {
                self.at += 1;
                Ok(false)
            }
            b',' if !first => {
                self.at += 1;
                Ok(true)
            }
            _ if first => Ok(true),
            _ => self.broken("expected `,` or `]`"),
        }
    }

    /// Takes a scalar, or the byte that opens an object or a list.
    #[inline]
    pub(super) fn token(&mut self) -> Result<Token<'a>, Broken> {
        match self.peek() {
            b'"' => Ok(Token::Text(self.text()?)),
            b'{' => {
                self.at += 1;
                Ok(Token::Object)
            }
            b'[' => {
                self.at += 1;
                Ok(Token::Array)
            }
            b't' => self.word(b"true", Token::True),
            b'f' => self.word(b"false", Token::False),
            b'n' => self.word(b"null", Token::Null),
            b'-' | b'0'..=b'9' => Ok(Token::Number(self.number()?)),
            _ => self.broken("expected a value"),
        }
    }

    fn word(&mut self, word: &'static [u8], token: Token<'a>) -> Result<Token<'a>, Broken> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(token)
        } else {
            self.broken("expected a value")
        }
    }

    /// Takes a string; the opening quote is next.
    #[inline]
    fn text(&mut self) -> Result<Text<'a>, Broken> {
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.plain();
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let raw = &self.bytes[start..self.at];
                    self.at += 1;
                    return Ok(Text::new(raw, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.broken("a control character in a string must be escaped"),
            }
        }
    }

    /// Moves to the next quote, backslash or control character, eight bytes a step.
    #[inline]
    fn plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*chunk);
            // The high bit of each byte that is zero after the xor, or below 32. A borrow can only mark bytes after a true one.
            let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES) & !(word ^ (ONES * 0x22));
            let slash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES) & !(word ^ (ONES * 0x5c));
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            let found = (quote | slash | control) & HIGH;
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.bytes.get(self.at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<(), Broken> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return self.broken("`\\u` needs four hexadecimal digits");
                }
                self.at += 6;
            }
            _ => return self.broken("there is no such escape"),
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Broken> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { self.broken("expected a digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<&'a [u8], Broken> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.bytes[start..self.at])
    }

    /// Passes over a value, checking that it is one.
    pub(super) fn skip(&mut self) -> Result<(), Broken> {
        let mut open = Nesting::default();
        loop {
            let mut first = false;
            match self.token()? {
                Token::Object => {
                    open.push(true);
                    first = true;
                }
                Token::Array => {
                    open.push(false);
                    first = true;
                }
                _ => {}
            }
            loop {
                let more = match open.innermost() {
                    None => return Ok(()),
                    Some(true) => self.member(first)?.is_some(),
                    Some(false) => self.item(first)?,
                };
                if more {
                    break;
                }
                open.pop();
                first = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a text stops to be JSON.
    fn broken(text: &[u8]) -> Option<usize> {
        let mut scanner = Scanner::new(text);
        match scanner.skip() {
            Ok(()) if scanner.at_end() => None,
            Ok(()) => Some(scanner.offset()),
            Err(broken) => Some(broken.offset),
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
}
