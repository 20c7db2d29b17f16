//! Drives one machine: carries out its outputs as tasks and feeds the results back as inputs.
//!
//! This is the only asynchronous code on the hot path, and it decides nothing.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::live::Live;
use super::ports::{CurrentWorld, World};
use crate::clock::ServiceClock;
use crate::machine::{Command, Deadline, Input, InvokeRequest, Machine, Now, Operation, Output, QueueOptions};

/// Within this time of a panic, another one hands nothing over.
const SECOND_PANIC: Duration = Duration::from_secs(60);

/// What a driver hears from outside.
pub(crate) enum Signal {
    Command(Command),
    /// Everything that begins from now on begins in this world, with these settings.
    Change {
        number: u64,
        world: Arc<World>,
        options: Box<QueueOptions>,
    },
}

/// A machine, its outside world, and the calls that are open.
pub(crate) struct Driver<M> {
    machine: M,
    world: CurrentWorld,
    live: Arc<Live>,
    clock: Clock,
    /// The clock of the source.
    source: Option<Arc<ServiceClock>>,
    calls: JoinSet<Input>,
    open: HashMap<Id, Operation>,
    /// The open calls that a machine can give up: polls and reads.
    polls: BTreeMap<Operation, AbortHandle>,
    /// When a machine of this mapping panicked last.
    panicked: Option<Instant>,
}

impl<M: Machine> Driver<M> {
    pub(crate) fn new(machine: M, world: Arc<World>, live: Arc<Live>, clock: Clock) -> Self {
        Self {
            machine,
            source: world.clock(),
            world: CurrentWorld::new(world),
            live,
            clock,
            calls: JoinSet::new(),
            open: HashMap::new(),
            polls: BTreeMap::new(),
            panicked: None,
        }
    }

    /// A machine of this mapping has panicked then.
    pub(crate) fn after_panic(self, panicked: Option<Instant>) -> Self {
        Self { panicked, ..self }
    }

    /// Runs until the machine is drained. Dropping the future gives every open call up. Panics where the machine does,
    /// and nothing can be handed over.
    pub(crate) async fn run(mut self, signals: &mut mpsc::Receiver<Signal>) {
        let mut input = Input::Timeout;
        let mut wake = pin!(sleep_until(Instant::now()));
        loop {
            let now = self.clock.now(self.source.as_deref());
            // What was ordered is not lost with a machine that panics over it.
            let order = match &input {
                Input::Command(command) => Some(command.clone()),
                _ => None,
            };
            let deadline = match catch_unwind(AssertUnwindSafe(|| self.step(input, now))) {
                Ok(Some(deadline)) => deadline,
                Ok(None) => return,
                Err(panic) => {
                    self.hand_over(panic);
                    input = order.map_or(Input::Timeout, Input::Command);
                    continue;
                }
            };
            if let Some(Deadline { at, .. }) = deadline {
                let at = self.clock.instant(at);
                if wake.deadline() != at {
                    wake.as_mut().reset(at);
                }
            }
            input = tokio::select! {
                biased;
                Some(signal) = signals.recv() => Input::Command(self.heard(signal)),
                Some(ended) = self.calls.join_next_with_id() => self.ended(ended),
                () = &mut wake, if deadline.is_some() => Input::Timeout,
                // Nothing is open, nobody can command, nothing is due: only the end is left.
                else => Input::Command(Command::Drain { bound: Duration::ZERO, receives: Duration::ZERO }),
            };
        }
    }

    fn step(&mut self, input: Input, now: Now) -> Option<Option<Deadline>> {
        self.machine.handle(input, now);
        self.carry_out(now)
    }

    /// Has another machine go on with the calls that are open and what is held, and goes on panicking where that is no
    /// option: what is held may be what a machine panics over.
    fn hand_over(&mut self, panic: Box<dyn Any + Send>) {
        let is_second = self.panicked.replace(Instant::now()).is_some_and(|before| before.elapsed() < SECOND_PANIC);
        let open = self.open.values().copied().collect();
        let words = words(&*panic);
        let successor = || if is_second { None } else { self.machine.successor(&open, words) };
        match catch_unwind(AssertUnwindSafe(successor)) {
            Ok(Some(successor)) => self.machine = successor,
            Ok(None) | Err(_) => resume_unwind(panic),
        }
    }

    fn heard(&mut self, signal: Signal) -> Command {
        match signal {
            Signal::Command(command) => command,
            Signal::Change { number, world, options } => {
                self.source = world.clock();
                self.world.replace(world);
                self.live.took_over(number);
                Command::Change(options)
            }
        }
    }

    /// Drains the machine's outputs; `None` when it is done.
    fn carry_out(&mut self, now: Now) -> Option<Option<Deadline>> {
        let world = self.world.get();
        loop {
            match self.machine.poll_output() {
                Output::Emit(event) => self.live.observe(&event),
                Output::CancelPolls => self.polls.values().for_each(AbortHandle::abort),
                Output::Timeout(deadline) => {
                    let mut gauges = self.machine.gauges();
                    // What is shown goes by the host's clock.
                    let since = &mut gauges.unsaved_since_unix_ms;
                    *since = since.map(|since| since.saturating_add_signed(now.ahead_ms));
                    self.live.gauge(gauges);
                    return Some(deadline);
                }
                Output::Done => return None,
                Output::Invoke(request) => self.invoke(request),
                Output::Describe => drop(self.call(Operation::Describe, world.describe())),
                Output::Settle(request) => drop(self.call(Operation::Settle(request.id), world.settle(request))),
                Output::Poll(request) => {
                    self.poll(Operation::Poll(request.id), world.poll(request, self.world.clone()));
                }
                Output::Read(request) => {
                    let id = request.id;
                    let read = world.read(request, &self.live);
                    self.poll(Operation::Read(id), read);
                }
                Output::List => drop(self.call(Operation::List, world.list())),
                Output::Claim => drop(self.call(Operation::Claim, world.claim())),
                Output::Save(request) => drop(self.call(Operation::Save(request.id), world.save(request))),
                Output::Deliver(request) => {
                    drop(self.call(Operation::Deliver(request.id), world.deliver(request)));
                }
            }
        }
    }

    fn poll(&mut self, operation: Operation, work: impl Future<Output = Input> + Send + 'static) {
        let abort = self.call(operation, work);
        self.polls.insert(operation, abort);
    }

    fn invoke(&mut self, request: InvokeRequest) {
        let (world, live) = (self.world.clone(), Arc::clone(&self.live));
        self.call(Operation::Invoke(request.batch), async move {
            let function = World::function(world, &live).await;
            let begun = Instant::now();
            let result = function.invoke(request.body).await;
            Input::Invoked { batch: request.batch, result, took: begun.elapsed() }
        });
    }

    fn call(&mut self, operation: Operation, work: impl Future<Output = Input> + Send + 'static) -> AbortHandle {
        let abort = self.calls.spawn(work);
        self.open.insert(abort.id(), operation);
        abort
    }

    fn ended(&mut self, ended: Result<(Id, Input), JoinError>) -> Input {
        let (id, input) = match ended {
            Ok((id, input)) => (id, Ok(input)),
            Err(error) => (error.id(), Err(error)),
        };
        let operation = self.open.remove(&id);
        if let Some(poll) = operation {
            self.polls.remove(&poll);
        }
        match (input, operation) {
            (Ok(input), _) => input,
            (Err(error), Some(operation)) => operation.failed(&error),
            (Err(_), None) => Input::Timeout,
        }
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it says nothing more")
}
