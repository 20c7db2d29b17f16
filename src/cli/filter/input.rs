//! Records from a file or from stdin: JSON values one after the other, with anything between them.
//!
//! A value is a record, an array of records, or an event with `Records`; of plain events each value is one. Nothing of
//! a record is changed or built: the filters see the bytes as they came.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{anyhow, bail};
use serde::Deserialize;
use serde_json::StreamDeserializer;
use serde_json::de::IoRead;
use serde_json::value::RawValue;

use super::super::output::say;
use crate::filter::View;

/// As much of a line is kept to be shown, before the place of an error.
const SHOWN: usize = 72;

/// Bytes to be read, wherever they come from.
pub(super) struct Bytes(Box<dyn BufRead>);

impl Bytes {
    pub(super) fn file(file: std::fs::File) -> Self {
        Self(Box::new(BufReader::new(file)))
    }
}

impl From<io::StdinLock<'static>> for Bytes {
    fn from(stdin: io::StdinLock<'static>) -> Self {
        Self(Box::new(stdin))
    }
}

/// The last two lines as far as they were read, for errors.
#[derive(Debug, Default)]
struct Seen {
    number: usize,
    line: Vec<u8>,
    before: Vec<u8>,
}

impl Seen {
    fn note(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        self.line.extend(lines.next().unwrap_or_default());
        for line in lines {
            self.before = std::mem::replace(&mut self.line, line.to_vec());
            self.number += 1;
        }
    }

    /// What stands in a line, with a caret under a column (from 1, in bytes), if it is still known.
    fn with_caret(&self, number: usize, column: usize) -> Option<String> {
        let line = match (self.number + 1).checked_sub(number)? {
            0 => &self.line,
            1 => &self.before,
            _ => return None,
        };
        let hidden = line.len().saturating_sub(SHOWN);
        let at = column.saturating_sub(1).checked_sub(hidden)?;
        // What a terminal would obey is not to be shown to it.
        let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(char::is_control, "\u{fffd}");
        let (before, rest) = line[hidden..].split_at(at.min(line.len() - hidden));
        let (cut, before) = (if hidden > 0 { "…" } else { "" }, plain(before));
        let margin = " ".repeat(number.to_string().len());
        let blank = " ".repeat(cut.chars().count() + before.chars().count());
        Some(format!("{margin} |\n{number} | {cut}{before}{}\n{margin} | {blank}^", plain(rest)))
    }
}

struct Tee {
    bytes: Bytes,
    seen: Arc<Mutex<Seen>>,
    begun: bool,
}

impl Read for Tee {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.begun {
            self.begun = true;
            if self.bytes.0.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
                self.bytes.0.consume(3);
            }
        }
        let count = self.bytes.0.read(into)?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(&into[..count]);
        Ok(count)
    }
}

/// The records of an input.
pub(super) struct Input {
    values: StreamDeserializer<'static, IoRead<Tee>, Box<RawValue>>,
    seen: Arc<Mutex<Seen>>,
    view: View,
    /// Of an event or array that was read.
    waiting: VecDeque<Box<RawValue>>,
    count: usize,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Box<RawValue>>,
}

impl Input {
    pub(super) fn new(bytes: Bytes, view: View) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let tee = Tee { bytes, seen: Arc::clone(&seen), begun: false };
        let values = serde_json::Deserializer::from_reader(tee).into_iter();
        Self { values, seen, view, waiting: VecDeque::new(), count: 0 }
    }

    /// The next record; `name` is that of the input.
    pub(super) fn next(&mut self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        while self.waiting.is_empty() {
            let value = match self.values.next() {
                None => return Ok(None),
                Some(Ok(value)) => value,
                Some(Err(error)) => return Err(self.unreadable(name, &error)),
            };
            if self.view == View::Event {
                self.waiting.push_back(value);
            } else {
                self.waiting.extend(expanded(value));
            }
        }
        let Some(record) = self.waiting.pop_front() else { return Ok(None) };
        self.count += 1;
        let what = match (record.get().as_bytes().first(), self.view) {
            (Some(b'{'), _) | (Some(b'['), View::Event) => "",
            (Some(b'['), _) => "a list",
            (Some(b'"'), _) => "a text",
            (Some(b't' | b'f' | b'n'), _) => "true, false or null",
            _ => "a number",
        };
        if !what.is_empty() {
            bail!("record {} of {name} is {what}, and a record is an object", self.count);
        }
        if self.count == 1 {
            self.advise(record.get());
        }
        Ok(Some(Box::<str>::from(record).into_string().into_bytes()))
    }

    /// Records without their content are most often something else: bodies alone, or answers of `receive-message`.
    fn advise(&self, record: &str) {
        #[derive(Deserialize)]
        struct Content<'a> {
            #[serde(borrow)]
            body: Option<&'a RawValue>,
            #[serde(borrow)]
            kinesis: Option<&'a RawValue>,
            #[serde(borrow)]
            dynamodb: Option<&'a RawValue>,
        }
        let Ok(content) = serde_json::from_str::<Content<'_>>(record) else { return };
        let (name, missing) = match self.view {
            View::Sqs => ("body", content.body.is_none()),
            View::Kinesis => ("kinesis", content.kinesis.is_none()),
            View::DynamoDb => ("dynamodb", content.dynamodb.is_none()),
            View::Event => return,
        };
        if missing {
            let help = "a record is what the function gets in `Records`; use --source event for any other JSON";
            say(&format!("note: the first record has no `{name}`: {help}"));
        }
    }

    /// Where the input is no JSON, with the line and a caret under the place.
    fn unreadable(&self, name: &str, error: &serde_json::Error) -> anyhow::Error {
        if error.is_io() {
            return anyhow!("{name} cannot be read: {error}");
        }
        let (number, column) = (error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let with_caret =
            seen.with_caret(number, column).map_or_else(String::new, |with_caret| format!("\n{with_caret}"));
        anyhow!("{name} is not JSON at line {number}, column {column}: {reason}{with_caret}")
    }
}

/// The records of an array or event; anything else is a record.
fn expanded(value: Box<RawValue>) -> Vec<Box<RawValue>> {
    match value.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(value.get()).unwrap_or_else(|_| vec![value]),
        Some(b'{') => serde_json::from_str::<Event>(value.get()).map_or_else(|_| vec![value], |event| event.records),
        _ => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a text, or the message about it without its caret.
    fn records(text: &[u8], view: View) -> Result<Vec<String>, String> {
        let bytes = Bytes(Box::new(BufReader::with_capacity(3, io::Cursor::new(text.to_vec()))));
        let mut input = Input::new(bytes, view);
        let mut found = Vec::new();
        while let Some(record) = input.next("f").map_err(|error| error.to_string())? {
            found.push(String::from_utf8(record).unwrap());
        }
        Ok(found)
    }

    #[test]
    fn records_stand_on_lines_in_lists_and_in_events() {
        let (a, b) = (r#"{"body":"a"}"#, r#"{ "body" : 1.0 }"#);
        for text in [
            format!("{a}\n{b}\n"),
            format!("\u{feff}{a}\r\n\r\n  {b}"),
            format!("[{a},\n {b}]"),
            format!("{{\"Records\": [{a}, {b}]}}"),
            format!("{{\n\"other\": 1e999, \"Records\": [\n{a}\n]}}\n[{b}]\n"),
            format!("{a}{b}"),
        ] {
            assert_eq!(records(text.as_bytes(), View::Sqs).unwrap(), [a, b], "{text}");
        }
        for text in ["", " \n ", "[]", r#"{"Records": []}"#, "\u{feff}"] {
            assert_eq!(records(text.as_bytes(), View::Sqs), Ok(vec![]), "{text}");
        }
    }

    #[test]
    fn an_event_is_taken_as_it_is() {
        for text in ["[{\"a\": 1}]", "{\"Records\": [{}]}", "{\n  \"a\": 1.0\n}"] {
            assert_eq!(records(text.as_bytes(), View::Event).unwrap(), [text]);
        }
        assert_eq!(records(b"{\"Records\": 5}", View::Kinesis).unwrap(), ["{\"Records\": 5}"]);
    }

    #[test]
    fn what_no_record_mentions_does_no_harm() {
        let deep = format!("{{\"body\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
        for text in [&*deep, r#"{"body":"\ud800"}"#, r#"{"body":1e400}"#, r#"{"a":1,"a":2}"#] {
            assert_eq!(records(text.as_bytes(), View::Sqs).unwrap(), [text]);
        }
    }

    #[test]
    fn what_is_no_json_is_marked() {
        for (text, said) in [
            (
                &b"{\"body\": 1}\n{\"body\": x}\n{}"[..],
                "f is not JSON at line 2, column 10: expected value\n  |\n2 | {\"body\": x\n  |          ^",
            ),
            (
                b"{\"body\": 1",
                "f is not JSON at line 1, column 10: EOF while parsing an object\n  |\n1 | {\"body\": 1\n  |          \
                 ^",
            ),
            (
                b"{\"a\": \x1b[31m}",
                "f is not JSON at line 1, column 7: expected value\n  |\n1 | {\"a\": \u{fffd}\n  |       ^",
            ),
            (b"{\"a\": \"\xff\"}", "f is not JSON at line 1, column 8: invalid unicode code point"),
            (b"\xff\xfe{\0}\0", "f is not JSON at line 1, column 1: expected value"),
            (b"plain", "f is not JSON at line 1, column 1: expected value"),
        ] {
            let found = records(text, View::Sqs).unwrap_err();
            assert!(found.starts_with(said), "{found}\n{said}");
        }
        let long = format!("{{\"a\": \"{}\", x}}", "é".repeat(500));
        let found = records(long.as_bytes(), View::Sqs).unwrap_err();
        let lines: Vec<_> = found.lines().collect();
        assert!(lines[2].starts_with("1 | …") && lines[2].ends_with(", x"), "{found}");
        assert_eq!(lines[3].chars().count(), lines[2].chars().count(), "{found}");
    }

    #[test]
    fn what_is_no_record_is_counted() {
        for (text, said) in [
            ("{}\n5", "record 2 of f is a number, and a record is an object"),
            ("[[1]]", "record 1 of f is a list, and a record is an object"),
            ("[{}, \"x\"]", "record 2 of f is a text, and a record is an object"),
            ("null", "record 1 of f is true, false or null, and a record is an object"),
        ] {
            assert_eq!(records(text.as_bytes(), View::DynamoDb).unwrap_err(), said);
        }
        assert_eq!(records(b"\"x\"", View::Event).unwrap_err(), "record 1 of f is a text, and a record is an object");
    }
}
