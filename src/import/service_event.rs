//! An event of a function of Serverless's as a mapping.

use super::carry::{Found, Origin, no_fan_out, short_name};
use super::overrides::{behind, mapping_id, overrides, renamed};
use super::prepare::function;
use super::reader::{Made, Reader};
use super::resolver::{Resolver, member};
use super::value::{Entries, Key, Unknown, Val, ValKind, both, spoken};
use super::variables::PACKAGED;
use super::variables::stage;
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::Node;

/// An event, and the function that has it.
#[derive(Clone, Copy)]
pub(super) struct Event<'a, 'n> {
    pub(super) name: &'a str,
    pub(super) function: &'n Node,
    /// What the event says: an ARN, or a map.
    pub(super) source: &'n Node,
    /// What messages call it.
    pub(super) what: &'a str,
}

/// A name here, and what it stands for.
type Names = &'static [(&'static str, &'static str)];

/// A kind of event.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// Its members, and their parameters.
    names: Names,
    /// Where Serverless's default is not AWS's, or AWS has none.
    defaults: Names,
}

pub(super) const SQS: Kind = Kind {
    names: &[
        ("arn", "EventSourceArn"),
        ("batchSize", "BatchSize"),
        ("enabled", "Enabled"),
        ("maximumBatchingWindow", "MaximumBatchingWindowInSeconds"),
        ("functionResponseType", "FunctionResponseTypes"),
        ("filterPatterns", "FilterCriteria"),
        ("maximumConcurrency", "ScalingConfig"),
        ("provisioned", "ProvisionedPollerConfig"),
    ],
    defaults: &[("BatchSize", "10")],
};
pub(super) const STREAM: Kind = Kind {
    names: &[
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
    ],
    defaults: &[("BatchSize", "10"), ("StartingPosition", "TRIM_HORIZON")],
};

impl<'n> Reader<'_, '_, 'n> {
    /// Carries the mapping of an event over.
    pub(super) fn service_event(&mut self, event: Event<'_, 'n>, kind: Kind) {
        let Event { name, function: of, source, what } = event;
        self.resolver.begin();
        let made = self.is_made(of, "condition", what);
        if made == Made::No {
            return;
        }
        let members = self.event_members(source, what);
        self.resolver.begin();
        let target = match self.target(name, of) {
            Ok(target) => target,
            Err(unknown) => return self.leave(format!("the mapping of {what}"), unknown),
        };
        let Some(entries) = members.and_then(|members| self.as_parameters(members, kind, source.span, what)) else {
            return;
        };
        let mut found =
            Found { name: name.into(), what: what.into(), span: source.span, entries, origin: Origin::Template };
        found.set("FunctionName", Val::text(source.span, target));
        if made == Made::Yes && self.overridden(event, &mut found) {
            if let Some(arn) = found.get("EventSourceArn").and_then(Val::words) {
                found.name = format!("{name}-{}", short_name(arn));
            }
            self.task.carry(found, self.taken);
        }
    }

    /// The members of an event, under their names in the file.
    fn event_members(&mut self, source: &'n Node, what: &str) -> Option<Entries> {
        // A map is resolved member by member.
        if source.as_map().is_some() && function(source).is_none() {
            return self.members(source, what);
        }
        let unknown = match self.resolver.needed(source) {
            Ok(Val { kind: ValKind::Map(entries), .. }) => return Some(entries),
            Ok(value @ Val { kind: ValKind::Text { .. }, .. }) => {
                return Some(vec![(Key { name: "arn".into(), span: source.span }, value)]);
            }
            Ok(_) => Unknown::new(source.span, "it has no `arn`", "write the ARN of the source"),
            Err(unknown) => unknown,
        };
        self.leave(format!("the mapping of {what}"), unknown);
        None
    }

    /// The members of an event as parameters of the API, and Serverless's defaults.
    fn as_parameters(&mut self, members: Entries, kind: Kind, span: Span, what: &str) -> Option<Entries> {
        let mut entries = Vec::new();
        let mut whole = true;
        for (key, value) in members {
            match (key.name.as_str(), kind.names.iter().find(|(known, _)| *known == key.name)) {
                (_, Some((_, parameter))) => {
                    let value = in_shape(parameter, value);
                    entries.push((Key { name: (*parameter).into(), span: key.span }, value));
                }
                // The ARNs say it, too.
                ("type", None) => {}
                ("consumer", None) => self.consumer(&value, key.span, what),
                (name, None) => {
                    let why = "forebay knows no such member of this event";
                    let help = "write what it stands for into the mapping file";
                    let unknown = Unknown::new(key.span, why, help);
                    // Without its filters it would be another mapping.
                    if name.to_ascii_lowercase().contains("filter") {
                        whole = false;
                        self.leave(format!("the mapping of {what}, for its `{}`", short(name)), unknown);
                    } else {
                        self.leave(format!("`{}` of {what}", short(name)), unknown);
                    }
                }
            }
        }
        for (parameter, text) in kind.defaults {
            if !entries.iter().any(|(key, value)| key.name == *parameter && !value.says_nothing()) {
                entries.retain(|(key, _): &(Key, Val)| key.name != *parameter);
                let value = Val::text(span, Words::literal(*text));
                entries.push((Key { name: (*parameter).into(), span }, value));
            }
        }
        whole.then_some(entries)
    }

    fn consumer(&mut self, value: &Val, span: Span, what: &str) {
        if value.says_nothing() || value.as_literal() == Some("false") {
            return;
        }
        self.leave(format!("the consumer of {what}"), no_fan_out(span));
    }

    /// Merges what `resources` say of this mapping. Whether it is made, and everything is known.
    fn overridden(&mut self, event: Event<'_, 'n>, found: &mut Found) -> bool {
        let written = behind(&self.resolver, event.source);
        let arn = match written.as_map().filter(|_| function(written).is_none()) {
            Some(entries) => member(entries, "arn"),
            None => Some(written),
        };
        let known = found.get("EventSourceArn").and_then(Val::words).cloned().unwrap_or_default();
        let (prefix, source) = mapping_id(&mut self.resolver, event.name, arn, &known);
        let Some(source) = source else {
            let service = self.resolver.service.as_ref();
            let Some(other) = service.and_then(|service| service.overrides.beginning(&prefix)) else { return true };
            let why = format!("`{}` may change it: its logical id depends on what is not known here", short(other.id));
            self.leave(format!("the mapping of {}", found.what), Unknown::new(other.span, why, PACKAGED));
            return false;
        };
        let overrides = overrides(&mut self.resolver, &format!("{prefix}{source}"));
        if overrides.iter().any(|one| self.is_made(one.node, "Condition", event.what) != Made::Yes) {
            return false;
        }
        match self.merge(&overrides, &mut found.entries) {
            Ok(()) => true,
            Err(unknown) => {
                self.leave(format!("the mapping of {}", found.what), unknown);
                false
            }
        }
    }

    /// What Serverless invokes: `SERVICE-STAGE-FUNCTION` or the function's own name, or the alias that it makes of it.
    fn target(&mut self, key: &str, function: &'n Node) -> Result<Words, Unknown> {
        let entries = function.as_map().unwrap_or_default();
        let renamed = renamed(&mut self.resolver, key);
        let own = match renamed.map(|(_, name)| name).or_else(|| member(entries, "name")) {
            Some(name) => self.resolver.value(name)?,
            None => None,
        };
        let mut words = match spoken(own.as_ref()) {
            Some(own) => own.clone(),
            None => {
                let span = function.span;
                let (service, stage) = both(service_name(&mut self.resolver, span), stage(&mut self.resolver, span))?;
                Words::joined([service, "-".into(), stage, "-".into(), key.into()])
            }
        };
        if let Some((one, _)) = renamed {
            let what = if one.extends { "extension" } else { "resource" };
            let note = format!("the {what} {} renames the function {} to {}", one.id, short(key), words.show());
            self.task.note(one.span, &note);
        }
        if says(&mut self.resolver, entries, "provisionedConcurrency")? {
            words.push_literal(":provisioned");
        } else if says(&mut self.resolver, entries, "snapStart")? {
            words.push_literal(":snapstart");
        }
        Ok(words)
    }
}

/// Whether a member is there, and is neither false nor 0.
fn says<'n>(resolver: &mut Resolver<'n>, entries: &'n [(Node, Node)], name: &str) -> Result<bool, Unknown> {
    let Some(node) = member(entries, name) else { return Ok(false) };
    let value = resolver.value(node)?;
    Ok(value.is_some_and(|value| !value.says_nothing() && !matches!(value.as_literal(), Some("false" | "0"))))
}

fn service_name(resolver: &mut Resolver<'_>, span: Span) -> Result<Words, Unknown> {
    let unnamed = || Unknown::new(span, "the service has no name", "write `service: NAME`, or `name` in the function");
    let root = resolver.service.as_ref().and_then(|service| service.root.as_map()).unwrap_or_default();
    let service = member(root, "service").ok_or_else(unnamed)?;
    // Earlier versions had a map.
    let name = service.as_map().and_then(|entries| member(entries, "name")).unwrap_or(service);
    let value = resolver.value(name)?;
    spoken(value.as_ref()).cloned().ok_or_else(unnamed)
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
            ValKind::Map(members) => named(members),
            kind => vec![(Key { name: "Destination".into(), span: side.span }, Val { span: side.span, kind })],
        };
        (Key { name, span: key.span }, Val { span: side.span, kind: ValKind::Map(members) })
    });
    Val { span, kind: ValKind::Map(sides.collect()) }
}

fn named(members: Entries) -> Entries {
    // The ARN says its type, too.
    let others = members.into_iter().filter(|(key, _)| key.name != "type");
    others
        .map(|(key, value)| match key.name.as_str() {
            "arn" => (Key { name: "Destination".into(), span: key.span }, value),
            _ => (key, value),
        })
        .collect()
}
