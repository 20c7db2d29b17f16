//! A queue that feeds an HTTP service beside forebay: a process of its own, which answers as a function would.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::Emulator;
use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};

/// Says its port, and then answers every POST by `handler`, or with 500 or 410 where that raises.
const SERVE: &str = "
import http.server, json
class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        try:
            status, answer = 200, handler(event)
        except ValueError as error:
            status, answer = 500, {'errorType': 'ValueError', 'errorMessage': str(error)}
        except LookupError as error:
            status, answer = 410, {'errorType': 'Gone', 'errorMessage': str(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *line):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Service)
print(server.server_address[1], flush=True)
server.serve_forever()
";

/// A Python process that serves HTTP; it ends with this.
struct Service {
    child: Child,
    port: u16,
}

impl Service {
    fn start(handler: &str) -> Self {
        let mut command = Command::new("python3");
        command.arg("-c").arg(format!("{handler}\n{SERVE}")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn messages_reach_a_service_and_end_as_its_answers_say() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 2, 2).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let service = Service::start(&ledger.source(
        "
def handler(event):
    note(event)
    bodies = {record['messageId']: record['body'] for record in event['Records']}
    if 'throws' in bodies.values():
        raise ValueError('no such customer')
    return {'batchItemFailures': [{'itemIdentifier': id} for id, body in bodies.items() if body == 'reported']}
",
    ));
    let http = format!("Timeout: 50s, Http: {{ Url: \"http://127.0.0.1:{}/events\" }}", service.port);
    let hidden = "Timeout: 60s, OnFunctionError: Release";
    let poller = format!("Poller: {{ Function: {{ {http} }}, Visibility: {{ {hidden} }} }}");
    let target = format!("FunctionResponseTypes: [ReportBatchItemFailures]\nBatchSize: 1\n{poller}");
    site.map("orders", &queue, "orders-service", &target);
    let mut bodies: Vec<String> = (0..20).map(|number| format!("order {number}")).collect();
    bodies.push("reported".to_owned());
    account.send(&queue, &bodies).await;
    let daemon = site.run().await;
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", gone).await;
    // Alone and last, so that the status shows its error.
    account.send(&queue, &["throws".to_owned()]).await;
    bodies.push("throws".to_owned());
    let dead_lettered = async || (account.messages(&dead).await.len() == 2).then_some(());
    eventually(SOON, "both are in the dead-letter queue", dead_lettered).await;

    let seen = ledger.bodies();
    assert_eq!(seen.keys().cloned().collect::<std::collections::BTreeSet<_>>(), bodies.into_iter().collect());
    assert_eq!((seen["reported"], seen["throws"]), (2, 2), "{seen:?}");
    let mut left: Vec<_> =
        account.messages(&dead).await.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect();
    left.sort();
    assert_eq!(left, ["reported", "throws"]);
    let status = site.status("orders").await;
    assert!(status.to_string().contains("no such customer"), "{status}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_status_that_ends_a_message_sends_it_to_the_destination_at_once() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 60, 100).await;
    let failed = account.create_queue("failed", &[]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let service = Service::start(&ledger.source(
        "
def handler(event):
    note(event)
    if event['Records'][0]['body'] == 'gone':
        raise LookupError('no such customer')
",
    ));
    let http = format!("Url: \"http://127.0.0.1:{}/events\", Statuses: {{ Terminal: [410] }}", service.port);
    let to = format!("DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}", failed.arn);
    let poller = format!("Poller: {{ OnFailureAttempts: 50, Function: {{ Http: {{ {http} }} }} }}");
    site.map("orders", &queue, "orders-service", &format!("BatchSize: 1\n{to}\n{poller}"));
    account.send(&queue, &["first", "gone", "second"].map(str::to_owned)).await;
    let daemon = site.run().await;
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", gone).await;
    assert_eq!(
        ledger.bodies(),
        [("first", 1), ("gone", 1), ("second", 1)].map(|(body, times)| (body.into(), times)).into()
    );
    let records = account.messages(&failed).await;
    assert_eq!(records.len(), 1, "{records:?}");
    let record: Value = serde_json::from_str(records[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(record["responsePayload"]["errorMessage"], "no such customer", "{record}");
    assert!(account.messages(&dead).await.is_empty());
    daemon.stop().await;
}
