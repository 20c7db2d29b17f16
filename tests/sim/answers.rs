//! What functions return: in the right form, and in every wrong one.

use std::sync::Arc;

use bytes::Bytes;

use crate::world::World;

/// A report of failed messages. None: one of the forms that mean success.
pub(crate) fn report(world: &World, failed: &[&str]) -> Bytes {
    if failed.is_empty() {
        let forms = ["{\"batchItemFailures\":[]}", "{\"batchItemFailures\":null}", "{}", "null", ""];
        let at = usize::try_from(world.between(0, forms.len() as u64 - 1)).expect("an index");
        return Bytes::from_static(forms[at].as_bytes());
    }
    let items: Vec<String> = failed.iter().map(|id| format!("{{\"itemIdentifier\":\"{id}\"}}")).collect();
    Bytes::from(format!("{{\"batchItemFailures\":[{}]}}", items.join(",")))
}

/// What a function may return where it is not read.
pub(crate) fn anything(world: &World) -> Bytes {
    let forms = [
        "null",
        "",
        "\"ok\"",
        "{\"statusCode\":200}",
        "{\"batchItemFailures\":[{\"itemIdentifier\":\"\"}]}",
        "[1,",
        "0",
    ];
    let at = usize::try_from(world.between(0, forms.len() as u64 - 1)).expect("an index");
    Bytes::from_static(forms[at].as_bytes())
}

/// An answer that breaks the form that `ReportBatchItemFailures` asks for: the whole batch failed.
pub(crate) fn malformed(world: &World, ids: &[Arc<str>]) -> Bytes {
    let first = &ids[0];
    let forms = [
        "{\"batchItemFailures\":[{\"itemIdentifier\":\"".to_owned(),
        "{\"batchItemFailures\":[{\"itemIdentifier\":\"\"}]}".to_owned(),
        "{\"batchItemFailures\":[{\"itemIdentifier\":null}]}".to_owned(),
        format!("{{\"batchItemFailures\":[{{\"foo\":\"{first}\"}}]}}"),
        "{\"batchItemFailures\":[{\"itemIdentifier\":\"ffffffff-0000-4000-8000-ffffffffffff\"}]}".to_owned(),
        "{\"batchItemFailures\":[{\"itemIdentifier\":7}]}".to_owned(),
        format!("{{\"batchItemFailures\":\"{first}\"}}"),
        format!("{{\"batchItemFailures\":{{\"itemIdentifier\":\"{first}\"}}}}"),
        "{\"batchItemFailures\":[{}]}".to_owned(),
        format!("{{\"batchItemFailures\":[\"{first}\"]}}"),
        format!("{{\"batchItemFailures\":[{{\"itemIdentifier\":\"{first}\"}},{{\"itemIdentifier\":\"nobody\"}}]}}"),
        format!("{{\"batchItemFailures\":[{{\"itemIdentifier\":\"{first}\"}}]"),
    ];
    let at = usize::try_from(world.between(0, forms.len() as u64 - 1)).expect("an index");
    Bytes::from(forms[at].clone())
}
