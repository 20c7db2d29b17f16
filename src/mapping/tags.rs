//! `Tags`: AWS's map of names and values, or CloudFormation's list of `Key` and `Value`.

use std::collections::BTreeMap;

use super::code::Code;
use super::reader::{Reader, short};
use super::text::Span;
use super::tree::{Node, NodeKind};
use super::value::{Kind, Members};
use crate::parameters::{LONGEST_KEY, LONGEST_VALUE, Shape, TAG_ENTRY, join};

const TAG_VALUE: Shape = Shape::Text { min: 0, max: LONGEST_VALUE, form: None };

impl Reader<'_> {
    /// Tags by name; none where something is wrong with them, which is reported. A value that is null is empty.
    pub(super) fn tags(&mut self, node: &Node, path: &str) -> Option<BTreeMap<String, String>> {
        match &node.kind {
            NodeKind::Map(entries) => self.map_of_tags(entries, path),
            NodeKind::List(items) => self.list_of_tags(items, path),
            NodeKind::Scalar { .. } => self.wrong(node, path, "a map", "write a map of names and values"),
        }
    }

    fn map_of_tags(&mut self, entries: &[(Node, Node)], path: &str) -> Option<BTreeMap<String, String>> {
        let mut tags = BTreeMap::new();
        let before = self.errors;
        self.once(entries.iter().map(|(key, _)| key));
        for (key, value) in entries {
            let Some(name) = self.key(key) else { continue };
            let length = name.chars().count();
            if length == 0 || length > LONGEST_KEY {
                let message = format!("a tag's name has {length} characters, but may have 1 to {LONGEST_KEY}");
                self.error(Code::TextLength, key.span, message, "shorten it");
            }
            let read = if value.is_null() { None } else { self.value(value, &TAG_VALUE, &join(path, &short(name))) };
            let text = match read.map(|value| value.kind) {
                Some(Kind::Text(text)) => text,
                _ => String::new(),
            };
            tags.insert(name.to_owned(), text);
        }
        (self.errors == before).then_some(tags)
    }

    fn list_of_tags(&mut self, items: &[Node], path: &str) -> Option<BTreeMap<String, String>> {
        let mut tags = BTreeMap::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let before = self.errors;
        for item in items {
            let Some(Kind::Map(members)) = self.value(item, &Shape::Map(TAG_ENTRY), path).map(|value| value.kind)
            else {
                continue;
            };
            let Some((name, span)) = self.tag_name(&members, item.span, path) else { continue };
            if let Some(first) = seen.get(&name) {
                let message =
                    format!("the tag {:?} stands twice; first on line {}", short(&name), self.text.line(*first));
                self.error(Code::DuplicateKey, span, message, "remove one of the two");
            }
            let value = members.text("Value").map(|(value, _)| value.to_owned()).unwrap_or_default();
            seen.insert(name.clone(), span);
            tags.insert(name, value);
        }
        (self.errors == before).then_some(tags)
    }

    fn tag_name(&mut self, members: &Members, item: Span, path: &str) -> Option<(String, Span)> {
        if let Some((name, span)) = members.text("Key") {
            return Some((name.to_owned(), span));
        }
        if !members.broken.contains(&"Key") {
            let message = format!("a tag in `{path}` has no `Key`");
            self.error(Code::Missing, item, message, "write `{ Key: NAME, Value: VALUE }`");
        }
        None
    }
}
