//! Strings of JSON: what their escapes mean.

use super::lex::{self, Broken, Fault};

/// A string as it stands between its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Of the bytes between the quotes; `escaped` if there is a backslash among them, and what follows it is known to
    /// be valid.
    pub(super) const fn new(raw: &'a [u8], escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// What the string means. A lone surrogate becomes the three bytes that UTF-8 would have for it.
    #[inline]
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

/// Appends what an escaped string means; that it is valid is known.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    // It fails only at its end, where a string that was not cut out of its text would have its quote.
    string(raw, 0, out).ok();
}

/// Behind a string whose opening quote is before the place; what it means is appended. The string is read once, for its
/// end and its meaning.
pub(super) fn string(text: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let start = out.len();
    // No string means more bytes than it has; eight more let whole steps be written.
    out.resize(start + text.len() - at + 8, 0);
    let mut meaning = Meaning { out: &mut out[start..], length: 0 };
    let end = meaning.read(text, at);
    let length = meaning.length;
    out.truncate(start + length);
    end
}

/// What a string means, as far as it was read.
struct Meaning<'o> {
    out: &'o mut [u8],
    length: usize,
}

impl Meaning<'_> {
    /// JSON within JSON has an escape every few bytes, so what is between them is copied eight bytes at a time.
    #[inline]
    fn read(&mut self, text: &[u8], mut at: usize) -> Result<usize, Fault> {
        loop {
            if let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
                let run = lex::run(chunk);
                self.out[self.length..self.length + 8].copy_from_slice(chunk);
                self.length += run;
                at += run;
                if run == 8 {
                    continue;
                }
            }
            match text.get(at) {
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => {
                    let behind = lex::escape(text, at)?;
                    at = self.escaped(text, at, behind);
                }
                Some(0..=0x1f) | None => return lex::fault(text, at, Broken::Control),
                Some(byte) => {
                    self.push(*byte);
                    at += 1;
                }
            }
        }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.out[self.length] = byte;
        self.length += 1;
    }

    /// The escape between two places; says where to go on.
    #[inline]
    fn escaped(&mut self, text: &[u8], at: usize, behind: usize) -> usize {
        self.push(match text[at + 1] {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(text, at, behind),
            other => other,
        });
        behind
    }

    /// The character of `\uXXXX`, or of two that are a surrogate pair; says where to go on.
    fn unicode(&mut self, text: &[u8], at: usize, behind: usize) -> usize {
        let unit = hex(&text[at..]);
        if (0xd800..0xdc00).contains(&unit)
            && text[behind..].starts_with(b"\\u")
            && let Ok(behind) = lex::escape(text, behind)
        {
            let low = hex(&text[behind - 6..]);
            if (0xdc00..0xe000).contains(&low) {
                self.character(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
                return behind;
            }
        }
        self.character(unit);
        behind
    }

    fn character(&mut self, code: u32) {
        if let Some(char) = char::from_u32(code) {
            char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.push(byte));
        } else {
            let byte = |shift: u32, mark: u32| mark.to_le_bytes()[0] | (code >> shift & 0x3f).to_le_bytes()[0];
            [byte(12, 0xe0), byte(6, 0x80), byte(0, 0x80)].into_iter().for_each(|byte| self.push(byte));
        }
    }
}

/// The number after `\u`.
fn hex(raw: &[u8]) -> u32 {
    raw.iter().skip(2).take(4).fold(0, |code, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => (digit | 0x20) - b'a' + 10,
        };
        code << 4 | u32::from(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_mean_their_character() {
        let cases: [(&str, &[u8]); 9] = [
            ("plain", b"plain"),
            (r#"\"\\\/\b\f\n\r\t"#, b"\"\\/\x08\x0c\n\r\t"),
            (r"a\u0041b", b"aAb"),
            (r"\u00e9", "é".as_bytes()),
            (r"\ud83d\ude00!", "😀!".as_bytes()),
            (r"\ud83dx", b"\xed\xa0\xbdx"),
            (r"\ude00", b"\xed\xb8\x80"),
            (r"\ud83d\u0041", b"\xed\xa0\xbdA"),
            (r"\uD83D\uDE00", "😀".as_bytes()),
        ];
        for (raw, expected) in cases {
            assert_eq!(Text::new(raw.as_bytes(), raw.contains('\\')).to_vec(), expected, "{raw}");
            let (quoted, mut out) = (format!("{raw}\" more"), Vec::new());
            assert_eq!(string(quoted.as_bytes(), 0, &mut out), Ok(raw.len() + 1), "{raw}");
            assert_eq!(out, expected, "{raw}");
        }
    }

    #[test]
    fn reading_for_the_meaning_finds_the_same_end_and_the_same_faults() {
        let parts = [
            "a", "é", "12345678", "\"", "\u{1}", "\\", r"\\", r#"\""#, r"\n", r"\x", r"\u00e9", r"\u12g4", r"\ud83d",
            r"\ude00", r"\ud8",
        ];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            texts = texts.iter().flat_map(|text| parts.map(|part| format!("{text}{part}"))).collect();
            for text in &texts {
                let mut out = Vec::new();
                let end = lex::string(text.as_bytes(), 0).map(|(end, _)| end);
                assert_eq!(string(text.as_bytes(), 0, &mut out), end, "{text}");
                if let Ok(end) = end {
                    assert_eq!(out, Text::new(&text.as_bytes()[..end - 1], true).to_vec(), "{text}");
                }
            }
        }
    }
}
