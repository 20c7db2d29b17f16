//! A Lambda function in memory: it runs, throttles, throws, hangs and answers nonsense.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay::function::{Function, FunctionSettings, Invocation};
use forebay::machine::{Fault, FaultKind, FunctionAnswer, InvokeResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use crate::answers;
use crate::plan::SideOf;
use crate::queue::session::Session;
use crate::queue::subject::Subject;

/// What an adapter adds to the function's timeout before it gives an invoke up (milliseconds).
const ATTEMPT_MARGIN: u64 = 10_000;

/// How an invoke will go, decided when it begins.
#[derive(Clone, Debug)]
enum Run {
    /// The function never runs.
    Refused(Fault),
    /// The function runs for so long; the way back may break.
    Runs { time: u64, end: End, breaks: bool },
    /// Nothing is heard of it again; whether an environment is busy with it.
    Hangs { busy: bool },
}

/// What a run comes to.
#[derive(Clone, Debug)]
enum End {
    /// It returned this; the deliveries at these places of the batch failed.
    Returned { payload: Bytes, failed: Vec<usize>, malformed: bool },
    /// It threw, or ran into its timeout. `terminal`: it says that it always will.
    Threw { message: &'static str, terminal: bool },
}

impl Function for Session {
    fn invoke(&self, Invocation { body, .. }: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            self.subject.world.enter().await;
            let mut call = self.begin_invoke(&body);
            drop(body);
            let run = self.subject.decide(self, &call.leases);
            let (answer, answered) = oneshot::channel();
            let (subject, leases) = (Arc::clone(&self.subject), call.leases.clone());
            tokio::spawn(async move {
                let end = subject.run(run, &leases).await;
                // No one listens when the engine has abandoned the invoke.
                answer.send(end).ok();
            });
            match answered.await {
                Ok((result, failed, malformed)) => {
                    call.finish(self, &result, &failed, malformed);
                    result
                }
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn capacity(&self) -> Option<watch::Receiver<u32>> {
        self.subject.workers.capacity()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        async move {
            self.subject.world.enter().await;
            self.subject.pause().await;
            if let Some(outage) = self.subject.outage(SideOf::Function) {
                return Err(Fault::new(outage.kind, "the function is out of reach"));
            }
            if !self.subject.plan.function.describable {
                return Err(Fault::new(FaultKind::Denied, "GetFunctionConfiguration is not allowed"));
            }
            Ok(FunctionSettings {
                timeout: Duration::from_millis(self.subject.plan.function.timeout),
                reserved_concurrency: self.subject.plan.function.reserved,
                role: None,
                arn: None,
            })
        }
        .boxed()
    }
}

type Ended = (InvokeResult, Vec<usize>, bool);

impl Subject {
    /// Throws the dice for one invoke.
    fn decide(&self, session: &Session, leases: &[usize]) -> Run {
        let (plan, faults) = (&self.plan.function, &self.plan.faults);
        if let Some(outage) = self.outage(SideOf::Function) {
            return if outage.kind == FaultKind::Timeout {
                Run::Hangs { busy: false }
            } else {
                self.refuse(outage.kind)
            };
        }
        let mut state = self.state();
        if plan.reserved.is_some_and(|reserved| state.running >= reserved) || self.strikes(faults.throttle) {
            return self.refuse(FaultKind::Throttled);
        }
        if self.strikes(faults.break_before) {
            return self.refuse(FaultKind::Transient);
        }
        if self.strikes(faults.too_large) {
            return self.refuse(FaultKind::TooLarge);
        }
        state.running += 1;
        if self.strikes(faults.hang) {
            return Run::Hangs { busy: true };
        }
        let poisoned: Vec<usize> =
            (0..leases.len()).filter(|&at| state.messages[state.leases[leases[at]].message].poison).collect();
        drop(state);
        let (low, high) = plan.duration;
        let mut time = self.world.between(low, high);
        let report = session.mapping.report_batch_item_failures;
        let now = self.world.now();
        let broken = !self.world.fair() && plan.broken.is_some_and(|(from, until)| (from..until).contains(&now));
        let poisoned = if broken { (0..leases.len()).collect() } else { poisoned };
        let end = if self.strikes(faults.function_timeout) || time >= plan.timeout {
            time = plan.timeout;
            End::Threw { message: "Task timed out", terminal: false }
        } else if self.strikes(faults.function_error) || (!report && !poisoned.is_empty()) {
            End::Threw { message: "the handler raised", terminal: self.strikes(faults.terminal) }
        } else if report && self.strikes(faults.malformed) {
            let ids = self.ids(leases);
            let payload = answers::malformed(&self.world, &ids);
            End::Returned { payload, failed: (0..leases.len()).collect(), malformed: true }
        } else if report {
            let ids = self.ids(leases);
            let unlucky = |at: &usize| poisoned.contains(at) || self.strikes(faults.partial);
            let unlucky: BTreeSet<&str> = (0..leases.len()).filter(unlucky).map(|at| &*ids[at]).collect();
            // An id stands for every delivery of its message.
            let failed: Vec<usize> = (0..leases.len()).filter(|&at| unlucky.contains(&*ids[at])).collect();
            let failed = self.left_undone(leases, failed);
            let payload = answers::report(&self.world, &failed.iter().map(|&at| &*ids[at]).collect::<Vec<_>>());
            End::Returned { payload, failed, malformed: false }
        } else {
            End::Returned { payload: answers::anything(&self.world), failed: Vec::new(), malformed: false }
        };
        Run::Runs { time, end, breaks: self.strikes(faults.break_after) }
    }

    fn refuse(&self, kind: FaultKind) -> Run {
        let retry_after = match kind {
            FaultKind::Throttled if self.world.chance(0.3) => Some(Duration::from_secs(self.world.between(0, 5))),
            _ => None,
        };
        Run::Refused(Fault { kind, message: format!("the invoke is refused: {}", kind.as_str()), retry_after })
    }

    fn ids(&self, leases: &[usize]) -> Vec<Arc<str>> {
        let state = self.state();
        leases.iter().map(|&index| Arc::clone(&state.messages[state.leases[index].message].id)).collect()
    }

    /// Lets the invoke happen: what the engine will hear, which deliveries failed, and whether the form was wrong.
    async fn run(&self, run: Run, leases: &[usize]) -> Ended {
        let everything = (0..leases.len()).collect();
        match run {
            Run::Refused(fault) => {
                self.pause().await;
                (Err(fault), everything, false)
            }
            Run::Hangs { busy } => {
                let timeout = self.plan.function.timeout;
                self.world.sleep_until(self.world.now() + timeout + ATTEMPT_MARGIN).await;
                let mut state = self.state();
                state.running -= u32::from(busy);
                drop(state);
                (Err(Fault::new(FaultKind::Timeout, "no answer")), everything, false)
            }
            Run::Runs { time, end, breaks } => {
                self.world.sleep_until(self.world.now() + time).await;
                let mut state = self.state();
                state.running -= 1;
                if let End::Returned { failed, .. } = &end {
                    for (at, &index) in leases.iter().enumerate() {
                        if !failed.contains(&at) {
                            let n = state.leases[index].message;
                            state.messages[n].processed = true;
                        }
                    }
                }
                drop(state);
                if breaks {
                    return (Err(Fault::new(FaultKind::Transient, "the connection was reset")), everything, false);
                }
                answer_of(end, everything)
            }
        }
    }
}

fn answer_of(end: End, everything: Vec<usize>) -> Ended {
    match end {
        End::Returned { payload, failed, malformed } => (
            Ok(FunctionAnswer {
                status: 200,
                function_error: None,
                executed_version: Some("$LATEST".into()),
                request_id: None,
                payload,
                is_terminal: false,
            }),
            failed,
            malformed,
        ),
        End::Threw { message, terminal } => (
            Ok(FunctionAnswer {
                status: 200,
                function_error: Some("Unhandled".into()),
                executed_version: Some("$LATEST".into()),
                request_id: None,
                payload: Bytes::from(format!("{{\"errorMessage\":\"{message}\"}}")),
                is_terminal: terminal,
            }),
            everything,
            false,
        ),
    }
}
