//! Runs the program itself as a child process, and looks at it from outside only.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::harness::{Account, Queue, ask};

/// How long anything may take that should happen at once, on a machine that is busy with other things. Nothing is
/// asserted of it: who waits for what never comes only ends sooner.
pub(crate) const SOON: Duration = Duration::from_secs(180);

/// A bound of a drain that no test waits for: what ends within [`SOON`] ended by itself.
pub(crate) const NEVER: &str = "300s";

/// Where one forebay lives: its mapping files, store, socket and logs, in a folder that goes with the test.
pub(crate) struct Site {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
    store: Option<String>,
    runs: AtomicU32,
}

/// What a command of the program answered.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Site {
    /// A place for a forebay that works in this account.
    pub(crate) fn new(account: &Account) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mappings")).unwrap();
        let mut environment = account.environment();
        // A process ends when its receives have ended, and tests end processes all the time.
        environment.push(("FOREBAY_RECEIVE_WAIT", "1s".to_owned()));
        Self { folder, environment, store: None, runs: AtomicU32::new(0) }
    }

    /// From now on the program runs without these variables.
    pub(crate) fn forget_variables(&mut self, names: &[&str]) {
        self.environment.retain(|(name, _)| !names.contains(name));
    }

    /// From now on the program runs with this variable.
    pub(crate) fn set_variable(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// From now on the program runs with this store, and not with a file here.
    pub(crate) fn set_store(&mut self, store: &str) {
        self.store = Some(store.to_owned());
    }

    /// The path of a file here.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder of mappings, whole at once.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let fresh = self.path("fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, self.path("mappings").join(name)).unwrap();
    }

    /// Writes the file `NAME.yaml` with one mapping; `more` are its other lines.
    pub(crate) fn map(&self, name: &str, queue: &Queue, function: &str, more: &str) {
        self.map_arn(name, &queue.arn, function, more);
    }

    /// The same for any source.
    pub(crate) fn map_arn(&self, name: &str, arn: &str, function: &str, more: &str) {
        let text = format!("Name: {name}\nEventSourceArn: {arn}\nFunctionName: {function}\n{more}\n");
        self.write(&format!("{name}.yaml"), &text);
    }

    /// Starts `forebay run` and waits until it says that it runs.
    pub(crate) async fn run(&self) -> Daemon {
        self.run_with(&[]).await
    }

    /// The same with more flags.
    pub(crate) async fn run_with(&self, flags: &[&str]) -> Daemon {
        let log = self.path(&format!("log-{}", self.runs.fetch_add(1, Ordering::Relaxed)));
        let mut command = self.command();
        command.arg("run").arg("--store");
        command.arg(self.store.as_ref().map_or_else(|| self.path("store.redb"), PathBuf::from));
        let mappings = self.path("mappings");
        if fs::read_dir(&mappings).unwrap().next().is_some() {
            command.arg("-f").arg(mappings);
        } else {
            // An empty folder would be a mistake; where there is none, a forebay with the API runs without files.
            command.current_dir(mappings);
        }
        command.args(["--listen", "127.0.0.1:0", "--log-format", "json"]).args(flags);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let mut daemon = Daemon { child: command.spawn().unwrap(), log, endpoint: String::new() };
        daemon.endpoint = eventually(SOON, "forebay says that it runs", async || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("forebay ended with {status}");
            }
            let said = daemon.said("forebay runs").into_iter().next()?;
            Some(format!("http://{}", said["address"].as_str().unwrap()))
        })
        .await;
        daemon
    }

    /// Runs a command that ends by itself.
    pub(crate) async fn call(&self, arguments: &[&str]) -> Called {
        let mut command = self.command();
        let output = tokio::time::timeout(SOON, command.args(arguments).output());
        let output = output.await.expect("a command that ends").unwrap();
        Called {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that must succeed, and takes what it printed as JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let called = self.call(&[arguments, &["-o", "json"]].concat()).await;
        assert_eq!(called.code, Some(0), "{arguments:?}: {called:?}");
        serde_json::from_str(&called.stdout).unwrap()
    }

    /// `forebay status NAME -o json`.
    pub(crate) async fn status(&self, name: &str) -> Value {
        self.json(&["status", name]).await
    }

    /// Waits until a mapping's health is `ok` and it polls, or until it is degraded for a reason that contains `why`.
    pub(crate) async fn health(&self, name: &str, health: &str, why: &str) -> Value {
        eventually(SOON, &format!("{name} is {health}: {why}"), async || {
            let status = self.status(name).await;
            let reason = status["HealthReason"].as_str().unwrap_or_default();
            (status["Health"] == health && status["State"] == "Enabled" && reason.contains(why)).then_some(status)
        })
        .await
    }

    /// The program with nothing of this process's environment but where programs are.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).env("TMPDIR", self.folder.path());
        command.env("FOREBAY_SOCKET", self.path("socket")).envs(self.environment.iter().cloned());
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command
    }
}

/// A running `forebay run`; killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
    endpoint: String,
}

impl Daemon {
    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("a process that has not ended");
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
    }

    /// Waits for the end; says how, and how long that took.
    pub(crate) async fn ended(&mut self, within: Duration) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let status = tokio::time::timeout(within, self.child.wait()).await;
        (status.unwrap_or_else(|_| panic!("still running after {within:?}")).unwrap(), asked.elapsed())
    }

    /// SIGTERM, and a clean end.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let (status, _) = self.ended(SOON).await;
        assert_eq!(status.code(), Some(0));
    }

    /// SIGKILL, and the end.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// The log lines so far whose message is this.
    pub(crate) fn said(&self, message: &str) -> Vec<Value> {
        log_lines(&self.log).into_iter().filter(|line| line["message"] == message).collect()
    }

    /// All log lines so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        log_lines(&self.log)
    }

    /// Where it listens: host and port.
    pub(crate) fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// What a probe answers.
    pub(crate) async fn probe(&self, path: &str) -> (u16, String) {
        let (status, body) = ask(&self.endpoint, path).await;
        (status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    }

    /// The sum of a mapping's samples of a metric.
    pub(crate) async fn metric(&self, name: &str, mapping: &str) -> f64 {
        self.samples(name, mapping).await.iter().map(|(_, value)| value).sum()
    }

    /// A mapping's samples of a metric: their labels and values.
    async fn samples(&self, name: &str, mapping: &str) -> Vec<(String, f64)> {
        let (_, text) = self.probe("/metrics").await;
        let mapping = format!("mapping=\"{mapping}\"");
        let samples = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "));
        let samples = samples.filter(|(labels, _)| labels.contains(&mapping));
        samples.map(|(labels, value)| (labels.to_owned(), value.parse().unwrap())).collect()
    }

    /// How many invokes of a mapping failed on their way. On a busy machine that may happen: a call then gets no answer
    /// in time, and is made again.
    pub(crate) async fn faults(&self, mapping: &str) -> f64 {
        let answered = ["success", "partial", "function_error", "throttled"].map(|end| format!("result=\"{end}\""));
        let samples = self.samples("forebay_invokes_total", mapping).await;
        let fault = |(labels, _): &&(String, f64)| !answered.iter().any(|end| labels.contains(end));
        samples.iter().filter(fault).map(|(_, value)| value).sum()
    }

    /// Fails unless the function failed so many events. Those of an invoke that failed on its way count as failed too,
    /// and are at most `batch`.
    pub(crate) async fn function_failed(&self, mapping: &str, events: usize, batch: usize) {
        let failed = self.metric("forebay_events_failed_total", mapping).await;
        let most = events as f64 + self.faults(mapping).await * batch as f64;
        assert!(
            (events as f64..=most).contains(&failed),
            "{failed} events of {mapping} failed, not {events} to {most}"
        );
    }

    /// Waits until a metric has this value: the queue knows of a deletion a little earlier than who asked for it.
    pub(crate) async fn reaches(&self, name: &str, mapping: &str, value: f64) {
        let reached = async || (self.metric(name, mapping).await == value).then_some(());
        eventually(SOON, &format!("{name} of {mapping} is {value}"), reached).await;
    }
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "a failed test is told what the program said")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the last that forebay said:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// The lines of a log that are whole.
fn log_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not a JSON line: {line}"));
    whole.lines().map(line).collect()
}

/// Looks again and again until there is something to see; fails when that takes too long.
pub(crate) async fn eventually<T>(within: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}
