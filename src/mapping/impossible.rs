//! Patterns that are valid, and not what was meant: they can never match a record of the source, or a part of them does not count. Most often a
//! slip, and on a queue one that deletes everything. Only what is sure is told; what a body or an item holds is its sender's.

use std::collections::BTreeMap;

use super::code::Code;
use super::pattern::Written;
use super::reader::{Reader, short};
use super::spec::SourceKind;
use super::suggest;
use super::text::Span;
use super::tree::{Node, NodeKind};

const MESSAGE: &[&str] = &[
    "messageId",
    "receiptHandle",
    "body",
    "attributes",
    "messageAttributes",
    "md5OfBody",
    "md5OfMessageAttributes",
    "eventSource",
    "eventSourceARN",
    "awsRegion",
];
const KINESIS: &[&str] = &[
    "data",
    "partitionKey",
    "sequenceNumber",
    "kinesisSchemaVersion",
    "approximateArrivalTimestamp",
    "kinesis",
    "eventSource",
    "eventVersion",
    "eventID",
    "eventName",
    "invokeIdentityArn",
    "awsRegion",
    "eventSourceARN",
];
const DYNAMODB: &[&str] =
    &["dynamodb", "eventName", "eventID", "eventVersion", "eventSource", "eventSourceARN", "awsRegion", "userIdentity"];
const CHANGE: &[&str] =
    &["NewImage", "OldImage", "Keys", "ApproximateCreationDateTime", "SequenceNumber", "SizeBytes", "StreamViewType"];

/// What a record has at a path.
enum Holds {
    /// Anything: nobody can say.
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
    let mut told = Vec::new();
    for leaf in &leaves {
        let holds = holds(kind, &leaf.path);
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
                "write the number in quotes, `[\"5\"]`; ranges (`numeric`) cannot be had on them".into(),
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
        if !told.contains(&span) {
            told.push(span);
            reader.warning(Code::NeverMatches, span, message, help);
        }
    }
}

/// Warns of fields that stand twice beside each other: of their lists only the last counts, as on AWS.
pub(crate) fn repeated(reader: &mut Reader<'_>, written: &Written) {
    let leaves = leaves(written);
    let mut last: BTreeMap<(usize, &[&str]), &Leaf<'_>> = BTreeMap::new();
    for leaf in &leaves {
        let Some(before) = last.insert((leaf.branch, &leaf.path), leaf) else { continue };
        let path = short(&leaf.path.join("."));
        let message = format!("`{path}` stands twice, and only its last list counts, as on AWS");
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

fn nothing(why: impl Into<String>, help: impl Into<String>) -> Holds {
    Holds::Nothing(why.into(), help.into())
}

fn holds(kind: SourceKind, path: &[&str]) -> Holds {
    match kind {
        SourceKind::Sqs | SourceKind::Fifo => message(path),
        SourceKind::Kinesis => kinesis(path),
        SourceKind::DynamoDb => dynamodb(path),
    }
}

/// A name that no record has at its top.
fn unknown(known: &[&'static str], data: &str, name: &str) -> Holds {
    let help = match name {
        "Records" => "write what stands in one record: a pattern does not see the event around it".into(),
        "body" | "data" | "Data" | "Message" => format!("write `{data}`"),
        "NewImage" | "OldImage" | "Keys" if data == "dynamodb" => {
            format!("write `{{\"dynamodb\": {{\"{name}\": …}}}}`")
        }
        _ => match suggest::word(known, name) {
            Some(meant) => format!("write `{meant}`"),
            None => {
                format!("what the sender wrote stands under `{data}`: `{{\"{data}\": {{\"{}\": …}}}}`", short(name))
            }
        },
    };
    nothing(format!("no record has `{}`", short(name)), help)
}

fn scalar(holds: Holds, path: &[&str]) -> Holds {
    if path.len() == 1 { holds } else { nothing(format!("`{}` has no fields", path[0]), "write its values as a list") }
}

fn message(path: &[&str]) -> Holds {
    match path {
        ["body" | "md5OfMessageAttributes", ..] => Holds::Anything,
        ["attributes"] => nothing("`attributes` is an object", "name one: `{\"attributes\": {\"SenderId\": […]}}`"),
        ["attributes", ..] => Holds::Text,
        ["messageAttributes", .., "stringValue" | "dataType" | "binaryValue"] if path.len() > 2 => Holds::Text,
        ["messageAttributes", .., "stringListValues" | "binaryListValues"] if path.len() > 2 => Holds::Anything,
        ["messageAttributes", ..] => nothing(
            "a message attribute is an object",
            "name its member: `{\"messageAttributes\": {\"NAME\": {\"stringValue\": [\"VALUE\"]}}}`",
        ),
        ["eventSource", ..] => scalar(Holds::Words(&["aws:sqs"]), path),
        [name, ..] if MESSAGE.contains(name) => scalar(Holds::Text, path),
        [name, ..] => unknown(MESSAGE, "body", name),
        [] => Holds::Anything,
    }
}

fn kinesis(path: &[&str]) -> Holds {
    match path {
        ["kinesis"] => nothing("`kinesis` is an object", "name its member: `{\"data\": {…}}`"),
        ["kinesis", inner @ ..] if KINESIS[..5].contains(&inner[0]) => kinesis(inner),
        // A stream that spreads records by itself gives them no partition key.
        ["data", ..] | ["partitionKey"] => Holds::Anything,
        ["approximateArrivalTimestamp", ..] => scalar(Holds::Number, path),
        ["eventSource", ..] => scalar(Holds::Words(&["aws:kinesis"]), path),
        ["eventName", ..] => scalar(Holds::Words(&["aws:kinesis:record"]), path),
        ["kinesis", name, ..] => unknown(&KINESIS[..5], "data", name),
        [name, ..] if KINESIS.contains(name) => scalar(Holds::Text, path),
        [name, ..] => unknown(KINESIS, "data", name),
        [] => Holds::Anything,
    }
}

fn dynamodb(path: &[&str]) -> Holds {
    match path {
        ["userIdentity", ..] | ["dynamodb"] | [] => Holds::Anything,
        ["dynamodb", "ApproximateCreationDateTime" | "SizeBytes"] => Holds::Number,
        ["dynamodb", "SequenceNumber"] => Holds::Text,
        ["dynamodb", "StreamViewType"] => Holds::Words(&["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]),
        ["dynamodb", "NewImage" | "OldImage" | "Keys", rest @ ..] => attribute(rest),
        ["dynamodb", name, ..] => match suggest::word(CHANGE, name) {
            Some(meant) => nothing(format!("`dynamodb` has no `{}`", short(name)), format!("write `{meant}`")),
            None if CHANGE.contains(name) => nothing(format!("`{name}` has no fields"), "write its values as a list"),
            None => nothing(
                format!("`dynamodb` has no `{}`", short(name)),
                format!("write `{{\"dynamodb\": {{\"NewImage\": {{\"{}\": …}}}}}}`", short(name)),
            ),
        },
        ["eventSource", ..] => scalar(Holds::Words(&["aws:dynamodb"]), path),
        ["eventName", ..] => scalar(Holds::Words(&["INSERT", "MODIFY", "REMOVE"]), path),
        [name, ..] if DYNAMODB.contains(name) => scalar(Holds::Text, path),
        [name, ..] => unknown(DYNAMODB, "dynamodb", name),
    }
}

/// An attribute's value stands below the tag of its type; an attribute may itself have the name of a tag.
fn attribute(path: &[&str]) -> Holds {
    match path {
        [_, .., "N" | "NS"] => Holds::NumberAsText,
        [_, .., "S" | "SS" | "B" | "BS"] => Holds::Text,
        [_, .., "BOOL" | "NULL"] => Holds::Boolean,
        _ => nothing(
            "the values of attributes stand below the tags of their types",
            "name the type: `{\"dynamodb\": {\"NewImage\": {\"ATTRIBUTE\": {\"S\": [\"VALUE\"]}}}}`; `N` for a number, `BOOL`, `NULL`",
        ),
    }
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
