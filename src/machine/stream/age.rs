//! Records that become too old while they wait: `MaximumRecordAgeInSeconds`.

use std::time::Duration;

use super::StreamMachine;
use super::lanes::Piece;
use super::retry::{expired, is_expired};
use super::shard::{Shard, ShardKey};
use super::windows::Windows;
use crate::machine::{BatchId, Condition, Mono};

impl StreamMachine {
    /// Cuts off what has become too old, at the front of the batch that is next.
    pub(super) fn give_up_expired(&mut self, key: ShardKey, lane: usize) -> bool {
        let (Some(age), unix_ms) = (self.options.maximum_record_age, self.now.unix_ms) else { return false };
        let name = BatchId(self.out.name());
        let now = self.now.mono;
        let Some(shard) = self.shards.get_mut(&key) else { return false };
        let frontier = &shard.frontier;
        let window_ends = shard.windows.as_ref().and_then(Windows::ends);
        let Some(at) = shard.lanes.get_mut(lane) else { return false };
        let Some(piece) = at.piece_mut() else { return false };
        if piece.last_of_window.is_some() {
            if piece.attempts == 0 || !window_ends.is_some_and(|ends| is_expired(ends, age, unix_ms)) {
                return false;
            }
            let Some(piece) = at.finish(now) else { return false };
            self.give_up(key, piece, Condition::RecordAgeExceeded);
            return true;
        }
        let arrivals =
            piece.places.iter().filter_map(|&place| frontier.get(place)).map(|record| record.arrived_unix_ms);
        let old = expired(arrivals, Some(age), unix_ms);
        if old == 0 {
            return false;
        }
        let places: Vec<u64> = piece.places.drain(..old).collect();
        let mut given_up = Piece::new(piece.batch, places);
        given_up.attempts = piece.attempts;
        if piece.places.is_empty() {
            at.finish(now);
        } else {
            // What is left is another batch, with a budget of its own.
            let places = std::mem::take(&mut piece.places);
            *piece = Piece::new(name, places);
        }
        self.give_up(key, given_up, Condition::RecordAgeExceeded);
        true
    }

    /// When the first record of a lane becomes too old.
    pub(super) fn expiry(&self, shard: &Shard, lane: usize) -> Option<Mono> {
        let age = self.options.maximum_record_age?;
        let lane = shard.lanes.get(lane).filter(|lane| !lane.flying)?;
        let first = match lane.piece() {
            Some(piece) => piece.places.first().copied(),
            None => lane.waiting().next(),
        };
        let arrived = shard.frontier.get(first?)?.arrived_unix_ms;
        let over = Duration::from_millis(arrived.saturating_add(1)).saturating_add(age);
        Some(self.now.mono + over.saturating_sub(Duration::from_millis(self.now.unix_ms)))
    }
}
