//! Finds the mappings in a file: one, a list, an AWS listing, or resources of a template.

use super::code::Code;
use super::reader::{Reader, short};
use super::text::Span;
use super::tree::{Node, NodeKind};
use crate::parameters::same;

/// One mapping as it is written, with its wrappers taken off.
pub(crate) struct Candidate {
    pub(crate) entries: Vec<(Node, Node)>,
    pub(crate) span: Span,
    /// The name that it has where none is written; none: the file's.
    pub(crate) name: Option<String>,
}

/// All mappings of a file's documents. `stem` is the file's name without its extension.
pub(crate) fn candidates(reader: &mut Reader<'_>, documents: Vec<Node>, stem: &str) -> Vec<Candidate> {
    let mut found = Finder { reader, found: Vec::new() };
    let numbered = documents.len() > 1;
    for document in documents {
        found.document(document, numbered);
    }
    let mut found = found.found;
    for (index, candidate) in found.iter_mut().enumerate() {
        match &candidate.name {
            Some(name) if name.is_empty() => candidate.name = Some(format!("{stem}-{}", index + 1)),
            Some(_) => {}
            None => candidate.name = Some(stem.into()),
        }
    }
    found
}

struct Finder<'r, 'a> {
    reader: &'r mut Reader<'a>,
    found: Vec<Candidate>,
}

/// Keys of a template's resource that change nothing about the mapping itself.
const RESOURCE_KEYS: &[&str] = &["DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"];
const WRAPPER_KEYS: &[&str] = &["Type", "Properties"];
const LISTING: &str = "EventSourceMappings";

impl Finder<'_, '_> {
    fn document(&mut self, node: Node, numbered: bool) {
        let name = numbered.then(String::new);
        match node.kind {
            NodeKind::List(items) if node.tag.is_none() => self.list(items, node.span),
            NodeKind::Map(entries) if node.tag.is_none() && has(&entries, LISTING) => self.listing(entries),
            NodeKind::Map(entries) if node.tag.is_none() && is_resources(&entries) => {
                self.reader.once(entries.iter().map(|(key, _)| key));
                for (key, value) in entries {
                    let name = key.as_text().map(Into::into);
                    self.one(value, name);
                }
            }
            _ => self.one(node, name),
        }
    }

    fn list(&mut self, items: Vec<Node>, span: Span) {
        if items.is_empty() {
            let help = "write a mapping, or remove the file";
            self.reader.error(Code::FileEmpty, span, "the list holds no mapping", help);
        }
        for item in items {
            self.one(item, Some(String::new()));
        }
    }

    /// What `aws lambda list-event-source-mappings` prints.
    fn listing(&mut self, entries: Vec<(Node, Node)>) {
        self.reader.once(entries.iter().map(|(key, _)| key));
        for (key, value) in entries {
            let Some(name) = self.reader.key(&key) else { continue };
            if same(LISTING, name) {
                match value.kind {
                    NodeKind::List(items) => self.list(items, value.span),
                    _ => {
                        self.reader.wrong::<()>(&value, LISTING, "a list", "write a list of mappings");
                    }
                }
            } else if !["NextMarker", "ResponseMetadata"].iter().any(|known| same(known, name)) {
                let message = format!("unknown key `{}` next to `{LISTING}`", short(name));
                self.reader.error(Code::UnknownKey, key.span, message, "write it inside a mapping, or remove it");
            }
        }
    }

    fn one(&mut self, node: Node, name: Option<String>) {
        let span = node.span;
        if let Some((tag, at)) = &node.tag {
            let message = format!("the tag `{}` has no meaning here", short(tag));
            self.reader.error(Code::Tag, *at, message, "remove the tag");
            return;
        }
        let NodeKind::Map(entries) = node.kind else {
            let message = format!("a mapping must be a map of parameters, and this is {}", node.describe());
            self.reader.error(Code::NotAMapping, span, message, NOT_A_MAPPING);
            return;
        };
        if has(&entries, "Resources") && !has(&entries, "EventSourceArn") {
            let message = "this is a whole template, and a mapping file holds its event source mappings only";
            let help = "copy the blocks with `Type: AWS::Lambda::EventSourceMapping`, `SQS`, `Kinesis` or `DynamoDB` \
                into a file of their own";
            self.reader.error(Code::NotAMapping, span, message, help);
            return;
        }
        let entries =
            if has(&entries, "Properties") || has(&entries, "Type") { self.unwrap(entries) } else { Some(entries) };
        if let Some(entries) = entries {
            self.found.push(Candidate { entries, span, name });
        }
    }

    /// Takes `Type` and `Properties` off. What stands next to them (`Name`, `FunctionName`, `Poller`) belongs to the
    /// mapping too.
    fn unwrap(&mut self, entries: Vec<(Node, Node)>) -> Option<Vec<(Node, Node)>> {
        let mut inner = Vec::new();
        let mut beside = Vec::new();
        let mut sam = None;
        let wrapper = |key: &&Node| key.as_text().is_some_and(|key| WRAPPER_KEYS.contains(&key));
        self.reader.once(entries.iter().map(|(key, _)| key).filter(wrapper));
        for (key, value) in entries {
            match key.as_text() {
                Some(name) if same("Type", name) => sam = self.sam(&value)?,
                Some(name) if same("Properties", name) => match value.kind {
                    NodeKind::Map(properties) if value.tag.is_none() => inner = properties,
                    _ => return self.reader.wrong(&value, "Properties", "a map", NOT_A_MAPPING),
                },
                Some(name) if RESOURCE_KEYS.iter().any(|known| same(known, name)) => {}
                Some(name) if same("Condition", name) => {
                    let message = "`Condition` is CloudFormation's, and nothing resolves it here";
                    let help = "remove it, and write `Enabled: false` where it does not hold";
                    self.reader.error(Code::Intrinsic, key.span, message, help);
                }
                _ => beside.push((key, value)),
            }
        }
        inner.extend(beside);
        if let Some(key) = sam {
            self.rename(key, &mut inner);
        }
        Some(inner)
    }

    /// SAM's `Queue` or `Stream` is the API's `EventSourceArn`.
    fn rename(&mut self, sam: &str, entries: &mut Vec<(Node, Node)>) {
        let is_named = |node: &Node, name: &str| node.as_text().is_some_and(|key| same(name, key));
        if has(entries, "EventSourceArn")
            && let Some(at) = entries.iter().position(|(key, _)| is_named(key, sam))
        {
            let (key, _) = entries.remove(at);
            let message = format!("`{sam}` and `EventSourceArn` mean the same, and both are given");
            self.reader.error(Code::Conflict, key.span, message, "remove one of the two");
        }
        for (key, _) in entries.iter_mut().filter(|(key, _)| is_named(key, sam)) {
            key.kind = NodeKind::Scalar { text: "EventSourceArn".into(), plain: true };
        }
    }

    /// What SAM calls the source's ARN where the type is SAM's; none at all when it is no type of a mapping.
    fn sam(&mut self, value: &Node) -> Option<Option<&'static str>> {
        let text = value.as_text().unwrap_or_default();
        match text {
            "AWS::Lambda::EventSourceMapping" => return Some(None),
            "SQS" => return Some(Some("Queue")),
            "Kinesis" | "DynamoDB" => return Some(Some("Stream")),
            "MSK" | "MQ" | "SelfManagedKafka" | "DocumentDB" => {
                let message = format!("forebay does not poll `{text}` sources");
                let help = "map an SQS queue, a Kinesis stream or a DynamoDB stream";
                self.reader.error(Code::SourceUnsupported, value.span, message, help);
            }
            _ => {
                let message = format!("`Type` is {}, which is not an event source mapping", value.describe());
                let help = "paste a block with `Type: AWS::Lambda::EventSourceMapping`, or of SAM's types `SQS`, \
                    `Kinesis` or `DynamoDB`";
                self.reader.error(Code::NotAMapping, value.span, message, help);
            }
        }
        None
    }
}

const NOT_A_MAPPING: &str = "write at least `EventSourceArn: …` and `FunctionName: …`";

fn has(entries: &[(Node, Node)], name: &str) -> bool {
    entries.iter().any(|(key, _)| key.as_text().is_some_and(|key| same(name, key)))
}

/// Whether every entry is a resource under its logical name.
fn is_resources(entries: &[(Node, Node)]) -> bool {
    let is_resource =
        |node: &Node| node.as_map().is_some_and(|entries| has(entries, "Type") && has(entries, "Properties"));
    !entries.is_empty() && entries.iter().all(|(_, value)| is_resource(value))
}
