//! A change of settings: the machine goes on with what is open and held, and nothing is given back for it.

use super::QueueMachine;
use super::options::QueueOptions;

impl QueueMachine {
    /// Takes over other settings. What is in flight is judged as it was begun; everything else goes on under the new
    /// ones.
    pub(super) fn change(&mut self, options: QueueOptions) {
        let Self { cx, messages, invoking, .. } = self;
        let before = std::mem::replace(&mut cx.options, options);
        if before.maximum_concurrency != cx.options.maximum_concurrency {
            invoking.scaler.set_maximum(cx.options.concurrency());
        }
        // What was wrong may be right by now: the next call shows.
        cx.health.begin_again();
        if let Some(mut tokens) = messages.gather.change(&cx.options) {
            // Messages that were held already are gathered once more.
            tokens.extend(invoking.take_fresh(messages));
            tokens.sort_unstable();
            messages.regather(&tokens);
        }
        invoking.cut_all_to_size(cx, messages);
    }
}
