//! Reads the events that the engine makes: which records are in them, byte for byte, and which window.

use super::model::State;
use super::shards::unix;

/// What an event says of its tumbling window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WindowTail {
    /// Its begin in Unix milliseconds.
    pub(crate) start: u64,
    /// Its end.
    pub(crate) end: u64,
    /// The state handed over.
    pub(crate) state: serde_json::Value,
    /// The shard.
    pub(crate) shard: String,
    /// `isFinalInvokeForWindow`.
    pub(crate) is_final: bool,
    /// `isWindowTerminatedEarly`.
    pub(crate) early: bool,
}

/// The records of an event, in its order, and its window.
pub(crate) fn read(state: &State, body: &[u8], arn: &str) -> Result<(Vec<usize>, Option<WindowTail>), String> {
    let mut rest = body.strip_prefix(b"{\"Records\":[").ok_or("an event does not begin with its records")?;
    let mut records = Vec::new();
    while !rest.starts_with(b"]") {
        if !records.is_empty() {
            rest = rest.strip_prefix(b",").ok_or("records are not parted by one comma")?;
        }
        let number = rest.strip_prefix(b"{\"n\":").ok_or("an event holds something that was never put")?;
        let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&number[..digits]).map_err(|_| "a record is no text")?;
        let n: usize = text.parse().map_err(|_| "a record has no number")?;
        let record = state.records.get(n).ok_or("an event holds a record that was never put")?;
        rest = rest.strip_prefix(&record.fragment[..]).ok_or_else(|| format!("r{n} is not what was put"))?;
        records.push(n);
    }
    match &rest[1..] {
        b"}" => Ok((records, None)),
        [b',', tail @ ..] => Ok((records, Some(window(tail, arn)?))),
        other => Err(format!("an event ends with {}", String::from_utf8_lossy(other))),
    }
}

fn window(tail: &[u8], arn: &str) -> Result<WindowTail, String> {
    let text = [b"{", tail].concat();
    let tail: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| format!("an event is no JSON: {error}"))?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let flag = |name: &str| tail[name].as_bool().ok_or_else(|| format!("an event has no {name}"));
    let time = |name: &str| {
        let text = text(&tail["window"][name]).ok_or_else(|| format!("a window has no {name}"))?;
        unix_ms(&text).ok_or_else(|| format!("the {name} of a window is {text:?}"))
    };
    if text(&tail["eventSourceARN"]).as_deref() != Some(arn) {
        return Err(format!("an event names the stream {}", tail["eventSourceARN"]));
    }
    let members = tail.as_object().map_or(0, serde_json::Map::len);
    if members != 6 {
        return Err(format!("an event of a window has {members} members beside its records"));
    }
    Ok(WindowTail {
        start: time("start")?,
        end: time("end")?,
        state: tail["state"].clone(),
        shard: text(&tail["shardId"]).ok_or("an event of a window names no shard")?,
        is_final: flag("isFinalInvokeForWindow")?,
        early: flag("isWindowTerminatedEarly")?,
    })
}

/// `2026-01-01T00:07:30Z`; every scenario is over before its second day, and windows may begin before it.
fn unix_ms(text: &str) -> Option<u64> {
    let (day, time) = text.split_once('T')?;
    let day = match day {
        "2025-12-31" => unix(0) - 86_400_000,
        "2026-01-01" => unix(0),
        "2026-01-02" => unix(86_400_000),
        _ => return None,
    };
    let time = time.strip_suffix('Z')?;
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok().filter(|_| part.len() == 2));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(day + ((hours * 60 + minutes) * 60 + seconds) * 1000)
}
