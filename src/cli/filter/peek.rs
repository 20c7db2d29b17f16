//! A few records from a mapping's source, with as little done to it as can be.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::super::exit::Exit;
use super::super::output::{counted, say};
use super::line::{Lines, Origin};
use crate::aws::AwsConnector;
use crate::engine::{Connector, SourcePort};
use crate::machine::{
    Cursor, Fault, PollId, PollRequest, Position, ReadId, ReadRequest, Record, SettleEntry, SettleOutcome, Shard,
    StartingPosition,
};
use crate::mapping::Mapping;
use crate::source::{QueueSource, StreamSource};

/// SQS's most messages of a receive, and entries of a batch.
const BATCH: usize = 10;
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
                "receiving {most} messages of {} at most, and giving them back: each spends a receive, which counts towards the queue's maxReceiveCount",
                mapping.source.resource
            ));
            from_queue(&*queue, most, &mut lines).await?;
        }
        SourcePort::Stream(stream) => {
            let start = match mapping.stream.as_ref().map(|stream| stream.start) {
                Some(StartingPosition::Timestamp(unix_ms)) => Position::Timestamp(unix_ms),
                _ => Position::TrimHorizon,
            };
            from_stream(&*stream, &start, most, &mut lines).await?;
        }
    }
    if lines.count() == 0 {
        say(&format!("{} has shown no record", mapping.source.resource));
    }
    Ok(lines.exit())
}

/// Receives messages until there are enough or none come, and gives them back, also when a receive fails or we are interrupted.
async fn from_queue(queue: &dyn QueueSource, most: usize, lines: &mut Lines) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    let received = interruptible(receive(queue, most, &mut taken)).await;
    // Given back before they are shown: whoever reads the lines may be slow.
    give_back(queue, &taken).await;
    received?;
    for record in &taken {
        if !lines.print(Some(&Origin { id: &record.id, shard: None }), &record.fragment)? {
            break;
        }
    }
    Ok(())
}

async fn receive(queue: &dyn QueueSource, most: usize, taken: &mut Vec<Record>) -> Result<(), Fault> {
    while taken.len() < most {
        let max = u32::try_from((most - taken.len()).min(BATCH)).unwrap_or(1);
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
async fn give_back(queue: &dyn QueueSource, taken: &[Record]) {
    let mut lost = 0;
    let mut reason = String::new();
    for records in taken.chunks(BATCH) {
        let entry = |record: &Record| SettleEntry { receipt: record.receipt.clone(), visibility: Duration::ZERO };
        match queue.change_visibility(records.iter().map(entry).collect()).await {
            Ok(outcomes) => {
                lost += outcomes.iter().filter(|outcome| matches!(outcome, SettleOutcome::Failed(_))).count();
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
            "{what} could not be given back at once{reason}, and can be received again in {} s",
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
    let shards = interruptible(stream.shards()).await?;
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
        found.extend(answer.records);
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
