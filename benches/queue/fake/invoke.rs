//! Lambda: a function that takes a fixed time and succeeds.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use memchr::memmem::Finder;
use tokio::time::Instant;

use super::messages::locate;
use super::state::Shared;
use crate::common::{Answer, error, function_configuration, json};

/// Inside a body the quotes are escaped, so this occurs once a record.
const MARK: &str = "\"messageId\":\"";

static MESSAGE_ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));

/// Notes which records have arrived and when, waits as long as the function takes, and succeeds.
pub(super) async fn invoke(_function: &str, body: Bytes, state: &Shared) -> Answer {
    let now = Instant::now();
    let time = {
        let mut state = state.borrow_mut();
        state.call("Invoke");
        for at in MESSAGE_ID.find_iter(&body) {
            let id = body.get(at + MARK.len()..at + MARK.len() + 36).and_then(locate);
            let Some(message) = id.and_then(|(queue, index)| state.queues.get_mut(queue)?.messages.get_mut(index))
            else {
                return error(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "an unknown message id");
            };
            message.invokes += 1;
            let repeated = message.invokes > 1;
            message.started.get_or_insert(now);
            state.counts.invoked += 1;
            state.counts.repeated += u64::from(repeated);
        }
        let counts = &mut state.counts;
        counts.invoked_bytes += body.len() as u64;
        counts.first_event.get_or_insert(body);
        counts.in_flight += 1;
        counts.peak_in_flight = counts.peak_in_flight.max(counts.in_flight);
        state.function_time
    };
    let _running = Running(state);
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    let mut answer = json(StatusCode::OK, "null");
    answer.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    answer
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
