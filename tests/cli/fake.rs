//! The smallest SQS and Lambda that a daemon can live on: each message is handed out once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What came of the messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fates {
    pub(crate) invoked: usize,
    pub(crate) deleted: BTreeSet<String>,
    pub(crate) released: BTreeSet<String>,
    /// Every visibility timeout that was set, in order.
    pub(crate) hidden: Vec<(String, u64)>,
}

struct Shared {
    waiting: Mutex<Vec<String>>,
    fates: Mutex<Fates>,
    hangs: bool,
}

/// A server of its own thread; it ends with this value.
pub(crate) struct Fake {
    shared: Arc<Shared>,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Fake {
    /// A queue of `messages`, and a function that answers at once, or never if it `hangs`.
    pub(crate) fn start(messages: usize, hangs: bool) -> Self {
        let waiting = (0..messages).map(|n| format!("message-{n}")).collect();
        let shared = Arc::new(Shared { waiting: Mutex::new(waiting), fates: Mutex::default(), hangs });
        let router = Router::new()
            .route("/", post(queue))
            .route("/2015-03-31/functions/{name}/configuration", get(async || r#"{"Timeout":30}"#))
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .with_state(Arc::clone(&shared));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { shared, address, _runtime: runtime }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn fates(&self) -> Fates {
        self.shared.fates.lock().unwrap().clone()
    }
}

async fn queue(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let target = headers.get("x-amz-target").map(|target| target.to_str().unwrap()).unwrap_or_default();
    let answer = match target {
        "AmazonSQS.GetQueueUrl" => json!({ "QueueUrl": "http://sqs.invalid/000000000000/orders" }),
        "AmazonSQS.GetQueueAttributes" => json!({ "Attributes": { "VisibilityTimeout": "30" } }),
        "AmazonSQS.ReceiveMessage" => receive(&shared, &request).await,
        "AmazonSQS.DeleteMessageBatch" => settle(&request, |id| shared.fates.lock().unwrap().deleted.insert(id)),
        "AmazonSQS.ChangeMessageVisibilityBatch" => settle(&request, |id| {
            let entries = request["Entries"].as_array().unwrap().iter();
            let set = entries.filter(|entry| entry["ReceiptHandle"] == *id);
            let set = set.map(|entry| (id.clone(), entry["VisibilityTimeout"].as_u64().unwrap()));
            shared.fates.lock().unwrap().hidden.extend(set);
            let released = request["Entries"].as_array().unwrap().iter().all(|entry| entry["VisibilityTimeout"] == 0);
            released && shared.fates.lock().unwrap().released.insert(id)
        }),
        other => return (StatusCode::BAD_REQUEST, json!({ "__type": "InvalidAction", "message": other }).to_string()),
    };
    (StatusCode::OK, answer.to_string())
}

async fn receive(shared: &Shared, request: &Value) -> Value {
    let most = usize::try_from(request["MaxNumberOfMessages"].as_u64().unwrap_or(1)).unwrap();
    let taken: Vec<String> = {
        let mut waiting = shared.waiting.lock().unwrap();
        let from = waiting.len().saturating_sub(most);
        waiting.split_off(from)
    };
    if taken.is_empty() {
        tokio::time::sleep(Duration::from_secs(request["WaitTimeSeconds"].as_u64().unwrap_or(0))).await;
        return json!({});
    }
    let messages: Vec<Value> = taken
        .iter()
        .map(|id| {
            json!({
                "MessageId": id, "ReceiptHandle": id, "Body": "{}", "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
                "Attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1760000000000" },
            })
        })
        .collect();
    json!({ "Messages": messages })
}

fn settle(request: &Value, take: impl Fn(String) -> bool) -> Value {
    let entries = request["Entries"].as_array().unwrap();
    let done = entries.iter().map(|entry| {
        take(entry["ReceiptHandle"].as_str().unwrap().to_owned());
        json!({ "Id": entry["Id"] })
    });
    json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] })
}

async fn invoke(State(shared): State<Arc<Shared>>, body: Bytes) -> ([(&'static str, &'static str); 1], &'static str) {
    let event: Value = serde_json::from_slice(&body).unwrap();
    shared.fates.lock().unwrap().invoked += event["Records"].as_array().unwrap().len();
    if shared.hangs {
        std::future::pending::<()>().await;
    }
    ([("x-amz-executed-version", "$LATEST")], "null")
}
