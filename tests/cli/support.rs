//! Starts the binary in a folder of its own, with an environment of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use assert_cmd::Command as Assert;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Nothing listens there.
pub(crate) const CLOSED: &str = "http://127.0.0.1:1";

/// Longer than anything takes that is not broken, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Only this is in the environment. Nothing of it leads out of the test's own folder, or to a port that is not its own.
const ENVIRONMENT: [(&str, &str); 9] = [
    ("FOREBAY_SOCKET", "forebay.sock"),
    ("FOREBAY_STORE", "forebay.redb"),
    ("FOREBAY_LISTEN", "127.0.0.1:0"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("NO_PROXY", "127.0.0.1"),
    ("COLUMNS", "100"),
];

/// A folder that is the working directory, the home, and where socket and store are.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mappings")).unwrap();
        Self { folder }
    }

    /// With a mapping of each name, of which nothing answers.
    pub(crate) fn of(names: &[&str]) -> Self {
        let place = Self::new();
        names.iter().for_each(|name| place.mapping(name, CLOSED, ""));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A mapping of the queue and function of that name, both at `endpoint`.
    pub(crate) fn mapping(&self, name: &str, endpoint: &str, more: &str) {
        let text = format!(
            "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:{name}\nFunctionName: process-{name}\n{more}\n\
             Poller: {{ Endpoints: {{ sqs: \"{endpoint}\", lambda: \"{endpoint}\" }} }}\n"
        );
        self.write(&format!("mappings/{name}.yaml"), &text);
    }

    /// The command, to be asserted about.
    pub(crate) fn forebay(&self, arguments: &[&str]) -> Assert {
        let mut command = Assert::from_std(self.command(arguments));
        command.timeout(PATIENCE);
        command
    }

    /// The command with its input and output as the test wants them.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.placed(Command::new(env!("CARGO_BIN_EXE_forebay")), arguments)
    }

    fn placed(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(ENVIRONMENT);
        command.env("HOME", self.folder.path()).env("TMPDIR", self.folder.path());
        command
    }

    /// What the command prints, when it succeeds.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.forebay(arguments).assert().success().get_output().stdout.clone()).unwrap()
    }

    /// What the command says, when it ends with that code.
    pub(crate) fn stderr(&self, arguments: &[&str], code: i32) -> String {
        String::from_utf8(self.forebay(arguments).assert().code(code).get_output().stderr.clone()).unwrap()
    }

    /// A command that is not waited for.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Process {
        self.spawn_with(arguments, &[])
    }

    /// A command under limits that a shell sets first, as `ulimit -n 100`.
    pub(crate) fn spawn_under(&self, limits: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limits}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_forebay")]);
        Process::start(self.placed(command, arguments))
    }

    pub(crate) fn spawn_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        Process::start(command)
    }

    /// `forebay run` on a free port, when it runs.
    pub(crate) fn run(&self, more: &[&str]) -> Daemon<'_> {
        self.run_with(more, &[])
    }

    /// The same, with more in its environment.
    pub(crate) fn run_with(&self, more: &[&str], environment: &[(&str, &str)]) -> Daemon<'_> {
        let mut arguments = vec!["run"];
        arguments.extend(more);
        self.daemon(self.spawn_with(&arguments, environment))
    }

    /// The same under limits that a shell sets first, with a store in memory.
    pub(crate) fn run_under(&self, limits: &str) -> Daemon<'_> {
        self.daemon(self.spawn_under(limits, &["run", "--listen", "127.0.0.1:0", "--store", "memory"]))
    }

    fn daemon(&self, mut process: Process) -> Daemon<'_> {
        let line = process.await_line("forebay runs");
        let told = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let address = told("address").unwrap().parse().unwrap();
        let aws_api = told("aws_api").map(|address| address.parse().unwrap());
        Daemon { place: self, process, address, aws_api }
    }
}

/// A running command; killed when the test ends before it does.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let both: [Box<dyn BufRead + Send>; 2] = [Box::new(BufReader::new(stdout)), Box::new(BufReader::new(stderr))];
        for stream in both {
            let sender = sender.clone();
            std::thread::spawn(move || stream.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// The next line, on stdout or stderr, that holds `text`.
    pub(crate) fn await_line(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
        panic!("no line with {text:?} in\n{}", self.seen.join("\n"));
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit status, and all that was said and not yet awaited.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = eventually("the process ends", || self.child.try_wait().unwrap());
        (status, self.lines.iter().collect())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended on its own.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A running daemon.
pub(crate) struct Daemon<'a> {
    place: &'a Place,
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// Where the AWS API is, if it is served.
    pub(crate) aws_api: Option<SocketAddr>,
}

impl Daemon<'_> {
    pub(crate) fn status(&self, name: &str) -> Value {
        serde_json::from_str(&self.place.stdout(&["status", name, "-o", "json"])).unwrap()
    }

    /// Waits until a mapping is as wanted.
    pub(crate) fn await_status(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually("the mapping is as wanted", || Some(self.status(name)).filter(|status| wanted(status)))
    }

    /// Waits until a mapping is known to reach nothing.
    pub(crate) fn await_degraded(&self, name: &str) -> Value {
        self.await_status(name, |status| status["Health"] == "degraded")
    }

    /// The status and the body of a request over TCP.
    pub(crate) fn request(&self, method: &str, path: &str, header: &str) -> (u16, String) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{header}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split_whitespace().nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Ends it with a signal, and expects an exit code.
    pub(crate) fn end(self, signal: Signal, code: i32) -> Vec<String> {
        self.process.signal(signal);
        let (status, lines) = self.process.wait();
        assert_eq!(status.code(), Some(code), "{}", lines.join("\n"));
        lines
    }
}

/// Asks until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
