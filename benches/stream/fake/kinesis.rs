//! The Kinesis operations that a poller uses, in the AWS JSON 1.1 protocol.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::shard::{Shard, iterator, locate, place};
use super::state::Shared;
use crate::common::{Answer, error, json};

/// What one read can bring, as Kinesis has it.
const MOST_RECORDS: usize = 10_000;
const MOST_BYTES: usize = 10 * 1024 * 1024;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Call<'a> {
    #[serde(borrow)]
    shard_id: Cow<'a, str>,
    #[serde(borrow)]
    shard_iterator_type: Cow<'a, str>,
    #[serde(borrow)]
    starting_sequence_number: Cow<'a, str>,
    #[serde(borrow)]
    shard_iterator: Cow<'a, str>,
    limit: Option<usize>,
}

/// Answers one call.
pub(super) fn answer(operation: &str, body: &Bytes, state: &Shared) -> Answer {
    state.borrow_mut().call(operation);
    let call: Call<'_> = match serde_json::from_slice(body) {
        Ok(call) => call,
        Err(problem) => return invalid(&problem.to_string()),
    };
    match operation {
        "GetRecords" => read(&call, state),
        "GetShardIterator" => open(&call, state),
        "ListShards" => list(state),
        _ => invalid(&format!("the fake does not know {operation}")),
    }
}

fn read(call: &Call<'_>, state: &Shared) -> Answer {
    let state = &mut *state.borrow_mut();
    let now = Instant::now();
    let Some((number, from)) = place(&call.shard_iterator) else { return invalid("no iterator of the fake's") };
    let Some(shard) = state.shards.get_mut(number) else { return invalid("an iterator of an earlier measurement") };
    let fit = MOST_BYTES / state.data.len().max(1);
    let limit = call.limit.unwrap_or(MOST_RECORDS).min(MOST_RECORDS).min(fit.max(1));
    let body = shard.read(from, limit, &state.data, now);
    if from < shard.records.len() {
        state.counts.first_read.get_or_insert(now);
    }
    json(StatusCode::OK, body)
}

fn open(call: &Call<'_>, state: &Shared) -> Answer {
    let state = state.borrow();
    let number = call.shard_id.strip_prefix("shardId-").and_then(|number| number.parse::<usize>().ok());
    let Some(shard) = number.and_then(|number| state.shards.get(number)) else {
        return error(StatusCode::BAD_REQUEST, "ResourceNotFoundException", "the shard does not exist");
    };
    let from = match &*call.shard_iterator_type {
        "TRIM_HORIZON" => Some(0),
        "LATEST" => Some(shard.records.len()),
        "AFTER_SEQUENCE_NUMBER" => locate(call.starting_sequence_number.as_bytes()).map(|(_, index)| index + 1),
        _ => None,
    };
    match from {
        Some(from) => {
            let body = serde_json::json!({ "ShardIterator": iterator(shard.number, from) });
            json(StatusCode::OK, body.to_string())
        }
        None => invalid("the fake does not know this position"),
    }
}

fn list(state: &Shared) -> Answer {
    let state = state.borrow();
    let shards: Vec<serde_json::Value> = state
        .shards
        .iter()
        .map(|shard| {
            serde_json::json!({
                "ShardId": Shard::id(shard.number),
                "HashKeyRange": { "StartingHashKey": "0", "EndingHashKey": "340282366920938463463374607431768211455" },
                "SequenceNumberRange": { "StartingSequenceNumber": "49590338271490256600000000000000000000000000000000000000" },
            })
        })
        .collect();
    json(StatusCode::OK, serde_json::json!({ "Shards": shards }).to_string())
}

fn invalid(message: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, "InvalidArgumentException", message)
}
