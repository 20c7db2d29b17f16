//! A message, and each delivery of it.

use std::sync::Arc;
use std::time::Duration;

/// Ends of deliveries that are allowed, although the engine may hold them still.
pub(crate) const HELD: &str = "held as long as allowed";
pub(crate) const NOT_MADE: &str = "its invoke could not be made";
pub(crate) const REFUSED: &str = "its receipt was refused";
pub(crate) const IN_THE_WAY: &str = "an extension was in the way of its return";
pub(crate) const EXTENDED_LATE: &str = "extended after it seemed lost";

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the queue, visible or not.
    Queued,
    /// Deleted.
    Deleted,
    /// In the dead-letter queue.
    Dead,
}

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its id, 36 characters.
    pub(crate) id: Arc<str>,
    /// Bytes of its body.
    pub(crate) size: usize,
    /// The function fails on it always.
    pub(crate) poison: bool,
    /// When it was sent.
    pub(crate) sent: u64,
    /// When it was first received.
    pub(crate) first_received: Option<u64>,
    /// How often it was received.
    pub(crate) receive_count: u32,
    /// Where it is.
    pub(crate) place: Place,
    /// The delivery that hides it.
    pub(crate) current: Option<usize>,
    /// The function has processed it at least once.
    pub(crate) processed: bool,
    /// The failure destination has kept a record of it.
    pub(crate) recorded: bool,
    /// Filters did not let it pass.
    pub(crate) filtered_out: bool,
    /// FIFO: its message group.
    pub(crate) group: Option<Arc<str>>,
    /// FIFO: the last delivery of it that reached the engine.
    pub(crate) reached: Option<usize>,
    /// FIFO: the engine has heard of a success with it.
    pub(crate) succeeded: bool,
    /// FIFO: its next receipt will be refused.
    pub(crate) slips: bool,
}

/// What the engine does with a delivery, as far as the world can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The answer is on its way.
    Underway,
    /// The engine has it and has not invoked it yet.
    Unstarted,
    /// In an invoke.
    Running,
    /// Its invoke failed in a way that keeps the batch; when.
    Waiting,
    /// The function processed it, and the engine knows.
    Succeeded,
    /// The function failed it, and the engine knows; since when.
    Failed(u64),
    /// The function failed it once too often; its failure record is not confirmed.
    Undelivered,
    /// Its failure record is confirmed, and the engine knows.
    Recorded,
    /// Filters do not let it pass: it is to be deleted.
    FilteredOut,
}

/// One delivery of a message.
#[derive(Debug)]
pub(crate) struct Lease {
    /// The number of the message.
    pub(crate) message: usize,
    /// Its receipt handle, 23 characters.
    pub(crate) receipt: Arc<str>,
    /// The fragment before and after the body.
    pub(crate) head: String,
    pub(crate) tail: String,
    /// The session that received it.
    pub(crate) session: usize,
    /// When SQS handed it out.
    pub(crate) received: u64,
    /// When the engine got it.
    pub(crate) delivered: Option<u64>,
    /// When it ends unless something happens.
    pub(crate) until: u64,
    /// What the engine does with it.
    pub(crate) hold: Hold,
    /// Why it may end without a delete.
    pub(crate) allowed: Option<&'static str>,
    /// Until when the engine knows it hidden: an answer that is lost says nothing.
    pub(crate) known: u64,
    /// When the last extension of it did not work, or its answer was lost.
    pub(crate) not_extended: Option<u64>,
    /// Extensions of it whose answer is open.
    pub(crate) extending: u32,
    /// Returns of it that failed.
    pub(crate) failed_returns: u32,
    /// Invokes it was in.
    pub(crate) attempts: u32,
    /// It is over.
    pub(crate) over: bool,
    /// The last invoke that it was in.
    pub(crate) batch: u64,
    /// Which receive brought it.
    pub(crate) receive: u64,
    /// Its failure record may be open, and need not be.
    pub(crate) perhaps_undelivered: bool,
    /// A delivery of its failure record is open.
    pub(crate) delivering: bool,
    /// Deliveries of its failure record that failed.
    pub(crate) tries: u32,
    /// Its event was refused as too large although it held nothing else.
    pub(crate) refused: bool,
    /// The function has failed it for good.
    pub(crate) terminal: bool,
    /// The id of its failure record.
    pub(crate) uuid: Option<u128>,
    /// When the engine last asked to hide it for longer.
    pub(crate) asked: Option<u64>,
    /// When the engine heard that its receipt is no longer valid.
    pub(crate) gone: Option<u64>,
    /// Its visibility was changed after it was handed out.
    pub(crate) changed: bool,
    /// The invoke that failed it, or a message ahead of it.
    pub(crate) failed_in: u64,
    /// An extension of it was open then: its return waits for that.
    pub(crate) deferred: bool,
    /// The filters changed when it came: it may pass them or not.
    pub(crate) perhaps_filtered_out: bool,
    /// When the engine last heard of it: it came, or an invoke or the delivery of a failure record ended.
    pub(crate) heard: u64,
    /// For how long the engine hid it when it had failed.
    pub(crate) span: Option<Duration>,
    /// When its event was last split, and it was to wait once more.
    pub(crate) split: Option<u64>,
    /// When its batch had perhaps been held for as long as is allowed, and was left.
    pub(crate) left: Option<u64>,
    /// The engine has begun something that came after it in its group: it does not hold it any more.
    pub(crate) passed: bool,
    /// A drain that was taken back may have begun to return it, and then the engine does not hold it any more.
    pub(crate) doubtful: bool,
    /// A drain does not give it back.
    pub(crate) stays: bool,
    /// A drain has begun to give it back: it may become visible when it will.
    pub(crate) returning: bool,
}

impl Lease {
    /// Whether the engine may still hold it, for all that it has heard: what allows an end is only known here.
    pub(crate) fn is_perhaps_held(&self) -> bool {
        let heard_nothing = self.gone.is_none();
        match self.allowed {
            _ if self.passed => false,
            None | Some(HELD | NOT_MADE | REFUSED | IN_THE_WAY) => heard_nothing,
            allowed => allowed == Some(EXTENDED_LATE),
        }
    }

    /// This invoke failed it, or a message ahead of it.
    pub(crate) const fn fails_in(&mut self, call: u64) {
        self.failed_in = call;
        self.deferred = self.extending > 0;
    }
}
