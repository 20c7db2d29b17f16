//! Starts the emulator that the tests share.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::harness::Account;
use crate::harness::process::SOON;

/// Runs the emulator until its standard input ends, which it does when the test process is gone for whatever
/// reason; then ends it with every function that it started, and removes its files.
const LAUNCHER: &str = r#"
import os, shutil, signal, subprocess, sys
emulator = subprocess.Popen([sys.executable, "-m", "ministack"], stdin=subprocess.DEVNULL, start_new_session=True)
try:
    sys.stdin.buffer.read()
finally:
    try:
        os.killpg(emulator.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    emulator.wait()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
"#;

/// A running emulator of AWS on a port of its own.
pub(crate) struct Emulator {
    port: u16,
    launcher: Child,
}

impl Emulator {
    /// The emulator that the tests of this binary share. It ends with the process.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Emulator> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts an emulator and waits until it answers. It ends when it is dropped.
    pub(crate) fn start() -> Self {
        let venv = std::env::var_os("FOREBAY_TEST_VENV")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv"), PathBuf::from);
        let python = venv.join("bin/python");
        assert!(
            python.exists() && venv.join("bin/ministack").exists(),
            "the emulator is not installed in {}: `make test` prepares it (or set FOREBAY_TEST_VENV)",
            venv.display()
        );
        // The port is free when we look; if somebody takes it first, the emulator says so and ends, and we look again.
        for _ in 0..5 {
            let port = free_port();
            if let Some(emulator) = Self::on(port, &python) {
                return emulator;
            }
        }
        panic!("the emulator did not start on any of five free ports");
    }

    fn on(port: u16, python: &std::path::Path) -> Option<Self> {
        let scratch = tempfile::tempdir().unwrap().keep();
        let launcher = Command::new(python)
            .args(["-c", LAUNCHER])
            // Nothing of the user's: no profile, endpoint, proxy or folder.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &scratch)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("LOG_LEVEL", "ERROR")
            .env("TMPDIR", &scratch)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut emulator = Self { port, launcher };
        let patience = Instant::now() + SOON;
        while Instant::now() < patience {
            if emulator.is_healthy() {
                return Some(emulator);
            }
            if emulator.launcher.try_wait().unwrap().is_some() {
                return None;
            }
            // There is nothing to wait on: a port does not announce itself.
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }

    fn is_healthy(&self) -> bool {
        use std::io::Write as _;
        let Ok(mut stream) = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = String::new();
        stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }

    /// Where its services answer.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An account that no other test of this process uses.
    pub(crate) async fn account(&self) -> Account {
        static NEXT: AtomicU64 = AtomicU64::new(100_000_000_001);
        let id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        Account::new(id, self.endpoint()).await
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.launcher.stdin.take());
        self.launcher.wait().unwrap();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) async fn get(endpoint: &str, path: &str) -> Bytes {
    let (status, body) = ask(endpoint, path).await;
    assert!(status.is_success(), "{path}: {status}");
    body
}

/// The answer to a plain GET.
pub(crate) async fn ask(endpoint: &str, path: &str) -> (StatusCode, Bytes) {
    let address = endpoint.strip_prefix("http://").unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = Request::get(path).header("host", address).body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    driver.abort();
    (status, body)
}
