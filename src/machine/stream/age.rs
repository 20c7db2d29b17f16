//! Records that become too old while they wait: `MaximumRecordAgeInSeconds`.

use super::lanes::Piece;
use super::retry::{expired, is_expired};
use super::turn::Turn;
use super::windows::Windows;
use crate::machine::Condition;

impl Turn<'_> {
    /// Discards what has become too old at the front of the next piece, and puts the rest back. If nothing has, the
    /// piece is still to be begun.
    pub(super) fn discard_expired(&mut self, mut piece: Piece) -> Option<Piece> {
        let (Some(age), now) = (self.cx.options.maximum_record_age, self.cx.now) else { return Some(piece) };
        let old = if piece.last_of_window.is_some() {
            let window_ends = self.records.windows.as_ref().and_then(Windows::ends);
            if piece.attempts == 0 || !window_ends.is_some_and(|ends| is_expired(ends, age, now.unix_ms)) {
                return Some(piece);
            }
            piece
        } else {
            let arrivals = piece.places.iter().map(|&place| self.records.frontier.arrived(place));
            let old = expired(arrivals, Some(age), now.unix_ms);
            if old == 0 {
                return Some(piece);
            }
            let rest = piece.places.split_off(old);
            if !rest.is_empty() {
                // What is left is another batch, with a budget of its own.
                self.lane.start(Piece::new(rest));
            }
            Piece { attempts: piece.attempts, ..Piece::new(piece.places) }
        };
        self.lane.freed(now.mono);
        self.cx.flights.let_go(self.key);
        self.records.discard(old, Condition::RecordAgeExceeded, self.cx);
        None
    }
}
