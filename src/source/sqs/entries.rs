//! Batch answers, put back into the order of the request.

use aws_sdk_sqs::types::BatchResultErrorEntry;

use crate::aws::{Call, receipt_is_gone, sqs_code_kind};
use crate::machine::{Fault, FaultKind, ReceiptOutcome};

/// One outcome for each of `count` entries, whose ids are their places in the request. An entry that the answer
/// leaves out has failed; an id that we never sent says nothing.
pub(super) fn outcomes<'a>(
    call: Call<'_>,
    count: usize,
    done: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<ReceiptOutcome> {
    let mut outcomes: Vec<Option<ReceiptOutcome>> = vec![None; count];
    for id in done {
        if let Some(slot) = slot(&mut outcomes, id) {
            *slot = Some(ReceiptOutcome::Done);
        }
    }
    for entry in failed {
        // An entry in both lists counts as failed: to repeat it is safe, to forget it is not.
        if let Some(slot) = slot(&mut outcomes, &entry.id) {
            *slot = Some(failure(call, entry));
        }
    }
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| left_out(call))).collect()
}

fn slot<'o>(outcomes: &'o mut [Option<ReceiptOutcome>], id: &str) -> Option<&'o mut Option<ReceiptOutcome>> {
    id.parse().ok().and_then(|index: usize| outcomes.get_mut(index))
}

fn failure(call: Call<'_>, entry: &BatchResultErrorEntry) -> ReceiptOutcome {
    let message = entry.message.as_deref().unwrap_or_default();
    if receipt_is_gone(&entry.code, message) {
        return ReceiptOutcome::Gone;
    }
    let fallback = if entry.sender_fault { FaultKind::Invalid } else { FaultKind::Transient };
    let kind = sqs_code_kind(&entry.code).unwrap_or(fallback);
    let text = if message.is_empty() { entry.code.clone() } else { format!("{}: {message}", entry.code) };
    ReceiptOutcome::Failed(Fault::new(kind, format!("{} on {}: one entry: {text}", call.operation, call.target)))
}

fn left_out(call: Call<'_>) -> ReceiptOutcome {
    let message = format!("{} on {}: the answer leaves an entry out", call.operation, call.target);
    ReceiptOutcome::Failed(Fault::new(FaultKind::Transient, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Service;

    const CALL: Call<'static> = Call { service: Service::Sqs, operation: "DeleteMessageBatch", target: "queue orders" };

    fn entry(id: &str, code: &str, message: &str, sender: bool) -> BatchResultErrorEntry {
        BatchResultErrorEntry::builder().id(id).code(code).message(message).sender_fault(sender).build().unwrap()
    }

    fn kinds(outcomes: &[ReceiptOutcome]) -> Vec<String> {
        outcomes
            .iter()
            .map(|outcome| match outcome {
                ReceiptOutcome::Done => "done".to_owned(),
                ReceiptOutcome::Gone => "gone".to_owned(),
                ReceiptOutcome::Failed(fault) => fault.kind.as_str().to_owned(),
            })
            .collect()
    }

    #[test]
    fn answers_come_back_in_the_order_of_the_request() {
        let failed = [
            entry("4", "InternalError", "We encountered an internal error.", false),
            entry("1", "ReceiptHandleIsInvalid", "", true),
            entry("3", "AccessDenied", "", true),
        ];
        let answer = outcomes(CALL, 6, ["5", "0"].into_iter(), &failed);
        assert_eq!(kinds(&answer), ["done", "gone", "transient", "denied", "transient", "done"]);
        let ReceiptOutcome::Failed(fault) = &answer[4] else { panic!("{answer:?}") };
        assert_eq!(
            fault.message,
            "DeleteMessageBatch on queue orders: one entry: InternalError: We encountered an internal error."
        );
        let ReceiptOutcome::Failed(fault) = &answer[2] else { panic!("{answer:?}") };
        assert!(fault.message.ends_with("leaves an entry out"));
    }

    #[test]
    fn ids_that_were_never_sent_change_nothing() {
        let failed = [entry("9", "InternalError", "", false), entry("", "InternalError", "", false)];
        let answer = outcomes(CALL, 2, ["0", "1", "2", "x", "-1"].into_iter(), &failed);
        assert_eq!(kinds(&answer), ["done", "done"]);
    }

    #[test]
    fn an_entry_that_both_worked_and_failed_has_failed() {
        let answer = outcomes(CALL, 1, ["0"].into_iter(), &[entry("0", "RequestThrottled", "", true)]);
        assert_eq!(kinds(&answer), ["throttled"]);
    }

    #[test]
    fn unknown_codes_go_by_whose_fault_it_is() {
        let failed = [entry("0", "New", "", true), entry("1", "New", "", false)];
        assert_eq!(kinds(&outcomes(CALL, 2, std::iter::empty(), &failed)), ["invalid", "transient"]);
    }
}
