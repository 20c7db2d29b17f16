//! Joins encoded records into an event body, with exact sizes.

use bytes::{BufMut, Bytes, BytesMut};

const HEAD: &[u8] = br#"{"Records":["#;
const TAIL: &[u8] = b"]}";

/// The largest event that Lambda takes in a synchronous invoke: 6 MB, counted on the encoded body.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The size of a body with these records: `count` of them, `bytes` in all.
#[must_use]
pub(crate) const fn body_bytes(count: usize, bytes: usize) -> usize {
    HEAD.len() + bytes + count.saturating_sub(1) + TAIL.len()
}

/// The event `{"Records":[…]}` of these fragments, in their order, byte for byte.
#[must_use]
pub(crate) fn join<'a>(fragments: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    join_with(fragments, TAIL)
}

/// How many bytes less of records fit into an event with this tail.
#[must_use]
pub(crate) const fn beyond_plain(tail: &[u8]) -> usize {
    tail.len().saturating_sub(TAIL.len())
}

/// The same with other members after the records: `tail` begins with the bracket that closes them.
#[must_use]
pub(crate) fn join_with<'a>(fragments: impl Iterator<Item = &'a Bytes> + Clone, tail: &[u8]) -> Bytes {
    let (count, bytes) = fragments.clone().fold((0, 0), |(count, bytes), fragment| (count + 1, bytes + fragment.len()));
    let mut body = BytesMut::with_capacity(body_bytes(count, bytes) + beyond_plain(tail));
    body.put_slice(HEAD);
    for (index, fragment) in fragments.enumerate() {
        if index > 0 {
            body.put_u8(b',');
        }
        body.put_slice(fragment);
    }
    body.put_slice(tail);
    body.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fragments: &[&'static str], expected: &str) {
        let fragments: Vec<Bytes> = fragments.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
        let body = join(fragments.iter());
        assert_eq!(body, expected.as_bytes());
        assert_eq!(body.len(), body_bytes(fragments.len(), fragments.iter().map(Bytes::len).sum()));
    }

    #[test]
    fn bodies_are_joined_and_sized_exactly() {
        check(&[], r#"{"Records":[]}"#);
        check(&[r#"{"a":1}"#], r#"{"Records":[{"a":1}]}"#);
        check(&[r#"{"a":1}"#, r#"{"b":"é"}"#, "{}"], r#"{"Records":[{"a":1},{"b":"é"},{}]}"#);
    }
}
