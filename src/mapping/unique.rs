//! Names, and pairs of source and function, that may stand once among all files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::build::{Listener, Pair};
use super::code::Code;
use super::model::{FunctionRef, Mapping};
use super::reader::Reader;
use super::text::Span;

/// Everything seen so far, and where.
#[derive(Default)]
pub(crate) struct Unique {
    names: BTreeMap<String, Site>,
    pairs: BTreeMap<String, Vec<(Pair, Site)>>,
    listeners: Vec<(Listener, Site)>,
}

#[derive(Clone)]
struct Site {
    file: PathBuf,
    line: usize,
}

impl Site {
    fn of(reader: &Reader<'_>, span: Span) -> Self {
        Self { file: reader.text.file.clone(), line: reader.text.line(span) }
    }

    fn show(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

impl Unique {
    /// Notes a name. False, and reported, when it was seen before.
    pub(crate) fn name(&mut self, reader: &mut Reader<'_>, name: &str, span: Span) -> bool {
        if let Some(first) = self.names.get(name) {
            let message = format!("two mappings are named {name:?}; the first is at {}", first.show());
            let help = "write another `Name`; without one, the file's name is the mapping's";
            reader.error(Code::DuplicateName, span, message, help);
            return false;
        }
        self.names.insert(name.into(), Site::of(reader, span));
        true
    }

    /// Notes a pair. False, and reported, when it was seen before.
    pub(crate) fn pair(&mut self, reader: &mut Reader<'_>, pair: Pair) -> bool {
        let seen = self.pairs.entry(pair.source.clone()).or_default();
        if let Some((_, first)) = seen.iter().find(|(seen, _)| same(seen, &pair)) {
            let message = format!(
                "an event source mapping of this {} and the function {:?} already exists at {}",
                pair.noun,
                pair.function.text,
                first.show()
            );
            let help = "remove one of the two, or map another function, version or alias";
            reader.error(Code::DuplicatePair, pair.span, message, help);
            return false;
        }
        let site = Site::of(reader, pair.span);
        seen.push((pair, site));
        true
    }
}

impl Unique {
    /// Notes where a function's workers attach. False, and reported, when those of another function attach there, or
    /// when the function's own are started in another way.
    pub(crate) fn listener(&mut self, reader: &mut Reader<'_>, listener: Listener) -> bool {
        for (first, site) in &self.listeners {
            if first.address != listener.address {
                continue;
            }
            let name = &first.function.text;
            let (message, help) = match (same_function(&first.function, &listener.function), listener.address) {
                (false, Some(address)) => (
                    format!("{address} is where the workers of {name:?} attach; that is said at {}", site.show()),
                    "write another port: each function has its own",
                ),
                (true, _) if listener.command.as_ref().zip(first.command.as_ref()).is_some_and(|(a, b)| a != b) => (
                    format!("the workers of {name:?} are started in another way at {}", site.show()),
                    "write `Command` and what belongs to it into one of the mappings, or the same into all",
                ),
                (true, Some(address)) if first.allow_from != listener.allow_from => (
                    format!("`AllowFrom` of {address} is another one at {}", site.show()),
                    "write the same `AllowFrom` into all mappings that share the port",
                ),
                _ => continue,
            };
            reader.error(Code::SharedListener, listener.span, message, help);
            return false;
        }
        let site = Site::of(reader, listener.span);
        self.listeners.push((listener, site));
        true
    }
}

/// Another endpoint or region is another source, even where the ARN is the same.
fn same(a: &Pair, b: &Pair) -> bool {
    a.endpoint == b.endpoint && a.source_region == b.source_region && same_function(&a.function, &b.function)
}

/// Whether two mappings are of the same source and the same function: only one of them may be.
pub(crate) fn same_pair(a: &Mapping, b: &Mapping) -> bool {
    a.same_source(b) && same_function(&a.function, &b.function)
}

/// A bare name and an ARN may mean the same function: what only one of them says does not tell them apart.
pub(crate) fn same_function(a: &FunctionRef, b: &FunctionRef) -> bool {
    let agree = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
    a.name == b.name && a.qualifier == b.qualifier && agree(&a.region, &b.region) && agree(&a.account, &b.account)
}
