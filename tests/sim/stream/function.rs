//! The functions of a stream: they run, throttle, throw, hang, report a part, keep state, and answer nonsense.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay::function::{Function, FunctionSettings, Invocation};
use forebay::machine::{Fault, FaultKind, FunctionAnswer, InvokeResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use super::event::WindowTail;
use super::model::StreamModel;
use super::session::Session;
use super::work::Verdict;
use crate::answers;
use crate::plan::SideOf;

/// What an adapter adds to the function's timeout before it gives an invoke up (milliseconds).
const ATTEMPT_MARGIN: u64 = 10_000;

/// How an invoke will go, decided when it begins.
#[derive(Clone, Debug)]
enum Run {
    /// The function never runs.
    Refused(Fault),
    /// The function runs for so long; the way back may break.
    Runs { time: u64, answer: FunctionAnswer, verdict: Verdict, breaks: bool },
    /// Nothing is heard of it again; whether an environment is busy with it.
    Hangs { busy: bool },
}

impl Function for Session {
    fn invoke(&self, Invocation { body, .. }: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            self.model.world.enter().await;
            let mut call = self.begin_invoke(&body);
            drop(body);
            let run = self.decide(call.id, &call.records, call.tail.as_ref());
            let (answer, answered) = oneshot::channel();
            let (model, consumer) = (Arc::clone(&self.model), self.consumer);
            tokio::spawn(async move {
                let end = model.run(consumer, run).await;
                // No one listens when the engine has abandoned the invoke.
                answer.send(end).ok();
            });
            match answered.await {
                Ok((result, verdict)) => {
                    call.finish(self, &result, verdict);
                    result
                }
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn capacity(&self) -> Option<watch::Receiver<u32>> {
        self.model.workers[self.consumer].capacity()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        let function = &self.model.consumer(self.consumer).function;
        let settings = FunctionSettings {
            timeout: Duration::from_millis(function.timeout),
            reserved_concurrency: function.reserved,
            role: None,
            arn: None,
        };
        async move { Ok(settings) }.boxed()
    }
}

impl Session {
    /// Throws the dice for one invoke.
    fn decide(&self, id: u64, records: &[usize], tail: Option<&WindowTail>) -> Run {
        let model = &self.model;
        let plan = model.consumer(self.consumer);
        if let Some(outage) = model.outage(SideOf::Function) {
            return match outage.kind {
                FaultKind::Timeout => Run::Hangs { busy: false },
                kind => self.refuse(kind),
            };
        }
        let mut state = model.state();
        let running = state.consumers[self.consumer].running;
        if plan.function.reserved.is_some_and(|most| running >= most) || model.strikes(plan.faults.throttle) {
            return self.refuse(FaultKind::Throttled);
        }
        if model.strikes(plan.faults.break_before) {
            return self.refuse(FaultKind::Transient);
        }
        state.consumers[self.consumer].running += 1;
        if model.strikes(plan.faults.hang) {
            return Run::Hangs { busy: true };
        }
        let poisoned = records.iter().position(|&record| state.records[record].poison);
        let ids: Vec<Arc<str>> = records.iter().map(|&record| Arc::clone(&state.records[record].sequence)).collect();
        drop(state);
        let (low, high) = plan.function.duration;
        let time = model.world.between(low, high);
        let breaks = model.strikes(plan.faults.break_after);
        let threw = |time, terminal, text: &str| Run::Runs {
            time,
            answer: FunctionAnswer {
                function_error: Some("Unhandled".into()),
                is_terminal: terminal,
                ..self.returned(id, Bytes::from(format!("{{\"errorMessage\":\"{text}\"}}")))
            },
            verdict: Verdict::Nothing,
            breaks,
        };
        if model.strikes(plan.faults.function_timeout) || time >= plan.function.timeout {
            return threw(plan.function.timeout, false, "Task timed out");
        }
        let report = self.mapping.report_batch_item_failures;
        let now = model.world.now();
        let broken = plan.function.broken.is_some_and(|(from, until)| (from..until).contains(&now));
        if broken && !model.world.fair() || model.strikes(plan.faults.function_error) || (!report && poisoned.is_some())
        {
            return threw(time, model.strikes(plan.faults.terminal), "the handler raised");
        }
        // The answer to the end of a window need not hold a state.
        let malformed = tail.map_or(report, |tail| !tail.is_final) && model.strikes(plan.faults.malformed);
        let mut first = poisoned;
        if report && !ids.is_empty() && model.strikes(plan.faults.partial) {
            let at = usize::try_from(model.world.between(0, ids.len() as u64 - 1)).expect("an index");
            first = Some(first.map_or(at, |first| first.min(at)));
        }
        let (payload, verdict) = match tail {
            Some(tail) => self.answer_window(tail, &ids, first, malformed),
            None if malformed => (answers::malformed(&model.world, &ids), Verdict::Nothing),
            None if report => (answers::report(&model.world, &self.failed(&ids, first)), verdict(first)),
            None => (answers::anything(&model.world), Verdict::All),
        };
        Run::Runs { time, answer: self.returned(id, payload), verdict, breaks }
    }

    /// What a function reports that stopped at its first failure, or went on and failed at others, in any order.
    fn failed<'a>(&self, ids: &'a [Arc<str>], first: Option<usize>) -> Vec<&'a str> {
        let Some(first) = first else { return Vec::new() };
        let world = &self.model.world;
        let mut failed = vec![&*ids[first]];
        failed.extend(ids[first..].iter().filter(|_| world.chance(0.2)).map(|id| &**id));
        world.shuffle(&mut failed);
        failed
    }

    /// A window's answer carries the state on: how many records it has seen.
    fn answer_window(
        &self,
        tail: &WindowTail,
        ids: &[Arc<str>],
        first: Option<usize>,
        malformed: bool,
    ) -> (Bytes, Verdict) {
        let model = &self.model;
        if malformed {
            let forms = ["{}", "null", "", "{\"batchItemFailures\":[]}", "\"state\"", "{\"state\":"];
            let at = usize::try_from(model.world.between(0, forms.len() as u64 - 1)).expect("an index");
            return (Bytes::from_static(forms[at].as_bytes()), Verdict::Nothing);
        }
        let seen = tail.state["seen"].as_u64().unwrap_or(0) + first.unwrap_or(ids.len()) as u64;
        let big = !tail.is_final && model.strikes(model.consumer(self.consumer).faults.big_state);
        let ballast = if big { ",\"ballast\":\"".to_owned() + &"b".repeat(1_050_000) + "\"" } else { String::new() };
        let failures: Vec<String> =
            self.failed(ids, first).iter().map(|id| format!("{{\"itemIdentifier\":\"{id}\"}}")).collect();
        let list = failures.join(",");
        let payload = format!("{{\"state\":{{\"seen\":{seen}{ballast}}},\"batchItemFailures\":[{list}]}}");
        (Bytes::from(payload), verdict(first))
    }

    fn returned(&self, id: u64, payload: Bytes) -> FunctionAnswer {
        FunctionAnswer {
            status: 200,
            function_error: None,
            executed_version: Some("$LATEST".into()),
            request_id: Some(format!("{}-{id}", self.mapping.name)),
            payload,
            is_terminal: false,
        }
    }

    fn refuse(&self, kind: FaultKind) -> Run {
        let world = &self.model.world;
        let retry_after = match kind {
            FaultKind::Throttled if world.chance(0.3) => Some(Duration::from_secs(world.between(0, 3))),
            _ => None,
        };
        Run::Refused(Fault { kind, message: format!("the invoke is refused: {}", kind.as_str()), retry_after })
    }
}

/// What a report means whose lowest failure is `first`.
fn verdict(first: Option<usize>) -> Verdict {
    match first {
        None => Verdict::All,
        Some(0) => Verdict::Nothing,
        Some(at) => Verdict::From(at),
    }
}

impl StreamModel {
    /// Lets the invoke happen: what the engine will hear, and what it means.
    async fn run(&self, consumer: usize, run: Run) -> (InvokeResult, Verdict) {
        match run {
            Run::Refused(fault) => {
                self.pause(self.plan.stream.latency).await;
                (Err(fault), Verdict::Nothing)
            }
            Run::Hangs { busy } => {
                let timeout = self.consumer(consumer).function.timeout;
                self.world.sleep_until(self.world.now() + timeout + ATTEMPT_MARGIN).await;
                self.state().consumers[consumer].running -= u32::from(busy);
                (Err(Fault::new(FaultKind::Timeout, "no answer")), Verdict::Nothing)
            }
            Run::Runs { time, answer, verdict, breaks } => {
                self.world.sleep_until(self.world.now() + time).await;
                self.state().consumers[consumer].running -= 1;
                if breaks {
                    return (Err(Fault::new(FaultKind::Transient, "the connection was reset")), Verdict::Nothing);
                }
                (Ok(answer), verdict)
            }
        }
    }
}
