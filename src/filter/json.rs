//! Reads JSON text where it lies: tokens for the pattern's reader and the matcher, and values that nobody asks for are passed over.
//!
//! Own code rather than `serde_json`, because a record must not become undecidable by what its patterns do not look at, nor by
//! numbers beyond a double, lone surrogates and deep nesting in what they do look at. Nothing here recurses.

use super::text::Text;

/// Text that is no JSON. Where it stops to be any is where the scanner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Early,
    Trailing,
    Composite,
    Value,
    Name,
    Colon,
    Member,
    Item,
    Control,
    Escape,
    Hex,
    Digit,
}

impl Broken {
    /// In words.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Early => "the text ends too early",
            Self::Trailing => "expected the end",
            Self::Composite => "expected an object or a list",
            Self::Value => "expected a value",
            Self::Name => "expected a name in quotes",
            Self::Colon => "expected `:`",
            Self::Member => "expected `,` or `}`",
            Self::Item => "expected `,` or `]`",
            Self::Control => "a control character in a string must be escaped",
            Self::Escape => "there is no such escape",
            Self::Hex => "`\\u` needs four hexadecimal digits",
            Self::Digit => "expected a digit",
        }
    }
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

    #[cold]
    pub(super) fn broken<T>(&self, what: Broken) -> Result<T, Broken> {
        Err(if self.at >= self.bytes.len() { Broken::Early } else { what })
    }

    /// Takes a byte that was peeked at.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.at += 1;
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
            _ => return self.broken(if first { Broken::Name } else { Broken::Member }),
        }
        if self.bytes.get(self.at) != Some(&b'"') {
            return self.broken(Broken::Name);
        }
        let name = self.text()?;
        if !self.take(b':') {
            return self.broken(Broken::Colon);
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
            _ => self.broken(Broken::Item),
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
            _ => self.broken(Broken::Value),
        }
    }

    pub(super) fn word(&mut self, word: &'static [u8], token: Token<'a>) -> Result<Token<'a>, Broken> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(token)
        } else {
            self.broken(Broken::Value)
        }
    }

    /// Takes a string; the opening quote is next.
    #[inline]
    fn text(&mut self) -> Result<Text<'a>, Broken> {
        let start = self.at + 1;
        let escaped = self.skip_text()?;
        Ok(Text::new(&self.bytes[start..self.at - 1], escaped))
    }

    /// Passes over a string, the opening quote of which is next; whether it has escapes.
    #[inline]
    pub(super) fn skip_text(&mut self) -> Result<bool, Broken> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.plain();
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.broken(Broken::Control),
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
                    return self.broken(Broken::Hex);
                }
                self.at += 6;
            }
            _ => return self.broken(Broken::Escape),
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Broken> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { self.broken(Broken::Digit) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<&'a [u8], Broken> {
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
}
