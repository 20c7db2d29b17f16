//! What a template's value is once everything in it that can be resolved is.

use super::words::Words;
use crate::mapping::notation;
use crate::mapping::reader::short;
use crate::mapping::text::Span;

/// A resolved value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Val {
    pub(super) span: Span,
    pub(super) kind: ValKind,
}

#[derive(Clone, Debug)]
pub(super) enum ValKind {
    Null,
    /// `plain`: written without quotes, so that `10` and `true` are more than text.
    Text {
        words: Words,
        plain: bool,
    },
    List(Vec<Val>),
    Map(Entries),
}

/// The members of a map, as they stand.
pub(super) type Entries = Vec<(Key, Val)>;

/// A key, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Span,
}

/// Why something has no value that is known here.
#[derive(Clone, Debug)]
pub(super) struct Unknown {
    pub(super) span: Span,
    pub(super) why: String,
    /// What to do.
    pub(super) help: String,
    /// What else of the same value is not known.
    more: Vec<Self>,
}

/// The most that is said of one value.
const MOST: usize = 50;

impl Unknown {
    pub(super) fn new(span: Span, why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span, why: why.into(), help: help.into(), more: Vec::new() }
    }

    /// Both of them.
    fn and(mut self, other: Self) -> Self {
        for one in other.each() {
            let is_said = self.why == one.why || self.more.iter().any(|said| said.why == one.why);
            if !is_said && self.more.len() < MOST {
                self.more.push(one);
            }
        }
        self
    }

    /// One reason after the other.
    pub(super) fn each(mut self) -> impl Iterator<Item = Self> {
        let more = std::mem::take(&mut self.more);
        std::iter::once(self).chain(more)
    }
}

/// Gathers what is missing, so that one run asks for all of it.
#[derive(Default)]
pub(super) struct Missing(Option<Unknown>);

impl Missing {
    /// The value, if it is known.
    pub(super) fn note<T>(&mut self, found: Result<T, Unknown>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(unknown) => {
                self.0 = Some(match self.0.take() {
                    Some(first) => first.and(unknown),
                    None => unknown,
                });
                None
            }
        }
    }

    /// The value that was put together, if nothing of it is missing.
    pub(super) fn or<T>(self, found: T) -> Result<T, Unknown> {
        self.0.map_or(Ok(found), Err)
    }
}

/// Two values, or all that is missing of both.
pub(super) fn both<A, B>(a: Result<A, Unknown>, b: Result<B, Unknown>) -> Result<(A, B), Unknown> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(a.and(b)),
        (Err(unknown), _) | (_, Err(unknown)) => Err(unknown),
    }
}

/// What YAML 1.1 makes of a word without quotes. CloudFormation reads templates so; YAML 1.2 has texts there.
pub(super) fn boolean_of_yaml_1_1(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The text of a value that is there, is a text, and is not empty.
pub(super) fn spoken(value: Option<&Val>) -> Option<&Words> {
    value.and_then(Val::words).filter(|words| !words.is_empty())
}

impl Val {
    pub(super) fn text(span: Span, words: Words) -> Self {
        Self { span, kind: ValKind::Text { words, plain: false } }
    }

    pub(super) fn null(span: Span) -> Self {
        Self { span, kind: ValKind::Null }
    }

    pub(super) fn words(&self) -> Option<&Words> {
        match &self.kind {
            ValKind::Text { words, .. } => Some(words),
            _ => None,
        }
    }

    /// Its text, where it is one and nothing in it is yet to be filled in.
    pub(super) fn as_literal(&self) -> Option<&str> {
        self.words().and_then(Words::as_literal)
    }

    /// Null, `""`, `[]`, `{}`, or a map of nothing else.
    pub(super) fn says_nothing(&self) -> bool {
        match &self.kind {
            ValKind::Null => true,
            ValKind::Text { words, .. } => words.is_empty(),
            ValKind::List(items) => items.is_empty(),
            ValKind::Map(entries) => entries.iter().all(|(_, value)| value.says_nothing()),
        }
    }

    /// `a list`, `the text "x"`: for messages.
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            ValKind::Null => "null".into(),
            ValKind::Text { words, .. } => format!("{:?}", short(&words.show())),
            ValKind::List(_) => "a list".into(),
            ValKind::Map(_) => "a map".into(),
        }
    }

    /// The value as JSON text, with the digits of its numbers and the order of its members.
    pub(super) fn json(&self) -> Result<String, Unknown> {
        let mut text = String::new();
        self.write_json(&mut text)?;
        Ok(text)
    }

    fn write_json(&self, out: &mut String) -> Result<(), Unknown> {
        match &self.kind {
            ValKind::Null => out.push_str("null"),
            ValKind::Text { words, plain } => match (words.as_literal(), plain) {
                (Some("true" | "True" | "TRUE"), true) => out.push_str("true"),
                (Some("false" | "False" | "FALSE"), true) => out.push_str("false"),
                (Some(number), true) if notation::is_json_number(number) => out.push_str(number),
                (Some(number), true) if notation::is_yaml_number(number) => {
                    let why = format!("`{}` is a number for YAML, but JSON does not write it so", short(number));
                    return Err(Unknown::new(self.span, why, "write it in plain digits"));
                }
                (Some(text), _) => string(text, out),
                (None, true) => {
                    let why = "a variable without quotes has no certain type in a pattern";
                    return Err(Unknown::new(self.span, why, "write the variable in quotes, or its value"));
                }
                (None, false) => out.push_str(&quoted(&rendered(words, self.span)?)),
            },
            ValKind::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    comma(index, out);
                    item.write_json(out)?;
                }
                out.push(']');
            }
            ValKind::Map(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    comma(index, out);
                    string(&key.name, out);
                    out.push(':');
                    value.write_json(out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }
}

fn comma(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

fn string(text: &str, out: &mut String) {
    // In a mapping file the whole text of a pattern is searched for variables, its names included.
    out.push_str(&quoted(text).replace("${", "$${"));
}

/// A string always has a form in JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A text as mapping files want it.
pub(super) fn rendered(words: &Words, span: Span) -> Result<String, Unknown> {
    words.render().ok_or_else(|| {
        let why = "a `$` stands just before a variable, and no mapping file can say that";
        Unknown::new(span, why, "give the variable's value, or change the text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Val {
        Val { span: Span::default(), kind: ValKind::Text { words: Words::literal(text), plain: true } }
    }

    fn quoted(text: &str) -> Val {
        Val::text(Span::default(), Words::literal(text))
    }

    fn map(entries: Vec<(&str, Val)>) -> Val {
        let key = |name: &str| Key { name: name.into(), span: Span::default() };
        let entries = entries.into_iter().map(|(name, value)| (key(name), value)).collect();
        Val { span: Span::default(), kind: ValKind::Map(entries) }
    }

    #[test]
    fn json_keeps_digits_order_and_repeated_names() {
        let list = Val {
            span: Span::default(),
            kind: ValKind::List(vec![plain("1.0"), plain("1e400"), quoted("1"), plain("x"), plain("True")]),
        };
        let value = map(vec![("b", list), ("a", Val::null(Span::default())), ("a", quoted("\"é\n"))]);
        assert_eq!(value.json().unwrap(), r#"{"b":[1.0,1e400,"1","x",true],"a":null,"a":"\"é\n"}"#);
        assert!(map(vec![("a", plain("0x1F"))]).json().unwrap_err().why.contains("0x1F"));
    }

    #[test]
    fn json_escapes_what_mapping_files_would_fill_in() {
        let value = map(vec![("${k}", quoted("${v}"))]);
        assert_eq!(value.json().unwrap(), r#"{"$${k}":"$${v}"}"#);
        let mut words = Words::literal("a-");
        words.push(Words::written("${R:-x}"));
        assert_eq!(map(vec![("k", Val::text(Span::default(), words))]).json().unwrap(), r#"{"k":"a-${R:-x}"}"#);
    }

    #[test]
    fn knows_what_says_nothing() {
        assert!(map(vec![("a", Val::null(Span::default())), ("b", map(vec![]))]).says_nothing());
        assert!(!map(vec![("a", plain("0"))]).says_nothing());
    }
}
