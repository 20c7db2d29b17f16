//! Resolves the values of a file: functions, variables and references to its own resources and parameters.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::call;
use super::model::Options;
use super::prepare::function;
use super::serverless::Service;
use super::value::{Entries, Key, Missing, Unknown, Val, ValKind, boolean_of_yaml_1_1, both};
use super::variables::expand;
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

/// The longest text that is made, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;
/// The most values that are looked at for one mapping, and for one file.
const STEPS: usize = 100_000;
const ALL_STEPS: usize = 5_000_000;
/// The deepest chain of values within values and references to references.
const DEPTH: usize = 150;

/// A value; none is `AWS::NoValue`.
pub(super) type Resolved = Result<Option<Val>, Unknown>;

/// What values are resolved with.
pub(super) struct Resolver<'n> {
    pub(super) options: &'n Options,
    pub(super) parameters: BTreeMap<&'n str, &'n Node>,
    pub(super) resources: BTreeMap<&'n str, &'n Node>,
    pub(super) conditions: BTreeMap<&'n str, &'n Node>,
    pub(super) mappings: BTreeMap<&'n str, &'n Node>,
    /// `AutoPublishAlias` of SAM's `Globals`.
    pub(super) alias_of_all: Option<&'n Node>,
    /// The file is a `serverless.yml`.
    pub(super) service: Option<Service<'n>>,
    /// What is asked of `Options::parameters`.
    pub(super) used: BTreeSet<String>,
    /// Functions and variables are texts like any other: answers of AWS.
    pub(super) verbatim: Option<Verbatim>,
    /// What is being resolved, from the outside in: what stands here twice refers to itself.
    open: Vec<String>,
    steps: usize,
    all_steps: usize,
    depth: usize,
}

/// How a text that is not searched for functions is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verbatim {
    /// Word for word.
    Literal,
    /// As mapping files are written.
    Written,
}

/// The member of a map that has this name; the last, where there are several.
pub(super) fn member<'n>(entries: &'n [(Node, Node)], name: &str) -> Option<&'n Node> {
    entries.iter().rev().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// The members of a map by name.
pub(super) fn by_name(node: Option<&Node>) -> BTreeMap<&str, &Node> {
    let entries = node.and_then(Node::as_map).unwrap_or_default();
    entries.iter().filter_map(|(key, value)| Some((key.as_text()?, value))).collect()
}

impl<'n> Resolver<'n> {
    pub(super) fn new(options: &'n Options) -> Self {
        Self {
            options,
            parameters: BTreeMap::new(),
            resources: BTreeMap::new(),
            conditions: BTreeMap::new(),
            mappings: BTreeMap::new(),
            alias_of_all: None,
            service: None,
            used: BTreeSet::new(),
            verbatim: None,
            open: Vec::new(),
            steps: 0,
            all_steps: 0,
            depth: 0,
        }
    }

    /// Takes over what a template declares.
    pub(super) fn declare(&mut self, template: &'n [(Node, Node)]) {
        self.parameters.append(&mut by_name(member(template, "Parameters")));
        self.resources.append(&mut by_name(member(template, "Resources")));
        self.conditions.append(&mut by_name(member(template, "Conditions")));
        self.mappings.append(&mut by_name(member(template, "Mappings")));
        let of_functions = member(template, "Globals").and_then(Node::as_map).and_then(|all| member(all, "Function"));
        self.alias_of_all = of_functions
            .and_then(Node::as_map)
            .and_then(|function| member(function, "AutoPublishAlias"))
            .or(self.alias_of_all);
    }

    /// A value of the file's `Mappings`.
    pub(super) fn mapped(&self, map: &str, first: &str, second: &str) -> Option<&'n Node> {
        let first = member(self.mappings.get(map)?.as_map()?, first)?;
        member(first.as_map()?, second)
    }

    /// Begins with another mapping.
    pub(super) fn begin(&mut self) {
        self.steps = 0;
    }

    pub(super) fn step_by(&mut self, steps: usize, span: Span) -> Result<(), Unknown> {
        self.steps = self.steps.saturating_add(steps);
        self.all_steps = self.all_steps.saturating_add(steps);
        if self.steps > STEPS || self.all_steps > ALL_STEPS || self.depth > DEPTH {
            return Err(Unknown::new(span, "its references lead on and on", "write the value itself"));
        }
        Ok(())
    }

    /// A text that has not grown out of bounds.
    pub(super) fn bounded(&mut self, words: Words, span: Span) -> Result<Words, Unknown> {
        self.step_by(1 + words.len() / 32, span)?;
        if words.len() > LONGEST { Err(too_long(span)) } else { Ok(words) }
    }

    /// What was given on the command line under a name.
    pub(super) fn given(&mut self, name: &str) -> Option<&'n str> {
        let found = self.options.parameters.get(name)?;
        self.used.insert(name.into());
        Some(found)
    }

    /// Resolves what stands behind a name, which must not lead back to itself.
    pub(super) fn within<T>(
        &mut self,
        name: String,
        span: Span,
        work: impl FnOnce(&mut Self) -> Result<T, Unknown>,
    ) -> Result<T, Unknown> {
        if self.open.contains(&name) {
            let why = format!("{} refers to itself", short(&name));
            return Err(Unknown::new(span, why, "break the circle: write one of the values itself"));
        }
        self.open.push(name);
        let found = self.deeper(span, work);
        self.open.pop();
        found
    }

    /// One level further down. The depth is bounded, and so is the stack.
    pub(super) fn deeper<T>(
        &mut self,
        span: Span,
        work: impl FnOnce(&mut Self) -> Result<T, Unknown>,
    ) -> Result<T, Unknown> {
        self.depth += 1;
        let found = self.step_by(1, span).and_then(|()| work(self));
        self.depth -= 1;
        found
    }

    /// The value of a node that must have one.
    pub(super) fn needed(&mut self, node: &'n Node) -> Result<Val, Unknown> {
        Ok(self.value(node)?.unwrap_or_else(|| Val::null(node.span)))
    }

    pub(super) fn value(&mut self, node: &'n Node) -> Resolved {
        self.deeper(node.span, |resolver| resolver.resolve(node))
    }

    fn resolve(&mut self, node: &'n Node) -> Resolved {
        if let Some((tag, span)) = &node.tag {
            let why = format!("the tag `{}` has no meaning here", short(tag));
            return Err(Unknown::new(*span, why, "write the value itself"));
        }
        if self.verbatim.is_none()
            && let Some((name, argument)) = function(node)
        {
            return call(self, name, argument, node.span);
        }
        let kind = match &node.kind {
            _ if node.is_null() => ValKind::Null,
            NodeKind::Scalar { text, plain } => return self.scalar(text, *plain, node.span),
            NodeKind::List(items) => ValKind::List(self.list(items)?),
            NodeKind::Map(entries) => ValKind::Map(self.map(entries)?),
        };
        Ok(Some(Val { span: node.span, kind }))
    }

    fn list(&mut self, items: &'n [Node]) -> Result<Vec<Val>, Unknown> {
        let (mut found, mut missing) = (Vec::new(), Missing::default());
        for item in items {
            found.extend(missing.note(self.value(item)).flatten());
        }
        missing.or(found)
    }

    fn map(&mut self, entries: &'n [(Node, Node)]) -> Result<Entries, Unknown> {
        let (mut found, mut missing) = (Vec::new(), Missing::default());
        for (key, value) in entries {
            if let Some((key, Some(value))) = missing.note(both(key_of(key), self.value(value))) {
                found.push((key, value));
            }
        }
        missing.or(found)
    }

    fn scalar(&mut self, text: &str, plain: bool, span: Span) -> Resolved {
        let words = match self.verbatim {
            Some(Verbatim::Literal) => Words::literal(text),
            Some(Verbatim::Written) => Words::written(text),
            None if self.service.is_some() => return expand(self, text, plain, span),
            None if plain => Words::literal(as_cloudformation(text)),
            None => Words::literal(text),
        };
        if self.verbatim.is_none() {
            dynamic(text, span)?;
        }
        Ok(Some(Val { span, kind: ValKind::Text { words, plain } }))
    }
}

/// A text without quotes as CloudFormation reads it.
pub(super) fn as_cloudformation(text: &str) -> &str {
    match boolean_of_yaml_1_1(text) {
        Some(true) => "true",
        Some(false) => "false",
        None => text,
    }
}

/// A key's text.
pub(super) fn key_of(key: &Node) -> Result<Key, Unknown> {
    match key.as_text() {
        Some(name) => Ok(Key { name: name.into(), span: key.span }),
        None => {
            let why = format!("a key must be text, and this is {}", key.describe());
            Err(Unknown::new(key.span, why, "write a name"))
        }
    }
}

/// CloudFormation's dynamic references are for the stack to resolve.
pub(super) fn dynamic(text: &str, span: Span) -> Result<(), Unknown> {
    let Some(at) = text.find("{{resolve:") else { return Ok(()) };
    let why = format!("`{}` is known inside AWS only", short(&text[at..]));
    Err(Unknown::new(span, why, "write the value into a copy of the file, and import that"))
}

pub(super) fn too_long(span: Span) -> Unknown {
    Unknown::new(span, "the text grows without end", "write the value itself")
}
