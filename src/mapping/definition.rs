//! Definitions that came through the AWS API: parameters by AWS's names, checked as those of a file are.

use std::path::Path;

use serde_json::{Map, Value};

use super::build;
use super::code::Code;
use super::diagnostic::Diagnostic;
use super::layout::Candidate;
use super::model::{Mapping, Origin};
use super::reader::Reader;
use super::text::{Span, Text};
use super::tree::{DEPTH, Node, NodeKind};

/// Makes a mapping of the parameters of AWS's `CreateEventSourceMapping`. Everything that is checked in a file is
/// checked here, too, but nothing is filled in: `${…}` is plain text. The UUID is also the mapping's name.
/// `now_unix_ms` is the time of the check, in milliseconds since the Unix epoch. Pure, and never panics.
///
/// # Errors Everything that is wrong, without mere warnings; at least one diagnostic. What a diagnostic shows as its
/// file is `(api)`, and it has no place there.
pub fn of_definition(
    uuid: &str,
    parameters: &Map<String, Value>,
    now_unix_ms: u64,
) -> Result<Mapping, Vec<Diagnostic>> {
    let text = Text::new(Path::new(Origin::API), "");
    let mut reader = Reader::new(&text, None, now_unix_ms);
    let span = Span::default();
    let Some(entries) = entries(parameters, DEPTH) else {
        let help = "write less into one mapping, and nest it less deeply";
        reader.error(Code::TooLarge, span, "lists and maps are nested too deeply", help);
        return Err(reader.diagnostics);
    };
    let candidate = Candidate { entries, span, name: Some(uuid.to_owned()) };
    let mapping = build::build(&mut reader, &candidate).mapping;
    reader.diagnostics.retain(Diagnostic::is_error);
    mapping.ok_or(reader.diagnostics)
}

/// Members as a file would hold them; none where they are nested more deeply.
fn entries(members: &Map<String, Value>, depth: usize) -> Option<Vec<(Node, Node)>> {
    members.iter().map(|(name, value)| Some((scalar(name, false), node(value, depth)?))).collect()
}

fn node(value: &Value, depth: usize) -> Option<Node> {
    let below = depth.checked_sub(1)?;
    let kind = match value {
        Value::String(text) => return Some(scalar(text, false)),
        Value::Array(values) => NodeKind::List(values.iter().map(|value| node(value, below)).collect::<Option<_>>()?),
        Value::Object(members) => NodeKind::Map(entries(members, below)?),
        plain => return Some(scalar(&plain.to_string(), true)),
    };
    Some(Node { span: Span::default(), tag: None, kind })
}

fn scalar(text: &str, plain: bool) -> Node {
    Node { span: Span::default(), tag: None, kind: NodeKind::Scalar { text: text.to_owned(), plain } }
}
