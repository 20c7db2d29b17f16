//! One file: what it is, and what is in it.

use std::path::Path;

use super::model::{Dialect, Import, Options, Taken, Task};
use super::prepare::prepare;
use super::resolver::member;
use super::{answer, serverless, template, terraform};
use crate::mapping::text::{Span, Text};
use crate::mapping::tree::{Node, NodeKind};
use crate::mapping::{Code, Diagnostic, Severity, events};

/// The largest file that is imported; AWS's answers for thousands of mappings fit, and every template.
pub(crate) const LARGEST: u64 = 8 * 1024 * 1024;
/// As [`events::documents`] counts.
const BUDGET: usize = 1_000_000;

/// The mappings of one file. An error says why the file as a whole cannot be read.
pub(crate) fn import(file: &Path, text: &str, options: &Options, taken: &mut Taken) -> Result<Import, Box<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Text::new(file, text);
    let failed = |code, span, message: String, help: &str| {
        Box::new(Diagnostic::at(code, Severity::Error, &lines, span, message).with_help(help))
    };
    let (documents, flaw) = events::documents_within(text, BUDGET);
    if let Some(span) = terraform::found(text, &documents) {
        return Err(failed(Code::NotAMapping, span, terraform::MESSAGE.into(), terraform::HELP));
    }
    if let Some(flaw) = flaw {
        let help = match flaw.code {
            Code::TooLarge => "import a part of it: only the mappings and what they refer to matter",
            Code::Alias => "write `&name` before the value that `*name` stands for",
            _ => "check quotes, brackets and indentation at the caret and just before it",
        };
        return Err(failed(flaw.code, flaw.span, flaw.message, help));
    }
    if documents.is_empty() {
        return Err(failed(Code::FileEmpty, Span::default(), "the file is empty".into(), "name another"));
    }
    let mut task = Task { text: &lines, options, import: Import::default() };
    for document in documents {
        let span = document.span;
        let Some(dialect) = recognise(&document, options.dialect) else {
            let message = "this is neither an answer of AWS's, nor a template, nor a serverless.yml".to_owned();
            let help = "name a file with `EventSourceMappings`, `Resources`, or `service` and `functions`";
            return Err(failed(Code::NotAMapping, span, message, help));
        };
        match dialect {
            Dialect::Aws => answer::read(&mut task, &document, taken),
            Dialect::Serverless => serverless::read(&mut task, &prepare(document), taken),
            Dialect::Template | Dialect::Auto => template::read(&mut task, &prepare(document), taken),
        }
    }
    let mut import = task.import;
    import.left.sort_by_key(|left| left.line);
    Ok(import)
}

/// What a document is; none where it is not what it should be.
fn recognise(node: &Node, wanted: Dialect) -> Option<Dialect> {
    let is = |dialect| (wanted == Dialect::Auto || wanted == dialect).then_some(dialect);
    let entries = match &node.kind {
        NodeKind::List(_) => return is(Dialect::Aws),
        NodeKind::Map(entries) => entries,
        NodeKind::Scalar { .. } => return None,
    };
    let has = |name: &str| member(entries, name).is_some();
    if has("EventSourceMappings") || has("EventSourceArn") || has("FunctionArn") {
        return is(Dialect::Aws);
    }
    if has("Resources") || template::is_fragment(entries) {
        return is(Dialect::Template);
    }
    if has("service") || has("functions") {
        return is(Dialect::Serverless);
    }
    None
}
