//! What goes into a call of a destination, and what must come back.

use super::record::{Message, Oversized};
use crate::aws::Call;
use crate::machine::{Fault, FaultKind};

/// The text to send, with a warning when something had to be left out; a fault when even that is too large.
pub(super) fn fitting(call: Call<'_>, record: Result<Message, Oversized>, limit: usize) -> Result<String, Fault> {
    match record {
        Ok(Message { text, omitted }) => {
            if let Some(member) = omitted {
                tracing::warn!(
                    destination = call.target,
                    limit,
                    "the failure record is too large: it is sent without {member}. An S3 bucket takes the whole record"
                );
            }
            Ok(text)
        }
        Err(Oversized { bytes }) => Err(Fault::new(
            FaultKind::TooLarge,
            format!(
                "{} on {}: the failure record has {bytes} bytes, and at most {limit} are taken; use an S3 bucket as \
                 destination",
                call.operation, call.target
            ),
        )),
    }
}

/// Whether the answer has the id by which the destination keeps the record.
pub(super) fn has_id(call: Call<'_>, what: &str, id: Option<&str>) -> Result<(), Fault> {
    if id.is_some_and(|id| !id.is_empty()) { Ok(()) } else { Err(unconfirmed(call, what)) }
}

/// The fault of an answer that does not confirm the record.
pub(super) fn unconfirmed(call: Call<'_>, lacking: &str) -> Fault {
    let message = format!(
        "{} on {}: the answer lacks {lacking}, so the record counts as not delivered: check the endpoint",
        call.operation, call.target
    );
    Fault::new(FaultKind::Transient, message)
}
