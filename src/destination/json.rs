//! Writes JSON objects whose members keep their order and may hold JSON that is ready.

use serde::Serialize;
use serde::de::IgnoredAny;

/// An object under construction.
pub(super) struct Object {
    out: Vec<u8>,
}

impl Object {
    pub(super) fn new() -> Self {
        Self { out: vec![b'{'] }
    }

    /// Adds a member with a value that is written as JSON.
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        self.key(key);
        write(&mut self.out, value);
    }

    /// Adds a member whose value is JSON already.
    pub(super) fn raw(&mut self, key: &str, json: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(json);
    }

    /// Adds a member with these bytes: as they are when they are JSON, else as a string.
    pub(super) fn json_or_text(&mut self, key: &str, bytes: &[u8]) {
        if is_json(bytes) {
            self.raw(key, bytes.trim_ascii());
        } else {
            self.text(key, bytes);
        }
    }

    /// Adds a member with these bytes as a string.
    pub(super) fn text(&mut self, key: &str, bytes: &[u8]) {
        self.value(key, &*String::from_utf8_lossy(bytes));
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }

    fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        write(&mut self.out, key);
        self.out.push(b':');
    }
}

/// Whether bytes are one JSON value. Nothing is built of it, so neither depth nor large numbers are in the way.
fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    value
        .serialize(&mut serde_json::Serializer::new(out))
        .expect("texts, numbers and flags can always be written to memory");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order() {
        let mut inner = Object::new();
        inner.value("z", &1);
        let mut outer = Object::new();
        outer.value("b", "\"\n");
        outer.raw("a", &inner.end());
        outer.value("none", &None::<&str>);
        assert_eq!(outer.end(), br#"{"b":"\"\n","a":{"z":1},"none":null}"#);
        assert_eq!(Object::new().end(), b"{}");
    }

    #[test]
    fn what_is_json_stays_as_it_is_and_all_else_becomes_a_string() {
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        let table: [(&[u8], &str); 13] = [
            (b"null", "null"),
            (b" {\"a\" : 1.0}\n", "{\"a\" : 1.0}"),
            (b"1e400", "1e400"),
            ("\"é\"".as_bytes(), "\"é\""),
            (b"\"\\ud800\"", "\"\\ud800\""),
            (deep.as_bytes(), &deep),
            (b"", "\"\""),
            (b"oops", "\"oops\""),
            (b"{\"a\":1} {}", "\"{\\\"a\\\":1} {}\""),
            (b"{\"a\":", "\"{\\\"a\\\":\""),
            (b"01", "\"01\""),
            (b"\"\xff\"", "\"\\\"\u{fffd}\\\"\""),
            (b"\"\x01\"", "\"\\\"\\u0001\\\"\""),
        ];
        for (bytes, written) in table {
            let mut object = Object::new();
            object.json_or_text("it", bytes);
            assert_eq!(String::from_utf8(object.end()).unwrap(), format!("{{\"it\":{written}}}"));
        }
    }
}
