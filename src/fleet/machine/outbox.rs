//! What a fleet's machine has to say, and the requests that are open.

use std::collections::{BTreeMap, VecDeque};

use crate::fleet::{CallId, Output, Request};
use crate::machine::Mono;

/// A request that has no answer yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    /// When it was handed out: it was sent then, or later.
    pub(super) sent: Mono,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    outputs: VecDeque<Output>,
    last_call: u64,
    open: BTreeMap<CallId, Asked>,
}

impl Outbox {
    pub(super) fn ask(&mut self, request: Request, now: Mono) {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.open.insert(call, Asked { request: request.clone(), sent: now });
        self.push(Output::Request { call, request });
    }

    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn extend(&mut self, outputs: impl IntoIterator<Item = Output>) {
        self.outputs.extend(outputs);
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The request of that name, once.
    pub(super) fn answered(&mut self, call: CallId) -> Option<Asked> {
        self.open.remove(&call)
    }

    /// How many such requests are open.
    pub(super) fn open(&self, is_such: impl Fn(&Request) -> bool) -> usize {
        self.open.values().filter(|asked| is_such(&asked.request)).count()
    }

    pub(super) fn is_open(&self, is_such: impl Fn(&Request) -> bool) -> bool {
        self.open.values().any(|asked| is_such(&asked.request))
    }

    /// Forgets what is open, and what was not said yet: a life is over.
    pub(super) fn clear(&mut self) {
        self.outputs.clear();
        self.open.clear();
    }
}
