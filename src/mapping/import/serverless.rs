//! `serverless.yml`.

use super::carry::{Found, short_name};
use super::model::{Taken, Task};
use super::read::finish;
use super::resolver::{Resolver, member};
use super::template;
use super::value::{Entries, Key, Unknown, Val, ValKind};
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

/// The service that is read.
#[derive(Clone, Copy)]
pub(super) struct Service<'n> {
    pub(super) root: &'n Node,
}

/// A member of an event, and the parameter that it stands for.
type Names = &'static [(&'static str, &'static str)];

const SQS: Names = &[
    ("arn", "EventSourceArn"),
    ("batchSize", "BatchSize"),
    ("enabled", "Enabled"),
    ("maximumBatchingWindow", "MaximumBatchingWindowInSeconds"),
    ("functionResponseType", "FunctionResponseTypes"),
    ("filterPatterns", "FilterCriteria"),
    ("maximumConcurrency", "ScalingConfig"),
];
const STREAM: Names = &[
    ("arn", "EventSourceArn"),
    ("batchSize", "BatchSize"),
    ("enabled", "Enabled"),
    ("batchWindow", "MaximumBatchingWindowInSeconds"),
    ("functionResponseType", "FunctionResponseTypes"),
    ("filterPatterns", "FilterCriteria"),
    ("startingPosition", "StartingPosition"),
    ("startingPositionTimestamp", "StartingPositionTimestamp"),
    ("parallelizationFactor", "ParallelizationFactor"),
    ("maximumRetryAttempts", "MaximumRetryAttempts"),
    ("maximumRecordAgeInSeconds", "MaximumRecordAgeInSeconds"),
    ("bisectBatchOnFunctionError", "BisectBatchOnFunctionError"),
    ("tumblingWindowInSeconds", "TumblingWindowInSeconds"),
    ("destinations", "DestinationConfig"),
];
/// Where Serverless's default is not AWS's, or AWS has none.
const SQS_DEFAULTS: Names = &[("BatchSize", "10")];
const STREAM_DEFAULTS: Names = &[("BatchSize", "10"), ("StartingPosition", "TRIM_HORIZON")];

/// Carries every mapping of a service over.
pub(super) fn read(task: &mut Task<'_>, document: &Node, taken: &mut Taken) {
    let entries = document.as_map().unwrap_or_default();
    let mut resolver = Resolver::new(task.options);
    resolver.service = Some(Service { root: document });
    let resources = member(entries, "resources");
    let parts = match resources.map(|node| &node.kind) {
        Some(NodeKind::List(parts)) => parts.iter().collect(),
        _ => Vec::from_iter(resources),
    };
    for part in parts.iter().filter_map(|part| part.as_map()) {
        resolver.declare(part);
    }
    let functions = member(entries, "functions");
    let groups = match functions.map(|node| &node.kind) {
        Some(NodeKind::List(groups)) => groups.iter().collect(),
        _ => Vec::from_iter(functions),
    };
    for group in groups.into_iter().filter(|group| !group.is_null()) {
        match group.as_map() {
            Some(functions) => {
                functions.iter().for_each(|(key, function)| events(task, &mut resolver, key, function, taken));
            }
            None => elsewhere(task, &mut resolver, "functions", group),
        }
    }
    for part in parts {
        let Some(part) = part.as_map() else { continue };
        if let Some(resources) = member(part, "Resources").and_then(Node::as_map) {
            template::all(task, &mut resolver, resources, taken);
        }
        for (key, _) in member(part, "extensions").and_then(Node::as_map).unwrap_or_default() {
            let name = key.as_text().unwrap_or_default();
            if name.contains("EventSourceMapping") {
                let why = "it changes a mapping after Serverless has made it";
                task.leave(
                    format!("the extension {}", short(name)),
                    Unknown::new(key.span, why, "change the mapping file"),
                );
            }
        }
    }
    finish(task, resolver);
}

/// Functions or events that stand in another file.
fn elsewhere<'n>(task: &mut Task<'_>, resolver: &mut Resolver<'n>, what: &str, node: &'n Node) {
    resolver.begin();
    let help = "import what `serverless package` writes: `.serverless/cloudformation-template-update-stack.json`";
    let unknown = match resolver.value(node) {
        Err(unknown) => Unknown { help: help.into(), ..unknown },
        Ok(_) => Unknown::new(node.span, "they are not written here", help),
    };
    task.leave(what.to_owned(), unknown);
}

/// The events of a function that are mappings.
fn events<'n>(task: &mut Task<'_>, resolver: &mut Resolver<'n>, key: &'n Node, function: &'n Node, taken: &mut Taken) {
    let Some(name) = key.as_text() else { return };
    let Some(entries) = function.as_map() else {
        if !function.is_null() {
            elsewhere(task, resolver, &format!("function {}", short(name)), function);
        }
        return;
    };
    let Some(events) = member(entries, "events").filter(|events| !events.is_null()) else { return };
    let NodeKind::List(events) = &events.kind else {
        return elsewhere(task, resolver, &format!("the events of function {}", short(name)), events);
    };
    for (index, event) in events.iter().enumerate() {
        let what = format!("function {}, event {}", short(name), index + 1);
        let Some(entries) = event.as_map() else {
            // `- schedule` and the like say nothing of mappings; a variable may.
            if event.as_text().is_none_or(|text| text.contains("${")) {
                elsewhere(task, resolver, &what, event);
            }
            continue;
        };
        for (key, source) in entries {
            match key.as_text() {
                Some("sqs") => one(task, resolver, (name, function), (SQS, SQS_DEFAULTS), source, &what, taken),
                Some("stream") => {
                    one(task, resolver, (name, function), (STREAM, STREAM_DEFAULTS), source, &what, taken);
                }
                Some(kind @ ("kafka" | "msk" | "activemq" | "rabbitmq" | "documentDb" | "documentdb")) => {
                    let why = format!("forebay does not poll `{kind}` sources");
                    let help = "leave it to AWS: forebay polls SQS queues, Kinesis streams and DynamoDB streams";
                    task.leave(format!("the mapping of {what}"), Unknown::new(key.span, why, help));
                }
                _ => {}
            }
        }
    }
}

fn one<'n>(
    task: &mut Task<'_>,
    resolver: &mut Resolver<'n>,
    (name, function): (&str, &'n Node),
    (names, defaults): (Names, Names),
    source: &'n Node,
    what: &str,
    taken: &mut Taken,
) {
    resolver.begin();
    if !template::is_made(task, resolver, function, what) {
        return;
    }
    let block = match resolver.needed(source) {
        Ok(Val { kind: ValKind::Map(_), .. }) => template::members(task, resolver, source, what),
        // An ARN alone.
        Ok(value @ Val { kind: ValKind::Text { .. }, .. }) => {
            Some(vec![(Key { name: "arn".into(), span: source.span }, value)])
        }
        Ok(_) => {
            let unknown = Unknown::new(source.span, "it has no `arn`", "write the ARN of the source");
            return task.leave(format!("the mapping of {what}"), unknown);
        }
        // Told member by member.
        Err(unknown) => match source.as_map() {
            Some(_) => template::members(task, resolver, source, what),
            None => return task.leave(format!("the mapping of {what}"), unknown),
        },
    };
    let Some(block) = block else { return };
    let target = match target(resolver, name, function) {
        Ok(target) => target,
        Err(unknown) => return task.leave(format!("the mapping of {what}"), unknown),
    };
    let mut entries = Vec::new();
    for (key, value) in block {
        // The ARNs say it, too.
        if key.name == "type" {
            continue;
        }
        if key.name == "consumer" {
            consumer(task, &value, key.span, what);
            continue;
        }
        match names.iter().find(|(known, _)| *known == key.name) {
            Some((_, parameter)) => {
                let value = in_shape(parameter, value);
                entries.push((Key { name: (*parameter).into(), span: key.span }, value));
            }
            None => {
                let why = "forebay knows no such member of this event";
                let help = "write what it stands for into the mapping file";
                task.leave(format!("`{}` of {what}", short(&key.name)), Unknown::new(key.span, why, help));
            }
        }
    }
    for (parameter, text) in defaults {
        if !entries.iter().any(|(key, value)| key.name == *parameter && !value.says_nothing()) {
            entries.retain(|(key, _): &(Key, Val)| key.name != *parameter);
            let value = Val::text(source.span, Words::literal(*text));
            entries.push((Key { name: (*parameter).into(), span: source.span }, value));
        }
    }
    let arn = entries.iter().find(|(key, _)| key.name == "EventSourceArn").and_then(|(_, value)| value.words());
    let name = match arn {
        Some(arn) => format!("{name}-{}", short_name(arn)),
        None => name.into(),
    };
    let mut found = Found { name, what: what.into(), span: source.span, entries };
    found.set("FunctionName", Val::text(source.span, target));
    task.carry(found, taken);
}

fn consumer(task: &mut Task<'_>, value: &Val, span: Span, what: &str) {
    if value.says_nothing() || value.as_literal() == Some("false") {
        return;
    }
    let why = "enhanced fan-out is not supported: the stream itself is read, within the limits that all readers share";
    let unknown = Unknown::new(span, why, "nothing, where the stream has room for another reader");
    task.leave(format!("the consumer of {what}"), unknown);
}

/// A value of an event in the shape that the API gives it.
fn in_shape(parameter: &str, value: Val) -> Val {
    let span = value.span;
    let of = |name: &str, value: Val| {
        let kind = ValKind::Map(vec![(Key { name: name.into(), span }, value)]);
        Val { span, kind }
    };
    match parameter {
        "FunctionResponseTypes" if value.words().is_some_and(|words| !words.is_empty()) => {
            Val { span, kind: ValKind::List(vec![value]) }
        }
        "ScalingConfig" if !value.says_nothing() => of("MaximumConcurrency", value),
        "FilterCriteria" => match value.kind {
            ValKind::List(patterns) => {
                let filters = patterns.into_iter().map(|pattern| of("Pattern", pattern)).collect();
                of("Filters", Val { span, kind: ValKind::List(filters) })
            }
            kind => Val { span, kind },
        },
        "DestinationConfig" => destinations(value),
        _ => value,
    }
}

/// `onFailure: ARN`, or `onFailure: { arn: ARN, type: … }`.
fn destinations(value: Val) -> Val {
    let Val { span, kind: ValKind::Map(sides) } = value else { return value };
    let sides = sides.into_iter().map(|(key, side)| {
        let name = if key.name == "onFailure" { "OnFailure".into() } else { key.name };
        let members = match side.kind {
            ValKind::Map(members) => renamed(members),
            kind => vec![(Key { name: "Destination".into(), span: side.span }, Val { span: side.span, kind })],
        };
        (Key { name, span: key.span }, Val { span: side.span, kind: ValKind::Map(members) })
    });
    Val { span, kind: ValKind::Map(sides.collect()) }
}

fn renamed(members: Entries) -> Entries {
    // The ARN says its type, too.
    let others = members.into_iter().filter(|(key, _)| key.name != "type");
    others
        .map(|(key, value)| match key.name.as_str() {
            "arn" => (Key { name: "Destination".into(), span: key.span }, value),
            _ => (key, value),
        })
        .collect()
}

/// What Serverless invokes: `SERVICE-STAGE-FUNCTION` or the function's own name, or the alias that it makes of it.
fn target<'n>(resolver: &mut Resolver<'n>, key: &str, function: &'n Node) -> Result<Words, Unknown> {
    let entries = function.as_map().unwrap_or_default();
    let own = match member(entries, "name") {
        Some(name) => resolver.value(name)?.as_ref().and_then(Val::words).filter(|words| !words.is_empty()).cloned(),
        None => None,
    };
    let mut words = match own {
        Some(own) => own,
        None => {
            let mut words = service_name(resolver, function.span)?;
            words.push_literal("-");
            words.push(resolver.stage(function.span)?);
            words.push_literal("-");
            words.push_literal(key);
            words
        }
    };
    let says = |resolver: &mut Resolver<'n>, name: &str| match member(entries, name) {
        Some(node) => Ok(resolver
            .value(node)?
            .is_some_and(|value| !value.says_nothing() && !matches!(value.as_literal(), Some("false" | "0")))),
        None => Ok(false),
    };
    if says(resolver, "provisionedConcurrency")? {
        words.push_literal(":provisioned");
    } else if says(resolver, "snapStart")? {
        words.push_literal(":snapstart");
    }
    Ok(words)
}

fn service_name<'n>(resolver: &mut Resolver<'n>, span: Span) -> Result<Words, Unknown> {
    let unnamed = || Unknown::new(span, "the service has no name", "write `service: NAME`, or `name` in the function");
    let root = resolver.service.and_then(|service| service.root.as_map()).unwrap_or_default();
    let service = member(root, "service").ok_or_else(unnamed)?;
    // Earlier versions had a map.
    let name = service.as_map().and_then(|entries| member(entries, "name")).unwrap_or(service);
    let value = resolver.value(name)?;
    value.as_ref().and_then(Val::words).filter(|words| !words.is_empty()).cloned().ok_or_else(unnamed)
}
