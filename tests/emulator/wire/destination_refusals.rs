//! The refusals of failure destinations: the class of each, and that each is tried once.

use std::sync::Arc;
use std::time::Duration;

use forebay::machine::{Fault, FaultKind};
use forebay::mapping::Mapping;

use super::destinations::{PUBLISHED, open, s3, sns, sqs};
use crate::adapter::destinations::stream_failure;
use crate::harness::scripted::{Action, Scripted};

fn xml_error(status: u16, code: &str) -> [Action; 2] {
    let inner = format!("<Code>{code}</Code><Message>as the service put it</Message>");
    let sns = format!("<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>");
    let s3 = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>{inner}</Error>");
    [Action::text(status, &sns), Action::text(status, &s3)]
}

/// Delivers once over a connection that has worked before, which is where hidden retries would come from.
async fn refused(server: &Scripted, mapping: &Mapping, operation: &str, good: Action, bad: Action) -> Fault {
    server.on(operation, [good, bad]);
    let destination = open(server, mapping).await;
    destination.deliver(Arc::new(stream_failure())).await.unwrap();
    let before = server.seen(operation).len();
    let fault = destination.deliver(Arc::new(stream_failure())).await.unwrap_err();
    assert_eq!(server.seen(operation).len() - before, 1, "{operation}: requests");
    fault
}

#[tokio::test]
async fn every_refusal_has_its_class_and_is_tried_once() {
    use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
    let sqs_error = |status, code| Action::sqs_error(status, code, code, "as the service put it");
    let common = [
        ("429", Action::text(429, "").header("retry-after", "2"), Throttled),
        ("413", Action::text(413, ""), TooLarge),
        ("403", Action::text(403, ""), Denied),
        ("503", Action::text(503, "Service Unavailable"), Transient),
        ("a proxy", Action::text(502, "<html>"), Transient),
    ];
    let sqs_rows = [
        ("missing", sqs_error(400, "AWS.SimpleQueueService.NonExistentQueue"), Missing),
        ("denied", sqs_error(403, "AccessDenied"), Denied),
        ("throttled", sqs_error(403, "RequestThrottled"), Throttled),
        ("bad", sqs_error(400, "InvalidMessageContents"), Invalid),
        ("not an object", Action::text(200, "surprise"), Transient),
    ];
    let rows = |table: &[(u16, &'static str, FaultKind)], index: usize| -> Vec<(&'static str, Action, FaultKind)> {
        table.iter().map(|&(status, code, kind)| (code, xml_error(status, code)[index].clone(), kind)).collect()
    };
    let sns_rows = [
        (404, "NotFound", Missing),
        (403, "AuthorizationError", Denied),
        (403, "ExpiredToken", Expired),
        (400, "Throttling", Throttled),
        (400, "InvalidParameter", Invalid),
        (500, "InternalError", Transient),
    ];
    let s3_rows = [
        (404, "NoSuchBucket", Missing),
        (403, "AccessDenied", Denied),
        (400, "ExpiredToken", Expired),
        (503, "SlowDown", Throttled),
        (301, "PermanentRedirect", Invalid),
        (400, "RequestTimeout", Transient),
        (500, "InternalError", Transient),
    ];
    let server = Scripted::start().await;
    let common: Vec<_> = common.into_iter().chain(Action::of_connections(10_000)).collect();
    let with_common = |own: Vec<(&'static str, Action, FaultKind)>| own.into_iter().chain(common.clone());
    let sent = Action::Sent;
    let services = [
        (sqs(), "SendMessage", sent, "queue failed (us-east-1, account 000000000000)", with_common(sqs_rows.into())),
        (
            sns(),
            "Publish",
            Action::text(200, PUBLISHED),
            "topic failed (us-east-1, account 000000000000)",
            with_common(rows(&sns_rows, 0)),
        ),
        (
            s3(),
            "PutObject",
            Action::text(200, "").header("etag", "\"1\""),
            "bucket failed (us-east-1)",
            with_common(rows(&s3_rows, 1)),
        ),
    ];
    for (mapping, operation, good, label, table) in services {
        for (name, action, kind) in table {
            let fault = refused(&server, &mapping, operation, good.clone(), action).await;
            assert_eq!(fault.kind, kind, "{name}, {operation}: {fault}");
            assert!(fault.message.starts_with(&format!("{operation} on {label}: ")), "{name}: {fault}");
            assert_eq!(fault.retry_after, (name == "429").then_some(Duration::from_secs(2)), "{name}");
            let advice = match (kind, operation) {
                (Missing, _) => "or correct DestinationConfig.OnFailure.Destination",
                (Denied, "SendMessage") => "allow them sqs:SendMessage",
                (Denied, "Publish") => "allow them sns:Publish",
                (Denied, _) => "allow them s3:PutObject",
                (Invalid, "PutObject") => "Region under Poller.Destination",
                _ => "",
            };
            assert!(fault.message.contains(advice), "{name}: {fault}");
        }
    }
}
