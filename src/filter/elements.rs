//! The items of a record's lists, as a tree: which values may be taken together, and which exclude each other.
//!
//! Two fields may not be satisfied from different items of one list. Only items that are objects or lists count; plain
//! values in a list belong to what is around it.

/// The item that a value belongs to, or a list. [`ROOT`] is the record itself. Numbers grow in the order of the text,
/// so what is within an item is a range of them.
pub(super) type Element = u32;

/// What belongs to no item of any list.
pub(super) const ROOT: Element = 0;

#[derive(Debug, Clone, Copy)]
struct Node {
    /// The list of an item, the item around a list.
    parent: Element,
    /// The last number within.
    last: Element,
}

/// Items and lists by turns: an item's parent is its list, a list's parent is the item that it is in.
#[derive(Debug)]
pub(super) struct Elements {
    nodes: Vec<Node>,
}

impl Elements {
    pub(super) const fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// How many numbers there are, the record's own included, if there are any lists with items that count.
    pub(super) const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Begins a list or an item. A record has fewer of them than bytes, so the number holds.
    pub(super) fn open(&mut self, parent: Element) -> Element {
        if self.nodes.is_empty() {
            self.nodes.reserve(16);
            self.nodes.push(Node { parent: ROOT, last: Element::MAX });
        }
        let element = Element::try_from(self.nodes.len()).unwrap_or(Element::MAX);
        self.nodes.push(Node { parent, last: Element::MAX });
        element
    }

    /// Ends it: nothing later is within.
    pub(super) fn close(&mut self, element: Element) {
        if element != ROOT {
            self.nodes[element as usize].last = Element::try_from(self.nodes.len() - 1).unwrap_or(Element::MAX);
        }
    }

    pub(super) fn parent(&self, element: Element) -> Element {
        self.nodes[element as usize].parent
    }

    /// The last number within.
    pub(super) fn last(&self, element: Element) -> Element {
        self.nodes[element as usize].last
    }

    /// Whether the one is the other, or within it.
    pub(super) fn contains(&self, outer: Element, inner: Element) -> bool {
        outer == ROOT || outer <= inner && inner <= self.last(outer)
    }
}
