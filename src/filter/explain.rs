//! Why a pattern does not match: the first field that failed, what was wanted there, and what is there.

use super::elements::Element;
use super::json::Token;
use super::leaf::Leaf;
use super::stream::Sink;
use super::trie::{NodeId, Trie};
use super::words;

/// What a record has where a slot looks.
pub(super) struct Finds {
    nodes: Vec<NodeId>,
    values: Vec<String>,
    total: usize,
    object: bool,
    list: bool,
}

impl Finds {
    pub(super) fn new(trie: &Trie, slot: usize) -> Self {
        let at = |node: &NodeId| trie.nodes[*node].slots.contains(&slot);
        let nodes = (0..trie.nodes.len()).filter(at).collect();
        Self { nodes, values: Vec::new(), total: 0, object: false, list: false }
    }

    /// In words; `alone` if no value there passes, so that it does not depend on other fields.
    pub(super) fn words(&self, alone: bool) -> String {
        let values = words::listed(&self.values, " and ", self.total);
        match (self.total, alone) {
            (0, _) if self.object => "an object, which has fields but no value of its own".into(),
            (0, _) if self.list => "a list without values".into(),
            (0, _) => "nothing".into(),
            (_, true) => values,
            (_, false) => format!("{values}, but not in the same item of a list as the fields before it"),
        }
    }
}

impl Sink for Finds {
    fn leaf(&mut self, node: NodeId, leaf: Leaf<'_>, _element: Element) {
        if self.nodes.contains(&node) {
            self.total += 1;
            if self.values.len() < words::shown() {
                self.values.push(words::leaf(leaf));
            }
        }
    }

    fn opened(&mut self, node: NodeId, token: Token<'_>) {
        if self.nodes.contains(&node) {
            self.object |= matches!(token, Token::Object);
            self.list |= matches!(token, Token::Array);
        }
    }
}
