//! Drives one machine: carries out its outputs as tasks and feeds the results back as inputs.
//!
//! This is the only asynchronous code on the hot path, and it decides nothing.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::live::Live;
use super::operation::Operation;
use super::ports::World;
use crate::machine::{Command, Deadline, Input, InvokeRequest, Machine, Now, Output, QueueOptions};
use crate::source::ServiceClock;

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
    world: watch::Sender<Arc<World>>,
    live: Arc<Live>,
    clock: Clock,
    /// The clock of the source.
    source: Option<Arc<ServiceClock>>,
    calls: JoinSet<Input>,
    open: HashMap<Id, Operation>,
    /// The open calls that a machine can give up: polls and reads.
    polls: BTreeMap<Operation, AbortHandle>,
}

impl<M: Machine> Driver<M> {
    pub(crate) fn new(machine: M, world: Arc<World>, live: Arc<Live>, clock: Clock) -> Self {
        Self {
            machine,
            source: world.clock(),
            world: watch::Sender::new(world),
            live,
            clock,
            calls: JoinSet::new(),
            open: HashMap::new(),
            polls: BTreeMap::new(),
        }
    }

    /// Runs until the machine is drained. Dropping the future gives every open call up.
    pub(crate) async fn run(mut self, signals: &mut mpsc::Receiver<Signal>) {
        let mut input = Input::Timeout;
        let mut wake = pin!(sleep_until(Instant::now()));
        loop {
            let now = self.clock.now(self.source.as_deref());
            self.machine.handle(input, now);
            let Some(deadline) = self.carry_out(now) else { return };
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

    fn heard(&mut self, signal: Signal) -> Command {
        match signal {
            Signal::Command(command) => command,
            Signal::Change { number, world, options } => {
                self.source = world.clock();
                self.world.send_replace(world);
                self.live.took_over(number);
                Command::Change(options)
            }
        }
    }

    /// Drains the machine's outputs; `None` when it is done.
    fn carry_out(&mut self, now: Now) -> Option<Option<Deadline>> {
        let world = Arc::clone(&self.world.borrow());
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
                    self.poll(Operation::Poll(request.id), world.poll(request, self.world.subscribe()));
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
        let (world, live) = (self.world.subscribe(), Arc::clone(&self.live));
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
