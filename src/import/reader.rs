//! What every dialect does with a mapping that it finds: is it made, what do its members say, what is left out.

use super::block;
use super::conditions::is_made;
use super::model::{Taken, Task};
use super::prepare::function;
use super::resolver::{Resolver, key_of, member};
use super::value::{Entries, Key, Unknown, Val, ValKind};
use super::variables::PACKAGED;
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::tree::Node;

/// What forebay polls, for those who have something else.
pub(super) const LEAVE_IT: &str = "leave it to AWS: forebay polls SQS queues, Kinesis streams and DynamoDB streams";

/// Reads one template or service.
pub(super) struct Reader<'r, 't, 'n> {
    pub(super) task: &'r mut Task<'t>,
    pub(super) taken: &'r mut Taken,
    pub(super) resolver: Resolver<'n>,
}

/// Whether a resource is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Yes,
    No,
    /// Something is missing that decides it.
    Unknown,
}

impl<'r, 't: 'n, 'n> Reader<'r, 't, 'n> {
    pub(super) fn new(task: &'r mut Task<'t>, taken: &'r mut Taken) -> Self {
        let resolver = Resolver::new(task.options);
        Self { task, taken, resolver }
    }
}

impl<'n> Reader<'_, '_, 'n> {
    /// Hands back what was asked of the command line's parameters.
    pub(super) fn finish(self) {
        self.task.import.used.extend(self.resolver.used);
    }

    pub(super) fn leave(&mut self, what: impl Into<String>, unknown: Unknown) {
        self.task.leave(what, unknown);
    }

    /// Something that stands in another file, or that only a function or a variable would give.
    pub(super) fn elsewhere(&mut self, what: impl Into<String>, node: &'n Node) {
        self.resolver.begin();
        let help = match self.resolver.service {
            Some(_) => PACKAGED,
            None => "write into a copy of the file what it stands for, and import that",
        };
        let mut unknown = match self.resolver.value(node) {
            Err(unknown) => unknown,
            Ok(_) => Unknown::new(node.span, "it is not written here", help),
        };
        unknown.help = help.into();
        self.leave(what, unknown);
    }

    /// Whether the condition of a resource or of a function holds. What is not made is named, with the reason.
    pub(super) fn is_made(&mut self, node: &'n Node, key: &str, what: &str) -> Made {
        let (made, unknown) = match is_made(&mut self.resolver, node, key) {
            Ok(Ok(())) => return Made::Yes,
            Ok(Err(name)) => {
                let why = format!("its condition `{}` does not hold", short(&name));
                let help =
                    "nothing, where that is meant; else give the parameters that decide it: --parameter NAME=VALUE";
                (Made::No, Unknown::new(node.span, why, help))
            }
            Err(unknown) => (Made::Unknown, unknown),
        };
        self.leave(format!("the mapping of {what}"), unknown);
        made
    }

    /// The resolved `Properties` of a resource, when it is made and everything in them is known.
    pub(super) fn properties(&mut self, node: &'n Node, what: &str) -> Option<Entries> {
        let made = self.is_made(node, "Condition", what);
        if made == Made::No {
            return None;
        }
        let found = match member(node.as_map()?, "Properties") {
            Some(properties) => self.members(properties, what),
            None => {
                let unknown = Unknown::new(node.span, "it has no `Properties`", "write them");
                self.leave(format!("the mapping of {what}"), unknown);
                None
            }
        };
        found.filter(|_| made == Made::Yes)
    }

    /// The resolved members of a map. What cannot be resolved is named, all of it, and then there is none.
    pub(super) fn members(&mut self, node: &'n Node, what: &str) -> Option<Entries> {
        if let Some(entries) = node.as_map().filter(|_| function(node).is_none()) {
            return self.members_of(entries.iter(), what);
        }
        let unknown = match self.resolver.needed(node) {
            Ok(Val { kind: ValKind::Map(entries), .. }) => return Some(entries),
            Ok(value) => {
                let why = format!("it must be a map, and this is {}", value.describe());
                Unknown::new(node.span, why, "write a map of parameters")
            }
            Err(unknown) => unknown,
        };
        self.leave(format!("the mapping of {what}"), unknown);
        None
    }

    pub(super) fn members_of(
        &mut self,
        entries: impl Iterator<Item = &'n (Node, Node)>,
        what: &str,
    ) -> Option<Entries> {
        let mut found = Vec::new();
        let mut whole = true;
        for (key, value) in entries {
            let resolved = key_of(key).and_then(|key| Ok((key, self.resolver.value(value)?)));
            let unknown = match resolved {
                Ok((key, value)) => {
                    found.extend(value.map(|value| (key, value)));
                    continue;
                }
                Err(unknown) => unknown,
            };
            let name = key.as_text().unwrap_or_default();
            if block::is_idle(name) {
                // Its value does not matter.
                let key = Key { name: name.into(), span: key.span };
                found.push((key, Val::text(value.span, Words::literal("unknown"))));
            } else if name == "Tags" {
                // Tags say nothing about how a mapping works.
                self.leave(format!("`Tags` of {what}, which is imported without them"), unknown);
            } else {
                whole = false;
                self.leave(format!("the mapping of {what}, for its `{}`", short(name)), unknown);
            }
        }
        whole.then_some(found)
    }
}
