//! Templates of CloudFormation, and the resources of a `serverless.yml`.

use super::carry::{Found, Origin};
use super::model::{Taken, Task};
use super::names::Resource;
use super::reader::Reader;
use super::resolver::{by_name, member};
use super::value::Unknown;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

pub(super) const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
const FUNCTION: &str = "AWS::Serverless::Function";
/// Resources with templates of their own, and the property that says where these are.
const STACKS: &[(&str, &str)] = &[
    ("AWS::CloudFormation::Stack", "TemplateURL"),
    ("AWS::CloudFormation::StackSet", "TemplateURL"),
    ("AWS::Serverless::Application", "Location"),
    ("AWS::ServiceCatalog::CloudFormationProvisionedProduct", "ProductName"),
];
/// Transforms of AWS's that make no event source mapping, but for SAM's, which is followed.
const TRANSFORMS: &[&str] = &[
    "AWS::Serverless-2016-10-31",
    "AWS::LanguageExtensions",
    "AWS::CodeDeployBlueGreen",
    "AWS::CodeStar",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
];
const PROCESSED: &str = "import the template as CloudFormation has processed it: `aws cloudformation get-template \
                         --template-stage Processed`";

/// Whether a map is one resource, or resources without the template around them.
pub(super) fn is_fragment(entries: &[(Node, Node)]) -> bool {
    let is_resource = |entries: &[(Node, Node)]| {
        member(entries, "Type").and_then(Node::as_text).is_some_and(|kind| kind.starts_with("AWS::"))
    };
    let each = || entries.iter().all(|(_, value)| value.as_map().is_some_and(is_resource));
    is_resource(entries) || (!entries.is_empty() && each())
}

/// Carries every mapping of a template over.
pub(super) fn read(task: &mut Task<'_>, document: &Node, taken: &mut Taken) {
    let entries = document.as_map().unwrap_or_default();
    let stem = task.text.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut reader = Reader::new(task, taken);
    reader.resolver.declare(entries);
    match member(entries, "Resources") {
        Some(_) => reader.template(entries),
        None if member(entries, "Type").is_some() => reader.resource(Resource { id: &stem, node: document }),
        None => {
            reader.resolver.resources = by_name(Some(document));
            entries.iter().for_each(|(key, node)| reader.entry(key, node));
        }
    }
    reader.finish();
}

impl<'n> Reader<'_, '_, 'n> {
    fn template(&mut self, entries: &'n [(Node, Node)]) {
        self.transforms(entries);
        let Some(resources) = member(entries, "Resources") else { return };
        match &resources.kind {
            NodeKind::Map(resources) => resources.iter().for_each(|(key, node)| self.entry(key, node)),
            _ => self.elsewhere("`Resources`", resources),
        }
    }

    /// What may change the whole template when it is deployed.
    pub(super) fn transforms(&mut self, entries: &'n [(Node, Node)]) {
        for (key, node) in
            entries.iter().filter(|(key, _)| matches!(key.as_text(), Some("Transform" | "Fn::Transform")))
        {
            let several =
                if let NodeKind::List(items) = &node.kind { items.as_slice() } else { std::slice::from_ref(node) };
            for one in several {
                let name =
                    one.as_map().map_or(Some(one), |transform| member(transform, "Name")).and_then(Node::as_text);
                if name.is_none_or(|name| !TRANSFORMS.contains(&name)) {
                    let what = format!("what the transform `{}` makes", short(name.unwrap_or("Fn::Transform")));
                    let why = "it may add or change event source mappings when the stack is deployed";
                    self.leave(what, Unknown::new(key.span, why, PROCESSED));
                }
            }
        }
    }

    /// A resource, and what makes several of them.
    pub(super) fn entry(&mut self, key: &'n Node, node: &'n Node) {
        let Some(id) = key.as_text() else { return };
        if id.starts_with("Fn::ForEach") || id == "Fn::Transform" {
            let why = "the resources that it makes are not in this file";
            self.leave(format!("`{}`", short(id)), Unknown::new(key.span, why, PROCESSED));
        } else if node.as_map().is_none() && !node.is_null() {
            self.elsewhere(format!("resource {}", short(id)), node);
        } else {
            self.resource(Resource { id, node });
        }
    }

    fn resource(&mut self, resource: Resource<'n>) {
        let id = resource.id;
        match resource.kind() {
            MAPPING => {
                let what = format!("resource {}", short(id));
                self.resolver.begin();
                if let Some(entries) = self.properties(resource.node, &what) {
                    let found =
                        Found { name: id.into(), what, span: resource.node.span, entries, origin: Origin::Template };
                    self.task.carry(found, self.taken);
                }
            }
            FUNCTION => self.sam_events(resource),
            kind if kind.ends_with("::MODULE") => self.stack(resource, ""),
            kind => {
                if let Some((_, property)) = STACKS.iter().find(|(stack, _)| *stack == kind) {
                    self.stack(resource, property);
                }
            }
        }
    }

    fn stack(&mut self, resource: Resource<'n>, property: &str) {
        let id = short(resource.id);
        let location = resource.property(property);
        let file = location.and_then(Node::as_text).filter(|text| !text.contains("://") && !text.contains("${"));
        let why = match file {
            Some(file) => format!("they are in another file, {}", short(file)),
            None => "they are in another template, which is not followed".into(),
        };
        let listing = "take all that AWS has: `aws lambda list-event-source-mappings | forebay import -`";
        let help = match file {
            Some(file) => format!("import that file, too: forebay import {}; or {listing}", short(file)),
            None => format!("import that template, too; or {listing}"),
        };
        let span: Span = location.map_or(resource.node.span, |node| node.span);
        self.leave(format!("the mappings of the stack {id}"), Unknown::new(span, why, help));
    }
}
