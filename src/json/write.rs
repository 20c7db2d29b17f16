//! Writes JSON straight into a buffer: strings, Base64, and times as AWS writes them.

use serde::Serialize;

/// A string, escaped as JSON asks for and no further.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        text.serialize(&mut serde_json::Serializer::new(out)).expect("a string can always be written to memory");
    }
}

/// Bytes as a string of standard Base64 with padding.
pub(crate) fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    base64_simd::STANDARD.encode_append(bytes, out);
    out.push(b'"');
}

/// How many bytes [`write_base64`] adds, quotes included.
pub(crate) const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + 2
}

/// A list, each item as `write` writes it.
pub(crate) fn write_list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Milliseconds since the Unix epoch as a JSON float of seconds: `1545084650.987`, `1545084650.5`, `1545084650.0`.
///
/// AWS always writes a fraction, so that readers with two kinds of numbers see a float.
pub(crate) fn write_seconds(out: &mut Vec<u8>, unix_ms: u64) {
    write_integer(out, unix_ms / 1000);
    let digit = |divisor: u64| b'0' + u8::try_from(unix_ms / divisor % 10).unwrap_or(0);
    let mut fraction = &[b'.', digit(100), digit(10), digit(1)][..];
    while fraction.len() > 2 && fraction.ends_with(b"0") {
        fraction = &fraction[..fraction.len() - 1];
    }
    out.extend_from_slice(fraction);
}

/// An unsigned whole number.
pub(crate) fn write_integer(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Whether a text stands in JSON as it is. Looks at blocks, so that the compiler can look at many bytes at once.
fn is_plain(text: &[u8]) -> bool {
    let plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    text.chunks(32).all(|block| block.iter().fold(true, |all, &byte| all & plain(byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_where_they_must_be_and_nowhere_else() {
        let long = "x".repeat(31);
        for (text, json) in [
            ("", r#""""#.to_owned()),
            ("plain", r#""plain""#.to_owned()),
            ("a\"b\\c/d", r#""a\"b\\c/d""#.to_owned()),
            ("\n\r\t\u{8}\u{c}", r#""\n\r\t\b\f""#.to_owned()),
            ("\0\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\"".to_owned()),
            ("é😀\u{2028}", "\"é😀\u{2028}\"".to_owned()),
            (&format!("{long}\""), format!("\"{long}\\\"\"")),
            (&format!("{long}a\""), format!("\"{long}a\\\"\"")),
        ] {
            assert_eq!(written(|out| write_string(out, text)), json);
        }
    }

    #[test]
    fn seconds_always_have_a_fraction_of_at_most_three_digits() {
        for (unix_ms, json) in [
            (1_545_084_650_987, "1545084650.987"),
            (1_545_084_650_000, "1545084650.0"),
            (1_545_084_650_500, "1545084650.5"),
            (1_545_084_650_050, "1545084650.05"),
            (1_545_084_650_007, "1545084650.007"),
            (1_545_084_650_010, "1545084650.01"),
            (1_545_084_650_999, "1545084650.999"),
            (0, "0.0"),
            (1, "0.001"),
            (u64::MAX, "18446744073709551.615"),
        ] {
            assert_eq!(written(|out| write_seconds(out, unix_ms)), json);
        }
    }

    #[test]
    fn base64_has_its_padding_and_its_length_is_known() {
        for (bytes, json) in [
            (&b""[..], r#""""#),
            (b"a", r#""YQ==""#),
            (b"ab", r#""YWI=""#),
            (b"abc", r#""YWJj""#),
            (&[0, 255, 16], r#""AP8Q""#),
            (&[251, 255, 191], r#""+/+/""#),
        ] {
            let text = written(|out| write_base64(out, bytes));
            assert_eq!((text.as_str(), text.len()), (json, base64_len(bytes.len())));
        }
    }

    proptest! {
        #[test]
        fn strings_are_written_as_serde_json_writes_them(text in any::<String>()) {
            prop_assert_eq!(written(|out| write_string(out, &text)), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn seconds_read_back_as_the_same_millisecond(unix_ms in 0_u64..4_102_444_800_000) {
            let seconds: f64 = written(|out| write_seconds(out, unix_ms)).parse().unwrap();
            prop_assert_eq!((seconds * 1000.0).round() as u64, unix_ms);
        }
    }
}
