//! The tokens of JSON, each from a place in a text to the place behind it.
//!
//! Places go in and come out by value, so that a loop over tokens keeps them in registers; that is half of the
//! matcher's speed.

/// Where a text stops to be JSON, and what is wrong there.
pub(super) type Fault = (usize, Broken);

/// What is wrong with a text that is no JSON.
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

/// Says what is wrong at a place; at the end of the text it is that it ends.
#[cold]
pub(super) fn fault<T>(text: &[u8], at: usize, what: Broken) -> Result<T, Fault> {
    Err(if at >= text.len() { (text.len(), Broken::Early) } else { (at, what) })
}

/// Behind white space.
#[inline]
pub(super) fn space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Behind a string whose opening quote is before the place; whether it has escapes.
#[inline]
pub(super) fn string(text: &[u8], mut at: usize) -> Result<(usize, bool), Fault> {
    let mut escaped = false;
    loop {
        at = plain(text, at);
        match text.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(text, at)?;
            }
            _ => return fault(text, at, Broken::Control),
        }
    }
}

/// At the next quote, backslash or control character, eight bytes a step.
#[inline]
fn plain(text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let run = run(chunk);
        if run < 8 {
            return at + run;
        }
        at += 8;
    }
    while text.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        at += 1;
    }
    at
}

/// How many bytes come before the first quote, backslash or control character.
#[inline]
pub(super) fn run(chunk: &[u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(*chunk);
    // With that bit turned, a quote is less than 33 as control characters are, and nothing else is. A subtraction
    // borrows only from the bytes behind one that is found, so the first that is marked is right.
    let low = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let slash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    let found = (low | slash) & !word & HIGH;
    found.trailing_zeros() as usize / 8
}

/// Behind an escape.
#[inline]
pub(super) fn escape(text: &[u8], at: usize) -> Result<usize, Fault> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let digits = text.get(at + 2..at + 6);
            let valid = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            if valid { Ok(at + 6) } else { fault(text, at, Broken::Hex) }
        }
        _ => fault(text, at, Broken::Escape),
    }
}

/// Behind a number.
#[inline]
pub(super) fn number(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(text, at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(text, at)?;
    }
    Ok(at)
}

#[inline]
fn digits(text: &[u8], start: usize) -> Result<usize, Fault> {
    let mut at = start;
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at == start { fault(text, at, Broken::Digit) } else { Ok(at) }
}

/// Behind `true`, `false` or `null`.
#[inline]
pub(super) fn word(text: &[u8], at: usize, word: &[u8]) -> Result<usize, Fault> {
    let found = text.get(at..).is_some_and(|rest| rest.starts_with(word));
    if found { Ok(at + word.len()) } else { fault(text, at, Broken::Value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_where_they_should_wherever_they_begin() {
        // Each byte that may stand in a string by itself, at each place of a step.
        for byte in 0..=u8::MAX {
            for before in 0..17 {
                let text = [&vec![b'a'; before][..], &[byte, b'"'], b"0123456789"].concat();
                let expected = match byte {
                    b'"' => Ok((before + 1, false)),
                    b'\\' => Ok((before + 2, true)),
                    0..=0x1f => Err((before, Broken::Control)),
                    _ => Ok((before + 2, false)),
                };
                let found = string(&text, 0);
                // An escaped quote does not end the string.
                let expected = if byte == b'\\' { Err((text.len(), Broken::Early)) } else { expected };
                assert_eq!(found, expected, "{byte} {before}");
            }
        }
    }
}
