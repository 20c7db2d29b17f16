//! A few records from a mapping's source, with as little done to it as can be.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::super::exit::Exit;
use super::super::output::{counted, say};
use super::line::{Lines, Origin};
use crate::AwsConnector;
use crate::engine::{Connector, SourcePort};
use crate::machine::{
    Cursor, Fault, MAX_ENTRIES, Message, PollId, PollRequest, Position, ReadId, ReadRequest, ReceiptEntry,
    ReceiptOutcome, Record, Shard, StartingPosition,
};
use crate::mapping::Mapping;
use crate::source::{QueueSource, StreamSource};

/// How long a message stays hidden should we be ended before it is given back.
const HIDDEN: Duration = Duration::from_secs(30);
/// How long a receive waits: a long poll asks all of SQS's servers.
const WAIT: Duration = Duration::from_secs(1);
/// Reads of one shard at most: a read may bring nothing although the shard holds records.
const READS: usize = 20;
/// Between reads of a shard, which allows five a second to all its readers.
const PAUSE: Duration = Duration::from_millis(500);

/// The user ended it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

/// Tries up to `most` records of the mapping's source.
pub(super) async fn peek(mapping: &Mapping, most: u32, mut lines: Lines) -> anyhow::Result<Exit> {
    let connector = AwsConnector::new();
    let source = connector.connect(mapping).await?.source;
    let most = usize::try_from(most)?;
    match source {
        SourcePort::Queue(queue) => {
            say(&format!(
                "receiving up to {most} messages of {}, which become visible again at once: each spends a receive, \
                 which counts towards the queue's maxReceiveCount",
                mapping.source.arn().resource
            ));
            from_queue(&*queue, most, &mut lines).await?;
        }
        SourcePort::Stream(stream) => {
            let start = match mapping.source.stream().map(|stream| stream.start) {
                Some(StartingPosition::Timestamp(unix_ms)) => Position::Timestamp(unix_ms),
                _ => Position::TrimHorizon,
            };
            from_stream(&*stream, &start, most, &mut lines).await?;
        }
    }
    if lines.count() == 0 {
        say(&format!("{} has no record", mapping.source.arn().resource));
    }
    Ok(lines.exit())
}

/// Receives messages until there are enough or none come, and gives them back, also when a receive fails or we are
/// interrupted.
async fn from_queue(queue: &dyn QueueSource, most: usize, lines: &mut Lines) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    let received = interruptible(receive(queue, most, &mut taken)).await;
    // Given back before they are shown: whoever reads the lines may be slow.
    give_back(queue, &taken).await;
    received?;
    for Message { record, .. } in &taken {
        if !lines.print(Some(&Origin { id: &record.id, shard: None }), &record.fragment)? {
            break;
        }
    }
    Ok(())
}

async fn receive(queue: &dyn QueueSource, most: usize, taken: &mut Vec<Message>) -> Result<(), Fault> {
    while taken.len() < most {
        let max = u32::try_from((most - taken.len()).min(MAX_ENTRIES)).unwrap_or(1);
        let id = PollId(u64::try_from(taken.len()).unwrap_or(0));
        let request = PollRequest { id, max, wait: WAIT, visibility: Some(HIDDEN), attempt: None };
        let records = queue.receive(request).await?;
        if records.is_empty() {
            break;
        }
        taken.extend(records);
    }
    Ok(())
}

/// In the order in which they came, one batch after the other: so the groups of a FIFO queue keep theirs.
async fn give_back(queue: &dyn QueueSource, taken: &[Message]) {
    let mut lost = 0;
    let mut reason = String::new();
    for records in taken.chunks(MAX_ENTRIES) {
        let entry = |message: &Message| ReceiptEntry { receipt: message.receipt.clone(), visibility: Duration::ZERO };
        match queue.change_visibility(records.iter().map(entry).collect()).await {
            Ok(outcomes) => {
                lost += outcomes.iter().filter(|outcome| matches!(outcome, ReceiptOutcome::Failed(_))).count();
            }
            Err(fault) => {
                lost += records.len();
                reason = format!(" ({})", fault.message);
            }
        }
    }
    if lost > 0 {
        let what = counted(lost, "message");
        say(&format!(
            "{what} could not be made visible again at once{reason}, and can be received again in {} s",
            HIDDEN.as_secs()
        ));
    }
}

/// Reads the shards one after the other, of each its share. Nothing is saved.
async fn from_stream(
    stream: &dyn StreamSource,
    start: &Position,
    most: usize,
    lines: &mut Lines,
) -> anyhow::Result<()> {
    let shards = interruptible(stream.shards()).await?.shards;
    for (index, shard) in shards.iter().enumerate() {
        let left = most.saturating_sub(lines.count());
        let share = left.div_ceil(shards.len() - index);
        let records = interruptible(read(stream, shard, start, share)).await?;
        for record in &records {
            if !lines.print(Some(&Origin { id: &record.id, shard: Some(&shard.id) }), &record.fragment)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn read(stream: &dyn StreamSource, shard: &Shard, start: &Position, share: usize) -> Result<Vec<Record>, Fault> {
    let mut found = Vec::new();
    let mut cursor = Cursor::Open(start.clone());
    for number in 0..READS {
        if found.len() >= share {
            break;
        }
        if number > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let max = u32::try_from(share - found.len()).unwrap_or(u32::MAX);
        let id = ReadId(u64::try_from(number).unwrap_or(0));
        let request = ReadRequest { id, shard: Arc::clone(&shard.id), cursor, max };
        let answer = stream.read(request).await?;
        let caught_up = answer.records.is_empty() && answer.behind.is_none_or(|behind| behind.is_zero());
        found.extend(answer.records.into_iter().map(|read| read.record));
        match answer.next {
            Some(next) if !caught_up => cursor = Cursor::Iterator(next),
            _ => break,
        }
    }
    found.truncate(share);
    Ok(found)
}

/// Ends what takes long when the user does.
async fn interruptible<T>(work: impl Future<Output = Result<T, Fault>>) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done.map_err(|fault| anyhow::anyhow!("{}", fault.message)),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("no signals")?;
            Err(Interrupted.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use bytes::Bytes;
    use futures_util::FutureExt as _;
    use futures_util::future::{BoxFuture, ready};

    use super::*;
    use crate::filter::{Filters, Pattern, View};
    use crate::machine::{FaultKind, QueueAttributes, ReadAnswer, Receipt, Screening, StreamListing, StreamRecord};

    /// A source that answers by a list, and keeps what it was asked.
    #[derive(Default)]
    struct Scripted<T> {
        answers: Mutex<VecDeque<Result<T, Fault>>>,
        asked: Mutex<Vec<String>>,
    }

    impl<T> Scripted<T> {
        fn new(answers: impl IntoIterator<Item = Result<T, Fault>>) -> Self {
            Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() }
        }

        fn answer(&self, asked: String) -> Result<T, Fault> {
            self.asked.lock().unwrap().push(asked);
            self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Err(fault()))
        }

        fn asked(&self) -> Vec<String> {
            self.asked.lock().unwrap().clone()
        }
    }

    fn fault() -> Fault {
        Fault::new(FaultKind::Denied, "access denied")
    }

    fn record(id: u32) -> Record {
        let fragment = Bytes::from_static(b"{}");
        Record { id: id.to_string().into(), fragment, arrived_unix_ms: 0, screening: Screening::default() }
    }

    fn messages(ids: std::ops::Range<u32>) -> Vec<Message> {
        let message = |id: u32| Message {
            record: record(id),
            receipt: Receipt::new(id.to_string()),
            receive_count: 1,
            group: None,
        };
        ids.map(message).collect()
    }

    impl QueueSource for Scripted<Vec<Message>> {
        fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>> {
            ready(Err(fault())).boxed()
        }
        fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Message>, Fault>> {
            ready(self.answer(format!("{} for {:?}", request.max, request.visibility))).boxed()
        }
        fn delete(&self, _: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
            unreachable!("nothing is deleted")
        }
        fn change_visibility(&self, entries: Vec<ReceiptEntry>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
            assert!(entries.iter().all(|entry| entry.visibility.is_zero()));
            let receipts: Vec<_> = entries.iter().map(|entry| entry.receipt.as_str()).collect();
            self.asked.lock().unwrap().push(format!("back {}", receipts.join(" ")));
            ready(Ok(vec![ReceiptOutcome::Done; entries.len()])).boxed()
        }
    }

    impl StreamSource for Scripted<ReadAnswer> {
        fn shards(&self) -> BoxFuture<'_, Result<StreamListing, Fault>> {
            ready(Ok(StreamListing::default())).boxed()
        }
        fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadAnswer, Fault>> {
            ready(self.answer(format!("{} {:?}", request.max, request.cursor))).boxed()
        }
    }

    fn lines() -> Lines {
        let pattern = Pattern::parse(r#"{"body": ["a"]}"#).unwrap();
        Lines::new(Filters::new(View::Sqs, vec![pattern]).unwrap(), None, false)
    }

    #[tokio::test]
    async fn messages_are_received_until_there_are_enough_or_none_come() {
        let queue = Scripted::new([Ok(messages(0..10)), Ok(messages(10..11)), Ok(vec![])]);
        let mut taken = Vec::new();
        receive(&queue, 25, &mut taken).await.unwrap();
        give_back(&queue, &taken).await;
        let hidden = "for Some(30s)";
        let asked = [format!("10 {hidden}"), format!("10 {hidden}"), format!("10 {hidden}")];
        assert_eq!(queue.asked(), [&asked[..], &["back 0 1 2 3 4 5 6 7 8 9".into(), "back 10".into()]].concat());
        let queue = Scripted::new([Ok(messages(0..2)), Ok(messages(2..3))]);
        receive(&queue, 3, &mut Vec::new()).await.unwrap();
        assert_eq!(queue.asked(), [format!("3 {hidden}"), format!("1 {hidden}")]);
    }

    #[tokio::test]
    async fn what_was_received_is_given_back_when_a_receive_fails() {
        let queue = Scripted::new([Ok(messages(0..2)), Err(fault())]);
        let error = from_queue(&queue, 5, &mut lines()).await.unwrap_err();
        assert_eq!(error.to_string(), "access denied");
        assert_eq!(queue.asked().last().unwrap(), "back 0 1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shard_is_read_on_until_there_is_enough_or_it_is_caught_up() {
        let found = |id| StreamRecord { record: record(id), key_hash: 0 };
        let answer = |ids: std::ops::Range<u32>, next: Option<&str>, behind| {
            let behind = Some(Duration::from_secs(behind));
            Ok(ReadAnswer { records: ids.map(found).collect(), next: next.map(Into::into), behind, bytes: 0 })
        };
        let shard = Shard { id: "s".into(), parents: vec![], closed: false, begins: None };
        let ids = async |stream: &Scripted<ReadAnswer>, share| {
            let found = read(stream, &shard, &Position::TrimHorizon, share).await.unwrap();
            found.iter().map(|record| record.id.to_string()).collect::<Vec<_>>().join(" ")
        };
        let stream =
            Scripted::new([answer(0..0, Some("a"), 9), answer(0..2, Some("b"), 5), answer(2..5, Some("c"), 0)]);
        assert_eq!(ids(&stream, 4).await, "0 1 2 3");
        assert_eq!(stream.asked(), ["4 Open(TrimHorizon)", "4 Iterator(\"a\")", "2 Iterator(\"b\")"]);
        for end in [answer(0..0, Some("b"), 0), answer(1..2, None, 0)] {
            let ended = Scripted::new([answer(0..1, Some("a"), 0), end]);
            ids(&ended, 4).await;
            assert_eq!(ended.asked().len(), 2);
        }
        let empty = Scripted::new((0..99).map(|_| answer(0..0, Some("a"), 9)));
        assert_eq!(ids(&empty, 4).await, "");
        assert_eq!(empty.asked().len(), READS);
    }
}
