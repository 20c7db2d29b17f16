//! Reads JSON text where it lies: tokens for the pattern's reader and the matcher, and values that are not asked for
//! are passed over.
//!
//! Own code rather than `serde_json`, because a record must not become undecidable by what its patterns do not look at,
//! nor by numbers beyond a double, lone surrogates and deep nesting in what they do look at. Nothing here recurses.

use super::lex::{self, Broken, Fault};
use super::skip;
use super::text::{self, Text};

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
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Where it stands; after an error, where the text stops to be JSON.
    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    /// Notes where a fault is.
    #[inline]
    fn at<T>(&mut self, result: Result<T, Fault>) -> Result<T, Broken> {
        result.map_err(|(at, what)| {
            self.at = at;
            what
        })
    }

    /// An error at this place.
    pub(super) fn broken<T>(&mut self, what: Broken) -> Result<T, Broken> {
        let fault = lex::fault(self.text, self.at, what);
        self.at(fault)
    }

    /// The next byte that is no white space, without taking it; 0 at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        self.at = lex::space(self.text, self.at);
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// Whether only white space is left.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek();
        self.at >= self.text.len()
    }

    /// Takes the byte if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        // Not as an addition of the comparison's result: optimized, rustc 1.95 adds nothing (rust-lang/rust#158206).
        if self.peek() == byte {
            self.at += 1;
            return true;
        }
        false
    }

    /// Takes what separates or ends: the name of an object's next member with its colon, or nothing where the object
    /// ends.
    #[inline(always)]
    pub(super) fn member(&mut self, first: bool) -> Result<Option<Text<'a>>, Broken> {
        match self.peek() {
            b'}' => {
                self.at += 1;
                return Ok(None);
            }
            b',' if !first => {
                self.at += 1;
                if self.peek() != b'"' {
                    return self.broken(Broken::Name);
                }
            }
            b'"' if first => {}
            _ => return self.broken(if first { Broken::Name } else { Broken::Member }),
        }
        let name = self.string()?;
        if self.take(b':') { Ok(Some(name)) } else { self.broken(Broken::Colon) }
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
    #[inline(always)]
    pub(super) fn token(&mut self) -> Result<Token<'a>, Broken> {
        match self.peek() {
            b'"' => Ok(Token::Text(self.string()?)),
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
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                let end = lex::number(self.text, start);
                self.at = self.at(end)?;
                Ok(Token::Number(&self.text[start..self.at]))
            }
            _ => self.broken(Broken::Value),
        }
    }

    fn word(&mut self, word: &[u8], token: Token<'a>) -> Result<Token<'a>, Broken> {
        let end = lex::word(self.text, self.at, word);
        self.at = self.at(end)?;
        Ok(token)
    }

    /// Takes a string; the opening quote is next.
    #[inline(always)]
    fn string(&mut self) -> Result<Text<'a>, Broken> {
        let start = self.at + 1;
        let end = lex::string(self.text, start);
        let (end, escaped) = self.at(end)?;
        self.at = end;
        Ok(Text::new(&self.text[start..end - 1], escaped))
    }

    /// Takes a string and appends what it means; the opening quote is next.
    pub(super) fn meaning(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        let end = text::string(self.text, self.at + 1, out);
        self.at = self.at(end)?;
        Ok(())
    }

    /// Passes over a value, however deep it nests.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), Broken> {
        let end = skip::skip(self.text, self.at);
        self.at = self.at(end)?;
        Ok(())
    }
}
