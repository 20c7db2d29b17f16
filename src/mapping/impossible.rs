//! Patterns that are valid, and not what was meant: they can never match a record of the source, or a part of them does
//! not count. Most often a slip, and on a queue one that deletes everything. Only what is sure is reported; what a body
//! or an item holds is its sender's.

use std::collections::BTreeMap;

use super::code::Code;
use super::pattern::Written;
use super::reader::{Reader, short};
use super::spec::SourceKind;
use super::suggest;
use super::text::Span;
use super::tree::{Node, NodeKind};

/// What a record has at a path.
pub(crate) enum Holds {
    /// Anything: its sender decides.
    Anything,
    Text,
    /// One of these texts.
    Words(&'static [&'static str]),
    /// DynamoDB's numbers, which are texts.
    NumberAsText,
    Number,
    Boolean,
    /// No value: why, and what to write.
    Nothing(String, String),
}

/// A field of a pattern with its list of values.
struct Leaf<'a> {
    path: Vec<&'a str>,
    /// Which branch of an `$or` it stands in; 0: none.
    branch: usize,
    /// Of the outermost name.
    top: Span,
    /// Of the list.
    span: Span,
    values: &'a [Node],
}

/// Warns of fields that no record of the source can satisfy.
pub(crate) fn check(reader: &mut Reader<'_>, written: &Written, kind: SourceKind) {
    let leaves = leaves(written);
    let mut reported = Vec::new();
    for leaf in &leaves {
        let holds = (kind.rules().fields)(&leaf.path);
        let path = short(&leaf.path.join("."));
        let (span, message, help) = match holds {
            Holds::Nothing(why, help) => {
                // Of an outermost name once, however much stands below it.
                let span = if why.starts_with("no record") { leaf.top } else { leaf.span };
                let what = if leaf.values.iter().any(asks_for_absence) { "always" } else { "never" };
                (span, format!("`{path}` {what} matches: {why}"), help)
            }
            Holds::Anything => continue,
            _ if leaf.values.iter().any(|value| suits(value, &holds)) => continue,
            Holds::NumberAsText => (
                leaf.span,
                format!("`{path}` never matches: the numbers of DynamoDB are texts"),
                "write the number in quotes, `[\"5\"]`; ranges (`numeric`) are not possible".into(),
            ),
            Holds::Text => (
                leaf.span,
                format!("`{path}` never matches: its values are texts"),
                "write it in quotes: `[\"5\"]`".into(),
            ),
            Holds::Number => {
                (leaf.span, format!("`{path}` never matches: its values are numbers"), "write it without quotes".into())
            }
            Holds::Boolean => {
                let message = format!("`{path}` never matches: its values are true and false");
                (leaf.span, message, "write `[true]` or `[false]`, without quotes".into())
            }
            Holds::Words(words) => {
                let choice = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
                (leaf.span, format!("`{path}` never matches: its value is {choice}"), format!("write {choice}"))
            }
        };
        let span = written.span(span);
        if !reported.contains(&span) {
            reported.push(span);
            reader.warning(Code::NeverMatches, span, message, help);
        }
    }
}

/// Warns of fields that stand twice in one object: of their lists only the last counts, as on AWS.
pub(crate) fn repeated(reader: &mut Reader<'_>, written: &Written) {
    let leaves = leaves(written);
    let mut last: BTreeMap<(usize, &[&str]), &Leaf<'_>> = BTreeMap::new();
    for leaf in &leaves {
        let Some(before) = last.insert((leaf.branch, &leaf.path), leaf) else { continue };
        let path = short(&leaf.path.join("."));
        let message = format!("`{path}` is given twice, and only its last list counts, as on AWS");
        let help = "write one list with all values, of which one must match; or remove one of the two";
        reader.warning(Code::FieldTwice, written.span(before.span), message, help);
    }
}

fn leaves(written: &Written) -> Vec<Leaf<'_>> {
    let mut leaves = Vec::new();
    if let Some(tree) = &written.tree {
        Walk { leaves: &mut leaves, branches: 0 }.map(tree, &[], None, 0);
    }
    leaves
}

struct Walk<'l, 'a> {
    leaves: &'l mut Vec<Leaf<'a>>,
    /// How many branches of `$or`s were seen.
    branches: usize,
}

impl<'a> Walk<'_, 'a> {
    fn map(&mut self, node: &'a Node, path: &[&'a str], top: Option<Span>, branch: usize) {
        for (key, value) in node.as_map().unwrap_or_default() {
            let Some(name) = key.as_text() else { continue };
            match &value.kind {
                NodeKind::List(branches) if name == "$or" => {
                    for below in branches {
                        self.branches += 1;
                        self.map(below, path, top, self.branches);
                    }
                }
                kind => {
                    let path: Vec<&str> = path.iter().copied().chain(name.split('.')).collect();
                    let top = top.unwrap_or(key.span);
                    match kind {
                        NodeKind::List(values) => {
                            self.leaves.push(Leaf { path, branch, top, span: value.span, values });
                        }
                        _ => self.map(value, &path, Some(top), branch),
                    }
                }
            }
        }
    }
}

pub(super) fn nothing(why: impl Into<String>, help: impl Into<String>) -> Holds {
    Holds::Nothing(why.into(), help.into())
}

/// A name that no record has at its top.
pub(super) fn unknown(known: &[&'static str], data: &str, name: &str) -> Holds {
    let help = match name {
        "Records" => "write the members of one record: a pattern does not see the event around it".into(),
        "body" | "data" | "Data" | "Message" => format!("write `{data}`"),
        "NewImage" | "OldImage" | "Keys" if data == "dynamodb" => {
            format!("write `{{\"dynamodb\": {{\"{name}\": …}}}}`")
        }
        _ => match suggest::word(known, name) {
            Some(meant) => format!("write `{meant}`"),
            None => {
                format!("what the sender wrote is under `{data}`: `{{\"{data}\": {{\"{}\": …}}}}`", short(name))
            }
        },
    };
    nothing(format!("no record has `{}`", short(name)), help)
}

pub(super) fn scalar(holds: Holds, path: &[&str]) -> Holds {
    if path.len() == 1 { holds } else { nothing(format!("`{}` has no fields", path[0]), "write its values as a list") }
}

fn operator(value: &Node) -> Option<(&str, &Node)> {
    let (key, operand) = value.as_map()?.first()?;
    Some((key.as_text()?, operand))
}

/// `{"exists": false}`.
fn asks_for_absence(value: &Node) -> bool {
    operator(value).is_some_and(|(name, operand)| {
        name == "exists" && operand.as_text().is_some_and(|text| text.eq_ignore_ascii_case("false"))
    })
}

/// Whether a value of a pattern can match something of a kind.
fn suits(value: &Node, holds: &Holds) -> bool {
    if let Some((name, _)) = operator(value) {
        return match (name, holds) {
            ("exists" | "anything-but", _) | ("numeric", Holds::Number) => true,
            ("numeric", _) | (_, Holds::Number | Holds::Boolean) => false,
            _ => true,
        };
    }
    let NodeKind::Scalar { text, plain } = &value.kind else { return true };
    let text = text.as_str();
    let boolean = *plain && (text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"));
    let number = *plain && super::notation::is_json_number(text);
    let is_text = !(boolean || number || value.is_null());
    match holds {
        Holds::Text | Holds::NumberAsText => is_text,
        Holds::Words(words) => is_text && (words.contains(&text) || text.contains("${")),
        Holds::Number => number,
        Holds::Boolean => boolean,
        Holds::Anything | Holds::Nothing(..) => true,
    }
}
