//! Workers that forebay starts itself: processes, each behind a guard, that are watched and started again.

mod environment;
mod guard;
mod life;
mod output;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::life::{End, Life};
pub(super) use self::output::Outputs;
use super::parts::Kept;
use super::shared::Shared;
use crate::mapping::CommandSpec;

/// A worker that was up for so long has started well: the next pause is the first one again.
const WELL: Duration = Duration::from_secs(60);

/// All processes of a function; dropped, they are asked to end.
pub(super) struct Workers {
    pub(super) spec: Arc<CommandSpec>,
    /// They end when they have answered what they have.
    retired: CancellationToken,
    tasks: JoinSet<()>,
}

/// What the processes of a function are started with.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) spec: Arc<CommandSpec>,
    pub(super) region: Arc<str>,
    /// The program that guards them: forebay itself.
    pub(super) guard: Option<PathBuf>,
}

impl Workers {
    pub(super) fn start(shared: &Arc<Shared>, start: &Start) -> Self {
        let retired = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let spec = Arc::clone(&start.spec);
        match &start.guard {
            Some(guard) => {
                for number in 1..=spec.workers {
                    tasks.spawn(keep(Arc::clone(shared), start.clone(), guard.clone(), number, retired.clone()));
                }
            }
            None => shared.set_trouble(Some("this program cannot start workers: it is not forebay".into())),
        }
        Self { spec, retired, tasks }
    }

    /// Lets them end when they have answered what they have.
    pub(super) async fn retire(mut self) {
        self.retired.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn started(kept: &Kept, life: Life) -> Life {
    kept.runs_at(life.port());
    life
}

/// Keeps one worker running.
async fn keep(shared: Arc<Shared>, start: Start, guard: PathBuf, number: u32, retired: CancellationToken) {
    let kept = Kept::new(&shared, number);
    let mut failures = 0;
    while !retired.is_cancelled() {
        let began = Instant::now();
        let function = &*shared.function;
        match Life::begin(&shared, &start, &guard, number).await {
            Ok(life) => match started(&kept, life).last(&retired).await {
                End::Retired => return,
                // It was at work: what comes next is not to wait.
                End::AtWork(how) => {
                    tracing::warn!(function, worker = number, how, "a worker has ended, and is started again");
                    kept.is_down(&how);
                    failures = 0;
                    continue;
                }
                End::Idle(how) => {
                    tracing::warn!(function, worker = number, how, "a worker has ended without an event");
                    kept.is_down(&how);
                }
                End::Unstarted(how) => {
                    tracing::error!(function, worker = number, "a worker has not started: {how}");
                    kept.is_down(&how);
                    shared.set_trouble(Some(format!("worker {number} has not started: {how}")));
                }
            },
            Err(error) => {
                tracing::error!(function, worker = number, %error, "a worker cannot be started");
                kept.is_down(&error.to_string());
                shared.set_trouble(Some(format!("worker {number} cannot be started: {error}")));
            }
        }
        failures = if began.elapsed() >= WELL { 1 } else { failures + 1 };
        let pause = start.spec.restart.pause(failures, &mut fastrand::Rng::new());
        retired.run_until_cancelled(sleep(pause)).await;
    }
}
