//! Strings of JSON: what their escapes mean.

/// A string as it stands between its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Of the bytes between the quotes; `escaped` if there is a backslash among them, and what follows it is known to be valid.
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

/// Appends what an escaped string means.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    out.reserve(raw.len());
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..slash]);
        let byte = match rest[slash + 1] {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let taken = unescape_unicode(&rest[slash..], out);
                rest = &rest[slash + taken..];
                continue;
            }
            other => other,
        };
        out.push(byte);
        rest = &rest[slash + 2..];
    }
    out.extend_from_slice(rest);
}

/// Appends the character of `\uXXXX`, or of two that are a surrogate pair; says how many bytes that took.
fn unescape_unicode(raw: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = hex(raw);
    if (0xd800..0xdc00).contains(&unit) && raw.get(6..8) == Some(b"\\u") {
        let low = hex(&raw[6..]);
        if (0xdc00..0xe000).contains(&low) {
            push_char(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00), out);
            return 12;
        }
    }
    push_char(unit, out);
    6
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

fn push_char(code: u32, out: &mut Vec<u8>) {
    if let Some(char) = char::from_u32(code) {
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let byte = |shift: u32, mark: u32| mark.to_le_bytes()[0] | (code >> shift & 0x3f).to_le_bytes()[0];
        out.extend_from_slice(&[byte(12, 0xe0), byte(6, 0x80), byte(0, 0x80)]);
    }
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
        }
    }
}
