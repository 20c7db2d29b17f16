//! Files of Terraform and OpenTofu: they are not read, but their owners learn the way.

use super::resolver::member;
use crate::mapping::text::Span;
use crate::mapping::tree::Node;

pub(super) const MESSAGE: &str = "this is a file of Terraform, which import does not read";
pub(super) const HELP: &str =
    "ask AWS for the mappings that Terraform has made: aws lambda list-event-source-mappings | forebay import -";

/// Words that begin a block of a configuration.
const BLOCKS: &[&str] = &[
    "check",
    "data",
    "ephemeral",
    "import",
    "locals",
    "module",
    "moved",
    "output",
    "provider",
    "removed",
    "resource",
    "terraform",
    "variable",
];

/// Where a text shows that it is a configuration, a plan or a state: the HCL of `.tf`, or JSON.
pub(super) fn found(text: &str, documents: &[Node]) -> Option<Span> {
    if let [document] = documents
        && let Some(entries) = document.as_map()
    {
        let has = |name: &str| member(entries, name).is_some();
        let maps = |name: &str| member(entries, name).is_some_and(|node| node.as_map().is_some());
        // Services of Serverless have resources, providers and functions, but no `resource`.
        let is_json = has("terraform_version")
            || (has("format_version") && (has("planned_values") || has("values")))
            || (has("lineage") && has("serial"))
            || (maps("resource") && !has("service"));
        return is_json.then_some(document.span);
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if is_block(line.trim_end()) {
            return Some(Span { start, end: start + line.trim_end().len() });
        }
        start += line.len();
    }
    None
}

/// `resource "aws_lambda_event_source_mapping" "orders" {`
fn is_block(line: &str) -> bool {
    let word = line.find(|c: char| !c.is_ascii_lowercase()).map_or("", |end| &line[..end]);
    let rest = line[word.len()..].trim_start();
    let labels = rest.split('{').next().unwrap_or_default().trim();
    BLOCKS.contains(&word)
        && rest.contains('{')
        && labels.split_whitespace().all(|label| label.len() > 2 && label.starts_with('"') && label.ends_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::events::documents;

    fn is_terraform(text: &str) -> bool {
        found(text, &documents(text).0).is_some()
    }

    #[test]
    fn configurations_plans_and_states_are_known() {
        for text in [
            "resource \"aws_lambda_event_source_mapping\" \"orders\" {\n  batch_size = 10\n}\n",
            "# queues\n\nmodule \"queues\" {\n  source = \"./queues\"\n}\n",
            "terraform {\n  required_version = \">= 1.5\"\n}\n",
            "locals { a = 1 }\n",
            "{\"format_version\":\"1.0\",\"terraform_version\":\"1.9.0\",\"values\":{\"root_module\":{}}}",
            "{\"format_version\":\"1.2\",\"planned_values\":{}}",
            "{\"version\":4,\"serial\":3,\"lineage\":\"x\",\"outputs\":{},\"resources\":[]}",
            "{\"resource\":{\"aws_lambda_event_source_mapping\":{\"orders\":{}}}}",
        ] {
            assert!(is_terraform(text), "{text}");
        }
        for text in [
            "Resources: {}\n",
            "service: a\nresource: { b: c }\n",
            "resource: \"a {\"\n",
            "resources { \n",
            "data: { a: b }\n",
            "- a\n",
            "",
            "just text {",
        ] {
            assert!(!is_terraform(text), "{text}");
        }
    }
}
