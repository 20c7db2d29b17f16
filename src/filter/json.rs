//! Reads JSON text where it lies: tokens for the pattern's reader and the matcher, and values that nobody asks for are passed over.
//!
//! Own code rather than `serde_json`, because a record must not become undecidable by what its patterns do not look at, nor by
//! numbers beyond a double, lone surrogates and deep nesting in what they do look at. Nothing here recurses.

/// JSON text that is none: where, and what is wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub offset: usize,
    pub what: &'static str,
}

/// A string as it stands between its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// What the string means. A lone surrogate becomes the three bytes that UTF-8 would have for it.
    pub(super) fn bytes<'b>(self, scratch: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        if !self.escaped {
            return self.raw;
        }
        scratch.clear();
        unescape(self.raw, scratch);
        scratch
    }

    /// The same, to keep.
    pub(super) fn to_vec(self) -> Vec<u8> {
        let mut scratch = Vec::new();
        self.bytes(&mut scratch).to_vec()
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
                    return Ok(Text { raw, escaped });
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

/// What is open around a place, one bit for each: an object, or a list.
#[derive(Default)]
struct Nesting {
    bits: u64,
    depth: usize,
    outer: Vec<u64>,
}

impl Nesting {
    #[inline]
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(object);
        self.depth += 1;
    }

    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    #[inline]
    const fn innermost(&self) -> Option<bool> {
        if self.depth == 0 { None } else { Some(self.bits & 1 == 1) }
    }
}

/// Appends what an escaped string means; its escapes are known to be valid.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..slash]);
        let (byte, taken) = match rest[slash + 1] {
            b'b' => (0x08, 2),
            b'f' => (0x0c, 2),
            b'n' => (b'\n', 2),
            b'r' => (b'\r', 2),
            b't' => (b'\t', 2),
            b'u' => {
                let taken = unescape_unicode(&rest[slash..], out);
                rest = &rest[slash + taken..];
                continue;
            }
            other => (other, 2),
        };
        out.push(byte);
        rest = &rest[slash + taken..];
    }
    out.extend_from_slice(rest);
}

/// Appends the character of `\uXXXX`, or of two that are a surrogate pair; says how many bytes that took.
fn unescape_unicode(raw: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = hex(raw);
    if (0xd800..0xdc00).contains(&unit) && raw.get(6..8) == Some(b"\\u") {
        let low = hex(&raw[6..]);
        if (0xdc00..0xe000).contains(&low) {
            let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            push_char(code, out);
            return 12;
        }
    }
    push_char(unit, out);
    6
}

fn hex(raw: &[u8]) -> u32 {
    raw.iter().skip(2).take(4).fold(0, |code, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => (digit | 0x20) - b'a' + 10,
        };
        code << 4 | u32::from(digit)
    })
}

fn push_char(code: u32, out: &mut Vec<u8>) {
    if let Some(char) = char::from_u32(code) {
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let byte = |shift: u32, mark: u32| (mark | (code >> shift & 0x3f)).to_le_bytes()[0];
        out.extend_from_slice(&[byte(12, 0xe0), byte(6, 0x80), byte(0, 0x80)]);
    }
}
