//! One life of a worker's process.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Start;
use super::environment::environment;
use super::guard::Guard;
use super::output::Output;
use crate::function::runtime_api::connections::Connections;
use crate::function::runtime_api::shared::Shared;
use crate::function::runtime_api::slots::PortView;

/// What a process has sent before its end is read within this time.
const LAST_BYTES: Duration = Duration::from_secs(1);
/// What a guard may take beyond the time of its worker, when the worker is to end.
const GUARD: Duration = Duration::from_secs(5);
/// So often a worker may be seen to ask for nothing within the time that a start may take.
const LOOKS: u32 = 4;
/// What a guard may take to clean up.
const CLEANED: Duration = Duration::from_secs(10);

/// How a process ended.
pub(super) enum End {
    /// It was to end.
    Retired,
    /// It had events.
    AtWork(String),
    /// It asked for events and got none.
    Idle(String),
    /// It asked for none.
    Unstarted(String),
}

/// A worker's process, with a port of its own: so it is known what it has.
pub(super) struct Life {
    shared: Arc<Shared>,
    connections: Connections,
    port: u64,
    view: watch::Receiver<PortView>,
    guard: Guard,
    /// The worker is asked to end where this is closed.
    holds: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
    output: Output,
    reader: JoinSet<()>,
    init_timeout: Duration,
    kill_after: Duration,
    kill_after_ms: u64,
}

impl Life {
    pub(super) async fn begin(shared: &Arc<Shared>, start: &Start, guard: &Path, number: u32) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let spec = &start.spec;
        let kill_after_ms = u64::try_from(spec.kill_after.as_millis()).unwrap_or(u64::MAX);
        let mut command = Command::new(guard);
        command.args(["guard", "watch", "--kill-after-ms", &kill_after_ms.to_string(), "--"]);
        command.args(&spec.command).env_clear();
        command.envs(environment(start, &shared.function, address, (shared.wall)(), &|name| std::env::var_os(name)));
        if let Some(folder) = &spec.working_directory {
            if !folder.is_dir() {
                return Err(io::Error::other(format!("{} is not a folder", folder.display())));
            }
            command.current_dir(folder);
        }
        // A group of its own: an interrupt at a terminal is for forebay, which ends its workers when it has drained.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut guard = command.spawn()?;
        let missing = || io::Error::other("no pipe to the worker");
        let holds = Some(guard.stdin.take().ok_or_else(missing)?);
        let said = BufReader::new(guard.stdout.take().ok_or_else(missing)?).lines();
        let written = guard.stderr.take().ok_or_else(missing)?;
        let port = shared.next_port();
        let view = shared.slots.open_port(port);
        let output = Output::new(Arc::clone(shared), port, number);
        let mut reader = JoinSet::new();
        reader.spawn(output.clone().read(written));
        Ok(Self {
            connections: Connections::new(Arc::clone(shared), listener, port),
            shared: Arc::clone(shared),
            port,
            view,
            guard: Guard::new(guard),
            holds,
            said,
            output,
            reader,
            init_timeout: spec.init_timeout,
            kill_after: spec.kill_after,
            kill_after_ms,
        })
    }

    pub(super) const fn port(&self) -> u64 {
        self.port
    }

    /// Serves the worker until its end, and ends it when it is retired, does not start, or has not answered in time.
    pub(super) async fn last(mut self, retired: &CancellationToken) -> End {
        let mut late = false;
        let mut has_asked = false;
        let mut absent = 0;
        // When the worker was asked to end; then, whether its guard was killed.
        let mut asked: Option<Instant> = None;
        let mut killed = false;
        let how = {
            let mut started = self.view.clone();
            let mut condemned = self.view.clone();
            let mut starts = Box::pin(timeout(self.init_timeout, started.wait_for(|view| view.has_asked)));
            let mut to_end = Box::pin(condemned.wait_for(|view| view.ends && view.at_work == 0));
            let mut retires = Box::pin(retired.cancelled());
            let every = self.init_timeout / LOOKS;
            let mut looks = interval_at(Instant::now() + every, every);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                if self.holds.is_none() && asked.is_none() {
                    asked = Some(Instant::now());
                    self.guard.wake();
                }
                let overdue = asked.unwrap_or_else(Instant::now) + self.kill_after + GUARD;
                tokio::select! {
                    line = self.said.next_line() => break line.ok().flatten(),
                    () = self.connections.serve() => {}
                    begun = &mut starts, if !has_asked && !late => match begun {
                        Ok(_) => {
                            has_asked = true;
                            self.shared.set_trouble(None);
                        }
                        Err(_) => {
                            late = true;
                            self.holds = None;
                        }
                    },
                    // Whether it is to end for a timeout or for good, what else it has it may answer.
                    _ = &mut to_end, if self.holds.is_some() => {
                        let deadline = (self.shared.wall)().saturating_add(self.kill_after_ms);
                        self.shared.extensions.shutdown(self.port, deadline);
                        self.holds = None;
                    }
                    () = sleep_until(overdue), if asked.is_some() && !killed => {
                        let function = &*self.shared.function;
                        tracing::warn!(function, "the guard of a worker does not end it, and is killed with it");
                        killed = true;
                        self.guard.kill().ok();
                    }
                    _ = looks.tick(), if has_asked && asked.is_none() => {
                        absent = if self.shared.slots.is_absent(self.port) { absent + 1 } else { 0 };
                        if absent > LOOKS && !self.view.borrow().ends {
                            let function = &*self.shared.function;
                            tracing::warn!(function, "a worker has no event and asks for none: it is ended");
                            self.shared.slots.let_end(self.port);
                        }
                    }
                    () = &mut retires, if self.holds.is_some() && !self.view.borrow().ends => {
                        self.shared.slots.let_end(self.port);
                    }
                }
            }
        };
        // The guard is gone without a word: then the system has killed the worker.
        let how = how.unwrap_or_else(|| "signal: killed".into());
        let Self { shared, connections, port, view, mut guard, holds, output, mut reader, .. } = self;
        connections.read_out(LAST_BYTES).await;
        drop(view);
        let view = shared.slots.close_port(port, &how);
        drop(holds);
        guard.ended(CLEANED).await;
        timeout(LAST_BYTES, reader.join_next()).await.ok();
        shared.outputs.forget(port);
        if retired.is_cancelled() {
            return End::Retired;
        }
        if view.served > 0 {
            return End::AtWork(how);
        }
        if has_asked || view.has_asked {
            return End::Idle(how);
        }
        let what = if late { "it did not ask for an event in time".to_owned() } else { how };
        End::Unstarted(match output.last_words() {
            words if words.is_empty() => what,
            words => format!("{what}: {words}"),
        })
    }
}
