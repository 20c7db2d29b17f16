//! Definitions that came through the AWS API: parameters by AWS's names, checked as those of a file are.

use std::path::Path;

use serde_json::{Map, Value};

use super::build;
use super::diagnostic::Diagnostic;
use super::layout::Candidate;
use super::model::{Mapping, Origin};
use super::reader::Reader;
use super::text::{Span, Text};
use super::tree::{Node, NodeKind};
use super::{Code, events};

/// Makes a mapping of the parameters of AWS's `CreateEventSourceMapping`. Everything that is checked in a file is checked
/// here, too, but nothing is filled in: `${…}` is plain text. The UUID is also the mapping's name. `now_unix_ms` is the
/// time of the check, in milliseconds since the Unix epoch. Pure, and never panics.
///
/// # Errors
/// Everything that is wrong, without mere warnings; at least one diagnostic. What a diagnostic shows as its file is
/// `(api)`, and its place is one in the JSON text of the parameters.
pub fn of_definition(
    uuid: &str,
    parameters: &Map<String, Value>,
    now_unix_ms: u64,
) -> Result<Mapping, Vec<Diagnostic>> {
    let written = written(parameters);
    let text = Text::new(Path::new(Origin::API), &written);
    let mut reader = Reader::new(&text, None, now_unix_ms);
    let (mut documents, flaw) = events::documents(text.text);
    if let Some(flaw) = flaw {
        reader.error(flaw.code, flaw.span, flaw.message, "write less into one mapping, and nest it less deeply");
    }
    let mapping = match documents.pop() {
        Some(Node { span, kind: NodeKind::Map(entries), .. }) => {
            let candidate = Candidate { entries, span, name: Some(uuid.to_owned()) };
            build::build(&mut reader, &candidate).mapping
        }
        _ => None,
    };
    match mapping.filter(|_| reader.errors == 0) {
        Some(mapping) => Ok(mapping),
        None => {
            if reader.errors == 0 {
                reader.error(Code::NotAMapping, Span::default(), "this is no definition of a mapping", "make it anew");
            }
            reader.diagnostics.retain(Diagnostic::is_error);
            Err(reader.diagnostics)
        }
    }
}

/// The parameters as JSON that YAML's reader takes, too: what YAML does not allow to stand as it is becomes an escape.
/// Such characters stand inside strings only.
fn written(parameters: &Map<String, Value>) -> String {
    use std::fmt::Write as _;
    let json = Value::Object(parameters.clone()).to_string();
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a string cannot fail.
                write!(text, "\\u{:04x}", u32::from(c)).ok();
            }
            _ => text.push(c),
        }
    }
    text
}
