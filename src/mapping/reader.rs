//! Reads nodes by the table of parameters; what is wrong is reported, and the reading goes on.

use std::collections::BTreeMap;

use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::interpolate::Env;
use super::suggest;
use super::text::{Span, Text};
use super::tree::{Node, NodeKind};
use super::value::{Kind, Members, Value};
use crate::parameters::{self, Member, Owner, Shape, join};

/// The most problems of one file that are reported.
pub(crate) const MOST: usize = 200;

/// Reads one file, or one definition.
pub(crate) struct Reader<'a> {
    pub(crate) text: &'a Text<'a>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The mapping that is being read, once its name is known.
    pub(crate) mapping: Option<String>,
    /// How many errors were found, reported or not.
    pub(crate) errors: usize,
    /// Answers for the variables of a file; a definition of the API has none, and `${…}` is plain text in it.
    pub(crate) env: Option<Env<'a>>,
    /// Milliseconds since the Unix epoch: what lies behind it is yet to come.
    pub(crate) now: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a Text<'a>, env: Option<Env<'a>>, now: u64) -> Self {
        Self { text, diagnostics: Vec::new(), mapping: None, errors: 0, env, now }
    }

    pub(crate) fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.errors += 1;
        self.push(Severity::Error, code, span, message, help);
    }

    /// An error that is about a parameter as a whole.
    pub(crate) fn error_of(&mut self, parameter: &'static str, code: Code, span: Span, message: String, help: &str) {
        let before = self.diagnostics.len();
        self.error(code, span, message, help);
        self.diagnostics.iter_mut().skip(before).for_each(|diagnostic| diagnostic.parameter = parameter);
    }

    pub(crate) fn warning(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Severity::Warning, code, span, message, help);
    }

    fn push(
        &mut self,
        severity: Severity,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        // The first error is always reported, however many warnings there are.
        if self.is_full() && !(severity == Severity::Error && self.errors == 1) {
            return;
        }
        let mut diagnostic = Diagnostic::at(code, severity, self.text, span, message).with_help(help);
        diagnostic.mapping = self.mapping.clone();
        self.diagnostics.push(diagnostic);
    }

    /// So many problems that more of them would not help, and only cost time.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST
    }

    /// The members of a map; unknown, repeated and foreign keys are reported.
    pub(crate) fn members(&mut self, entries: &[(Node, Node)], table: &'static [Member], path: &str) -> Members {
        let mut members = Members::default();
        let mut seen: Vec<(&'static str, Span)> = Vec::new();
        for (key, node) in entries {
            if self.is_full() {
                break;
            }
            let Some(name) = self.key(key) else { continue };
            let Some(member) = parameters::find(table, name) else {
                self.unknown(table, key, name, path);
                continue;
            };
            if let Some((_, first)) = seen.iter().find(|(name, _)| *name == member.name) {
                self.repeated(member.name, *first, key.span);
                continue;
            }
            seen.push((member.name, key.span));
            if node.is_null() && node.tag.is_none() {
                members.nulls.push((member.name, key.span));
                continue;
            }
            let value = match member.owner {
                Owner::ReadOnly => continue,
                Owner::Others(_) if says_nothing(node) => continue,
                Owner::Others(_) => Some(Value { span: node.span, kind: Kind::Unread }),
                _ => self.value(node, &member.shape, &join(path, member.name)),
            };
            match value {
                Some(value) => members.entries.push((member.name, key.span, value)),
                None => members.broken.push(member.name),
            }
        }
        members
    }

    fn repeated(&mut self, name: &str, first: Span, again: Span) {
        let message = format!("`{}` is given twice; first on line {}", short(name), self.text.line(first));
        self.error(Code::DuplicateKey, again, message, "remove one of the two");
    }

    /// Reports keys that stand twice in a map that is not read by the table.
    pub(crate) fn once<'n>(&mut self, keys: impl Iterator<Item = &'n Node>) {
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for key in keys {
            let Some(name) = key.as_text() else { continue };
            match seen.get(name) {
                Some(first) => self.repeated(name, *first, key.span),
                None => {
                    seen.insert(name, key.span);
                }
            }
        }
    }

    /// A key's text. A key that is no text, and YAML's merge key, are reported.
    pub(crate) fn key<'n>(&mut self, key: &'n Node) -> Option<&'n str> {
        match key.as_text() {
            Some("<<") if matches!(key.kind, NodeKind::Scalar { plain: true, .. }) => {
                let help = "write the members out, or alias a whole value: `ScalingConfig: *limits`";
                self.error(Code::Alias, key.span, "merge keys are not YAML 1.2 and are not followed", help);
                None
            }
            Some(name) => Some(name),
            None => {
                let message = format!("a key must be text, and this is {}", key.describe());
                self.error(Code::WrongType, key.span, message, "write a parameter's name");
                None
            }
        }
    }

    fn unknown(&mut self, table: &'static [Member], key: &Node, name: &str, path: &str) {
        if is_intrinsic(name) {
            self.intrinsic(key.span, name);
            return;
        }
        let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        let message = format!("unknown parameter `{}`{place}", short(name));
        self.error(Code::UnknownKey, key.span, message, suggest::help(table, name));
    }

    fn intrinsic(&mut self, span: Span, name: &str) {
        let message = format!("`{}` is CloudFormation's, and nothing resolves it here", short(name));
        let help = "write the value itself, or take it from the environment: `${NAME}`";
        self.error(Code::Intrinsic, span, message, help);
    }

    /// One value by its shape; none when it was reported as wrong.
    pub(crate) fn value(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Value> {
        if !self.is_usable(node) {
            return None;
        }
        let kind = match (*shape, &node.kind) {
            (Shape::Any, _) => Kind::Unread,
            (
                Shape::Map(table) | Shape::WordOrMap(_, table) | Shape::ListOrMap { map: table, .. },
                NodeKind::Map(entries),
            ) => Kind::Map(self.members(entries, table, path)),
            (Shape::Map(table), _) => return self.wrong(node, path, "a map", &map_help(table)),
            (Shape::List { of, max, .. } | Shape::ListOrMap { of, max, .. }, NodeKind::List(items)) => {
                Kind::List(self.list(items, node.span, of, max, path)?)
            }
            (Shape::List { .. }, _) => return self.wrong(node, path, "a list", "write it in brackets: `[…]`"),
            (Shape::ListOrMap { map, .. }, _) => {
                let help =
                    format!("write a list in brackets: `[…]`, or {}", map_help(map).trim_start_matches("write "));
                return self.wrong(node, path, "a list or a map", &help);
            }
            (Shape::Word(words) | Shape::WordOrMap(words, _), _) => self.word(node, words, path)?,
            (Shape::WordOrArn(_), _) => self.plain_text(node, 1, 2048, path)?,
            (Shape::Text { min, max, .. }, _) => self.plain_text(node, min, max, path)?,
            (Shape::Integer { min, max, limit }, _) => self.integer(node, (min, max), limit, path)?,
            (Shape::Time, _) => self.time(node, path)?,
            (Shape::Boolean, _) => self.boolean(node, path)?,
            (Shape::Span { min, max }, _) => self.duration(node, min, max, path)?,
            (Shape::Texts, _) => Kind::Texts(self.texts(node, path)?),
            (Shape::Status, _) => self.plain_text(node, 1, 16, path)?,
            (Shape::Tags, _) => Kind::Tags(self.tags(node, path)?),
            (Shape::Pattern, _) => self.pattern(node, path)?,
        };
        Some(Value { span: node.span, kind })
    }

    /// Reports tags and CloudFormation's functions; what came through the API has neither.
    fn is_usable(&mut self, node: &Node) -> bool {
        if !self.is_untagged(node) {
            return false;
        }
        if self.env.is_some()
            && let Some([(key, _)]) = node.as_map()
            && let Some(name) = key.as_text()
            && is_intrinsic(name)
        {
            self.intrinsic(key.span, name);
            return false;
        }
        true
    }

    /// Reports tags.
    pub(crate) fn is_untagged(&mut self, node: &Node) -> bool {
        if let Some((tag, span)) = &node.tag {
            if is_intrinsic(tag.trim_start_matches('!')) || is_short_form(tag) {
                self.intrinsic(*span, tag);
            } else {
                let message = format!("the tag `{}` has no meaning here", short(tag));
                self.error(Code::Tag, *span, message, "remove the tag and write the value itself");
            }
            return false;
        }
        true
    }

    pub(crate) fn wrong<T>(&mut self, node: &Node, path: &str, wanted: &str, help: &str) -> Option<T> {
        let message = format!("`{path}` must be {wanted}, and this is {}", node.describe());
        self.error(Code::WrongType, node.span, message, help);
        None
    }

    fn list(&mut self, items: &[Node], span: Span, of: &Shape, max: usize, path: &str) -> Option<Vec<Value>> {
        if items.len() > max {
            let message = format!("`{path}` has {} items, but may have {max} at most", items.len());
            let at = items.get(max).map_or(span, |item| item.span);
            self.error(Code::TooMany, at, message, format!("keep {max} of them"));
        }
        // A text that is null would be the word `null`, which hardly anybody means.
        let is_null = |item: &Node| matches!(of, Shape::Text { .. }) && item.is_null() && item.tag.is_none();
        let read = items.iter().take(max).map(|item| {
            if is_null(item) {
                return self.wrong(item, path, "a list of texts", "remove it, or write it in quotes: `\"null\"`");
            }
            self.value(item, of, path)
        });
        let read: Vec<_> = read.collect();
        if items.len() > max { None } else { read.into_iter().collect() }
    }
}

/// Whether a tag is the short form of one of CloudFormation's functions.
fn is_short_form(tag: &str) -> bool {
    matches!(
        tag.strip_prefix('!').unwrap_or_default(),
        "And"
            | "Base64"
            | "Cidr"
            | "Condition"
            | "Equals"
            | "FindInMap"
            | "GetAtt"
            | "GetAZs"
            | "If"
            | "ImportValue"
            | "Join"
            | "Not"
            | "Or"
            | "Ref"
            | "Select"
            | "Split"
            | "Sub"
            | "Transform"
    )
}

fn is_intrinsic(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// A map or list of nothing but nulls and empty maps, as AWS's answers carry for other sources.
fn says_nothing(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Map(entries) => entries.iter().all(|(_, value)| says_nothing(value)),
        _ => node.is_empty(),
    }
}

fn map_help(table: &'static [Member]) -> String {
    let names: Vec<_> = table.iter().filter(|member| member.is_taken()).map(|member| member.name).collect();
    match names.as_slice() {
        [one] => format!("write `{{ {one}: … }}`"),
        _ => format!("write a map of {}", names.join(", ")),
    }
}

/// At most 60 characters of what was written.
pub(crate) fn short(text: &str) -> String {
    if text.chars().count() <= 60 { text.into() } else { text.chars().take(59).chain(['…']).collect() }
}
