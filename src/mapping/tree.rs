//! YAML and JSON as a tree in which every node knows where it stands.

use super::text::Span;

/// The deepest nesting, aliases followed: a bound on every recursion over a tree.
pub(crate) const DEPTH: usize = 64;

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) tag: Option<(String, Span)>,
    pub(crate) kind: NodeKind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    /// `plain`: without quotes, so that `10`, `true` and `null` are more than text.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Written as null, or not written at all.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, plain: true } if matches!(text.as_str(),
        "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Null, `""`, `[]` or `{}`: says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.kind {
            NodeKind::Scalar { text, .. } => text.is_empty() || self.is_null(),
            NodeKind::List(items) => items.is_empty(),
            NodeKind::Map(entries) => entries.is_empty(),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&[(Self, Self)]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// `a list`, `the text "x"`: for messages.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "null".into(),
            NodeKind::Scalar { text, plain: false } => format!("the text {text:?}"),
            NodeKind::Scalar { text, plain: true } => format!("`{text}`"),
            NodeKind::List(_) => "a list".into(),
            NodeKind::Map(_) => "a map".into(),
        }
    }

    /// What it costs of the budget, and how deep it is.
    pub(crate) fn measure(&self) -> (usize, usize) {
        let of = |parts: &mut dyn Iterator<Item = &Self>| {
            parts
                .map(Self::measure)
                .fold((1, 1), |(weight, depth), (more, below)| (weight + more, depth.max(below + 1)))
        };
        match &self.kind {
            NodeKind::Scalar { text, .. } => (1 + text.len() / 32, 1),
            NodeKind::List(items) => of(&mut items.iter()),
            NodeKind::Map(entries) => of(&mut entries.iter().flat_map(|(key, value)| [key, value])),
        }
    }
}
