//! A server that says exactly what a test wants to hear: prepared answers for each operation,
//! and the ways in which a connection can go wrong.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay::machine::FaultKind;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// It is answered.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Headers besides the length.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// It is never answered.
    Hang,
    /// The connection is reset before the body was read.
    ResetEarly,
    /// The connection is reset after the whole request was read.
    ResetLate,
    /// The connection is closed in good order after the whole request was read, without an answer.
    Close,
    /// A `SendMessage` is confirmed as SQS does it: with an id, and the checksum of the message that came.
    Sent,
    /// The answer announces a gigabyte.
    Long,
    /// The answer begins with 200 and never ends.
    Endless,
    /// The answer announces this many bytes, sends half of them and closes.
    Truncate(usize),
    /// What comes is not HTTP.
    Garbage,
    /// These bytes come, and then nothing more.
    Raw(&'static str),
    /// An answer of 200 that comes a byte at a time, and never ends.
    Drip,
}

impl Action {
    /// All that befalls connections rather than requests, with its name and the class that every call puts it in.
    /// An answer that is cut off has announced `length` bytes.
    pub(crate) fn of_connections(length: usize) -> [(&'static str, Self, FaultKind); 6] {
        [
            ("reset early", Self::ResetEarly, FaultKind::Transient),
            ("reset late", Self::ResetLate, FaultKind::Transient),
            ("closed", Self::Close, FaultKind::Transient),
            ("cut off", Self::Truncate(length), FaultKind::Transient),
            ("not HTTP", Self::Garbage, FaultKind::Transient),
            ("hangs", Self::Hang, FaultKind::Timeout),
        ]
    }

    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    /// An answer with any body.
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    /// The same answer with one more header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    /// An error of SQS, as its JSON protocol writes it.
    pub(crate) fn sqs_error(status: u16, code: &str, query_code: &str, message: &str) -> Self {
        let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": message});
        Self::json(status, &body).header("x-amzn-query-error", &format!("{query_code};Sender"))
    }

    /// An error of Lambda, as its REST protocol writes it.
    pub(crate) fn lambda_error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"Type": "User", "Message": message})).header("x-amzn-errortype", code)
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// `POST /path?query`.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// Empty when the connection was reset early.
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The operation that a request asks for.
    fn operation(&self) -> String {
        if let Some(target) = self.headers.get("x-amz-target") {
            return target.rsplit('.').next().unwrap_or_default().to_owned();
        }
        if self.target.starts_with("GET ") && self.target.ends_with("healthz") {
            return "Health".to_owned();
        }
        if self.target.starts_with("PUT ") {
            return "PutObject".to_owned();
        }
        // The query protocol names its operation in the body; the signature's scope is in a header.
        if self.headers.get("authorization").is_some_and(|it| it.contains("/sns/aws4_request")) {
            return "Publish".to_owned();
        }
        let path = self.target.split(['?', ' ']).nth(1).unwrap_or_default();
        match path.rsplit('/').next().unwrap_or_default() {
            "invocations" => "Invoke",
            "configuration" => "GetFunctionConfiguration",
            "concurrency" => "GetFunctionConcurrency",
            "credentials" => "GetRoleCredentials",
            _ => "AssumeRole",
        }
        .to_owned()
    }
}

#[derive(Default)]
struct Script {
    /// Answers of functions have no id of their request.
    nameless: bool,
    /// What comes next for an operation; the last one stays.
    actions: BTreeMap<String, VecDeque<Action>>,
    seen: Vec<(String, Seen)>,
    connections: usize,
    hung_up: usize,
}

/// A scripted server on a port of its own; it ends when it is dropped.
pub(crate) struct Scripted {
    endpoint: String,
    script: Arc<Mutex<Script>>,
    listener: JoinHandle<()>,
}

impl Scripted {
    /// Starts a server that knows one queue URL, whose host leads nowhere, and denies everything else.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = Arc::clone(&script);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        let server = Self { endpoint, script, listener };
        let url = json!({"QueueUrl": "http://queue.invalid:1/000000000000/orders"});
        server.on("GetQueueUrl", [Action::json(200, &url)]);
        server
    }

    /// From now on, answers of functions have no headers but those of the script.
    pub(crate) fn without_request_ids(&self) {
        self.script.lock().unwrap().nameless = true;
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Prepares the next answers of an operation; the last one is repeated.
    pub(crate) fn on(&self, operation: &str, actions: impl IntoIterator<Item = Action>) {
        self.script.lock().unwrap().actions.insert(operation.to_owned(), actions.into_iter().collect());
    }

    /// The requests for an operation so far.
    pub(crate) fn seen(&self, operation: &str) -> Vec<Seen> {
        let script = self.script.lock().unwrap();
        script.seen.iter().filter(|(name, _)| name == operation).map(|(_, seen)| seen.clone()).collect()
    }

    /// How many callers have hung up on a request that was not answered.
    pub(crate) fn hung_up(&self) -> usize {
        self.script.lock().unwrap().hung_up
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.script.lock().unwrap().connections
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Serves one connection until it is to be broken.
async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some((mut seen, rest)) = read_head(&mut stream).await {
        let operation = seen.operation();
        let action = {
            let mut script = script.lock().unwrap();
            match script.actions.get_mut(&operation) {
                Some(actions) if actions.len() > 1 => actions.pop_front(),
                Some(actions) => actions.front().cloned(),
                None => None,
            }
            .unwrap_or_else(|| Action::lambda_error(403, "AccessDeniedException", "not in the script"))
        };
        let early = matches!(action, Action::ResetEarly);
        if !early {
            seen.body = read_body(&mut stream, &seen, rest).await;
        }
        let action = if matches!(action, Action::Sent) { sent(&seen) } else { action };
        let named = operation == "Invoke" && !script.lock().unwrap().nameless;
        script.lock().unwrap().seen.push((operation, seen));
        match action {
            Action::Sent => unreachable!("it was replaced"),
            Action::Answer { status, mut headers, body } => {
                if named {
                    headers.push(("x-amzn-requestid", "5c3b4f2e-scripted".to_owned()));
                }
                let mut answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n", body.len()).into_bytes();
                for (name, value) in headers {
                    answer.extend(format!("{name}: {value}\r\n").as_bytes());
                }
                answer.extend(b"\r\n");
                answer.extend(body);
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
            Action::Hang | Action::Long => {
                if matches!(action, Action::Long) {
                    let head = format!("HTTP/1.1 200 Said\r\ncontent-length: {}\r\n\r\n{{", 1_u64 << 30);
                    stream.write_all(head.as_bytes()).await.ok();
                }
                // Until the client has had enough.
                let mut byte = [0];
                let _end = stream.read(&mut byte).await;
                script.lock().unwrap().hung_up += 1;
                return;
            }
            Action::ResetEarly | Action::ResetLate => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Action::Close => return,
            Action::Endless => {
                let head = "HTTP/1.1 200 Said\r\nx-amzn-requestid: endless\r\ntransfer-encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).await.ok();
                let chunk = [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat();
                // Until the client has had enough.
                while stream.write_all(&chunk).await.is_ok() {}
                return;
            }
            Action::Truncate(length) => {
                let head = format!("HTTP/1.1 200 Said\r\ncontent-length: {length}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.ok();
                stream.write_all(&vec![b'{'; length / 2]).await.ok();
                return;
            }
            Action::Raw(text) => {
                stream.write_all(text.as_bytes()).await.ok();
            }
            Action::Drip => {
                let head = "HTTP/1.1 200 Said\r\ncontent-length: 1000000\r\n\r\n";
                stream.write_all(head.as_bytes()).await.ok();
                while stream.write_all(b"{").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                return;
            }
            Action::Garbage => {
                stream.write_all(b"220 mail.example.com ESMTP\r\n\r\n").await.ok();
                return;
            }
        }
    }
}

/// SQS's confirmation of a message.
fn sent(seen: &Seen) -> Action {
    let body = seen.json()["MessageBody"].as_str().unwrap_or_default().to_owned();
    let sum: String = Md5::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    Action::json(200, &json!({"MessageId": "1", "MD5OfMessageBody": sum}))
}

/// Reads a request's head, and whatever of its body came with it.
async fn read_head(stream: &mut TcpStream) -> Option<(Seen, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let rest = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.split("\r\n");
    let target = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some((Seen { target, headers, body: Vec::new() }, rest))
}

async fn read_body(stream: &mut TcpStream, seen: &Seen, mut body: Vec<u8>) -> Vec<u8> {
    let length: usize = seen.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while body.len() < length {
        match stream.read_buf(&mut body).await {
            Ok(count) if count > 0 => {}
            _ => break,
        }
    }
    body
}
