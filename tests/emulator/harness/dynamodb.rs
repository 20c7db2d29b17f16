//! Emulators of DynamoDB, a faulty way to them, and stores in their tables.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use forebay::fleet::{Answer, Periods, ReplicaId, ReplicaRow, ReplicaState, Request, Written};
use forebay::store::{DynamoDbStore, FleetTable, Permit, Table};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::process::SOON;
use crate::harness::{Emulator, REGION, free_port, sdk_config};

/// The name of every test's table: each test has an account or a server of its own.
pub(crate) const TABLE: &str = "fleet";

/// Runs the emulator until its standard input ends, which it does when the test process is gone.
const LAUNCHER: &str = r"
import subprocess, sys
emulator = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
try:
    sys.stdin.buffer.read()
finally:
    emulator.kill()
    emulator.wait()
";

/// A server of DynamoDB in memory, which distinguishes no accounts.
pub(crate) struct Dynoxide {
    port: u16,
    launcher: Child,
}

impl Dynoxide {
    /// Where it answers.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A new one, where it can be installed.
    pub(crate) fn start() -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let installed =
            std::env::var_os("FOREBAY_TEST_EMULATORS").map_or_else(|| root.join(".emulators"), PathBuf::from);
        let program = installed.join("node_modules/@dynoxide/linux-x64/dynoxide");
        if !program.exists() {
            return None;
        }
        for _ in 0..5 {
            let port = free_port();
            let launcher = Command::new("python3")
                .args(["-c", LAUNCHER])
                .arg(&program)
                .args(["--port", &port.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the tests need python3 on the PATH");
            let server = Self { port, launcher };
            let patience = Instant::now() + SOON;
            while Instant::now() < patience {
                if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return Some(server);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("the emulator of DynamoDB did not start on any of five free ports");
    }
}

impl Drop for Dynoxide {
    fn drop(&mut self) {
        drop(self.launcher.stdin.take());
        self.launcher.wait().unwrap();
    }
}

/// Where a test's table is.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) endpoint: String,
    pub(crate) account: String,
    _server: Option<Dynoxide>,
}

impl Place {
    /// A place with an empty table in each emulator that is installed.
    pub(crate) async fn all() -> Vec<Self> {
        let account = Emulator::shared().account().await;
        let mut places = vec![Self {
            name: "ministack",
            endpoint: Emulator::shared().endpoint(),
            account: account.id,
            _server: None,
        }];
        match Dynoxide::start() {
            Some(server) => places.push(Self {
                name: "dynoxide",
                endpoint: server.endpoint(),
                account: "test".to_owned(),
                _server: Some(server),
            }),
            None => say_once_that_dynoxide_is_left_out(),
        }
        for place in &places {
            forebay::store::create(&place.table(&place.endpoint).await).await.unwrap();
        }
        places
    }

    /// A client of the emulator.
    pub(crate) async fn client(&self, endpoint: &str) -> Client {
        Client::new(&sdk_config(endpoint, &self.account).await)
    }

    /// The table, by way of an endpoint.
    pub(crate) async fn table(&self, endpoint: &str) -> Table {
        let retries = aws_sdk_dynamodb::config::retry::RetryConfig::disabled();
        let config = aws_sdk_dynamodb::config::Builder::from(&sdk_config(endpoint, &self.account).await);
        let client = Client::from_conf(config.retry_config(retries).build());
        Table::new(client, TABLE, REGION, Duration::from_secs(30))
    }

    /// A replica with its row in the table, over an endpoint.
    pub(crate) async fn replica_over(&self, id: &str, endpoint: &str) -> Replica {
        let table = self.table(endpoint).await;
        let rows = FleetTable::new(table.clone(), table.clone(), Arc::new(|| 1_760_000_000_000));
        let joined = rows.ask(Request::Join(row(id))).await.unwrap();
        assert!(matches!(joined, Answer::Replica(Written::Done(_))), "{joined:?}");
        let (_, permit) = Permit::new(Arc::new(|| Duration::ZERO));
        Replica { store: DynamoDbStore::new(table, id.into(), permit), rows }
    }

    /// The replica `a`, behind a way on which its calls meet with their fates.
    pub(crate) async fn behind_faults(&self) -> (Faults, Replica) {
        let way = Faults::start(&self.endpoint).await;
        let replica = self.replica_over("a", &way.endpoint()).await;
        (way, replica)
    }

    /// A replica with its row in the table.
    pub(crate) async fn replica(&self, id: &str) -> Replica {
        self.replica_over(id, &self.endpoint).await
    }
}

/// A store of one replica, and the fleet's rows.
pub(crate) struct Replica {
    pub(crate) store: DynamoDbStore,
    pub(crate) rows: FleetTable,
}

/// The first row of a replica.
pub(crate) fn row(id: &str) -> ReplicaRow {
    ReplicaRow {
        id: ReplicaId::new(id),
        beat: 1,
        state: ReplicaState::Up,
        periods: Periods::default(),
        news: 0,
        offer: 0,
        version: "1.2.3".into(),
        host: "host-1".into(),
        since_unix_ms: 1_760_000_000_000,
    }
}

#[expect(clippy::print_stderr, reason = "a run of the tests says what it leaves out")]
fn say_once_that_dynoxide_is_left_out() {
    static SAID: OnceLock<()> = OnceLock::new();
    SAID.get_or_init(|| eprintln!("note: dynoxide is not installed here, so stores are tested on one emulator only"));
}

/// What happens to a call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// DynamoDB says that there were too many.
    Throttled,
    /// The connection is closed before the call arrives.
    Refused,
    /// The call is carried out, and its answer is lost.
    Lost,
    /// The call is carried out later, and its answer is lost.
    Late(Duration),
    /// The call arrives twice.
    Doubled,
}

/// What is to happen to the next calls of an operation.
type Rules = Arc<Mutex<VecDeque<(&'static str, Fate)>>>;

/// A way to an emulator on which calls meet with their fates. It ends when it is dropped.
pub(crate) struct Faults {
    port: u16,
    rules: Rules,
    task: JoinHandle<()>,
}

impl Faults {
    pub(crate) async fn start(endpoint: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (rules, target) = (Rules::default(), endpoint.to_owned());
        let known = Arc::clone(&rules);
        let task = tokio::spawn(async move {
            let client = legacy::Client::builder(TokioExecutor::new()).build_http();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (client, target, rules) = (client.clone(), target.clone(), Arc::clone(&known));
                tokio::spawn(async move {
                    let pass =
                        service_fn(move |request| pass(request, client.clone(), target.clone(), Arc::clone(&rules)));
                    // A call that is refused or lost ends the connection.
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), pass).await.ok();
                });
            }
        });
        Self { port, rules, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next call of this operation that has no fate yet meets with this one.
    pub(crate) fn next(&self, operation: &'static str, fate: Fate) {
        self.rules.lock().unwrap().push_back((operation, fate));
    }

    /// Whether every fate has found its call.
    pub(crate) fn all_met(&self) -> bool {
        self.rules.lock().unwrap().is_empty()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Forwarder = legacy::Client<legacy::connect::HttpConnector, Full<Bytes>>;

async fn pass(
    request: HttpRequest<Incoming>,
    client: Forwarder,
    target: String,
    rules: Rules,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let named = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let fate = {
        let mut rules = rules.lock().unwrap();
        let found = rules.iter().position(|(operation, _)| named.ends_with(&format!(".{operation}")));
        found.and_then(|at| rules.remove(at)).map(|(_, fate)| fate)
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let forward = move || {
        let mut forwarded = HttpRequest::post(format!("{target}{path}"));
        for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
            forwarded = forwarded.header(name, value);
        }
        let sent = client.request(forwarded.body(Full::new(body.clone())).unwrap());
        async move {
            let (parts, body) = sent.await.map_err(std::io::Error::other)?.into_parts();
            let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
            Ok::<_, std::io::Error>(Response::from_parts(parts, Full::new(body)))
        }
    };
    let lost = || Err(std::io::Error::other("lost"));
    match fate {
        None => forward().await,
        Some(Fate::Refused) => lost(),
        Some(Fate::Throttled) => {
            let error = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}"#;
            let answer = Response::builder().status(400).header("content-type", "application/x-amz-json-1.0");
            Ok(answer.body(Full::new(Bytes::from_static(error.as_bytes()))).unwrap())
        }
        Some(Fate::Lost) => {
            forward().await?;
            lost()
        }
        Some(Fate::Late(after)) => {
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                forward().await.ok();
            });
            lost()
        }
        Some(Fate::Doubled) => {
            forward().await?;
            forward().await
        }
    }
}
