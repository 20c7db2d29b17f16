//! What a `serverless.yml` says in `resources` of things that Serverless generates: it merges the two by logical id.

use std::collections::BTreeSet;

use super::prepare;
use super::reader::Reader;
use super::resolver::{Resolver, key_of, member};
use super::value::{Entries, Missing, Unknown, Val, ValKind, both};
use super::variables::PACKAGED;
use super::words::Words;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

/// All that `resources` says, by logical id, in the order in which Serverless takes it.
pub(super) struct Overrides<'n> {
    all: Vec<Override<'n>>,
    /// What was merged into something that Serverless generates.
    claimed: BTreeSet<&'n str>,
}

#[derive(Clone, Copy)]
pub(super) struct Override<'n> {
    pub(super) id: &'n str,
    pub(super) span: Span,
    pub(super) node: &'n Node,
    /// `extensions` replace whole properties, `Resources` are merged with what is there.
    pub(super) extends: bool,
}

impl<'n> Overrides<'n> {
    pub(super) fn of(parts: &[&'n Node]) -> Self {
        let section = |name, extends| {
            let all = parts.iter().filter_map(move |part| member(part.as_map()?, name)?.as_map()).flatten();
            all.filter_map(move |(key, node)| Some(Override { id: key.as_text()?, span: key.span, node, extends }))
        };
        let all = section("Resources", false).chain(section("extensions", true)).collect();
        Self { all, claimed: BTreeSet::new() }
    }

    /// What is said of a resource that Serverless generates.
    fn claim(&mut self, id: &str) -> Vec<Override<'n>> {
        let found: Vec<_> = self.all.iter().copied().filter(|one| one.id == id).collect();
        self.claimed.extend(found.iter().map(|one| one.id));
        found
    }

    pub(super) fn is_claimed(&self, id: &str) -> bool {
        self.claimed.contains(id)
    }

    /// The first whose logical id begins like this and that is not claimed.
    pub(super) fn beginning(&self, prefix: &str) -> Option<Override<'n>> {
        self.all.iter().copied().find(|one| one.id.starts_with(prefix) && !self.is_claimed(one.id))
    }

    /// Extensions of mappings that nothing in this file makes.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = Override<'n>> {
        let is_partial = |one: &&Override<'_>| {
            one.extends || one.node.as_map().is_some_and(|entries| member(entries, "Type").is_none())
        };
        let unclaimed = self.all.iter().filter(is_partial).filter(|one| !self.is_claimed(one.id));
        unclaimed.copied().filter(|one| one.id.contains("EventSourceMapping"))
    }
}

/// What `resources` say of a resource that Serverless generates.
pub(super) fn overrides<'n>(resolver: &mut Resolver<'n>, id: &str) -> Vec<Override<'n>> {
    resolver.service.as_mut().map(|service| service.overrides.claim(id)).unwrap_or_default()
}

/// A function's name as it is after that, and what says so.
pub(super) fn renamed<'n>(resolver: &mut Resolver<'n>, function: &str) -> Option<(Override<'n>, &'n Node)> {
    let names = overrides(resolver, &format!("{}LambdaFunction", normal(function)));
    let name = |one: Override<'n>| {
        let properties = member(one.node.as_map()?, "Properties")?;
        Some((one, member(properties.as_map()?, "FunctionName")?))
    };
    names.into_iter().filter_map(name).next_back()
}

/// The logical id of the mapping that Serverless makes of an event: what begins it, and the part that is made of the
/// source's name. `arn` is as it is written, and `known` what it became.
pub(super) fn mapping_id<'n>(
    resolver: &mut Resolver<'n>,
    function: &str,
    arn: Option<&'n Node>,
    known: &Words,
) -> (String, Option<String>) {
    let parts = known.split(":");
    let part = |index: usize| parts.get(index).map(|part| part.show().into_owned()).unwrap_or_default();
    let service = part(2);
    let kind = if service == "sqs" { "SQS".into() } else { normal(&service) };
    let called = arn.map(|arn| behind(resolver, arn)).and_then(prepare::function);
    let name = match called.map(|(name, argument)| (name, &argument.kind, argument)) {
        Some(("Fn::GetAtt", NodeKind::List(parts), _)) => parts.first().and_then(|id| literal_text(resolver, id)),
        Some(("Fn::GetAtt", ..)) => called
            .and_then(|(_, argument)| literal_text(resolver, argument))
            .and_then(|text| Some(text.split_once('.')?.0.into())),
        Some(("Ref" | "Fn::ImportValue", _, argument)) => literal_text(resolver, argument),
        Some(("Fn::Join", NodeKind::List(parts), _)) => match parts.get(1).map(|items| &items.kind) {
            Some(NodeKind::List(items)) => items.last().and_then(|last| literal_text(resolver, last)),
            _ => None,
        }
        .and_then(|text| Some(text.rsplit('/').next()?.into())),
        Some(_) => None,
        None if service == "sqs" => Some(part(parts.len() - 1)),
        None => part(5).split('/').nth(1).map(Into::into),
    };
    let name = name.filter(|name| !name.contains("${"));
    let letters = |name: String| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    (format!("{}EventSourceMapping{kind}", normal(function)), name.map(|name| upper_first(&letters(name))))
}

fn literal_text<'n>(resolver: &mut Resolver<'n>, node: &'n Node) -> Option<String> {
    Some(resolver.value(node).ok()??.as_literal()?.to_owned())
}

/// What stands behind a variable that is nothing but a path in this file.
pub(super) fn behind<'n>(resolver: &Resolver<'n>, mut node: &'n Node) -> &'n Node {
    let Some(service) = &resolver.service else { return node };
    let path = |node: &'n Node| {
        let path = node.as_text()?.trim().strip_prefix("${self:")?.strip_suffix('}')?;
        (!path.contains(['$', '{', ','])).then_some(path)
    };
    for _ in 0..10 {
        let Some(path) = path(node) else { break };
        let below = |node: &'n Node, name| node.as_map().and_then(|entries| member(entries, name));
        match path.split('.').try_fold(service.root, below) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

impl<'n> Reader<'_, '_, 'n> {
    /// Merges what `resources` say of a generated mapping into its properties.
    pub(super) fn merge(&mut self, overrides: &[Override<'n>], entries: &mut Entries) -> Result<(), Unknown> {
        let mut missing = Missing::default();
        for one in overrides {
            let Some(properties) = one.node.as_map().map(|entries| member(entries, "Properties")) else {
                let unknown = Unknown::new(one.node.span, format!("`{}` is not written here", one.id), PACKAGED);
                missing.note::<()>(Err(unknown));
                continue;
            };
            let Some(properties) = properties else { continue };
            let Some(members) = properties.as_map() else {
                let unknown = Unknown::new(properties.span, "they are not written here", PACKAGED);
                missing.note::<()>(Err(unknown));
                continue;
            };
            for (key, node) in members {
                let Some((key, value)) = missing.note(both(key_of(key), self.resolver.value(node))) else { continue };
                let value = value.unwrap_or_else(|| Val::null(node.span));
                match entries.iter_mut().find(|(known, _)| known.name == key.name) {
                    Some((_, known)) if !one.extends => merged(known, value),
                    Some((_, known)) => *known = value,
                    None => entries.push((key, value)),
                }
            }
        }
        missing.or(())
    }
}

/// Maps are merged member by member, lists place by place; anything else is replaced.
fn merged(known: &mut Val, with: Val) {
    match (&mut known.kind, with.kind) {
        (ValKind::Map(known), ValKind::Map(with)) => {
            for (key, value) in with {
                match known.iter_mut().find(|(name, _)| name.name == key.name) {
                    Some((_, known)) => merged(known, value),
                    None => known.push((key, value)),
                }
            }
        }
        (ValKind::List(known), ValKind::List(with)) => {
            for (index, value) in with.into_iter().enumerate() {
                match known.get_mut(index) {
                    Some(known) => merged(known, value),
                    None => known.push(value),
                }
            }
        }
        (_, kind) => *known = Val { span: with.span, kind },
    }
}

/// A name as Serverless puts it into logical ids.
fn normal(name: &str) -> String {
    upper_first(&name.replace('-', "Dash").replace('_', "Underscore"))
}

fn upper_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
