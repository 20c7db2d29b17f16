//! Reads a record once, along the tree of names, and shows every value that a pattern looks at.
//!
//! What is open is kept on a stack of our own, so a record may nest as deep as it likes.

use super::elements::{Element, Elements, ROOT};
use super::json::{Scanner, Token};
use super::leaf::Leaf;
use super::lex::Broken;
use super::number::Seen;
use super::trie::{NodeId, TOP, Trie};
use super::verdict::Undecidable;
use super::view::{Content, Form};

/// Who is shown the values.
pub(super) trait Sink {
    /// A value without parts, and the item of a list that it belongs to.
    fn leaf(&mut self, node: NodeId, leaf: Leaf<'_>, element: Element);

    /// An object or a list; its values follow.
    fn opened(&mut self, _node: NodeId, _token: Token<'_>) {}
}

/// What a record is made of, apart from its values.
#[derive(Debug)]
pub(super) struct Shape {
    pub elements: Elements,
    pub form: Form,
}

/// What is open around the place that is read.
enum Frame {
    Object { node: NodeId, first: bool },
    List { node: NodeId, first: bool, list: Element, item: Element, around: Element },
}

/// Who has written a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Anybody: whether it is JSON is seen by reading it to its end.
    Foreign,
    /// We: it is JSON, and no name stands twice at its top. Behind the last member that patterns look at nothing is
    /// read.
    Own,
}

/// Reads a record.
pub(super) fn read(trie: &Trie, record: &[u8], origin: Origin, sink: &mut impl Sink) -> Result<Shape, Undecidable> {
    let left = match origin {
        Origin::Own => trie.names(TOP),
        Origin::Foreign if std::str::from_utf8(record).is_ok() => usize::MAX,
        Origin::Foreign => return Err(Undecidable::NotUtf8),
    };
    let shape = Shape { elements: Elements::new(), form: Form::Absent };
    let mut reader = Reader {
        trie,
        sink,
        shape,
        frames: Vec::with_capacity(8),
        here: ROOT,
        within_content: false,
        left,
        scratch: Vec::new(),
    };
    let mut scanner = Scanner::new(record);
    match reader.document(&mut scanner, TOP) {
        Ok(()) => Ok(reader.shape),
        Err(_) => Err(Undecidable::Malformed { offset: scanner.offset() }),
    }
}

struct Reader<'t, 's, S> {
    trie: &'t Trie,
    sink: &'s mut S,
    shape: Shape,
    frames: Vec<Frame>,
    /// The item that the next value belongs to.
    here: Element,
    /// What is read is a record's content, so its strings are strings.
    within_content: bool,
    /// Members of the record itself that are still to be read; 0 ends the reading.
    left: usize,
    scratch: Vec<u8>,
}

impl<S: Sink> Reader<'_, '_, S> {
    /// An object or a list, and nothing after it.
    fn document(&mut self, scanner: &mut Scanner<'_>, node: NodeId) -> Result<(), Broken> {
        if !matches!(scanner.peek(), b'{' | b'[') {
            return scanner.broken(Broken::Composite);
        }
        self.value(scanner, node)?;
        let is_enough = node == TOP && self.left == 0;
        if is_enough || scanner.at_end() { Ok(()) } else { scanner.broken(Broken::Trailing) }
    }

    fn value(&mut self, scanner: &mut Scanner<'_>, node: NodeId) -> Result<(), Broken> {
        let outermost = self.frames.len();
        self.begin(scanner, node)?;
        while self.frames.len() > outermost {
            if let Some(node) = self.advance(scanner)? {
                self.begin(scanner, node)?;
            }
        }
        Ok(())
    }

    /// A scalar, or the beginning of a value with parts.
    #[inline(always)]
    fn begin(&mut self, scanner: &mut Scanner<'_>, node: NodeId) -> Result<(), Broken> {
        let place = &self.trie.nodes[node];
        if place.is_end() && scanner.peek() == b'{' {
            self.sink.opened(node, Token::Object);
            return scanner.skip();
        }
        if place.content == Some(Content::Body) && !self.within_content && scanner.peek() == b'"' {
            let mut text = Vec::new();
            scanner.meaning(&mut text)?;
            self.content(Content::Body, &text, node);
            return Ok(());
        }
        let token = scanner.token()?;
        let leaf = match token {
            Token::Object => {
                self.sink.opened(node, token);
                self.frames.push(Frame::Object { node, first: true });
                return Ok(());
            }
            Token::Array => {
                self.sink.opened(node, token);
                self.frames.push(Frame::List { node, first: true, list: ROOT, item: ROOT, around: self.here });
                return Ok(());
            }
            Token::Text(text) => match place.content {
                Some(content) if !self.within_content => {
                    self.content(content, text.bytes(&mut Vec::new()), node);
                    return Ok(());
                }
                _ if place.slots.is_empty() => return Ok(()),
                _ => Leaf::Text(text.bytes(&mut self.scratch)),
            },
            Token::Number(text) => Leaf::Number(Seen::new(text)),
            Token::True => Leaf::True,
            Token::False => Leaf::False,
            Token::Null => Leaf::Null,
        };
        self.sink.leaf(node, leaf, self.here);
        Ok(())
    }

    /// Goes on to the next value of what is open innermost that a pattern looks at. None where it ends, and is not open
    /// any more.
    #[inline(always)]
    fn advance(&mut self, scanner: &mut Scanner<'_>) -> Result<Option<NodeId>, Broken> {
        match self.frames.last_mut() {
            Some(Frame::Object { node, first }) => {
                while *node != TOP || self.left > 0 {
                    let Some(name) = scanner.member(*first)? else { break };
                    *first = false;
                    let name = name.bytes(&mut self.scratch);
                    let child = self.trie.child(*node, name);
                    if child.is_some() {
                        self.left -= usize::from(*node == TOP);
                        return Ok(child);
                    }
                    scanner.skip()?;
                }
            }
            Some(Frame::List { node, first, list, item, around }) => {
                let elements = &mut self.shape.elements;
                if *item != ROOT {
                    elements.close(*item);
                    *item = ROOT;
                }
                self.here = *around;
                if scanner.item(*first)? {
                    *first = false;
                    if matches!(scanner.peek(), b'{' | b'[') {
                        if *list == ROOT {
                            *list = elements.open(*around);
                        }
                        *item = elements.open(*list);
                        self.here = *item;
                    }
                    return Ok(Some(*node));
                }
                elements.close(*list);
            }
            None => {}
        }
        self.frames.pop();
        Ok(None)
    }

    /// A string that is a document of its own.
    fn content(&mut self, content: Content, text: &[u8], node: NodeId) {
        let decoded;
        let (document, otherwise) = match content {
            Content::Body => (Ok(text), Undecidable::BodyNotJson),
            Content::Data => {
                decoded = base64_simd::STANDARD.decode_to_vec(text);
                let bytes = decoded.as_deref().map_err(|_| Undecidable::NotBase64);
                let utf8 = bytes.and_then(|bytes| std::str::from_utf8(bytes).map_err(|_| Undecidable::NotUtf8));
                (utf8.map(str::as_bytes), Undecidable::DataNotJson)
            }
        };
        let (frames, here) = (self.frames.len(), self.here);
        self.within_content = true;
        let read = document.and_then(|text| self.document(&mut Scanner::new(text), node).map_err(|_| otherwise));
        self.within_content = false;
        // What was open where it turned out to be no JSON; what was seen until then is not asked for.
        for frame in self.frames.drain(frames..).rev() {
            if let Frame::List { list, item, .. } = frame {
                self.shape.elements.close(item);
                self.shape.elements.close(list);
            }
        }
        self.here = here;
        self.shape.form = match read {
            Ok(()) => Form::Json,
            Err(why) => {
                self.sink.leaf(node, Leaf::Text(text), here);
                Form::Other(why)
            }
        };
    }
}
