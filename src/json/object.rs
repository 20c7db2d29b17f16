//! Writes JSON objects whose members keep their order and may hold JSON that is ready.

use serde::Serialize;
use serde::de::IgnoredAny;

use super::write_string;

/// An object under construction at the end of a buffer.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    is_empty: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Begins a member, and gives the place where its value is to be written.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
        write_string(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// Begins a member that is an object itself.
    pub(crate) fn object(&mut self, key: &str) -> Object<'_> {
        Object::begin(self.key(key))
    }

    /// Adds a member with a value that is written as JSON.
    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        value
            .serialize(&mut serde_json::Serializer::new(self.key(key)))
            .expect("texts, numbers and flags can always be written to memory");
    }

    /// Adds a member with these bytes: as they are when they are JSON, else as a string.
    pub(crate) fn json_or_text(&mut self, key: &str, bytes: &[u8]) {
        if is_json(bytes) {
            self.key(key).extend_from_slice(bytes.trim_ascii());
        } else {
            self.text(key, bytes);
        }
    }

    /// Adds a member with these bytes as a string.
    pub(crate) fn text(&mut self, key: &str, bytes: &[u8]) {
        write_string(self.key(key), &String::from_utf8_lossy(bytes));
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Whether bytes are one JSON value. Nothing is built of it, so neither depth nor large numbers are in the way.
fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order() {
        let mut out = Vec::new();
        let mut outer = Object::begin(&mut out);
        outer.value("b", "\"\n");
        let mut inner = outer.object("a");
        inner.value("z", &1);
        inner.end();
        outer.object("c").end();
        outer.value("none", &None::<&str>);
        outer.end();
        assert_eq!(out, br#"{"b":"\"\n","a":{"z":1},"c":{},"none":null}"#);
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
            let mut out = Vec::new();
            let mut object = Object::begin(&mut out);
            object.json_or_text("it", bytes);
            object.end();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"it\":{written}}}"));
        }
    }
}
