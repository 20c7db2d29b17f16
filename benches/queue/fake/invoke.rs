//! Lambda: a function that takes a fixed time and succeeds, or fails for one message group.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use memchr::memmem::Finder;
use tokio::time::Instant;

use super::control::Failing;
use super::groups::Named;
use super::messages::locate;
use super::state::Shared;
use crate::common::{Answer, error, function_configuration, json};

/// Inside a body the quotes are escaped, so this occurs once a record.
const MARK: &str = "\"messageId\":\"";

static MESSAGE_ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));

/// Notes which records have arrived and when, waits as long as the function takes, and answers.
pub(super) async fn invoke(_function: &str, body: Bytes, state: &Shared) -> Answer {
    let now = Instant::now();
    let (time, failure, grouped) = {
        let mut state = state.borrow_mut();
        state.call("Invoke");
        if let Some(status) = state.refuses() {
            return refused(status);
        }
        let (mut named, mut failing, mut grouped) = (Named::default(), Vec::new(), Vec::new());
        for at in MESSAGE_ID.find_iter(&body) {
            let Some((number, index)) = body.get(at + MARK.len()..at + MARK.len() + 36).and_then(locate) else {
                return unknown();
            };
            let fails = state.failing.is_some();
            let Some(queue) = state.queues.get_mut(number) else { return unknown() };
            let Some(message) = queue.messages.get_mut(index as usize) else { return unknown() };
            if fails && message.group == 0 {
                failing.push(message.id.clone());
            }
            let early = queue.groups.as_ref().is_some_and(|groups| !groups.in_order(message.group, index, &mut named));
            if queue.groups.is_some() {
                grouped.push((number, index));
            }
            message.invokes += 1;
            let repeated = message.invokes > 1;
            message.started.get_or_insert(now);
            state.counts.invoked += 1;
            state.counts.repeated += u64::from(repeated);
            state.counts.early += u64::from(early);
        }
        let failure = state.failing.filter(|_| !failing.is_empty()).map(|how| failed(how, &failing));
        state.counts.failures += u64::from(failure.is_some());
        let counts = &mut state.counts;
        counts.invoked_bytes += body.len() as u64;
        counts.first_event.get_or_insert(body);
        counts.in_flight += 1;
        counts.peak_in_flight = counts.peak_in_flight.max(counts.in_flight);
        (state.function_time, failure, grouped)
    };
    let _running = Running(state);
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    let ended = Instant::now();
    for (number, index) in grouped {
        let mut state = state.borrow_mut();
        if let Some(message) = state.queues.get_mut(number).and_then(|queue| queue.messages.get_mut(index as usize)) {
            message.ended = Some(ended);
        }
    }
    let mut answer = failure.unwrap_or_else(|| json(StatusCode::OK, "null"));
    answer.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    answer
}

fn refused(status: u16) -> Answer {
    let code = if status == 429 { "TooManyRequestsException" } else { "ServiceException" };
    error(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), code, "refused by the fake")
}

fn unknown() -> Answer {
    error(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "an unknown message id")
}

/// What the function answers when it was given these messages of the group that it fails for.
fn failed(how: Failing, ids: &[String]) -> Answer {
    match how {
        Failing::Throw => {
            let thrown = serde_json::json!({ "errorMessage": "no such customer", "errorType": "Error" });
            let mut answer = json(StatusCode::OK, thrown.to_string());
            answer.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
            answer
        }
        Failing::Report => {
            let items: Vec<_> = ids.iter().map(|id| serde_json::json!({ "itemIdentifier": id })).collect();
            json(StatusCode::OK, serde_json::json!({ "batchItemFailures": items }).to_string())
        }
    }
}

/// Counts an invocation for as long as it runs, also when its client goes away.
struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let counts = &mut self.0.borrow_mut().counts;
        counts.in_flight = counts.in_flight.saturating_sub(1);
    }
}

/// The configuration of any function.
pub(super) fn describe(rest: &str, state: &Shared) -> Answer {
    let known = rest.ends_with("/configuration");
    state.borrow_mut().call(if known { "GetFunctionConfiguration" } else { "unknown function call" });
    function_configuration(rest)
}
