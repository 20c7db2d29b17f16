//! Draws a scenario from a seed.

use std::num::NonZeroU32;
use std::time::Duration;

use fastrand::Rng;
use forebay::machine::{BackoffPolicy, FaultKind, OnFunctionError};
use forebay::mapping::Mapping;

use crate::fifo;
use crate::plan::{
    FunctionPlan, Outage, SideOf, Temper, destination, is_fifo, mapping as default_mapping, queue, queue_mut,
};
use crate::queue::plan::{Action, Faults, Futile, Plan, QueuePlan, Retune, Send, Settings, SubjectPlan};
use crate::workers;

/// The scenario that belongs to `seed`: a quarter of its queues are FIFO.
pub(crate) fn plan(seed: u64) -> Plan {
    draw(seed, &mut Rng::with_seed(seed), 0.25)
}

/// The scenario of nothing but FIFO queues that belongs to `seed`.
pub(crate) fn fifo_plan(seed: u64) -> Plan {
    draw(seed, &mut Rng::with_seed(!seed), 1.0)
}

fn draw(seed: u64, rng: &mut Rng, fifo: f64) -> Plan {
    // FIFO queues are drawn apart, so that the rest of a scenario is the same with them and without.
    let others = &mut Rng::with_seed(seed ^ 0x0f1f_0f1f_0f1f_0f1f);
    let temper = Temper::draw(rng);
    // Once in a while everything is held for longer than SQS hides a message.
    let long = rng.u8(..) < 5;
    let fair_at = if long { 13 * 3600 * 1000 } else { rng.u64(20_000..900_000) };
    let subjects = if !long && rng.u8(0..5) == 0 { 2 } else { 1 };
    // So are receives that do not wait.
    let hollow = &mut Rng::with_seed(seed ^ 0x0401_1040_0401_1040);
    let mut subjects: Vec<SubjectPlan> = (0..subjects).map(|index| subject(rng, index, temper, fair_at)).collect();
    if long {
        hold_for_hours(&mut subjects[0], fair_at);
    }
    for subject in &mut subjects {
        if temper != Temper::Calm && hollow.u8(0..6) == 0 {
            subject.faults.receive_hollow = hollow.f64();
        }
        if others.f64() < fifo {
            fifo::draw::make_fifo(others, subject, temper != Temper::Calm);
        }
    }
    let mut actions = if rng.u8(0..3) == 0 { Vec::new() } else { actions(rng, subjects.len(), fair_at) };
    if temper != Temper::Calm {
        let apart = &mut Rng::with_seed(seed ^ 0x0a77_0a77_0a77_0a77);
        subjects.iter_mut().for_each(|subject| subject.function.attached = workers::draw(apart, fair_at));
        let apart = &mut Rng::with_seed(seed ^ 0x0e4d_0e4d_0e4d_0e4d);
        subjects.iter_mut().for_each(|subject| subject.faults.terminal = workers::terminal(apart));
    }
    if !long && temper != Temper::Calm {
        let others = &mut Rng::with_seed(seed ^ 0x0bad_0bad_0bad_0bad);
        subjects.iter_mut().for_each(|subject| break_function(others, subject, &mut actions, fair_at));
    }
    if !long {
        more(&mut Rng::with_seed(seed ^ 0x0add_0add_0add_0add), temper, &mut subjects, &mut actions, fair_at);
    }
    Plan {
        seed,
        actions,
        fair_at,
        watch_idle: rng.u8(0..3) == 0,
        store_fails: if temper == Temper::Wild { 0.2 } else { 0.0 },
        subjects,
    }
}

/// What was added last, and is drawn apart: deletions without effect, changes of other settings than numbers, and
/// panics.
fn more(rng: &mut Rng, temper: Temper, subjects: &mut [SubjectPlan], actions: &mut Vec<(u64, Action)>, fair_at: u64) {
    if temper != Temper::Calm {
        for subject in &mut *subjects {
            if rng.u8(0..8) > 0 {
                continue;
            }
            let from = rng.u64(0..fair_at);
            subject.futile = Some(Futile {
                from,
                until: from + rng.u64(5_000..300_000),
                refused: rng.bool() && !is_fifo(&subject.mapping),
            });
        }
    }
    for (_, action) in &mut *actions {
        if let Action::Reload(Some((_, retune))) = action {
            retune.settings = rng.bool().then(|| settings(rng));
        }
    }
    if rng.u8(0..6) == 0 {
        let retune = Retune { settings: Some(settings(rng)), ..retune(rng) };
        actions.push((rng.u64(0..fair_at), Action::Reload(Some((rng.usize(0..subjects.len()), retune)))));
    }
    // What becomes of a group whose answer was lost in a panic cannot be seen from outside.
    if rng.u8(0..6) == 0 && !subjects.iter().any(|subject| is_fifo(&subject.mapping)) {
        actions.push((rng.u64(0..fair_at), Action::Panic { steps: rng.u32(1..40) }));
    }
    actions.sort_by_key(|(at, _)| *at);
}

fn settings(rng: &mut Rng) -> Settings {
    Settings {
        report: rng.bool(),
        visibility: rng.bool().then(|| rng.u64(5..60)),
        on_function_error: on_function_error(rng),
        other_destination: rng.bool(),
        filters: rng.u8(0..3) == 0,
    }
}

fn on_function_error(rng: &mut Rng) -> OnFunctionError {
    match rng.u8(0..5) {
        0..=2 => OnFunctionError::Wait,
        3 => OnFunctionError::Release,
        _ => OnFunctionError::Backoff(BackoffPolicy {
            initial: Duration::from_secs(rng.u64(1..5)),
            maximum: Duration::from_secs(rng.u64(5..60)),
        }),
    }
}

/// Every third function fails everything for a while, and the mapping is looked at meanwhile.
fn break_function(rng: &mut Rng, subject: &mut SubjectPlan, actions: &mut Vec<(u64, Action)>, fair_at: u64) {
    if rng.u8(0..3) > 0 {
        return;
    }
    let from = rng.u64(0..fair_at);
    let until = (from + rng.u64(30_000..300_000)).min(fair_at);
    subject.function.broken = Some((from, until));
    for at in [rng.u64(from..until), until - 1, until + 30_000] {
        actions.push((at.min(fair_at), Action::Look));
    }
    actions.sort_by_key(|(at, _)| *at);
}

fn hold_for_hours(subject: &mut SubjectPlan, fair_at: u64) {
    subject.outages = vec![Outage { from: 0, until: fair_at, side: SideOf::Function, kind: FaultKind::Throttled }];
    subject.faults = Faults::default();
    subject.queue.visibility = 120;
    queue_mut(&mut subject.mapping).visibility.timeout = None;
    subject.mapping.poller.retry_backoff.maximum = Duration::from_secs(300);
    subject.sends.truncate(4);
    for send in &mut subject.sends {
        send.at %= 10_000;
        send.size = 100;
    }
}

fn subject(rng: &mut Rng, index: usize, temper: Temper, fair_at: u64) -> SubjectPlan {
    let mapping = mapping(rng, index);
    let visibility = match rng.u8(0..20) {
        0 => 0,
        1 => rng.u64(2..5),
        2..=10 => 30,
        _ => rng.u64(5..90),
    };
    let own = if visibility == 0 { 30 } else { visibility };
    let hidden = queue(&mapping).visibility.timeout.map_or(own, |timeout| timeout.as_secs()) * 1000;
    let slowest = match rng.u8(0..4) {
        0 => 0,
        1 | 2 => rng.u64(1..40),
        _ => rng.u64(50..1_500),
    };
    let high = slowest.min(hidden / 10);
    let max_receive_count = rng.bool().then(|| rng.u32(1..=5));
    let longest = match rng.u8(0..4) {
        0 | 1 => rng.u64(0..100),
        2 => rng.u64(100..3_000),
        _ => rng.u64(1_000..60_000).min(hidden * 2),
    };
    let may_poison = max_receive_count.is_some() || mapping.on_failure.is_some();
    SubjectPlan {
        queue: QueuePlan {
            visibility,
            max_receive_count,
            over_limit: if temper != Temper::Calm && rng.u8(0..10) == 0 { rng.usize(5..40) } else { 120_000 },
            latency: (rng.u64(0..=high), high),
            mixing: 0.0,
        },
        function: FunctionPlan {
            timeout: longest + rng.u64(500..10_000),
            duration: (rng.u64(0..=longest), longest),
            reserved: (temper != Temper::Calm && rng.u8(0..4) == 0).then(|| rng.u32(1..=4)),
            describable: rng.u8(0..4) > 0,
            ..FunctionPlan::default()
        },
        faults: faults(rng, temper),
        outages: if temper == Temper::Calm { Vec::new() } else { outages(rng, fair_at) },
        futile: None,
        sends: sends(rng, fair_at, may_poison && temper != Temper::Calm),
        mapping,
    }
}

fn mapping(rng: &mut Rng, index: usize) -> Mapping {
    let mut mapping = default_mapping(if index == 0 { "orders" } else { "refunds" });
    retune(rng).apply(&mut mapping);
    mapping.report_batch_item_failures = rng.bool();
    let queue = queue_mut(&mut mapping);
    queue.visibility.on_function_error = on_function_error(rng);
    if rng.u8(0..10) == 0 {
        queue.visibility.hold_limit = Duration::from_secs(rng.u64(60..600));
    }
    if rng.u8(0..7) == 0 {
        queue.visibility.timeout = Some(Duration::from_secs(rng.u64(5..60)));
    }
    if rng.bool() {
        let initial = Duration::from_millis(rng.u64(50..2_000));
        mapping.poller.retry_backoff = BackoffPolicy { initial, maximum: initial * rng.u32(1..30) };
    }
    if rng.u8(0..3) == 0 {
        mapping.on_failure = Some(destination(false));
        queue_mut(&mut mapping).on_failure_attempts = rng.u32(1..5);
    }
    let poller = &mut mapping.poller;
    poller.rate_limit = (rng.u8(0..10) == 0).then(|| rng.u32(1..20)).and_then(NonZeroU32::new);
    poller.drain_timeout = (rng.u8(0..5) == 0).then(|| Duration::from_secs(rng.u64(1..30)));
    mapping.target.lambda_mut().expect("a Lambda function").timeout =
        rng.bool().then(|| Duration::from_secs(rng.u64(1..60)));
    mapping
}

/// Numbers for a mapping: windows, and batches beyond ten with them, are the rarer half.
fn retune(rng: &mut Rng) -> Retune {
    let window = match rng.u8(0..10) {
        0..=5 => 0,
        6..=8 => rng.u64(1..20),
        _ => rng.u64(20..=300),
    };
    let batch_size = match (window, rng.u8(0..4)) {
        (_, 0 | 1) => 10,
        (0, _) => rng.u32(1..=10),
        (_, 2) => rng.u32(1..=100),
        _ => rng.u32(11..=10_000),
    };
    let maximum_concurrency = match rng.u8(0..5) {
        0 | 1 => None,
        2 => Some(1),
        _ => Some(rng.u32(2..=8)),
    };
    Retune { batch_size, window, maximum_concurrency, settings: None }
}

fn faults(rng: &mut Rng, temper: Temper) -> Faults {
    let mut rate = || temper.rate(rng, 0.08, 0.4);
    Faults {
        receive_error: rate(),
        receive_lost: rate() / 4.0,
        receive_empty: rate(),
        receive_hollow: 0.0,
        receive_partial: rate(),
        receive_shuffled: rate(),
        duplicate: rate(),
        receipts_error: rate(),
        entry_error: rate(),
        receipts_lost: rate(),
        delete_lost: rate() / 2.0,
        delete_late: rate() / 2.0,
        old_receipt_gone: rate(),
        throttle: rate(),
        break_before: rate(),
        break_after: rate(),
        too_large: 0.0,
        function_error: rate(),
        terminal: 0.0,
        function_timeout: rate(),
        hang: rate() / 4.0,
        partial: rate(),
        malformed: rate(),
        delivery_error: rate(),
        delivery_refused: rate() / 2.0,
        delivery_lost: rate(),
    }
}

fn outages(rng: &mut Rng, fair_at: u64) -> Vec<Outage> {
    let kinds = [
        FaultKind::Throttled,
        FaultKind::Transient,
        FaultKind::Denied,
        FaultKind::Missing,
        FaultKind::Timeout,
        FaultKind::Expired,
        FaultKind::Throttled,
    ];
    let count = rng.usize(0..3);
    (0..count)
        .map(|_| {
            let from = rng.u64(0..fair_at);
            let until = from + rng.u64(1_000..180_000);
            let side = [SideOf::Source, SideOf::Function, SideOf::Destination][rng.usize(0..3)];
            Outage { from, until, side, kind: kinds[rng.usize(0..kinds.len())] }
        })
        .collect()
}

fn sends(rng: &mut Rng, fair_at: u64, may_poison: bool) -> Vec<Send> {
    let big = rng.u8(0..12) == 0;
    let most = if big { 14 } else { 70 };
    let poison = if may_poison && rng.bool() { rng.f64() * 0.3 } else { 0.0 };
    let mut sends = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let from = rng.u64(0..fair_at);
        let span = match rng.u8(0..3) {
            0 => 1,
            1 => rng.u64(1..5_000),
            _ => rng.u64(1..=fair_at),
        };
        for _ in 0..rng.usize(0..most) {
            let size = if big { rng.usize(200_000..=1_048_576) } else { rng.usize(0..2_000) };
            let at = (from + rng.u64(0..span)).min(fair_at);
            sends.push(Send { at, size, poison: rng.f64() < poison, ..Send::default() });
        }
    }
    sends.sort_by_key(|send| send.at);
    sends
}

fn actions(rng: &mut Rng, subjects: usize, fair_at: u64) -> Vec<(u64, Action)> {
    let mut actions: Vec<(u64, Action)> = Vec::new();
    for _ in 0..rng.usize(1..6) {
        let at = rng.u64(0..fair_at);
        let subject = rng.usize(0..subjects);
        let down = rng.u64(0..60_000);
        match rng.u8(0..12) {
            0..=2 => {
                actions.push((at, Action::Stop { subject, wait: at.is_multiple_of(2) }));
                if rng.u8(0..4) > 0 {
                    actions.push((at + rng.u64(0..90_000), Action::Start(subject)));
                }
            }
            3 => actions.push((at, Action::Start(subject))),
            4 | 5 => actions.push((at, Action::Crash { down })),
            6..=8 => {
                let bound = rng.u64(0..40_000);
                let cut_after = (rng.u8(0..4) == 0).then(|| rng.u64(0..=bound));
                actions.push((at, Action::Shutdown { bound, cut_after, down }));
            }
            9 => actions.push((at, Action::Reload(None))),
            10 => actions.push((at, Action::Reload(Some((subject, retune(rng)))))),
            _ => actions.push((at, Action::Remove { subject, back_after: rng.u64(0..60_000) })),
        }
    }
    actions.sort_by_key(|(at, _)| *at);
    actions
}
