//! Drives one machine: carries out its outputs as tasks and feeds the results back as inputs.
//!
//! This is the only asynchronous code on the hot path, and it decides nothing.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::clock::Clock;
use super::live::Live;
use super::operation::not_ended;
use super::world::{CurrentWorld, World, function};
use crate::clock::ServiceClock;
use crate::function::Invocation;
use crate::machine::uuid::as_random;
use crate::machine::{
    BatchId, Deadline, DeliverRequest, Input, InvokeRequest, Machine, Now, Operation, Output, Protocol,
};

/// Within this time of a panic, another one hands nothing over.
const SECOND_PANIC: Duration = Duration::from_secs(60);

/// What a driver hears from outside.
pub(crate) enum Signal<P: Protocol, W> {
    Command(P::Command),
    /// Everything that begins from now on begins in this world; the machine hears of it by this command.
    Change {
        number: u64,
        world: Arc<W>,
        command: P::Command,
    },
}

/// A machine, its outside world, and the calls that are open.
pub(crate) struct Driver<P: Protocol, M, W> {
    machine: M,
    world: CurrentWorld<W>,
    live: Arc<Live>,
    clock: Clock,
    /// The clock of the source.
    source: Option<Arc<ServiceClock>>,
    calls: JoinSet<Input<P>>,
    open: HashMap<Id, Operation<P>>,
    /// The open calls that a machine can abandon: polls and reads.
    polls: BTreeMap<Operation<P>, AbortHandle>,
    /// How many invocations the function's target can have at a time.
    capacity: Option<watch::Receiver<u32>>,
    /// When a machine of this mapping panicked last.
    panicked: Option<Instant>,
    /// Where the names of its batches are from.
    seed: u64,
}

impl<P: Protocol, M: Machine<Protocol = P>, W: World<P>> Driver<P, M, W> {
    pub(crate) fn new(machine: M, world: Arc<W>, live: Arc<Live>, clock: Clock, seed: u64) -> Self {
        Self {
            machine,
            source: world.clock(),
            capacity: world.outlets().capacity(),
            world: CurrentWorld::new(world),
            live,
            clock,
            calls: JoinSet::new(),
            open: HashMap::new(),
            polls: BTreeMap::new(),
            panicked: None,
            seed,
        }
    }

    /// A machine of this mapping has panicked then.
    pub(crate) fn after_panic(self, panicked: Option<Instant>) -> Self {
        Self { panicked, ..self }
    }

    /// Runs until the machine is drained. Dropping the future gives every open call up. Panics where the machine does,
    /// and nothing can be handed over.
    pub(crate) async fn run(mut self, signals: &mut mpsc::Receiver<Signal<P, W>>) {
        let mut input: Input<P> = Input::Capacity(self.learn_capacity());
        // What comes next, before anything is waited for.
        let mut next = None;
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
            if let Some(command) = next.take() {
                input = Input::Command(command);
                continue;
            }
            if let Some(Deadline { at, .. }) = deadline {
                let at = self.clock.instant(at);
                if wake.deadline() != at {
                    wake.as_mut().reset(at);
                }
            }
            input = tokio::select! {
                biased;
                Some(signal) = signals.recv() => match signal {
                    Signal::Command(command) => Input::Command(command),
                    Signal::Change { number, world, command } => {
                        next = Some(command);
                        self.change(number, world);
                        Input::Capacity(self.learn_capacity())
                    }
                },
                () = changed(&mut self.capacity) => Input::Capacity(self.learn_capacity()),
                Some(ended) = self.calls.join_next_with_id() => self.ended(ended),
                () = &mut wake, if deadline.is_some() => Input::Timeout,
                // Nothing is open or due, and nothing can be ordered any more.
                else => return,
            };
        }
    }

    fn step(&mut self, input: Input<P>, now: Now) -> Option<Option<Deadline>> {
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

    fn change(&mut self, number: u64, world: Arc<W>) {
        self.source = world.clock();
        self.capacity = world.outlets().capacity();
        self.world.replace(world);
        self.live.took_over(number);
    }

    fn learn_capacity(&mut self) -> Option<u32> {
        self.capacity.as_mut().map(|capacity| *capacity.borrow_and_update())
    }

    /// Drains the machine's outputs; `None` when it is done.
    fn carry_out(&mut self, now: Now) -> Option<Option<Deadline>> {
        loop {
            match self.machine.poll_output() {
                Output::Request(request) => self.ask(request),
                Output::CancelPolls => self.polls.values().for_each(AbortHandle::abort),
                Output::Invoke(request) => self.invoke(request),
                Output::Deliver(request) => self.deliver(request),
                Output::Emit(event) => self.live.observe(&event),
                Output::Timeout(deadline) => {
                    let mut gauges = self.machine.gauges();
                    // What is shown goes by the host's clock.
                    let since = &mut gauges.unsaved_since_unix_ms;
                    *since = since.map(|since| since.saturating_add_signed(now.ahead_ms));
                    self.live.gauge(gauges);
                    return Some(deadline);
                }
                Output::Done => return None,
            }
        }
    }

    fn ask(&mut self, request: P::Request) {
        let call = P::call(&request);
        let world = self.world.get();
        let answer = world.ask(request, self.world.clone(), Arc::clone(&self.live));
        let operation = Operation::Request(call);
        let abort = self.call(operation, async move { Input::Answer(answer.await) });
        if P::is_poll(call) {
            self.polls.insert(operation, abort);
        }
    }

    fn invoke(&mut self, InvokeRequest { batch, body, attempt, .. }: InvokeRequest) {
        let (world, live) = (self.world.clone(), Arc::clone(&self.live));
        let request_id = request_id(self.seed, batch);
        self.call(Operation::Invoke(batch), async move {
            let function = function(world, &live).await;
            let begun = Instant::now();
            let result = function.invoke(Invocation { request_id, attempt, body }).await;
            Input::Invoked { batch, result, took: begun.elapsed() }
        });
    }

    fn deliver(&mut self, request: DeliverRequest) {
        let (world, delivery) = (self.world.get(), request.id);
        self.call(Operation::Deliver(delivery), async move {
            Input::Delivered { delivery, result: world.outlets().deliver(request).await }
        });
    }

    fn call(&mut self, operation: Operation<P>, work: impl Future<Output = Input<P>> + Send + 'static) -> AbortHandle {
        let abort = self.calls.spawn(work);
        self.open.insert(abort.id(), operation);
        abort
    }

    fn ended(&mut self, ended: Result<(Id, Input<P>), JoinError>) -> Input<P> {
        let id = ended.as_ref().map_or_else(JoinError::id, |&(id, _)| id);
        let operation = self.open.remove(&id);
        if let Some(operation) = &operation {
            self.polls.remove(operation);
        }
        match (ended, operation) {
            (Ok((_, input)), _) => input,
            (Err(error), Some(operation)) => operation.failed(not_ended(operation, &error)),
            (Err(_), None) => Input::Timeout,
        }
    }
}

/// Ends when the capacity has changed.
async fn changed(capacity: &mut Option<watch::Receiver<u32>>) {
    let changed = match capacity {
        Some(capacity) => capacity.changed().await.is_ok(),
        None => false,
    };
    if !changed {
        // It never changes, or not any more.
        pending::<()>().await;
    }
}

/// The same for each retry of a batch, and of no other batch of any mapping.
fn request_id(seed: u64, batch: BatchId) -> u128 {
    as_random(xxh3_128_with_seed(&batch.0.to_le_bytes(), seed))
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it says nothing more")
}
