//! Makes a drawn subject one of a FIFO queue.

use std::time::Duration;

use fastrand::Rng;
use forebay::machine::GroupOrder;

use crate::plan::{Manner, as_fifo, group_order, queue_mut};
use crate::queue::plan::{Faults, Send, SubjectPlan};

/// The subject goes on with a FIFO queue; `rough` where things may go wrong in it.
pub(crate) fn make_fifo(rng: &mut Rng, subject: &mut SubjectPlan, rough: bool) {
    let mapping = &mut subject.mapping;
    as_fifo(mapping);
    let arn = &mut queue_mut(mapping).arn;
    arn.resource.push_str(".fifo");
    arn.text.push_str(".fifo");
    mapping.window = Duration::ZERO;
    mapping.batch_size = if rng.bool() { 10 } else { rng.u32(1..=10) };
    mapping.report_batch_item_failures = rng.u8(0..4) > 0;
    *group_order(mapping) = if rng.u8(0..4) > 0 { GroupOrder::Protect } else { GroupOrder::AsReported };
    subject.queue.mixing = [0.0, 0.3, 1.0][rng.usize(0..3)];
    subject.function.manner = [Manner::Honest, Manner::Careless, Manner::Careless, Manner::Strict][rng.usize(0..4)];
    if rough && subject.faults != Faults::default() {
        faults(rng, &mut subject.faults);
    }
    sends(rng, subject, rough);
}

/// A FIFO queue hands nothing out twice at a time, and takes a delete at its word.
fn faults(rng: &mut Rng, faults: &mut Faults) {
    (faults.duplicate, faults.delete_lost, faults.delete_late, faults.old_receipt_gone) = (0.0, 0.0, 0.0, 0.0);
    faults.too_large = if rng.u8(0..4) == 0 { rng.f64() * 0.3 } else { 0.0 };
    if rng.bool() {
        faults.receive_lost = rng.f64() * 0.4;
    }
}

/// Puts the messages into groups of uneven size, fails some groups always, and sends some messages again.
fn sends(rng: &mut Rng, subject: &mut SubjectPlan, rough: bool) {
    let may_fail = subject.queue.max_receive_count.is_some() || subject.mapping.on_failure.is_some();
    let groups = if rng.u8(0..4) == 0 { 1 } else { rng.u32(2..=12) };
    // What goes its rounds one by one takes its time.
    let bad = (rough && subject.sends.len() < 60 && may_fail && rng.u8(0..3) == 0).then(|| rng.u32(0..groups));
    let slipping = if rough && rng.u8(0..3) == 0 { rng.f64() * 0.3 } else { 0.0 };
    let twice = if rng.u8(0..3) == 0 { 0.2 } else { 0.0 };
    for at in 0..subject.sends.len() {
        let previous = subject.sends[at.saturating_sub(1)];
        let send = &mut subject.sends[at];
        if at > 0 && rng.f64() < twice {
            *send = Send { at: send.at, again: true, ..previous };
            continue;
        }
        // The first groups are the largest.
        let skewed = rng.f64() * rng.f64() * f64::from(groups);
        send.group = (0..groups).find(|group| skewed < f64::from(group + 1)).unwrap_or(0);
        send.poison |= bad == Some(send.group);
        send.slips = rng.f64() < slipping;
    }
}
