//! What the tests of single parts work with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::machine::queue::context::Context;
use crate::machine::queue::message::Messages;
use crate::machine::{Event, GroupOrder, Message, Mono, Now, Output, Queue, QueueOptions, Receipt, Record, Screening};

/// A context, and room for messages, of a mapping with these options.
pub(crate) fn parts(options: QueueOptions) -> (Context, Messages) {
    let cx = Context::new(options);
    let messages = Messages::new(&cx.options, cx.lease());
    (cx, messages)
}

pub(crate) fn fifo() -> QueueOptions {
    QueueOptions { fifo: Some(GroupOrder::Protect), ..QueueOptions::default() }
}

pub(crate) fn at(milliseconds: u64) -> Mono {
    Mono::at(Duration::from_millis(milliseconds))
}

pub(crate) fn record(id: &str, group: &str) -> Message {
    let record = Record {
        id: id.into(),
        fragment: Bytes::from(format!(r#"{{"messageId":"{id}"}}"#)),
        arrived_unix_ms: 0,
        screening: Screening::Passes,
    };
    let receipt = Receipt::new(format!("receipt of {id}"));
    Message { record, receipt, receive_count: 1, group: Some(Arc::from(group)) }
}

/// Holds messages with these names and of the groups that they begin with, for 30 seconds: their tokens.
pub(crate) fn hold<const N: usize>(cx: &mut Context, messages: &mut Messages, names: [&str; N]) -> [u64; N] {
    names.map(|name| messages.take_in(cx, record(name, &name[..1]), Duration::from_secs(30)))
}

/// Lets the clock show this time.
pub(crate) fn set(cx: &mut Context, milliseconds: u64) {
    cx.advance(Now { mono: at(milliseconds), unix_ms: milliseconds, ahead_ms: 0 });
}

/// What was asked for, and what has happened, since the last call.
pub(crate) fn said(cx: &mut Context) -> (Vec<Output<Queue>>, Vec<Event>) {
    let (mut outputs, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = cx.out.pop() {
        match output {
            Output::Emit(event) => events.push(event),
            other => outputs.push(other),
        }
    }
    (outputs, events)
}
