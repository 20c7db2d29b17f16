//! Templates of CloudFormation and SAM.

use super::block;
use super::carry::Found;
use super::model::{Taken, Task};
use super::names::Resource;
use super::read::finish;
use super::resolver::{Resolver, key_of, member};
use super::value::{Entries, Key, Unknown, Val, ValKind};
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
const FUNCTION: &str = "AWS::Serverless::Function";

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
    let mut resolver = Resolver::new(task.options);
    resolver.declare(entries);
    let stem = task.text.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match member(entries, "Resources") {
        Some(resources) => match &resources.kind {
            NodeKind::Map(resources) => all(task, &mut resolver, resources, taken),
            _ => task.leave("`Resources`", Unknown::new(resources.span, "it is no map of resources", "correct it")),
        },
        None if member(entries, "Type").is_some() => {
            one(task, &mut resolver, Resource { id: &stem, node: document }, taken);
        }
        None => {
            resolver.resources = super::resolver::by_name(Some(document));
            all(task, &mut resolver, entries, taken);
        }
    }
    finish(task, resolver);
}

/// Carries every mapping among resources over.
pub(super) fn all<'n>(
    task: &mut Task<'_>,
    resolver: &mut Resolver<'n>,
    resources: &'n [(Node, Node)],
    taken: &mut Taken,
) {
    for (key, node) in resources {
        let Some(id) = key.as_text() else { continue };
        if id.starts_with("Fn::ForEach") || id == "Fn::Transform" {
            let help = "import the template as CloudFormation has processed it: `aws cloudformation get-template \
                        --template-stage Processed`";
            let why = "the resources that it makes are not in this file";
            task.leave(format!("`{}`", short(id)), Unknown::new(key.span, why, help));
            continue;
        }
        one(task, resolver, Resource { id, node }, taken);
    }
}

fn one<'n>(task: &mut Task<'_>, resolver: &mut Resolver<'n>, resource: Resource<'n>, taken: &mut Taken) {
    let id = resource.id;
    match resource.kind() {
        MAPPING => {
            let what = format!("resource {}", short(id));
            resolver.begin();
            if let Some(entries) = made(task, resolver, resource.node, "Properties", &what) {
                task.carry(Found { name: id.into(), what, span: resource.node.span, entries }, taken);
            }
        }
        FUNCTION => events(task, resolver, resource, taken),
        _ => {}
    }
}

/// The block of a mapping, when the resource that holds it is made and everything in it is known.
fn made<'n>(
    task: &mut Task<'_>,
    resolver: &mut Resolver<'n>,
    node: &'n Node,
    key: &str,
    what: &str,
) -> Option<Entries> {
    if !is_made(task, resolver, node, what) {
        return None;
    }
    match member(node.as_map()?, key) {
        Some(properties) => members(task, resolver, properties, what),
        None => {
            task.leave(
                format!("the mapping of {what}"),
                Unknown::new(node.span, format!("it has no `{key}`"), "write them"),
            );
            None
        }
    }
}

/// Whether the condition of a resource or of a function holds; told when it does not, or nobody knows.
pub(super) fn is_made<'n>(task: &mut Task<'_>, resolver: &mut Resolver<'n>, node: &'n Node, what: &str) -> bool {
    let key = if resolver.service.is_some() && what.starts_with("function") { "condition" } else { "Condition" };
    match resolver.is_made(node, key) {
        Ok(Ok(())) => true,
        Ok(Err(name)) => {
            let why = format!("its condition `{}` does not hold", short(&name));
            let help = "nothing, where that is meant; else give the parameters that decide it: --parameter NAME=VALUE";
            task.leave(format!("the mapping of {what}"), Unknown::new(node.span, why, help));
            false
        }
        Err(unknown) => {
            task.leave(format!("the mapping of {what}"), unknown);
            false
        }
    }
}

/// The resolved members of a map. What cannot be resolved is told, all of it, and then there is none.
pub(super) fn members<'n>(
    task: &mut Task<'_>,
    resolver: &mut Resolver<'n>,
    node: &'n Node,
    what: &str,
) -> Option<Entries> {
    let of = |name: &str| {
        if name.is_empty() {
            format!("the mapping of {what}")
        } else {
            format!("the mapping of {what}, for its `{}`", short(name))
        }
    };
    let Some(entries) = node.as_map().filter(|_| super::prepare::function(node).is_none()) else {
        return match resolver.needed(node) {
            Ok(Val { kind: ValKind::Map(entries), .. }) => Some(entries),
            Ok(value) => {
                let why = format!("it must be a map, and this is {}", value.describe());
                task.leave(of(""), Unknown::new(node.span, why, "write a map of parameters"));
                None
            }
            Err(unknown) => {
                task.leave(of(""), unknown);
                None
            }
        };
    };
    let mut found = Vec::new();
    let mut whole = true;
    for (key, value) in entries {
        let resolved = key_of(key).and_then(|key| Ok((key, resolver.value(value)?)));
        match resolved {
            Ok((key, Some(value))) => found.push((key, value)),
            Ok((_, None)) => {}
            Err(unknown) => {
                let name = key.as_text().unwrap_or_default();
                if block::is_idle(name) {
                    // Its value does not matter.
                    let key = Key { name: name.into(), span: key.span };
                    found.push((key, Val::text(value.span, Words::literal("unknown"))));
                    continue;
                }
                // Tags say nothing about how a mapping works.
                if name == "Tags" {
                    task.leave(format!("`Tags` of {what}, which is carried over without them"), unknown);
                    continue;
                }
                whole = false;
                task.leave(of(name), unknown);
            }
        }
    }
    whole.then_some(found)
}

/// The events of a SAM function that are mappings.
fn events<'n>(task: &mut Task<'_>, resolver: &mut Resolver<'n>, function: Resource<'n>, taken: &mut Taken) {
    let help = "write into a copy of the file what it stands for, and import that";
    let of_function = function.node.as_map().and_then(|entries| member(entries, "Properties"));
    if let Some((name, argument)) = of_function.and_then(|properties| included(properties)) {
        let why = format!("`{}` is not followed here", short(name));
        task.leave(
            format!("events of {} that it may bring", short(function.id)),
            Unknown::new(argument.span, why, help),
        );
    }
    let Some(events) = function.property("Events").filter(|events| !events.is_null()) else { return };
    if let Some((name, argument)) = included(events) {
        let why = format!("`{}` is not followed here", short(name));
        task.leave(
            format!("events of {} that it may bring", short(function.id)),
            Unknown::new(argument.span, why, help),
        );
    }
    let Some(events) = events.as_map() else {
        let why = "`Events` must be a map";
        return task
            .leave(format!("the events of {}", short(function.id)), Unknown::new(events.span, why, "write a map"));
    };
    for (key, event) in events {
        let Some(name) = key.as_text().filter(|name| !name.starts_with("Fn::")) else { continue };
        let Some(entries) = event.as_map().filter(|_| included(event).is_none()) else {
            let unknown = Unknown::new(event.span, "it is no map of `Type` and `Properties`", help);
            task.leave(format!("event {} of {}", short(name), short(function.id)), unknown);
            continue;
        };
        let kind = member(entries, "Type").and_then(Node::as_text).unwrap_or_default();
        let source = match kind {
            "SQS" => "Queue",
            "Kinesis" | "DynamoDB" => "Stream",
            "MSK" | "MQ" | "SelfManagedKafka" | "DocumentDB" => {
                let what = format!("the mapping of event {} of {}", short(name), short(function.id));
                let why = format!("forebay does not poll `{kind}` sources");
                let help = "leave it to AWS: forebay polls SQS queues, Kinesis streams and DynamoDB streams";
                task.leave(what, Unknown::new(key.span, why, help));
                continue;
            }
            // Other events are no mappings.
            _ => continue,
        };
        let what = format!("event {} of {}", short(name), short(function.id));
        resolver.begin();
        if !is_made(task, resolver, function.node, &what) {
            continue;
        }
        let Some(mut block) = made(task, resolver, event, "Properties", &what) else { continue };
        match sam_function(resolver, function, key.span) {
            Ok(words) => {
                as_api(&mut block, source);
                let mut found = Found { name: format!("{}{name}", function.id), what, span: key.span, entries: block };
                found.set("FunctionName", Val::text(key.span, words));
                task.carry(found, taken);
            }
            Err(unknown) => task.leave(format!("the mapping of {what}"), unknown),
        }
    }
}

/// A function in a map, which may bring anything.
fn included(node: &Node) -> Option<(&str, &Node)> {
    let entries = node.as_map()?;
    entries
        .iter()
        .find_map(|(key, value)| key.as_text().filter(|name| name.starts_with("Fn::")).map(|name| (name, value)))
}

/// SAM's names of members become the API's.
fn as_api(entries: &mut Entries, source: &str) {
    for (key, value) in entries.iter_mut() {
        if key.name == source {
            key.name = "EventSourceArn".into();
        }
        // It only tells SAM which policy the function needs.
        if key.name == "DestinationConfig"
            && let ValKind::Map(config) = &mut value.kind
        {
            for (_, side) in config {
                if let ValKind::Map(side) = &mut side.kind {
                    side.retain(|(key, _)| key.name != "Type");
                }
            }
        }
    }
}

/// What SAM invokes: the function, or the alias that it publishes.
fn sam_function<'n>(resolver: &mut Resolver<'n>, function: Resource<'n>, span: Span) -> Result<Words, Unknown> {
    let mut words = resolver.name(function, span)?;
    if let Some(alias) = resolver.sam_alias(function)? {
        words.push_literal(":");
        words.push(alias);
    }
    Ok(words)
}

impl<'n> Resolver<'n> {
    /// The alias that SAM publishes of a function, by its own properties or by those of all functions.
    fn sam_alias(&mut self, function: Resource<'n>) -> Result<Option<Words>, Unknown> {
        let Some(node) = function.property("AutoPublishAlias").or(self.alias_of_all) else { return Ok(None) };
        let value = self.value(node)?;
        Ok(value.as_ref().and_then(Val::words).filter(|words| !words.is_empty()).cloned())
    }

    /// The ARN of that alias.
    pub(super) fn sam_alias_arn(&mut self, function: Resource<'n>, span: Span) -> Result<Words, Unknown> {
        let name = self.name(function, span)?;
        let mut arn = self.function_arn(name, span)?;
        let alias = self.sam_alias(function)?.ok_or_else(|| {
            let why = format!("`{}` has no `AutoPublishAlias`", short(function.id));
            Unknown::new(span, why, "name the function itself")
        })?;
        arn.push_literal(":");
        arn.push(alias);
        Ok(arn)
    }
}
