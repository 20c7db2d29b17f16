//! SQS calls against scripted answers: every row must end in its class, after exactly one request.

use std::time::Duration;

use forebay::AwsConnector;
use forebay::aws::CallBounds;
use forebay::machine::{Fault, FaultKind, PollId, PollRequest, Receipt, ReceiptEntry, ReceiptOutcome};
use forebay::source::{QueueSource as _, SqsQueue};
use serde_json::{Value, json};

use crate::harness::process::{SOON, eventually};
use crate::harness::scripted::{Action, Scripted};
use crate::harness::{mapping, sdk_config};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders";
const FIFO_QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:orders.fifo";

async fn queue(server: &Scripted) -> SqsQueue {
    queue_of(server, QUEUE).await
}

async fn queue_of(server: &Scripted, arn: &str) -> SqsQueue {
    let bounds =
        CallBounds { receive_grace: Duration::from_secs(2), call: Duration::from_secs(2), ..CallBounds::default() };
    let config = sdk_config(server.endpoint(), "000000000000").await;
    let connector = AwsConnector::with_config(config).unwrap().with_bounds(bounds);
    connector.queue(&mapping(arn, "work")).await.unwrap()
}

fn poll() -> PollRequest {
    PollRequest { id: PollId(1), max: 10, wait: Duration::ZERO, visibility: None, attempt: None }
}

fn receipts(count: usize) -> Vec<Receipt> {
    (0..count).map(|index| Receipt::new(format!("handle-{index}"))).collect()
}

fn message(id: &str) -> Value {
    json!({"MessageId": id, "ReceiptHandle": format!("handle-{id}"), "Body": "hello", "MD5OfBody": "5d41402a",
           "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"}})
}

#[tokio::test]
async fn every_failed_call_has_its_class_and_is_sent_once() {
    use FaultKind::{Denied, Expired, Invalid, Missing, Throttled, TooLarge, Transient};
    let error = |status, code, query| Action::sqs_error(status, code, query, "as the service put it");
    let table = [
        ("no queue", error(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"), Missing),
        ("no queue, plainly", Action::json(400, &json!({"__type": "QueueDoesNotExist"})), Missing),
        ("denied", error(403, "AccessDeniedException", "AccessDenied"), Denied),
        ("bad key", error(403, "UnrecognizedClientException", "InvalidClientTokenId"), Denied),
        ("bad signature", error(403, "InvalidSignatureException", "SignatureDoesNotMatch"), Denied),
        ("not TLS", error(403, "InvalidSecurity", "InvalidSecurity"), Denied),
        ("expired", error(403, "ExpiredTokenException", "ExpiredToken"), Expired),
        ("in flight", error(403, "OverLimit", "OverLimit"), Throttled),
        ("throttled", error(403, "RequestThrottled", "RequestThrottled"), Throttled),
        ("throttled by name", Action::json(400, &json!({"__type": "ThrottlingException"})), Throttled),
        ("key throttled", error(400, "KmsThrottled", "KMS.ThrottlingException"), Throttled),
        ("key denied", error(400, "KmsAccessDenied", "KMS.AccessDeniedException"), Denied),
        ("bad value", error(400, "InvalidParameterValue", "InvalidParameterValue"), Invalid),
        ("413", Action::text(413, ""), TooLarge),
        ("429", Action::text(429, "").header("retry-after", "2"), Throttled),
        ("500", error(500, "InternalFailure", "InternalError"), Transient),
        ("503", Action::text(503, "Service Unavailable"), Transient),
        ("a proxy", Action::text(502, "<html>"), Transient),
        ("half an object", Action::text(200, "{\"Messages\":[{\"MessageId\""), Transient),
        ("not an object", Action::text(200, "surprise"), Transient),
        ("202", Action::json(202, &json!({})), Transient),
        ("204", Action::text(204, ""), Transient),
        ("compressed", Action::json(200, &json!({})).header("content-encoding", "gzip"), Transient),
        ("too long", Action::Long, Invalid),
    ];
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    for (name, action, kind) in table.into_iter().chain(Action::of_connections(10_000)) {
        for operation in ["ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueAttributes"]
        {
            // A connection that has worked before is where hidden retries would come from.
            let good = Action::json(200, &json!({"Attributes": {"VisibilityTimeout": "30"}}));
            server.on(operation, [good, action.clone()]);
            call(&queue, operation).await.unwrap();
            let before = server.seen(operation).len();
            let fault = call(&queue, operation).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{name}, {operation}: {fault}");
            let place = format!("{operation} on queue orders (us-east-1, account 000000000000): ");
            assert!(fault.message.starts_with(&place), "{name}: {fault}");
            assert_eq!(fault.retry_after, (name == "429").then_some(Duration::from_secs(2)), "{name}");
            assert_eq!(server.seen(operation).len() - before, 1, "{name}, {operation}: requests");
        }
    }
}

async fn call(queue: &SqsQueue, operation: &str) -> Result<(), Fault> {
    match operation {
        "ReceiveMessage" => queue.receive(poll()).await.map(|_| ()),
        "DeleteMessageBatch" => queue.delete(receipts(2)).await.map(|_| ()),
        "ChangeMessageVisibilityBatch" => {
            let entry = ReceiptEntry { receipt: Receipt::new("handle"), visibility: Duration::from_secs(1) };
            queue.change_visibility(vec![entry]).await.map(|_| ())
        }
        _ => queue.describe().await.map(|_| ()),
    }
}

#[tokio::test]
async fn the_url_is_resolved_once_and_again_after_the_queue_was_missing() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    let missing = Action::sqs_error(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "gone");
    let empty = Action::json(200, &json!({}));
    server.on("ReceiveMessage", [empty.clone(), empty.clone(), missing, empty]);
    assert!(queue.receive(poll()).await.unwrap().is_empty());
    assert!(queue.receive(poll()).await.unwrap().is_empty());
    assert_eq!(server.seen("GetQueueUrl").len(), 1);

    let fault = queue.receive(poll()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Missing);
    assert!(fault.message.contains("create the queue, or correct EventSourceArn"), "{fault}");
    let moved = json!({"QueueUrl": "http://queue.invalid:1/000000000000/again"});
    server.on("GetQueueUrl", [Action::json(200, &moved)]);
    queue.receive(poll()).await.unwrap();
    assert_eq!(server.seen("GetQueueUrl").len(), 2);
    // The URL is only a parameter: its host leads nowhere, and the call came here all the same.
    let last = server.seen("ReceiveMessage").pop().unwrap();
    assert_eq!(last.json()["QueueUrl"], "http://queue.invalid:1/000000000000/again");
    assert_eq!(last.target, "POST /");
    let asked = server.seen("GetQueueUrl").pop().unwrap().json();
    assert_eq!(asked, json!({"QueueName": "orders", "QueueOwnerAWSAccountId": "000000000000"}));
}

#[tokio::test]
async fn many_first_calls_ask_for_the_url_once() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    server.on("ReceiveMessage", [Action::json(200, &json!({}))]);
    let polls = (0..20).map(|_| queue.receive(poll()));
    for answer in futures_util::future::join_all(polls).await {
        answer.unwrap();
    }
    assert_eq!(server.seen("GetQueueUrl").len(), 1);
    assert_eq!(server.seen("ReceiveMessage").len(), 20);
}

#[tokio::test]
async fn a_missing_queue_and_an_empty_url_are_faults_of_their_own() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    let missing = Action::sqs_error(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "gone");
    server.on("GetQueueUrl", [missing, Action::json(200, &json!({})), Action::json(200, &json!({"QueueUrl": ""}))]);
    assert_eq!(queue.receive(poll()).await.unwrap_err().kind, FaultKind::Missing);
    assert_eq!(queue.receive(poll()).await.unwrap_err().kind, FaultKind::Transient);
    assert_eq!(queue.receive(poll()).await.unwrap_err().kind, FaultKind::Transient);
    assert!(server.seen("ReceiveMessage").is_empty());
}

#[tokio::test]
async fn a_receive_asks_for_everything_in_the_bounds_of_sqs() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    server.on("ReceiveMessage", [Action::json(200, &json!({"Messages": []}))]);
    let mut request = poll();
    request.wait = Duration::from_secs(20);
    request.visibility = Some(Duration::from_millis(1500));
    queue.receive(request).await.unwrap();
    queue.receive(PollRequest { max: 99, ..poll() }).await.unwrap();
    let seen: Vec<Value> = server.seen("ReceiveMessage").iter().map(|seen| seen.json()).collect();
    assert_eq!(
        seen[0],
        json!({"QueueUrl": "http://queue.invalid:1/000000000000/orders", "MaxNumberOfMessages": 10,
               "WaitTimeSeconds": 20, "VisibilityTimeout": 2,
               "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]})
    );
    assert_eq!((&seen[1]["MaxNumberOfMessages"], seen[1].get("VisibilityTimeout")), (&json!(10), None));
}

#[tokio::test]
async fn a_receive_that_is_made_again_bears_the_name_of_the_first() {
    let server = Scripted::start().await;
    let queue = queue_of(&server, FIFO_QUEUE).await;
    let sorry = Action::sqs_error(500, "InternalFailure", "InternalError", "sorry");
    server.on("ReceiveMessage", [sorry, Action::json(200, &json!({}))]);
    let named = |name: &str| PollRequest { attempt: Some(name.into()), ..poll() };
    let first = "0b8e1f0e-1f6c-4f5e-9a56-3a4f8a3f9c11";
    assert_eq!(queue.receive(named(first)).await.unwrap_err().kind, FaultKind::Transient);
    queue.receive(named(first)).await.unwrap();
    queue.receive(named("another")).await.unwrap();
    queue.receive(poll()).await.unwrap();
    let seen: Vec<Value> = server.seen("ReceiveMessage").iter().map(|seen| seen.json()).collect();
    let names: Vec<Option<&str>> =
        seen.iter().map(|seen| seen.get("ReceiveRequestAttemptId").map(|name| name.as_str().unwrap())).collect();
    assert_eq!(names, [Some(first), Some(first), Some("another"), None]);
}

#[tokio::test]
async fn messages_of_a_fifo_queue_keep_their_order_and_tell_their_group() {
    let server = Scripted::start().await;
    let queue = queue_of(&server, FIFO_QUEUE).await;
    let fifo = |id: &str, group: &str, number: &str| {
        let mut message = message(id);
        message["Attributes"] = json!({
            "MessageDeduplicationId": format!("d-{id}"), "SequenceNumber": number, "SenderId": "AIDA",
            "MessageGroupId": group, "ApproximateFirstReceiveTimestamp": "1545082649185",
            "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"});
        message
    };
    // SQS lets a group's id have any punctuation.
    let answer = json!({"Messages": [
        fifo("1", "eu", "18849496460467696128"), fifo("2", "a\"b\\c", "3"), fifo("3", "eu", "4"), message("4"),
    ]});
    server.on("ReceiveMessage", [Action::json(200, &answer)]);
    let records = queue.receive(poll()).await.unwrap();
    let groups: Vec<_> = records.iter().map(|record| (&*record.record.id, record.group.as_deref())).collect();
    assert_eq!(groups, [("1", Some("eu")), ("2", Some("a\"b\\c")), ("3", Some("eu")), ("4", None)]);
    let text = std::str::from_utf8(&records[0].record.fragment).unwrap();
    let attributes = concat!(
        r#""attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1545082649183","#,
        r#""SequenceNumber":"18849496460467696128","MessageGroupId":"eu","SenderId":"AIDA","#,
        r#""MessageDeduplicationId":"d-1","ApproximateFirstReceiveTimestamp":"1545082649185"},"#,
    );
    assert!(text.contains(attributes), "{text}");
    assert!(text.ends_with(&format!(r#""eventSourceARN":"{FIFO_QUEUE}","awsRegion":"us-east-1"}}"#)), "{text}");
    let second: Value = serde_json::from_slice(&records[1].record.fragment).unwrap();
    assert_eq!(second["attributes"]["MessageGroupId"], "a\"b\\c");
}

#[tokio::test]
async fn a_long_poll_on_a_dead_connection_ends_after_its_wait() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    server.on("ReceiveMessage", [Action::Hang]);
    let request = PollRequest { wait: Duration::from_secs(1), ..poll() };
    let started = std::time::Instant::now();
    let fault = queue.receive(request).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert!(fault.message.ends_with("no answer within 3 s"), "{fault}");
    assert!(started.elapsed() >= Duration::from_secs(3));
    assert_eq!(server.seen("ReceiveMessage").len(), 1);
}

#[tokio::test]
async fn messages_that_could_not_be_settled_stay_in_the_queue() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    let answer = json!({"Messages": [
        message("1"),
        {"ReceiptHandle": "h", "Body": "no id"},
        {"MessageId": "2", "Body": "no handle"},
        {},
        {"MessageId": "3", "ReceiptHandle": "h3"},
        {"MessageId": "4", "ReceiptHandle": "h4", "Body": "", "Attributes": {"ApproximateReceiveCount": "often"}},
    ]});
    server.on("ReceiveMessage", [Action::json(200, &answer)]);
    let records = queue.receive(poll()).await.unwrap();
    let ids: Vec<&str> = records.iter().map(|message| &*message.record.id).collect();
    assert_eq!(ids, ["1", "3", "4"]);
    for record in &records {
        serde_json::from_slice::<Value>(&record.record.fragment).unwrap();
    }
    assert_eq!(records[2].receive_count, 1);
}

#[tokio::test]
async fn partial_failures_come_back_in_the_order_of_the_request() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    let answer = json!({
        "Successful": [{"Id": "4"}, {"Id": "0"}, {"Id": "77"}],
        "Failed": [
            {"Id": "3", "SenderFault": true, "Code": "ReceiptHandleIsInvalid", "Message": "spent"},
            {"Id": "1", "SenderFault": false, "Code": "InternalError", "Message": "sorry"},
        ],
    });
    server.on("DeleteMessageBatch", [Action::json(200, &answer)]);
    server.on("ChangeMessageVisibilityBatch", [Action::json(200, &answer)]);
    let entries: Vec<_> = receipts(5)
        .into_iter()
        .enumerate()
        .map(|(index, receipt)| ReceiptEntry { receipt, visibility: Duration::from_secs(index as u64 * 10) })
        .collect();
    for outcomes in [queue.delete(receipts(5)).await.unwrap(), queue.change_visibility(entries).await.unwrap()] {
        assert_eq!((&outcomes[0], &outcomes[4]), (&ReceiptOutcome::Done, &ReceiptOutcome::Done));
        assert_eq!(outcomes[3], ReceiptOutcome::Gone);
        for (index, text) in [(1, "InternalError: sorry"), (2, "the answer leaves an entry out")] {
            let ReceiptOutcome::Failed(fault) = &outcomes[index] else { panic!("{outcomes:?}") };
            assert_eq!(fault.kind, FaultKind::Transient);
            assert!(fault.message.contains(text), "{fault}");
        }
    }
    let deleted = server.seen("DeleteMessageBatch")[0].json();
    assert_eq!(deleted["Entries"][4], json!({"Id": "4", "ReceiptHandle": "handle-4"}));
    let changed = server.seen("ChangeMessageVisibilityBatch")[0].json();
    assert_eq!(changed["Entries"][3], json!({"Id": "3", "ReceiptHandle": "handle-3", "VisibilityTimeout": 30}));
}

#[tokio::test]
async fn nothing_to_settle_is_no_call() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    assert!(queue.delete(Vec::new()).await.unwrap().is_empty());
    assert!(queue.change_visibility(Vec::new()).await.unwrap().is_empty());
    assert!(server.seen("GetQueueUrl").is_empty());
}

#[tokio::test]
async fn a_queue_describes_itself() {
    let server = Scripted::start().await;
    let queue = queue(&server).await;
    let attributes = json!({"Attributes": {
        "VisibilityTimeout": "45", "ApproximateNumberOfMessages": "12", "ApproximateNumberOfMessagesNotVisible": "3",
        "MessageRetentionPeriod": "345600", "RedrivePolicy": "{\"maxReceiveCount\":\"5\"}"}});
    server.on("GetQueueAttributes", [Action::json(200, &attributes), Action::json(200, &json!({}))]);
    let described = queue.describe().await.unwrap();
    assert_eq!(described.visibility, Duration::from_secs(45));
    assert_eq!((described.backlog, described.in_flight, described.max_receive_count), (Some(12), Some(3), Some(5)));
    assert_eq!(queue.describe().await.unwrap_err().kind, FaultKind::Transient, "an answer without attributes");
}

/// A service that looks whether its caller is still there hears that a receive is given up.
#[tokio::test]
async fn a_receive_that_is_given_up_hangs_up_at_once() {
    let server = Scripted::start().await;
    server.on("ReceiveMessage", [Action::Hang]);
    let queue = queue(&server).await;
    let long = PollRequest { wait: Duration::from_secs(20), ..poll() };
    let receive = tokio::spawn(async move { queue.receive(long).await });
    eventually(SOON, "the request is there", async || (server.seen("ReceiveMessage").len() == 1).then_some(())).await;
    assert_eq!(server.hung_up(), 0);
    receive.abort();
    eventually(SOON, "the connection is closed", async || (server.hung_up() == 1).then_some(())).await;
}
