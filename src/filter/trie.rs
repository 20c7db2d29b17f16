//! All patterns of a mapping as one tree of names, which a record is read along.

use super::leaf::Test;
use super::pattern::Pattern;
use super::view::{Content, View};

/// A place in the tree.
pub(super) type NodeId = usize;

/// The top of the tree.
pub(super) const TOP: NodeId = 0;

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// The names of its members that a pattern goes on with, and where; none has a dot. In the order of their
    /// fingerprints.
    children: Vec<(Box<[u8]>, NodeId)>,
    fingerprints: Vec<u32>,
    /// The tests of the values here.
    pub slots: Vec<usize>,
    /// Whether the values here are documents of their own.
    pub content: Option<Content>,
}

/// The length, the first and the last byte of a name: most names of a record differ in these from all that are looked
/// for.
#[inline]
fn fingerprint(name: &[u8]) -> u32 {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX).min(0xffff);
    length << 16 | u32::from(*first) << 8 | u32::from(*last)
}

impl Node {
    /// The member of a name without dots.
    #[inline(always)]
    fn child(&self, name: &[u8]) -> Option<NodeId> {
        let wanted = fingerprint(name);
        let mut index = if self.fingerprints.len() <= 16 {
            self.fingerprints.iter().position(|found| *found == wanted)?
        } else {
            self.fingerprints.partition_point(|found| *found < wanted)
        };
        while self.fingerprints.get(index) == Some(&wanted) {
            let (child, node) = &self.children[index];
            // Names are short: a loop is faster than the call of a function that compares.
            if child.len() == name.len() && child.iter().zip(name).all(|(a, b)| a == b) {
                return Some(*node);
            }
            index += 1;
        }
        None
    }

    fn add(&mut self, name: &[u8], node: NodeId) {
        let fingerprint = fingerprint(name);
        let index = self.fingerprints.partition_point(|found| *found < fingerprint);
        self.fingerprints.insert(index, fingerprint);
        self.children.insert(index, (name.into(), node));
    }

    /// Whether a dot of the name stands where the name of a member would end.
    #[inline(always)]
    fn begins(&self, name: &[u8]) -> bool {
        self.fingerprints.iter().any(|found| name.get((found >> 16) as usize) == Some(&b'.'))
    }

    /// Whether no pattern looks further.
    #[inline]
    pub(super) const fn is_end(&self) -> bool {
        self.children.is_empty()
    }
}

/// A test of the values at a path. Patterns that ask the same share one.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub path: Vec<u8>,
    pub test: Test,
    /// Where the values are kept at which it could fail for being there; only for tests that accept absence.
    pub presence: Option<usize>,
}

/// What must hold together for a pattern to match; with `$or` a pattern has several.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub pattern: usize,
    /// Slots in the order in which they are searched for.
    pub keys: Vec<usize>,
    /// It names fields of the content (`body`, `data`).
    pub looks_into_content: bool,
    /// It lists values for the content as a whole.
    pub takes_content_whole: bool,
}

/// What is compiled of the patterns of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Trie {
    pub nodes: Vec<Node>,
    pub slots: Vec<Slot>,
    /// Those of the first pattern first.
    pub branches: Vec<Branch>,
    /// How many lists of places the matcher needs: one for each slot, one more for each that accepts absence.
    pub lists: usize,
    /// Whether any test accepts absence: then it matters which of several values was taken.
    pub knows_absence: bool,
}

/// The order in which a branch's fields are searched for. Absence is tested in what was taken for the paths that sort
/// before, as AWS does it. Without it any order leads to the same, and the best is that of the tree: what lies in one
/// list comes together.
fn order(pattern: &Pattern, fields: &[usize]) -> Vec<usize> {
    let mut order = fields.to_vec();
    let field = |index: &usize| &pattern.fields()[*index];
    if !order.iter().any(|index| field(index).test.accepts_absence()) {
        order.sort_by(|a, b| field(a).path.split(|byte| *byte == b'.').cmp(field(b).path.split(|byte| *byte == b'.')));
    }
    order
}

impl Trie {
    pub(super) fn new(view: View, patterns: &[Pattern]) -> Self {
        let mut trie = Self {
            nodes: vec![Node::default()],
            slots: Vec::new(),
            branches: Vec::new(),
            lists: 0,
            knows_absence: false,
        };
        for (index, pattern) in patterns.iter().enumerate() {
            let slots: Vec<usize> =
                pattern.fields().iter().map(|field| trie.slot(view, &field.path, &field.test)).collect();
            for fields in pattern.branches() {
                let paths = || fields.iter().map(|field| &pattern.fields()[*field].path[..]);
                trie.branches.push(Branch {
                    pattern: index,
                    keys: order(pattern, fields).into_iter().map(|field| slots[field]).collect(),
                    looks_into_content: paths().any(|path| view.looks_into_content(path)),
                    takes_content_whole: paths().any(|path| view.is_content(path)),
                });
            }
        }
        trie.lists = trie.slots.len();
        for slot in trie.slots.iter_mut().filter(|slot| slot.test.accepts_absence()) {
            slot.presence = Some(trie.lists);
            trie.lists += 1;
        }
        trie.knows_absence = trie.lists > trie.slots.len();
        trie
    }

    /// The slot of a field: an equal one that is there, or a new one.
    fn slot(&mut self, view: View, path: &[u8], test: &Test) -> usize {
        let nodes: Vec<NodeId> = view.places(path).iter().map(|place| self.node(view, place)).collect();
        // An equal test at the same path stands at the same places.
        let equal = nodes.first().and_then(|node| {
            self.nodes[*node]
                .slots
                .iter()
                .copied()
                .find(|slot| self.slots[*slot].path == path && self.slots[*slot].test == *test)
        });
        equal.unwrap_or_else(|| {
            let slot = self.slots.len();
            self.slots.push(Slot { path: path.to_vec(), test: test.clone(), presence: None });
            for node in nodes {
                self.nodes[node].slots.push(slot);
            }
            slot
        })
    }

    /// The node of a path, made if it is not there.
    fn node(&mut self, view: View, path: &[u8]) -> NodeId {
        let mut node = TOP;
        let mut end = 0;
        for name in path.split(|byte| *byte == b'.') {
            end += name.len();
            node = self.nodes[node].child(name).unwrap_or_else(|| {
                let new = self.nodes.len();
                self.nodes.push(Node { content: view.content(&path[..end]), ..Node::default() });
                self.nodes[node].add(name, new);
                new
            });
            end += 1;
        }
        node
    }

    /// How many members of a node patterns look at.
    pub(super) fn names(&self, node: NodeId) -> usize {
        self.nodes[node].children.len()
    }

    /// The member of a node; dots in its name stand for steps.
    #[inline(always)]
    pub(super) fn child(&self, node: NodeId, name: &[u8]) -> Option<NodeId> {
        let place = &self.nodes[node];
        let child = place.child(name);
        if child.is_some() || !place.begins(name) {
            return child;
        }
        name.split(|byte| *byte == b'.').try_fold(node, |node, step| self.nodes[node].child(step))
    }
}
