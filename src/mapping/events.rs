//! Builds the tree from parser events and not through serde: so quotes, tags and spelling are kept, and one
//! wrong value does not end the reading of the others.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, StrInput, StructureStyle, Tag};

use super::code::Code;
use super::text::Span;
use super::tree::{DEPTH, Node, NodeKind};

/// The most that a file may weigh once its aliases are followed: about a node, or 32 bytes of text, each.
const BUDGET: usize = 200_000;

/// Why a text could not be read to its end.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) code: Code,
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// The documents of a mapping file up to its first flaw. Empty documents are left out.
pub(crate) fn documents(text: &str) -> (Vec<Node>, Option<Flaw>) {
    documents_within(text, BUDGET)
}

/// The same for a text that may weigh so much.
pub(crate) fn documents_within(text: &str, budget: usize) -> (Vec<Node>, Option<Flaw>) {
    let mut options = granit_parser::options! { flow_nesting_limit: DEPTH, block_nesting_limit: DEPTH };
    options.set_emit_comments(false);
    let mut builder = Builder::new(text, options, budget);
    let mut found = Vec::new();
    loop {
        match builder.document() {
            Ok(Some(node)) if node.is_null() => {}
            Ok(Some(node)) => found.push(node),
            Ok(None) => return (found, None),
            Err(flaw) => return (found, Some(flaw)),
        }
    }
}

struct Builder<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    budget: usize,
    spent: usize,
    depth: usize,
}

/// An event, where it stands, and where its tag stands.
struct Spanned<'a> {
    event: Event<'a>,
    span: Span,
    tag: Span,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, options: Options, budget: usize) -> Self {
        let parser = Parser::new_from_str_with_options(text, options);
        Self { text, parser, anchors: BTreeMap::new(), budget, spent: 0, depth: 0 }
    }

    /// The next document's root; none at the text's end.
    fn document(&mut self) -> Result<Option<Node>, Flaw> {
        self.anchors.clear();
        loop {
            let Some(next) = self.next()? else { return Ok(None) };
            match next.event {
                Event::StreamEnd => return Ok(None),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ => return self.node(next).map(Some),
            }
        }
    }

    fn next(&mut self) -> Result<Option<Spanned<'a>>, Flaw> {
        let of = |range: Option<std::ops::Range<usize>>| {
            let range = range.unwrap_or_default();
            Span::new(range.start, range.end)
        };
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let tag = of(span.tag_span().and_then(|tag| tag.byte_range()));
                Ok(Some(Spanned { event, span: of(span.byte_range()), tag }))
            }
            Some(Err(error)) => Err(flaw(&error, self.text)),
        }
    }

    fn spend(&mut self, (weight, depth): (usize, usize), span: Span) -> Result<(), Flaw> {
        self.spent = self.spent.saturating_add(weight);
        let message = if self.spent > self.budget {
            "the file holds too much once its aliases are followed"
        } else if self.depth + depth > DEPTH {
            "lists and maps are nested too deeply"
        } else {
            return Ok(());
        };
        Err(Flaw { code: Code::TooLarge, span, message: message.into() })
    }

    fn node(&mut self, Spanned { event, span, tag }: Spanned<'a>) -> Result<Node, Flaw> {
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, name) => {
                self.spend((1 + text.len() / 32, 1), span)?;
                (scalar(&text, style, name.as_deref(), tag, span), anchor)
            }
            Event::SequenceStart(style, anchor, name) => {
                self.spend((1, 1), span)?;
                let (span, kind) = self.list(style, span)?;
                (Node { span, tag: custom(name.as_deref(), tag), kind }, anchor)
            }
            Event::MappingStart(style, anchor, name) => {
                self.spend((1, 1), span)?;
                let (span, kind) = self.map(style, span)?;
                (Node { span, tag: custom(name.as_deref(), tag), kind }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    let message = "this alias is inside the value that it names".into();
                    return Err(Flaw { code: Code::Alias, span, message });
                };
                self.spend(node.measure(), span)?;
                return Ok(Node { span, ..node });
            }
            _ => {
                let message = "this is not allowed here".into();
                return Err(Flaw { code: Code::Syntax, span, message });
            }
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, style: StructureStyle, start: Span) -> Result<(Span, NodeKind), Flaw> {
        let mut items = Vec::new();
        self.depth += 1;
        while let Some(next) = self.next()? {
            if next.event == Event::SequenceEnd {
                self.depth -= 1;
                let end = if style == StructureStyle::Flow { next.span.end } else { start.start + 1 };
                return Ok((Span::new(start.start, end), NodeKind::List(items)));
            }
            items.push(self.node(next)?);
        }
        Err(cut_short(start))
    }

    fn map(&mut self, style: StructureStyle, start: Span) -> Result<(Span, NodeKind), Flaw> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        self.depth += 1;
        while let Some(next) = self.next()? {
            if next.event == Event::MappingEnd {
                self.depth -= 1;
                let span = match (style, entries.first()) {
                    (StructureStyle::Block, Some((key, _))) => key.span,
                    _ => Span::new(start.start, next.span.end),
                };
                return Ok((span, NodeKind::Map(entries)));
            }
            let key = self.node(next)?;
            let value = self.next()?.ok_or_else(|| cut_short(start))?;
            entries.push((key, self.node(value)?));
        }
        Err(cut_short(start))
    }
}

fn scalar(text: &str, style: ScalarStyle, name: Option<&Tag>, tag: Span, span: Span) -> Node {
    let as_text = name.is_some_and(|name| name.is_yaml_core_schema_tag("str") || name.original() == "!");
    let plain = style == ScalarStyle::Plain && !as_text;
    Node { span, tag: custom(name, tag), kind: NodeKind::Scalar { text: text.into(), plain } }
}

/// A tag that is not one of YAML's own.
fn custom(name: Option<&Tag>, span: Span) -> Option<(String, Span)> {
    let name = name?;
    let own = name.is_yaml_core_schema() || name.original() == "!";
    (!own).then(|| (name.original(), span))
}

fn flaw(error: &ScanError, text: &str) -> Flaw {
    let at = error.marker().byte_offset().unwrap_or(0);
    let (code, message) = match error.kind() {
        ErrorKind::UnknownAnchor => (Code::Alias, "nothing before this alias has its name".into()),
        ErrorKind::RecursionLimitExceeded => (Code::TooLarge, "lists and maps are nested too deeply".into()),
        _ => (Code::Syntax, error.info()),
    };
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | ':');
    let length = match code {
        Code::Alias => text.get(at..).map_or(1, |rest| rest.find(ends).unwrap_or(rest.len())),
        _ => 1,
    };
    Flaw { code, span: Span::new(at, at + length), message }
}

fn cut_short(span: Span) -> Flaw {
    Flaw { code: Code::Syntax, span, message: "the text ends inside this value".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node, text: &str) -> String {
        let at = &text[node.span.start..node.span.end];
        match &node.kind {
            NodeKind::Scalar { text, plain } => format!("{}{text}@{at}", if *plain { "" } else { "'" }),
            NodeKind::List(items) => {
                format!("[{}]@{at}", items.iter().map(|i| show(i, text)).collect::<Vec<_>>().join(" "))
            }
            NodeKind::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{}={}", show(key, text), show(value, text))).collect();
                format!("{{{}}}@{at}", entries.join(" "))
            }
        }
    }

    fn read(text: &str) -> String {
        let (found, flaw) = documents(text);
        let found: Vec<_> = found.iter().map(|node| show(node, text)).collect();
        let flaw = flaw.map(|flaw| format!(" ! {} {}..{} {}", flaw.code, flaw.span.start, flaw.span.end, flaw.message));
        format!("{}{}", found.join(" --- "), flaw.unwrap_or_default())
    }

    #[test]
    fn keeps_spelling_quotes_and_places() {
        assert_eq!(
            read(
                "a: 010
b: 'x'
c: [1, \"y\"]
d:
  - e
"
            ),
            r#"{a@a=010@010 b@b='x@'x' c@c=[1@1 'y@"y"]@[1, "y"] d@d=[e@e]@-}@a"#
        );
        assert_eq!(
            read("{\n\t\"a\": 1.0,\n\t\"b\": [true]\n}"),
            "{'a@\"a\"=1.0@1.0 'b@\"b\"=[true@true]@[true]}@{\n\t\"a\": 1.0,\n\t\"b\": [true]\n}"
        );
        assert_eq!(
            read(
                "a: !Ref Queue
b: !!str 10
"
            ),
            "{a@a=Queue@Queue b@b='10@10}@a"
        );
        assert_eq!(
            documents(
                "a: !Ref Queue
"
            )
            .0[0]
                .as_map()
                .unwrap()[0]
                .1
                .tag,
            Some(("!Ref".into(), Span::new(3, 7)))
        );
    }

    #[test]
    fn reads_every_document_up_to_the_first_flaw() {
        assert_eq!(
            read(
                "---
a: 1
---
---
b: 2
---
c: [
"
            ),
            "{a@a=1@1}@a --- {b@b=2@2}@b ! FB0007 29..30 unclosed bracket '['"
        );
        assert_eq!(
            read(
                "# nothing
"
            ),
            ""
        );
    }

    #[test]
    fn follows_aliases_within_bounds() {
        assert_eq!(
            read(
                "a: &x 1
b: *x
"
            ),
            "{a@a=1@1 b@b=1@*x}@a"
        );
        assert_eq!(
            read(
                "a: *x
"
            ),
            " ! FB0011 3..5 nothing before this alias has its name"
        );
        assert_eq!(
            read(
                "a: &x [*x]
"
            ),
            " ! FB0011 7..9 this alias is inside the value that it names"
        );
        let mut bomb = String::from(
            "a0: &a0 [x, x, x, x, x, x, x, x, x]
",
        );
        for level in 1..12 {
            let below = level - 1;
            bomb.push_str(&format!(
                "a{level}: &a{level} [{}]
",
                vec![format!("*a{below}"); 9].join(", ")
            ));
        }
        assert_eq!(documents(&bomb).1.unwrap().code, Code::TooLarge);
        let mut ladder = String::from(
            "a0: &a0 []
",
        );
        for level in 1..200 {
            ladder.push_str(&format!(
                "a{level}: &a{level} [*a{}]
",
                level - 1
            ));
        }
        assert_eq!(documents(&ladder).1.unwrap().code, Code::TooLarge);
        assert_eq!(documents(&"[".repeat(10_000)).1.unwrap().code, Code::TooLarge);
        assert_eq!(documents(&"- ".repeat(10_000)).1.unwrap().code, Code::TooLarge);
    }
}
