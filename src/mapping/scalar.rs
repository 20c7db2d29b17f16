//! Reads scalars: variables are filled in, spelling and range are checked.

use std::time::Duration;

use super::code::Code;
use super::interpolate::{self, Unfilled};
use super::notation::{self, NotWhole};
use super::reader::{Reader, short};
use super::text::Span;
use super::tree::{Node, NodeKind};
use super::value::Kind;

const TIME_HELP: &str =
    "write a date and time with its offset, `2026-11-20T08:30:00Z`, or seconds since 1970, `1763627400.5`";
const DURATION_HELP: &str = "write a whole number and a unit: `250ms`, `30s`, `5m`, `2h`";

/// Whether a text is this word. Forebay's own words, like names, may begin with a small letter; those of AWS are AWS's.
pub(crate) fn is_word(word: &str, text: &str, path: &str) -> bool {
    let small = || path.starts_with("Poller") && word.get(1..) == text.get(1..) && word.eq_ignore_ascii_case(text);
    word == text || small()
}

/// A scalar with its variables filled in.
pub(crate) struct Scalar {
    pub(crate) text: String,
    plain: bool,
}

impl Reader<'_> {
    /// A scalar with its variables filled in; anything else is reported.
    pub(crate) fn scalar(&mut self, node: &Node, path: &str, wanted: &str, help: &str) -> Option<Scalar> {
        let NodeKind::Scalar { text, plain } = &node.kind else {
            return self.wrong(node, path, wanted, help);
        };
        let Some(env) = self.env else { return Some(Scalar { text: text.clone(), plain: *plain }) };
        match interpolate::fill(text, env) {
            Ok(filled) => Some(Scalar { text: filled.text, plain: *plain || filled.whole }),
            Err(unfilled) => {
                for one in &unfilled {
                    let (code, message, help) = problem(one);
                    self.error(code, place(self.text.text, node.span, one), message, help);
                }
                None
            }
        }
    }

    pub(crate) fn plain_text(&mut self, node: &Node, min: usize, max: usize, path: &str) -> Option<Kind> {
        let found = self.scalar(node, path, "text", "write one text")?;
        let length = found.text.chars().count();
        if length < min || length > max {
            let message = match length {
                0 => format!("`{path}` is empty"),
                _ => format!("`{path}` has {length} characters, but may have {min} to {max}"),
            };
            self.error(Code::TextLength, node.span, message, format!("write {min} to {max} characters"));
            return None;
        }
        Some(Kind::Text(found.text))
    }

    pub(crate) fn word(&mut self, node: &Node, words: &[&'static str], path: &str) -> Option<Kind> {
        let choice = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let help = if words.len() == 1 { format!("write {choice}") } else { format!("write one of {choice}") };
        let found = self.scalar(node, path, "text", &help)?;
        if let Some(word) = words.iter().find(|word| is_word(word, &found.text, path)) {
            return Some(Kind::Text((*word).into()));
        }
        let message = format!("`{path}` cannot be {:?}", short(&found.text));
        self.error(Code::NotAllowed, node.span, message, help);
        None
    }

    /// A whole number from `min` to `max`; where it is a limit, -1 stands for none.
    pub(crate) fn integer(&mut self, node: &Node, (min, max): (i64, i64), limit: bool, path: &str) -> Option<Kind> {
        let none = if limit { ", or -1 for no limit" } else { "" };
        let help = format!("write a whole number from {min} to {max}{none}");
        let found = self.scalar(node, path, "a whole number", &help)?;
        let (code, message, help) = match notation::whole(&found.text) {
            Ok(number) if found.plain => {
                let allowed = |number: &i64| (min..=max).contains(number) || (limit && *number == -1);
                if let Some(number) = i64::try_from(number).ok().filter(allowed) {
                    return Some(Kind::Integer(number));
                }
                let or = if limit { "-1 or " } else { "" };
                (Code::OutOfRange, format!("is {}, but may be {or}{min} to {max}", short(&found.text)), help)
            }
            Ok(number) => {
                let message = format!("must be a number, and this is the text {:?}", found.text);
                (Code::NumberForm, message, format!("write {number} without quotes"))
            }
            Err(NotWhole::Form(plain)) => {
                let message = format!("must be a plain whole number, and this is `{}`", short(&found.text));
                (Code::NumberForm, message, plain.map_or(help, |plain| format!("write {plain}")))
            }
            Err(NotWhole::Other) => return self.wrong(node, path, "a whole number", &help),
        };
        self.error(code, node.span, format!("`{path}` {message}"), help);
        None
    }

    pub(crate) fn boolean(&mut self, node: &Node, path: &str) -> Option<Kind> {
        let help = "write `true` or `false`";
        let found = self.scalar(node, path, "true or false", help)?;
        let (is, help) = match notation::boolean(&found.text) {
            Ok(value) if found.plain => return Some(Kind::Boolean(value)),
            Ok(value) => (format!("the text {:?}", found.text), format!("write {value} without quotes")),
            Err(Some(meant)) => (node.describe(), format!("write {meant}")),
            Err(None) => return self.wrong(node, path, "true or false", help),
        };
        let message = format!("`{path}` must be true or false, and this is {is}");
        self.error(Code::BooleanForm, node.span, message, help);
        None
    }

    /// A moment, as milliseconds since the Unix epoch.
    pub(crate) fn time(&mut self, node: &Node, path: &str) -> Option<Kind> {
        let found = self.scalar(node, path, "a time", TIME_HELP)?;
        let Some(unix_ms) = notation::time(&found.text) else {
            let message = format!("`{path}` is {}, which is not a time", node.describe());
            self.error(Code::TimeForm, node.span, message, TIME_HELP);
            return None;
        };
        if unix_ms > self.now {
            let message = format!("`{path}` is {}, which is in the future", short(&found.text));
            // Beyond the year 5000 as seconds, and yet before now as milliseconds.
            let is_ms = found.text.parse::<u64>().is_ok_and(|ms| (100_000_000_000..=self.now).contains(&ms));
            let help = if is_ms {
                "write seconds, not milliseconds"
            } else {
                "write a time in the past; `StartingPosition: LATEST` begins with what arrives from now on"
            };
            self.error(Code::TimeInFuture, node.span, message, help);
            return None;
        }
        Some(Kind::Time(unix_ms))
    }

    pub(crate) fn duration(&mut self, node: &Node, min: Duration, max: Duration, path: &str) -> Option<Kind> {
        let found = self.scalar(node, path, "a duration", DURATION_HELP)?;
        let Some(duration) = notation::duration(&found.text) else {
            let message = format!("`{path}` is {}, which is not a duration", node.describe());
            self.error(Code::DurationForm, node.span, message, DURATION_HELP);
            return None;
        };
        if duration < min || duration > max {
            let range = format!("{} to {}", notation::show(min), notation::show(max));
            let message = format!("`{path}` is {}, but may be {range}", found.text);
            self.error(Code::DurationRange, node.span, message, format!("write a duration from {range}"));
            return None;
        }
        Some(Kind::Duration(duration))
    }
}

/// Where in a scalar the variable stands that could not be filled in.
fn place(file: &str, span: Span, unfilled: &Unfilled) -> Span {
    let (Unfilled::Undefined { token, .. } | Unfilled::Malformed { token, .. }) = unfilled;
    let source = file.get(span.start..span.end).unwrap_or_default();
    source.find(token.as_str()).map_or(span, |at| {
        let start = span.start + at;
        Span::new(start, start + token.len())
    })
}

fn problem(unfilled: &Unfilled) -> (Code, String, String) {
    match unfilled {
        Unfilled::Undefined { name, .. } => {
            let help = format!("set it before forebay starts, or give a default: `${{{name}:-value}}`");
            (Code::UndefinedVariable, format!("the environment has no variable `{name}`"), help)
        }
        Unfilled::Malformed { token, why } => {
            let message = format!("`{}` cannot be read: {why}", short(token));
            (Code::Interpolation, message, "write `${NAME}` or `${NAME:-default}`; `$${` stands for `${`".into())
        }
    }
}
