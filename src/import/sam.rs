//! The events of SAM's functions that are mappings.

use super::carry::{Found, Origin};
use super::names::Resource;
use super::prepare::function;
use super::reader::{LEAVE_IT, Made, Reader};
use super::resolver::{Resolver, member};
use super::value::{Entries, Key, Unknown, Val, ValKind, both, spoken};
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::Node;

const UNFOLDED: &str = "write into a copy of the file what it stands for, and import that";
/// Events that are no mappings.
const OTHERS: &[&str] = &[
    "AlexaSkill",
    "Api",
    "CloudWatchEvent",
    "CloudWatchLogs",
    "Cognito",
    "EventBridgeRule",
    "HttpApi",
    "IoTRule",
    "S3",
    "Schedule",
    "ScheduleV2",
];

impl<'n> Reader<'_, '_, 'n> {
    /// Carries the events of a function over that are mappings.
    pub(super) fn sam_events(&mut self, function: Resource<'n>) {
        let properties = function.node.as_map().and_then(|entries| member(entries, "Properties"));
        let events = function.property("Events").filter(|events| !events.is_null());
        for node in [properties, events].into_iter().flatten() {
            if let Some((name, argument)) = included(node) {
                let why = format!("`{}` is not followed here", short(name));
                let what = format!("events of {} that it may bring", short(function.id));
                self.leave(what, Unknown::new(argument.span, why, UNFOLDED));
            }
        }
        let Some(events) = events else { return };
        let Some(events) = events.as_map() else {
            let unknown = Unknown::new(events.span, "`Events` must be a map", "write a map");
            return self.leave(format!("the events of {}", short(function.id)), unknown);
        };
        for (key, event) in events {
            if let Some(name) = key.as_text().filter(|name| !name.starts_with("Fn::")) {
                self.sam_event(function, name, key.span, event);
            }
        }
    }

    fn sam_event(&mut self, function: Resource<'n>, name: &'n str, span: Span, event: &'n Node) {
        let what = format!("event {} of {}", short(name), short(function.id));
        let Some(entries) = event.as_map().filter(|_| included(event).is_none()) else {
            let unknown = Unknown::new(event.span, "it is no map of `Type` and `Properties`", UNFOLDED);
            return self.leave(what, unknown);
        };
        self.resolver.begin();
        let mut subscription = None;
        let source = match member(entries, "Type").and_then(Node::as_text).unwrap_or_default() {
            "SQS" => "Queue",
            "Kinesis" | "DynamoDB" => "Stream",
            "SNS" => {
                subscription = self.subscription(event, &what);
                if subscription.is_none() {
                    return;
                }
                "QueueArn"
            }
            kind @ ("MSK" | "MQ" | "SelfManagedKafka" | "DocumentDB") => {
                let why = format!("forebay does not poll `{kind}` sources");
                return self.leave(format!("the mapping of {what}"), Unknown::new(span, why, LEAVE_IT));
            }
            kind if OTHERS.contains(&kind) => return,
            kind => {
                let why = format!("`{}` is no type of event that import knows", short(kind));
                let help = "correct it, or import the template as CloudFormation has processed it";
                return self.leave(what, Unknown::new(span, why, help));
            }
        };
        let made = self.is_made(function.node, "Condition", &what);
        if made == Made::No {
            return;
        }
        let block = match subscription {
            Some(node) => self.subscribed(node, &format!("{}{name}Queue", function.id), &what),
            None => self.properties(event, &what),
        };
        self.resolver.begin();
        let words = match sam_function(&mut self.resolver, function, span) {
            Ok(words) => words,
            Err(unknown) => return self.leave(format!("the mapping of {what}"), unknown),
        };
        let Some(mut entries) = block.filter(|_| made == Made::Yes) else { return };
        as_api(&mut entries, source);
        let mut found = Found { name: format!("{}{name}", function.id), what, span, entries, origin: Origin::Template };
        found.set("FunctionName", Val::text(span, words));
        self.task.carry(found, self.taken);
    }

    /// The `SqsSubscription` of a topic's event: without one, the topic invokes the function itself.
    fn subscription(&mut self, event: &'n Node, what: &str) -> Option<&'n Node> {
        let properties = member(event.as_map()?, "Properties")?;
        if function(properties).or(included(properties)).is_some() || properties.as_map().is_none() {
            let why = "its `Properties` are not all written here, and may have an `SqsSubscription`";
            self.leave(format!("the mapping of {what}"), Unknown::new(properties.span, why, UNFOLDED));
            return None;
        }
        let node = member(properties.as_map()?, "SqsSubscription")?;
        match self.resolver.value(node) {
            Ok(value) => {
                value.filter(|value| !value.says_nothing() && value.as_literal() != Some("false")).map(|_| node)
            }
            Err(_) => Some(node),
        }
    }

    /// The block of a mapping that SAM makes in addition to a topic's subscription: of the queue that is named, or of
    /// one of SAM's.
    fn subscribed(&mut self, node: &'n Node, queue: &str, what: &str) -> Option<Entries> {
        // They are for the subscription and for the queue's policy.
        let is_idle = |name: &str| matches!(name, "QueueUrl" | "QueuePolicyLogicalId");
        if let Some(entries) = node.as_map().filter(|_| function(node).is_none()) {
            let entries = entries.iter().filter(|(key, _)| !key.as_text().is_some_and(is_idle));
            return self.members_of(entries, what);
        }
        let entries = self.resolver.needed(node).and_then(|value| match value.kind {
            ValKind::Map(entries) => Ok(entries.into_iter().filter(|(key, _)| !is_idle(&key.name)).collect()),
            _ if value.as_literal() == Some("true") => {
                let arn = self.resolver.sam_queue(queue, node.span)?;
                let key = Key { name: "QueueArn".into(), span: node.span };
                Ok(vec![(key, Val::text(node.span, arn))])
            }
            _ => {
                let help = "write true, or a map with `QueueArn` and `QueueUrl`";
                Err(Unknown::new(node.span, "`SqsSubscription` is neither true nor a map", help))
            }
        });
        match entries {
            Ok(entries) => Some(entries),
            Err(unknown) => {
                self.leave(format!("the mapping of {what}, for its `SqsSubscription`"), unknown);
                None
            }
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
    let (name, alias) = both(resolver.name(function, span), sam_alias(resolver, function))?;
    Ok(match alias {
        Some(alias) => Words::joined([name, ":".into(), alias]),
        None => name,
    })
}

/// The alias that SAM publishes of a function, by its own properties or by those of all functions.
fn sam_alias<'n>(resolver: &mut Resolver<'n>, function: Resource<'n>) -> Result<Option<Words>, Unknown> {
    let Some(node) = function.property("AutoPublishAlias").or(resolver.alias_of_all) else { return Ok(None) };
    let value = resolver.value(node)?;
    Ok(spoken(value.as_ref()).cloned())
}

/// The ARN of that alias.
pub(super) fn sam_alias_arn<'n>(
    resolver: &mut Resolver<'n>,
    function: Resource<'n>,
    span: Span,
) -> Result<Words, Unknown> {
    let (name, alias) = both(resolver.name(function, span), sam_alias(resolver, function))?;
    let alias = alias.ok_or_else(|| {
        let why = format!("`{}` has no `AutoPublishAlias`", short(function.id));
        Unknown::new(span, why, "name the function itself")
    })?;
    Ok(Words::joined([resolver.function_arn(name, span)?, ":".into(), alias]))
}
