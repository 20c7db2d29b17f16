//! Lambda: a function that takes a fixed time and succeeds, or fails each batch with the poison record.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use memchr::memmem::Finder;
use tokio::time::Instant;

use super::shard::locate;
use super::state::{Shared, State};
use crate::common::{Answer, error, json};

/// Occurs once a record: data is base64 and has no quotes.
const MARK: &str = "\"sequenceNumber\":\"";
const SEQUENCE_LENGTH: usize = 56;

static SEQUENCE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));

/// Waits as long as the function takes, and notes which records went through it.
pub(super) async fn invoke(body: Bytes, state: &Shared) -> Answer {
    let began = Instant::now();
    let records: Option<Vec<(usize, usize)>> = SEQUENCE
        .find_iter(&body)
        .map(|at| body.get(at + MARK.len()..at + MARK.len() + SEQUENCE_LENGTH).and_then(locate))
        .collect();
    let Some(records) = records.filter(|records| known(records, &state.borrow())) else {
        return error(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "an unknown sequence number");
    };
    let (time, poisoned) = {
        let mut state = state.borrow_mut();
        state.call("Invoke");
        let counts = &mut state.counts;
        counts.first_event.get_or_insert(body);
        counts.in_flight += 1;
        counts.peak_in_flight = counts.peak_in_flight.max(counts.in_flight);
        (state.function_time, state.poison.is_some_and(|poison| records.contains(&(0, poison))))
    };
    let _running = Running(state);
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    let state = &mut *state.borrow_mut();
    if poisoned {
        state.counts.function_errors += 1;
        let mut answer = json(StatusCode::OK, r#"{"errorMessage":"poison","errorType":"Error"}"#);
        answer.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
        return answer;
    }
    for (number, index) in records {
        // A reset in the middle of a call has made other shards.
        let Some(shard) = state.shards.get_mut(number) else { continue };
        let Some(record) = shard.records.get_mut(index) else { continue };
        if record.started.is_some() {
            state.counts.repeated += 1;
            continue;
        }
        record.started = Some(began);
        state.counts.done += 1;
        let key = index % shard.last.len();
        state.counts.out_of_order += u64::from(shard.last[key].is_some_and(|last| last > index));
        shard.last[key] = Some(index);
    }
    state.counts.last_done = Some(Instant::now());
    let mut answer = json(StatusCode::OK, "null");
    answer.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    answer
}

fn known(records: &[(usize, usize)], state: &State) -> bool {
    records.iter().all(|(shard, index)| state.shards.get(*shard).is_some_and(|shard| *index < shard.records.len()))
}

/// Counts an invocation for as long as it runs, also when its client goes away.
struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let counts = &mut self.0.borrow_mut().counts;
        counts.in_flight = counts.in_flight.saturating_sub(1);
    }
}
