//! Maps of any names: texts; and `Tags`, AWS's map of names and values, or CloudFormation's list of `Key` and `Value`.

use std::collections::BTreeMap;

use super::code::Code;
use super::reader::{Reader, short};
use super::text::Span;
use super::tree::{Node, NodeKind};
use super::value::{Kind, Named};
use crate::parameters::{LONGEST_KEY, LONGEST_TEXT, LONGEST_VALUE, MOST_TEXTS, Shape, TAG_ENTRY, join};

const TAG_VALUE: Shape = Shape::Text { min: 0, max: LONGEST_VALUE, form: None };

impl Reader<'_> {
    /// Tags by name; none where something is wrong with them, which is reported. A value that is null is empty.
    pub(super) fn tags(&mut self, node: &Node, path: &str) -> Option<BTreeMap<String, String>> {
        let before = self.errors;
        let tags = match &node.kind {
            NodeKind::Map(entries) => {
                self.once(entries.iter().map(|(key, _)| key));
                entries.iter().filter_map(|(key, value)| self.tag(key, value, path)).collect()
            }
            NodeKind::List(items) => self.list_of_tags(items, path),
            NodeKind::Scalar { .. } => return self.wrong(node, path, "a map", "write a map of names and values"),
        };
        (self.errors == before).then_some(tags)
    }

    /// Texts by name, with the places of their names; none where something is wrong with them, which is reported. A
    /// value that is null is empty.
    pub(super) fn texts(&mut self, node: &Node, path: &str) -> Option<BTreeMap<String, Named>> {
        const TEXT: Shape = Shape::Text { min: 0, max: LONGEST_TEXT, form: None };
        let NodeKind::Map(entries) = &node.kind else {
            return self.wrong(node, path, "a map", "write a map of names and values");
        };
        let before = self.errors;
        self.once(entries.iter().map(|(key, _)| key));
        if entries.len() > MOST_TEXTS {
            let message = format!("`{path}` has {} members, but may have {MOST_TEXTS} at most", entries.len());
            self.error(Code::TooMany, node.span, message, format!("keep {MOST_TEXTS} of them"));
            return None;
        }
        let mut texts = BTreeMap::new();
        for (key, value) in entries {
            let Some(name) = self.key(key) else { continue };
            let read = if value.is_null() { None } else { self.value(value, &TEXT, &join(path, &short(name))) };
            let text = if let Some(Kind::Text(text)) = read.map(|value| value.kind) { text } else { String::new() };
            let literal = value.as_text().is_none_or(|written| written == text);
            texts.insert(name.into(), Named { text, span: key.span, literal });
        }
        (self.errors == before).then_some(texts)
    }

    fn tag(&mut self, key: &Node, value: &Node, path: &str) -> Option<(String, String)> {
        let name = self.key(key)?;
        let length = name.chars().count();
        if length == 0 || length > LONGEST_KEY {
            let message = format!("a tag's name has {length} characters, but may have 1 to {LONGEST_KEY}");
            self.error(Code::TextLength, key.span, message, "shorten it");
        }
        let read = if value.is_null() { None } else { self.value(value, &TAG_VALUE, &join(path, &short(name))) };
        let Some(Kind::Text(text)) = read.map(|value| value.kind) else { return Some((name.into(), String::new())) };
        Some((name.into(), text))
    }

    fn list_of_tags(&mut self, items: &[Node], path: &str) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for item in items {
            let Some(Kind::Map(members)) = self.value(item, &Shape::Map(TAG_ENTRY), path).map(|value| value.kind)
            else {
                continue;
            };
            let Some((name, span)) = members.text("Key") else {
                if !members.broken.contains(&"Key") {
                    let message = format!("a tag in `{path}` has no `Key`");
                    self.error(Code::Missing, item.span, message, "write `{ Key: NAME, Value: VALUE }`");
                }
                continue;
            };
            if let Some(first) = seen.insert(name.into(), span) {
                let (name, line) = (short(name), self.text.line(first));
                let message = format!("the tag {name:?} is given twice; first on line {line}");
                self.error(Code::DuplicateKey, span, message, "remove one of the two");
            }
            tags.insert(name.into(), members.text("Value").map(|(value, _)| value.into()).unwrap_or_default());
        }
        tags
    }
}
