//! Tumbling windows: which window a record belongs to, the state that the function hands on, and the members that
//! the events of windows have next to their records.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::machine::WindowInfo;

/// AWS's limit for the state of a window.
pub(super) const MAX_STATE_BYTES: usize = 1024 * 1024;
const EMPTY_STATE: &[u8] = b"{}";

/// Why a tumbling window is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastOfWindow {
    /// Its time is over.
    Complete,
    /// Its state has become too large.
    Early,
}

/// The windows of one shard: at most one is open.
#[derive(Debug)]
pub(super) struct Windows {
    shard: Arc<str>,
    stream_arn: Arc<str>,
    length_ms: u64,
    /// Names the open window, or the next one; the parts of a window that ends early have names of their own.
    number: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    start_unix_ms: u64,
    /// A JSON value.
    state: Bytes,
}

impl Windows {
    pub(super) fn new(length: Duration, shard: Arc<str>, stream_arn: Arc<str>) -> Self {
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { shard, stream_arn, length_ms, number: 0, open: None }
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.open.is_none()
    }

    /// How many of the records that wait, with these arrivals, belong to the open window. The first one opens
    /// a window where none is open. A record that arrived before its window is late, and belongs to it.
    pub(super) fn within(&mut self, mut arrivals: impl Iterator<Item = u64>) -> usize {
        let mut count = 0;
        if self.open.is_none() {
            let Some(first) = arrivals.next() else { return 0 };
            let start_unix_ms = first / self.length_ms * self.length_ms;
            self.open = Some(Open { start_unix_ms, state: Bytes::from_static(EMPTY_STATE) });
            count = 1;
        }
        let end = self.ends().unwrap_or(u64::MAX);
        count + arrivals.take_while(|&arrived| arrived < end).count()
    }

    /// When the open window ends (Unix milliseconds).
    pub(super) fn ends(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.start_unix_ms.saturating_add(self.length_ms))
    }

    /// The name under which records are processed.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Takes the function's state in; `false` when it is larger than is allowed.
    pub(super) fn advance(&mut self, state: Option<Bytes>) -> bool {
        let (Some(open), Some(state)) = (&mut self.open, state) else { return true };
        open.state = state;
        open.state.len() <= MAX_STATE_BYTES
    }

    /// The final invoke is over: the name of the records that finish with it. After an early end the window continues,
    /// without state.
    pub(super) fn close(&mut self, last: LastOfWindow) -> u64 {
        match &mut self.open {
            Some(open) if last == LastOfWindow::Early => open.state = Bytes::from_static(EMPTY_STATE),
            _ => self.open = None,
        }
        self.number += 1;
        self.number - 1
    }

    /// The open window as failure records show it; `last` where its final invoke failed.
    pub(super) fn info(&self, last: Option<LastOfWindow>) -> Option<WindowInfo> {
        let start_unix_ms = self.open.as_ref()?.start_unix_ms;
        let end_unix_ms = self.ends()?;
        let early = last == Some(LastOfWindow::Early);
        Some(WindowInfo { start_unix_ms, end_unix_ms, is_final: last.is_some(), early })
    }

    /// What stands after the records in an event of the open window, or in its final one: AWS's members in AWS's order.
    pub(super) fn tail(&self, last: Option<LastOfWindow>) -> Vec<u8> {
        let Some((open, info)) = self.open.as_ref().zip(self.info(last)) else { return b"]}".to_vec() };
        let WindowInfo { is_final, early, .. } = info;
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let (start, end) = (seconds(info.start_unix_ms), seconds(info.end_unix_ms));
        let mut tail = format!(r#"],"window":{{"start":"{start}","end":"{end}"}},"state":"#).into_bytes();
        tail.extend_from_slice(&open.state);
        tail.extend_from_slice(
            format!(
                r#","shardId":{},"eventSourceARN":{},"isFinalInvokeForWindow":{is_final},"isWindowTerminatedEarly":{early}}}"#,
                text(&self.shard),
                text(&self.stream_arn)
            )
            .as_bytes(),
        );
        tail
    }
}

/// Reads the `state` that the events of a window must be answered with; `None`: the invoke counts as failed.
pub(super) fn returned(payload: &[u8]) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        #[serde(borrow)]
        state: Option<&'a RawValue>,
    }
    let reply: Reply<'_> = serde_json::from_slice(payload).ok()?;
    reply.state.map(|state| Bytes::copy_from_slice(state.get().as_bytes()))
}

/// `2020-12-09T07:04:00Z`.
fn seconds(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Windows {
        Windows::new(Duration::from_secs(120), "shardId-000000000006".into(), "arn:x".into())
    }

    #[test]
    fn windows_are_aligned_to_the_epoch() {
        let mut windows = windows();
        // 2020-12-09T07:04:30Z
        let first = 1_607_497_470_000;
        assert_eq!(windows.within([first, first + 89_999, first + 90_000].into_iter()), 2);
        let info = windows.info(None).unwrap();
        assert_eq!(
            (seconds(info.start_unix_ms), seconds(info.end_unix_ms)),
            ("2020-12-09T07:04:00Z".into(), "2020-12-09T07:06:00Z".into())
        );
        assert_eq!(windows.within([first + 90_000].into_iter()), 0);
        assert_eq!(windows.within([first - 300_000].into_iter()), 1);
    }

    #[test]
    fn events_of_windows_have_awss_members() {
        let mut windows = windows();
        assert_eq!(windows.tail(None), b"]}");
        windows.within([1_607_497_470_000].into_iter());
        assert!(windows.advance(Some(Bytes::from_static(br#"{"n":1}"#))));
        let event = [br#"{"Records":["#.as_slice(), &windows.tail(Some(LastOfWindow::Complete))].concat();
        assert_eq!(
            String::from_utf8(event).unwrap(),
            r#"{"Records":[],"window":{"start":"2020-12-09T07:04:00Z","end":"2020-12-09T07:06:00Z"},"state":{"n":1},"shardId":"shardId-000000000006","eventSourceARN":"arn:x","isFinalInvokeForWindow":true,"isWindowTerminatedEarly":false}"#
        );
    }

    #[test]
    fn a_window_that_ends_early_goes_on_under_another_name() {
        let mut windows = windows();
        windows.within([0].into_iter());
        assert!(windows.advance(None));
        assert!(!windows.advance(Some(Bytes::from(vec![b'1'; MAX_STATE_BYTES + 1]))));
        let first = windows.number();
        assert_eq!(windows.close(LastOfWindow::Early), first);
        assert!(!windows.is_closed());
        assert_ne!(windows.number(), first);
        assert!(windows.advance(Some(Bytes::from(vec![b'1'; MAX_STATE_BYTES]))));
        windows.close(LastOfWindow::Complete);
        assert!(windows.is_closed());
    }

    #[test]
    fn a_state_must_be_returned() {
        let state =
            |payload: &str| returned(payload.as_bytes()).map(|state| String::from_utf8(state.to_vec()).unwrap());
        assert_eq!(state(r#"{"state":{"a": 1}}"#), Some(r#"{"a": 1}"#.into()));
        assert_eq!(state(r#"{"batchItemFailures":[],"state":[]}"#), Some("[]".into()));
        for payload in ["", "null", "{}", "[]", "7", r#"{"state":null}"#, r#"{"batchItemFailures":[]}"#, "{"] {
            assert_eq!(state(payload), None, "{payload}");
        }
    }
}
