//! The slots on a paused clock, without a network.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::*;
use crate::function::runtime_api::errors::Refusal;
use crate::function::runtime_api::payloads::returned;
use crate::machine::{FaultKind, InvokeResult};
use crate::mapping::{LateAnswers, RuntimeApiTarget};

const TIMEOUT: Duration = Duration::from_secs(60);
const ATTACH_WAIT: Duration = Duration::from_secs(300);

fn slots() -> Arc<Slots> {
    Slots::new("f".into())
}

fn target() -> RuntimeApiTarget {
    RuntimeApiTarget {
        listen: None,
        allow_from: Vec::new(),
        attach_wait: ATTACH_WAIT,
        timeout: TIMEOUT,
        late_answers: LateAnswers::Reject,
        command: None,
    }
}

fn place(connection: u64, request: u64) -> Place {
    Place { port: 0, connection, request, keeps: true }
}

fn invoke(slots: &Arc<Slots>, caller: &str, request_id: &str) -> BoxFuture<'static, InvokeResult> {
    let (slots, caller, body) = (Arc::clone(slots), caller.into(), Bytes::from(request_id.to_owned()));
    let request_id = request_id.into();
    let mut call = async move { slots.invoke(&caller, request_id, body, &target()).await }.boxed();
    assert!((&mut call).now_or_never().is_none(), "nothing has answered");
    call
}

fn handed(attached: &mut Attached) -> HandOver {
    attached.event().now_or_never().expect("an event").unwrap()
}

/// Takes the event that a slot has, and says its invocation's id.
fn take(attached: &mut Attached) -> Arc<str> {
    let handed = handed(attached);
    let id = Arc::clone(&handed.invocation_id);
    handed.taken();
    id
}

fn capacity(slots: &Slots) -> u32 {
    *slots.capacity.borrow()
}

fn error_type(result: &InvokeResult) -> String {
    let payload = &result.as_ref().unwrap().payload;
    serde_json::from_slice::<Value>(payload).unwrap()["errorType"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_slot_that_asked_last_gets_the_event_and_mappings_take_turns() {
    let slots = slots();
    let mut first = slots.attach(place(1, 1));
    let mut second = slots.attach(place(2, 1));
    assert_eq!(capacity(&slots), 2);
    let _a = invoke(&slots, "a", "a1");
    assert_eq!(&*handed(&mut second).body, b"a1", "the last one; dropped, it goes to the other");
    assert_eq!(&*handed(&mut first).body, b"a1");
    let waiting = [("a", "a2"), ("a", "a3"), ("b", "b1")].map(|(caller, id)| invoke(&slots, caller, id));
    let order: Vec<_> = (3..7)
        .map(|connection| {
            let mut next = slots.attach(place(connection, 1));
            let handed = handed(&mut next);
            let body = handed.body.clone();
            handed.taken();
            body
        })
        .collect();
    assert_eq!(order, ["a1", "b1", "a2", "a3"]);
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn no_worker_in_time_is_a_throttle_and_no_answer_in_time_a_timeout() {
    let slots = slots();
    let begun = Instant::now();
    let fault = invoke(&slots, "a", "1").await.unwrap_err();
    assert_eq!((fault.kind, begun.elapsed()), (FaultKind::Throttled, ATTACH_WAIT));
    // It waits for a worker for as long as it may, and only then its time begins.
    let call = invoke(&slots, "a", "2");
    tokio::time::advance(ATTACH_WAIT - Duration::from_secs(1)).await;
    let mut attached = slots.attach(place(1, 1));
    take(&mut attached);
    drop(attached);
    let begun = Instant::now();
    assert_eq!(error_type(&call.await), "Sandbox.Timedout");
    assert_eq!(begun.elapsed(), TIMEOUT);
    assert_eq!(capacity(&slots), 0, "a worker that is late is no slot");
    let denied = |echoed| slots.claim("2", echoed, 1, "InvocationResponse").err();
    assert_eq!(denied(None), Some(Denied::Refused(Refusal::RequestId)));
    assert_eq!(denied(Some(b"another")), Some(Denied::Refused(Refusal::RequestId)));
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins_and_the_second_hears_so_until_the_worker_asks_again() {
    let slots = slots();
    let mut attached = slots.attach(place(1, 1));
    let call = invoke(&slots, "a", "1");
    take(&mut attached);
    let claim = |echoed: Option<&[u8]>| slots.claim("1", echoed, 1, "InvocationResponse");
    let refused = |echoed| claim(echoed).err();
    assert_eq!(refused(Some(b"another")), Some(Denied::Refused(Refusal::RequestId)));
    let first = claim(None).unwrap();
    let sent = Refusal::Transition("RuntimeResponseSentState", "InvocationResponse");
    assert_eq!(refused(None), Some(Denied::Refused(sent)), "while the first comes in");
    assert!(first.finish(returned("1", Bytes::from("null"))));
    assert_eq!(call.await.unwrap().payload, "null");
    assert_eq!(refused(None), Some(Denied::Refused(sent)));
    assert_eq!(capacity(&slots), 1, "it asks again in a moment");
    let _attached = slots.attach(place(1, 3));
    assert_eq!(capacity(&slots), 1);
    assert_eq!(refused(None), Some(Denied::Refused(Refusal::RequestId)));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_not_taken_for_the_next_attempt() {
    let slots = slots();
    let mut slow = slots.attach(place(1, 1));
    let first = invoke(&slots, "a", "1");
    let late = take(&mut slow);
    first.await.unwrap();
    let second = invoke(&slots, "a", "1");
    let mut other = slots.attach(place(2, 1));
    let current = take(&mut other);
    let claim = |echoed, connection| slots.claim("1", echoed, connection, "InvocationResponse");
    assert!(claim(Some(late.as_bytes()), 7).is_err(), "by its own id");
    assert!(claim(None, 1).is_err(), "by its connection");
    assert!(claim(Some(current.as_bytes()), 7).unwrap().finish(returned("1", Bytes::from("2"))));
    assert_eq!(second.await.unwrap().payload, "2");
}

#[tokio::test(start_paused = true)]
async fn a_slot_at_rest_counts_for_a_moment_or_until_its_connection_closes() {
    let slots = slots();
    let tended = Arc::clone(&slots);
    let tend = tokio::spawn(async move { tended.tend().await });
    let answered = async |connection: u64, keeps: bool, id: &str| {
        let mut attached = slots.attach(Place { keeps, ..place(connection, 1) });
        let call = invoke(&slots, "a", id);
        take(&mut attached);
        drop(attached);
        slots.claim(id, None, connection, "InvocationResponse").unwrap().finish(returned(id, Bytes::new()));
        call.await.unwrap();
    };
    answered(1, true, "1").await;
    slots.closed(1, 2, false);
    assert_eq!(capacity(&slots), 0);
    answered(2, true, "2").await;
    assert_eq!(capacity(&slots), 1);
    tokio::time::sleep(GRACE * 2).await;
    assert_eq!(capacity(&slots), 0);
    // A client with a connection for each request: its next one takes the place of its rest.
    answered(3, false, "3").await;
    let _attached = slots.attach(Place { keeps: false, ..place(4, 1) });
    assert_eq!(capacity(&slots), 1);
    tend.abort();
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_a_crash_only_where_that_is_proven() {
    let slots = slots();
    let begin = |connection: u64, keeps: bool, id: &str| {
        let mut attached = slots.attach(Place { keeps, ..place(connection, 1) });
        let call = invoke(&slots, "a", id);
        take(&mut attached);
        call
    };
    let crashed = begin(1, true, "1");
    slots.closed(1, 1, false);
    assert_eq!(error_type(&crashed.await), "Runtime.ExitError");
    // Something was asked since then, or the client keeps no connection: it may live.
    let (mut asked, mut closes) = (begin(2, true, "2"), begin(3, false, "3"));
    slots.closed(2, 2, false);
    slots.closed(3, 1, false);
    assert!((&mut asked).now_or_never().is_none() && (&mut closes).now_or_never().is_none());
    assert_eq!(capacity(&slots), 2);
    // The event was not read: another worker gets it, but not for ever.
    let broken = begin(4, true, "4");
    for connection in 5..8 {
        slots.closed(connection - 1, 1, true);
        let mut next = slots.attach(place(connection, 1));
        take(&mut next);
    }
    slots.closed(7, 1, true);
    assert_eq!(error_type(&broken.await), "Runtime.ExitError");
    slots.close_port(0, "signal: killed");
    let payload = asked.await.unwrap().payload;
    assert!(String::from_utf8_lossy(&payload).contains("Runtime exited with error: signal: killed"));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_nothing_behind() {
    let slots = slots();
    let mut attached = slots.attach(place(1, 1));
    drop(invoke(&slots, "a", "1"));
    drop(handed(&mut attached));
    assert_eq!(capacity(&slots), 0);
    let mut attached = slots.attach(place(1, 2));
    let call = invoke(&slots, "a", "2");
    take(&mut attached);
    drop(call);
    drop(attached);
    assert_eq!(capacity(&slots), 0);
    assert!(slots.claim("2", None, 1, "InvocationResponse").is_err());
    let waits = invoke(&slots, "a", "3");
    drop(waits);
    assert!(slots.attach(place(1, 3)).event().now_or_never().is_none());
    let cut = {
        let mut attached = slots.attach(place(1, 4));
        let call = invoke(&slots, "a", "4");
        take(&mut attached);
        drop(slots.claim("4", None, 1, "InvocationResponse").unwrap());
        call.await
    };
    assert_eq!(error_type(&cut), "Runtime.TruncatedResponse");
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_time_is_over_ends_when_it_has_answered_the_rest() {
    let slots = slots();
    let mut view = slots.open_port(7);
    let at = |connection| Place { port: 7, ..place(connection, 1) };
    let (mut first, mut second) = (slots.attach(at(1)), slots.attach(at(2)));
    assert!(view.borrow_and_update().has_asked);
    let hangs = invoke(&slots, "a", "1");
    take(&mut second);
    tokio::time::advance(TIMEOUT / 2).await;
    let works = invoke(&slots, "a", "2");
    take(&mut first);
    assert_eq!(error_type(&hangs.await), "Sandbox.Timedout");
    let seen = *view.borrow_and_update();
    assert_eq!(seen, PortView { has_asked: true, ends: true, at_work: 1, served: 2 });
    // It gets nothing more, and is no slot.
    let third = slots.attach(at(3));
    assert_eq!(capacity(&slots), 1);
    slots.claim("2", None, 1, "InvocationResponse").unwrap().finish(returned("2", Bytes::new()));
    assert!(view.has_changed().unwrap() && view.borrow_and_update().at_work == 0);
    works.await.unwrap();
    assert_eq!(slots.close_port(7, "exit status 0").served, 2);
    drop((first, second, third));
    assert_eq!(capacity(&slots), 0);
}
