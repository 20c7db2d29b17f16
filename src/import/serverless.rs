//! `serverless.yml`: its functions, the constructs of Lift, and its resources.

use super::model::{Taken, Task};
use super::overrides::Overrides;
use super::reader::{LEAVE_IT, Reader};
use super::resolver::member;
use super::service_event::{Event, SQS, STREAM};
use super::value::{Unknown, Val};
use super::variables::PACKAGED;
use crate::mapping::reader::short;
use crate::mapping::tree::{Node, NodeKind};

/// The service that is read.
pub(super) struct Service<'n> {
    pub(super) root: &'n Node,
    pub(super) overrides: Overrides<'n>,
}

/// Events that are no mappings.
const OTHERS: &[&str] = &[
    "alb",
    "alexaSkill",
    "alexaSmartHome",
    "cloudFront",
    "cloudwatchEvent",
    "cloudwatchLog",
    "cognitoUserPool",
    "eventBridge",
    "http",
    "httpApi",
    "iot",
    "iotFleetProvisioning",
    "s3",
    "schedule",
    "sns",
    "websocket",
];
/// Constructs of Lift without a mapping.
const CONSTRUCTS: &[&str] = &[
    "database/dynamodb-single-table",
    "server-side-website",
    "single-page-app",
    "static-website",
    "storage",
    "upload",
    "vpc",
    "webhook",
];

/// A section that may be a list of sections.
fn sections<'n>(entries: &'n [(Node, Node)], name: &str) -> Vec<&'n Node> {
    let section = member(entries, name).filter(|node| !node.is_null());
    match section.map(|node| &node.kind) {
        Some(NodeKind::List(parts)) => parts.iter().filter(|part| !part.is_null()).collect(),
        _ => Vec::from_iter(section),
    }
}

/// Carries every mapping of a service over.
pub(super) fn read(task: &mut Task<'_>, document: &Node, taken: &mut Taken) {
    let entries = document.as_map().unwrap_or_default();
    let mut reader = Reader::new(task, taken);
    let parts = sections(entries, "resources");
    reader.resolver.service = Some(Service { root: document, overrides: Overrides::of(&parts) });
    for part in parts.iter().filter_map(|part| part.as_map()) {
        reader.resolver.declare(part);
    }
    for group in sections(entries, "functions") {
        match group.as_map() {
            Some(functions) => functions.iter().for_each(|(key, function)| reader.function(key, function)),
            None => reader.elsewhere("functions", group),
        }
    }
    if let Some(constructs) = member(entries, "constructs").filter(|node| !node.is_null()) {
        match constructs.as_map() {
            Some(constructs) => constructs.iter().for_each(|(key, construct)| reader.construct(key, construct)),
            None => reader.elsewhere("constructs", constructs),
        }
    }
    for part in parts {
        reader.part(part);
    }
    reader.changed_elsewhere();
    reader.finish();
}

impl<'n> Reader<'_, '_, 'n> {
    /// The events of a function that are mappings.
    fn function(&mut self, key: &'n Node, function: &'n Node) {
        let Some(name) = key.as_text() else { return };
        let Some(entries) = function.as_map() else {
            if !function.is_null() {
                self.elsewhere(format!("function {}", short(name)), function);
            }
            return;
        };
        let Some(events) = member(entries, "events").filter(|events| !events.is_null()) else { return };
        let NodeKind::List(events) = &events.kind else {
            return self.elsewhere(format!("the events of function {}", short(name)), events);
        };
        for (index, event) in events.iter().enumerate() {
            let what = format!("function {}, event {}", short(name), index + 1);
            match &event.kind {
                NodeKind::Map(entries) => {
                    for (key, source) in entries {
                        self.event(Event { name, function, source, what: &what }, key);
                    }
                }
                // `- schedule` and the like say nothing of mappings.
                NodeKind::Scalar { text, .. } if OTHERS.contains(&text.as_str()) => {}
                _ => self.elsewhere(what, event),
            }
        }
    }

    fn event(&mut self, event: Event<'_, 'n>, key: &'n Node) {
        let (why, help) = match key.as_text().unwrap_or_default() {
            "sqs" => return self.service_event(event, SQS),
            "stream" => return self.service_event(event, STREAM),
            kind if OTHERS.contains(&kind) => return,
            kind @ ("kafka" | "msk" | "activemq" | "rabbitmq" | "documentDb" | "documentdb") => {
                (format!("forebay does not poll `{kind}` sources"), LEAVE_IT)
            }
            "snsSqs" => {
                let why = "the plugin serverless-plugin-sns-sqs-lambda makes a queue of it, and an event source \
                    mapping \
                           of that queue";
                (why.into(), PACKAGED)
            }
            kind => {
                let why =
                    format!("`{}` is an event of a plugin, which may make an event source mapping of it", short(kind));
                (why, PACKAGED)
            }
        };
        self.leave(format!("the mapping of {}", event.what), Unknown::new(key.span, why, help));
    }

    /// A construct of Lift: one of them makes a mapping.
    fn construct(&mut self, key: &'n Node, construct: &'n Node) {
        let id = short(key.as_text().unwrap_or_default());
        let Some(entries) = construct.as_map() else {
            return self.elsewhere(format!("construct {id}"), construct);
        };
        self.resolver.begin();
        let mut text = |name: &str| {
            let value = member(entries, name).and_then(|node| self.resolver.value(node).ok()?);
            value.as_ref().and_then(Val::words).map(|words| short(&words.show()))
        };
        let why = match text("type").as_deref() {
            Some("queue") => {
                let worker = text("worker").unwrap_or_else(|| format!("{id}Worker"));
                let size = text("batchSize").unwrap_or_else(|| "1".into());
                format!(
                    "Lift makes a queue of it, and an event source mapping of that queue to the function `{worker}`, \
                     with BatchSize {size} and ReportBatchItemFailures"
                )
            }
            Some(kind) if CONSTRUCTS.contains(&kind) => return,
            _ => "what it makes is not known here: it may be an event source mapping".into(),
        };
        self.leave(format!("the mapping of construct {id}"), Unknown::new(key.span, why, PACKAGED));
    }

    /// Resources, but for those that are merged into what Serverless generates.
    fn part(&mut self, part: &'n Node) {
        let Some(entries) = part.as_map() else { return self.elsewhere("resources", part) };
        self.transforms(entries);
        let Some(resources) = member(entries, "Resources").filter(|node| !node.is_null()) else { return };
        let Some(resources) = resources.as_map() else { return self.elsewhere("resources", resources) };
        for (key, node) in resources {
            let id = key.as_text().unwrap_or_default();
            if !self.resolver.service.as_ref().is_some_and(|service| service.overrides.is_claimed(id)) {
                self.entry(key, node);
            }
        }
    }

    /// What changes a mapping that nothing in this file makes.
    fn changed_elsewhere(&mut self) {
        let Some(service) = &self.resolver.service else { return };
        for one in service.overrides.unclaimed().collect::<Vec<_>>() {
            let what = if one.extends { "extension" } else { "resource" };
            let why = "it changes a mapping that none of the events in this file makes";
            self.leave(format!("the {what} {}", short(one.id)), Unknown::new(one.span, why, PACKAGED));
        }
    }
}
