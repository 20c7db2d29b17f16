//! The guard of a worker's process: it starts the process, and leaves nothing of it behind.
//!
//! Forebay may be killed, and what a function starts may have left its process group. So each worker has a guard: a
//! small process of the same binary, which outlives forebay by a moment. It takes in what its descendants leave behind,
//! and kills all of them when the worker ends, or when the pipe to forebay closes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use futures_util::future::select_all;
use rustix::process::{Pid, Signal, WaitOptions, getppid, kill_process, kill_process_group, wait};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::SignalKind;

use super::exit::{Exit, Outcome};

/// The pause between two looks at what is left of a worker, and how many there are at most.
const LOOK: Duration = Duration::from_millis(10);
const LOOKS: u32 = 500;

#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Starts a worker and watches it.
    Watch {
        #[arg(long)]
        kill_after_ms: u64,
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Becomes the worker.
    Become {
        /// The process that watches.
        #[arg(long)]
        guard: i32,
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

impl GuardArgs {
    pub(super) fn execute(self) -> Outcome {
        match self.step {
            Step::Watch { kill_after_ms, command } => watch(Duration::from_millis(kill_after_ms), &command),
            Step::Become { guard, command } => become_worker(guard, &command),
        }
    }
}

/// The worker has ended: no more signals to its group, whose number may be another's soon.
static ENDED: AtomicBool = AtomicBool::new(false);

fn watch(kill_after: Duration, command: &[String]) -> Outcome {
    adopt();
    let asked = Asked::listen()?;
    let own = std::process::id();
    let said = std::io::stderr().as_fd().try_clone_to_owned().context("no output")?;
    let mut worker = Command::new(own_program()?);
    worker.args(["guard", "become", "--guard", &own.to_string(), "--"]).args(command);
    worker.process_group(0).stdin(Stdio::null()).stdout(Stdio::from(said));
    let worker = worker.spawn().context("the worker could not be started")?;
    let pid = i32::try_from(worker.id()).ok().and_then(Pid::from_raw).context("no process")?;
    std::thread::spawn(move || {
        asked.wait();
        signal(pid, Signal::TERM);
        std::thread::sleep(kill_after);
        signal(pid, Signal::KILL);
    });
    let status = ended(pid);
    ENDED.store(true, Ordering::SeqCst);
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal: {}", name(signal.unwrap_or_default())),
    };
    // Forebay may be gone.
    writeln!(std::io::stdout(), "{how}").ok();
    kill_all(pid);
    Ok(Exit::Done)
}

/// What asks for the end of a worker: the end of the pipe from forebay, or a signal. A signal that stops a whole unit
/// of systemd comes to the guard, too, and must not end it before its worker.
struct Asked {
    runtime: Runtime,
    signals: Vec<tokio::signal::unix::Signal>,
}

impl Asked {
    fn listen() -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().context("no runtime")?;
        let signals = {
            let _entered = runtime.enter();
            let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit()];
            kinds.map(tokio::signal::unix::signal).into_iter().collect::<std::io::Result<_>>()?
        };
        Ok(Self { runtime, signals })
    }

    fn wait(self) {
        let Self { runtime, mut signals } = self;
        let (closed, pipe) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            // Nothing is ever written to it.
            std::io::stdin().read_to_end(&mut Vec::new()).ok();
            closed.send(()).ok();
        });
        runtime.block_on(async {
            let any = select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv())));
            tokio::select! { _ = any => {}, _ = pipe => {} }
        });
    }
}

fn signal(group: Pid, signal: Signal) {
    if !ENDED.load(Ordering::SeqCst) {
        kill_process_group(group, signal).ok();
    }
}

/// Waits for the worker, and takes in all others that end before it.
fn ended(worker: Pid) -> ExitStatus {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == worker => return ExitStatus::from_raw(status.as_raw()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return ExitStatus::from_raw(0),
        }
    }
}

/// Kills what the worker has left behind, in its group or out of it.
fn kill_all(worker: Pid) {
    // The group still exists while a member of it does, and then nobody else has its number.
    kill_process_group(worker, Signal::KILL).ok();
    for _ in 0..LOOKS {
        for pid in descendants() {
            kill_process(pid, Signal::KILL).ok();
        }
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// All processes below this one, as far as the system shows them.
fn descendants() -> Vec<Pid> {
    let mut found = Vec::new();
    let mut next = vec![std::process::id().to_string()];
    while let Some(parent) = next.pop() {
        let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace() {
                found.extend(child.parse().ok().and_then(Pid::from_raw));
                next.push(child.to_owned());
            }
        }
    }
    found
}

/// Takes in the descendants that lose their parent, and shows under a name of its own in lists of processes.
#[cfg(target_os = "linux")]
fn adopt() {
    rustix::process::set_child_subreaper(Pid::from_raw(1)).ok();
}

#[cfg(not(target_os = "linux"))]
fn adopt() {}

/// The program of this process, also where a newer one has taken its place.
pub(super) fn own_program() -> anyhow::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { Ok(std::env::current_exe()?) }
}

/// Runs the worker's program in place of this one. Where the guard is killed, the system kills it.
fn become_worker(guard: i32, command: &[String]) -> Outcome {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).context("no signal")?;
    if getppid() != Pid::from_raw(guard) {
        return Ok(Exit::Done);
    }
    // Whoever started forebay may have left it files of its own: they are not for functions.
    close_fds::set_fds_cloexec(3, &[]);
    let [program, arguments @ ..] = command else { return Ok(Exit::Done) };
    let error = Command::new(program).args(arguments).exec();
    writeln!(std::io::stderr(), "forebay: {program} cannot be run: {error}").ok();
    Ok(Exit::NotRun)
}

/// As Go names signals, and so Lambda.
fn name(signal: i32) -> String {
    match signal {
        1 => "hangup".into(),
        2 => "interrupt".into(),
        6 => "aborted".into(),
        8 => "floating point exception".into(),
        9 => "killed".into(),
        11 => "segmentation fault".into(),
        15 => "terminated".into(),
        other => format!("signal {other}"),
    }
}
