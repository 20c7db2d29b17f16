//! `Pattern`: an event pattern, written as a map or as the JSON text of one.

use std::path::Path;

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::reader::{Reader, short};
use super::spec::SourceKind;
use super::text::{Span, Text};
use super::tree::{Node, NodeKind};
use super::value::Kind;
use super::{events, filters, impossible, notation, placed};
use crate::filter::{Pattern, PatternError, PatternReason};
use crate::parameters::LONGEST_PATTERN;

const FORM: &str =
    "write a map, or the JSON text of one in single quotes: `'{\"body\": {\"type\": [\"order.created\"]}}'`";

/// A valid pattern, and where its parts stand.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) pattern: Pattern,
    /// The pattern as a tree; none where its JSON cannot be read as YAML too.
    pub(crate) tree: Option<Node>,
    places: Places,
}

impl Written {
    /// Where the token stands that begins at an offset of the pattern's text.
    pub(crate) fn at(&self, offset: usize) -> Span {
        self.places.token(self.pattern.text(), offset).0
    }

    /// Where a part of the tree stands.
    pub(crate) fn span(&self, part: Span) -> Span {
        match &self.places {
            Places::Map(_) => part,
            Places::Text { .. } => self.places.range(part.start, part.end).unwrap_or_else(|whole| whole),
        }
    }
}

/// From offsets in a pattern's JSON to places in the file.
#[derive(Clone, Debug)]
enum Places {
    /// Where the JSON of each key and value begins, and its place.
    Map(Vec<(usize, Span)>),
    /// The place of each byte, where it is known.
    Text { whole: Span, offsets: Option<Vec<usize>> },
}

impl Places {
    /// The place of a range, or of the whole text.
    fn range(&self, start: usize, end: usize) -> Result<Span, Span> {
        match self {
            Self::Map(parts) => {
                let next = parts.partition_point(|(at, _)| *at <= start);
                Ok(parts.get(next.saturating_sub(1)).map(|(_, span)| *span).unwrap_or_default())
            }
            Self::Text { whole, offsets } => {
                let of = |at: usize| offsets.as_ref().and_then(|offsets| offsets.get(at).copied());
                of(start).map(|from| Span::new(from, of(end).unwrap_or(from).max(from + 1))).ok_or(*whole)
            }
        }
    }

    /// The place of the token at an offset, and whether it is exact.
    fn token(&self, text: &str, offset: usize) -> (Span, bool) {
        match self.range(offset, offset + token_length(text.get(offset..).unwrap_or_default())) {
            Ok(span) => (span, true),
            Err(whole) => (whole, false),
        }
    }
}

/// The length of a string, number or word in bytes; else one character.
fn token_length(rest: &str) -> usize {
    if let Some(inside) = rest.strip_prefix('"') {
        let mut escaped = false;
        let end = inside.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends || c == '\n'
        });
        return end.map_or(rest.len(), |end| end + 2);
    }
    let word = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '+'))).unwrap_or(rest.len());
    word.max(rest.chars().next().map_or(1, char::len_utf8))
}

impl Reader<'_> {
    /// A pattern; what is wrong with it is reported where it stands.
    pub(crate) fn pattern(&mut self, node: &Node, path: &str) -> Option<Kind> {
        let (text, places, tree) = match &node.kind {
            NodeKind::List(_) => return self.wrong(node, path, "a map", FORM),
            NodeKind::Map(_) => {
                let mut json = Json { reader: self, text: String::new(), parts: Vec::new(), sound: true };
                json.value(node, path);
                let Json { text, parts, sound, .. } = json;
                if !sound {
                    return None;
                }
                (text, Places::Map(parts), Some(node.clone()))
            }
            NodeKind::Scalar { .. } => {
                let text = self.scalar(node, path, "a map", FORM)?.text;
                let offsets = placed::align(self.text.text, node.span, &text);
                let tree = tree(&text);
                (text, Places::Text { whole: node.span, offsets }, tree)
            }
        };
        self.parsed(&text, places, tree, node.span, path).map(|written| Kind::Pattern(Box::new(written)))
    }

    fn parsed(&mut self, text: &str, places: Places, tree: Option<Node>, whole: Span, path: &str) -> Option<Written> {
        let length = text.chars().count();
        if length > LONGEST_PATTERN {
            let as_json = if matches!(places, Places::Map(_)) { " as JSON" } else { "" };
            let message = format!("`{path}` has {length} characters{as_json}, but may have {LONGEST_PATTERN} at most");
            self.error(Code::TextLength, whole, message, "shorten the pattern, or split it into two filters");
            return None;
        }
        match Pattern::parse(text) {
            Ok(pattern) => Some(Written { pattern, tree, places }),
            Err(error) => {
                let (span, exact) = places.token(text, error.offset);
                let place = if exact {
                    String::new()
                } else {
                    let before = text.get(..error.offset).map_or(0, |before| before.chars().count());
                    format!(" (at character {} of the pattern)", before + 1)
                };
                let message = format!("{}{place}", message(&error));
                self.error(code(&error.reason), span, message, help(&error.reason));
                None
            }
        }
    }
}

/// JSON text as a tree, for which YAML's reader serves.
fn tree(text: &str) -> Option<Node> {
    match events::documents(text) {
        (mut nodes, None) if nodes.len() == 1 => nodes.pop(),
        _ => None,
    }
}

/// Reads a pattern that does not stand in a mapping file, as JSON text; `origin` is shown where a file would be. With a
/// source, it must be one for that source. Answers with the pattern if it is valid, and with everything that is to be
/// said of it.
pub fn parse_pattern(origin: &Path, text: &str, source: Option<SourceKind>) -> (Option<Pattern>, Vec<Diagnostic>) {
    let file = Text::new(origin, text);
    let mut reader = Reader::new(&file, None, 0);
    let whole = Span::new(0, text.len());
    let places = Places::Text { whole, offsets: Some((0..=text.len()).collect()) };
    let written = reader.parsed(text, places, tree(text), whole, "Pattern");
    let pattern = written.and_then(|written| {
        let fits = source.is_none_or(|kind| filters::checked(&mut reader, &written, kind));
        impossible::repeated(&mut reader, &written);
        fits.then_some(written.pattern)
    });
    (pattern, reader.diagnostics)
}

const fn code(reason: &PatternReason) -> Code {
    match reason {
        PatternReason::NotJson(_) | PatternReason::Trailing | PatternReason::NotAnObject(_) => Code::Pattern,
        _ => Code::PatternRefused,
    }
}

fn message(error: &PatternError) -> String {
    let place = if error.path.is_empty() { String::new() } else { format!("`{}`: ", short(&error.path)) };
    format!("invalid filter pattern: {place}{}", error.reason)
}

/// What to write instead, beyond what the reason says.
fn help(reason: &PatternReason) -> &'static str {
    use PatternReason as Reason;
    match reason {
        Reason::NotJson(_) | Reason::Trailing | Reason::NotAnObject(_) => FORM,
        Reason::EmptyObject | Reason::EmptyList => "write what is to match: `{\"FIELD\": [\"VALUE\"]}`",
        Reason::NotAList(_) | Reason::NestedList => "write all values into one list: `[\"VALUE\", 5, true]`",
        Reason::OrNotAList(_) | Reason::OrNotAnObject(_) | Reason::OrTooShort => {
            "write `\"$or\": [{\"a\": [1]}, {\"b\": [2]}]`; several values of one field need none: `{\"a\": [1, 2]}`"
        }
        Reason::OrReserved(_) => "put an operator into the list of a field: `{\"FIELD\": [{\"prefix\": \"x\"}]}`",
        Reason::TooDeep(_) | Reason::TooManyBranches(_) => "simplify the pattern, or split it into several filters",
        Reason::NoOperator | Reason::SecondOperator(_) | Reason::UnknownOperator { .. } => {
            "the operators are prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists, cidr; two \
             of them in one list mean either: `[{\"prefix\": \"a\"}, {\"suffix\": \"z\"}]`"
        }
        Reason::NeedsBoolean(_) => "write `[{\"exists\": true}]` or `[{\"exists\": false}]`",
        Reason::ButOperand(_)
        | Reason::ButMixed
        | Reason::ButEmpty
        | Reason::ButNeedsTexts { .. }
        | Reason::ButEmptyText(_) => {
            "write `[{\"anything-but\": [\"a\", \"b\"]}]` or `[{\"anything-but\": {\"prefix\": \"a\"}}]`"
        }
        Reason::NumericNotAList(_)
        | Reason::NumericOperator(_)
        | Reason::NumericOperand { .. }
        | Reason::NumericRange(_)
        | Reason::NumericOrder
        | Reason::NumericEmpty => "write `[{\"numeric\": [\"=\", 5]}]` or `[{\"numeric\": [\">\", 0, \"<=\", 5]}]`",
        Reason::Cidr(_) | Reason::NeedsText { operator: "cidr", .. } => "write `[{\"cidr\": \"10.0.0.0/24\"}]`",
        Reason::Wildcard(_) => {
            "`*` stands for anything, `\\*` for a star and `\\\\` for a backslash (in JSON `\\\\*` and `\\\\\\\\`)"
        }
        Reason::NeedsText { operator: "wildcard", .. } => "write `[{\"wildcard\": \"a*\"}]`",
        Reason::NeedsText { .. } => {
            "write `[{\"equals-ignore-case\": \"a\"}]`; a list of such objects means any of them"
        }
        Reason::NeedsTextOrFold { operator: "suffix", .. } => {
            "write `[{\"suffix\": \"a\"}]`; a list of such objects means any of them"
        }
        _ => "write `[{\"prefix\": \"a\"}]`; a list of such objects means any of them",
    }
}

/// Writes a map as JSON, with what was written: order, repeated names, the digits of numbers.
struct Json<'r, 'a> {
    reader: &'r mut Reader<'a>,
    text: String,
    parts: Vec<(usize, Span)>,
    sound: bool,
}

impl Json<'_, '_> {
    fn value(&mut self, node: &Node, path: &str) {
        self.parts.push((self.text.len(), node.span));
        if !self.reader.is_untagged(node) {
            self.sound = false;
            return;
        }
        match &node.kind {
            NodeKind::Map(entries) => {
                self.text.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.comma(index);
                    let Some(name) = self.reader.key(key) else {
                        self.sound = false;
                        continue;
                    };
                    self.parts.push((self.text.len(), key.span));
                    self.string(name);
                    self.text.push(':');
                    self.value(value, path);
                }
                self.text.push('}');
            }
            NodeKind::List(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    self.value(item, path);
                }
                self.text.push(']');
            }
            NodeKind::Scalar { plain, .. } if node.is_null() && *plain => self.text.push_str("null"),
            NodeKind::Scalar { plain, .. } => match self.reader.scalar(node, path, "a value", FORM) {
                Some(found) if *plain => self.plain(&found.text, node.span),
                Some(found) => self.string(&found.text),
                None => self.sound = false,
            },
        }
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
        }
    }

    fn string(&mut self, text: &str) {
        // A string always has a form in JSON.
        self.text.push_str(&serde_json::to_string(text).unwrap_or_default());
    }

    /// A scalar without quotes: what YAML 1.2 takes for a number or boolean is one, if JSON can have it. What some
    /// readers of YAML take for another thing than others is refused: a filter that matches nothing deletes messages.
    fn plain(&mut self, text: &str, span: Span) {
        match text {
            "true" | "True" | "TRUE" => self.text.push_str("true"),
            "false" | "False" | "FALSE" => self.text.push_str("false"),
            _ if notation::is_json_number(text) => self.text.push_str(text),
            _ if notation::is_yaml_number(text) => {
                let message = format!("`{}` is a number for YAML, but JSON does not write it so", short(text));
                let plain = match notation::whole(text) {
                    Err(notation::NotWhole::Form(Some(plain))) => format!("write {plain}, or "),
                    _ => "write it in plain digits, or ".into(),
                };
                let help = format!("{plain}\"{}\" in quotes if it is a text", short(text));
                self.refuse(Code::NumberForm, span, message, help);
            }
            _ if is_word(text) => {
                let message = format!("`{text}` is a text here, and a boolean for other readers of YAML");
                self.refuse(Code::BooleanForm, span, message, format!("write true or false, or \"{text}\" in quotes"));
            }
            _ => self.string(text),
        }
    }

    fn refuse(&mut self, code: Code, span: Span, message: String, help: String) {
        self.reader.error(code, span, message, help);
        self.sound = false;
    }
}

/// The words that YAML 1.1 took for booleans.
fn is_word(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off")
}
