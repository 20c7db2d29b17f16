//! Strings of JSON: what their escapes mean.

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

/// Appends what an escaped string means. JSON within JSON has an escape every few bytes, so runs are copied eight bytes
/// at a time.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    out.reserve(raw.len() + 8);
    let mut rest = raw;
    while let Some(chunk) = rest.first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk) ^ 0x5c5c_5c5c_5c5c_5c5c;
        // The lowest high bit marks the first byte that is a backslash.
        let slashes = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
        let run = slashes.trailing_zeros() as usize / 8;
        out.extend_from_slice(chunk);
        if run < 8 {
            out.truncate(out.len() - (8 - run));
            rest = &rest[run + unescape_one(&rest[run..], out)..];
        } else {
            rest = &rest[8..];
        }
    }
    while let Some(byte) = rest.first() {
        if *byte == b'\\' {
            rest = &rest[unescape_one(rest, out)..];
        } else {
            out.push(*byte);
            rest = &rest[1..];
        }
    }
}

/// Appends what an escape means; says how many bytes it takes.
#[inline]
fn unescape_one(raw: &[u8], out: &mut Vec<u8>) -> usize {
    out.push(match raw[1] {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unescape_unicode(raw, out),
        other => other,
    });
    2
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
