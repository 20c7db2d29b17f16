//! A queue that feeds workers which attach to forebay: AWS's own runtime for Python, and a script around curl.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Emulator, free_port};

/// A bootstrap of a custom runtime, as AWS's documentation has it.
const BOOTSTRAP: &str = r#"
set -u
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  event=$(curl -fsS -D "$headers" "$api/next") || exit 1
  id=$(grep Lambda-Runtime-Aws-Request-Id "$headers" | cut -d' ' -f2 | tr -d '\r')
  rm "$headers"
  printf '%s\n' "$event" >> "$LEDGER"
  curl -fsS -o /dev/null -X POST "$api/$id/response" -d '{}' || exit 1
done
"#;

/// A worker that is started again whenever it ends, as a container with `restart: always`; it ends with this.
struct Worker {
    child: Arc<Mutex<Option<Child>>>,
    ends: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

impl Worker {
    fn keep(command: impl Fn() -> Command + Send + 'static) -> Self {
        let (child, ends) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
        let (kept, stop) = (Arc::clone(&child), Arc::clone(&ends));
        let keeper = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let mut child = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let ended = child.as_mut().is_none_or(|child: &mut Child| child.try_wait().unwrap().is_some());
                if ended {
                    *child = Some(command().stdin(Stdio::null()).spawn().unwrap());
                }
                drop(child);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { child, ends, keeper: Some(keeper) }
    }

    /// A handler behind AWS's runtime for Python.
    fn python(site: &Site, port: u16, handler: &str) -> Self {
        fs::write(site.path("app.py"), handler).unwrap();
        let folder = site.path("");
        Self::keep(move || {
            let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.venv/bin/python"));
            command.args(["-m", "awslambdaric", "app.handler"]).current_dir(&folder).stdout(Stdio::null());
            command.env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}")).stderr(Stdio::null());
            command
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.keeper.take().map(JoinHandle::join);
        if let Some(mut child) = self.child.lock().unwrap_or_else(PoisonError::into_inner).take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

#[tokio::test]
async fn messages_reach_pythons_runtime_and_end_as_its_answers_say() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 2, 2).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let handler = ledger.source(
        "
def handler(event, context):
    note(event)
    bodies = {record['messageId']: record['body'] for record in event['Records']}
    if 'throws' in bodies.values():
        raise ValueError('no such customer')
    if 'dies' in bodies.values():
        os._exit(3)
    if 'sleeps' in bodies.values():
        time.sleep(12)
    return {'batchItemFailures': [{'itemIdentifier': id} for id, body in bodies.items() if body == 'reported']}
",
    );
    let port = free_port();
    let target = format!("Timeout: 10s, RuntimeApi: {{ Listen: \"127.0.0.1:{port}\" }}");
    let hidden = "Timeout: 60s, OnFunctionError: Release";
    let poller = format!("Poller: {{ Function: {{ {target} }}, Visibility: {{ {hidden} }} }}");
    site.map(
        "orders",
        &queue,
        "orders",
        &format!("FunctionResponseTypes: [ReportBatchItemFailures]\nBatchSize: 1\n{poller}"),
    );
    let failing = ["reported", "throws", "dies", "sleeps"];
    let mut bodies: Vec<String> = (0..20).map(|number| format!("order {number}")).collect();
    bodies.extend(failing.map(str::to_owned));
    account.send(&queue, &bodies).await;
    let daemon = site.run().await;
    // No worker is there, so nothing is received.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(account.messages(&queue).await.len(), bodies.len());
    let workers = [Worker::python(&site, port, &handler), Worker::python(&site, port, &handler)];
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", gone).await;
    let dead_lettered = async || (account.messages(&dead).await.len() == failing.len()).then_some(());
    eventually(SOON, "what fails is in the dead-letter queue", dead_lettered).await;

    let seen = ledger.bodies();
    assert_eq!(seen.keys().cloned().collect::<std::collections::BTreeSet<_>>(), bodies.into_iter().collect());
    for (body, times) in &seen {
        assert!(*times == if failing.contains(&&**body) { 2 } else { 1 }, "{body}: {times} times");
    }
    drop(workers);
    daemon.stop().await;
}

#[tokio::test]
async fn a_script_with_a_connection_for_each_request_is_a_worker() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    let site = Site::new(&account);
    let port = free_port();
    let target = format!("RuntimeApi: {{ Listen: \"localhost:{port}\" }}");
    site.map("orders", &queue, "orders", &format!("BatchSize: 1\nPoller: {{ Function: {{ {target} }} }}"));
    account.send(&queue, &(0..10).map(|number| format!("order {number}")).collect::<Vec<_>>()).await;
    let daemon = site.run().await;
    let ledger = site.path("ledger");
    let noted = ledger.clone();
    let worker = Worker::keep(move || {
        let mut command = Command::new("bash");
        command
            .args(["-c", BOOTSTRAP])
            .env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"))
            .env("LEDGER", &noted);
        command.stderr(Stdio::null());
        command
    });
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", gone).await;
    assert_eq!(fs::read_to_string(ledger).unwrap().lines().count(), 10);
    drop(worker);
    daemon.stop().await;
}
