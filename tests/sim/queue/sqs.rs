//! An SQS queue in memory, with all its liberties. What is FIFO about it is in `fifo`.

use std::sync::Arc;
use std::time::Duration;

use forebay::machine::{
    Fault, FaultKind, Message, PollRequest, QueueAttributes, Receipt, ReceiptEntry, ReceiptOutcome,
};
use forebay::source::QueueSource;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::plan::SideOf;
use crate::queue::delivery::Place;
use crate::queue::receipts::Change;
use crate::queue::session::Session;
use crate::queue::subject::{Hollow, Quiet, Subject, SubjectState};

/// How much sooner than at the end of its bound a drain may give receives up, so that it can give back what it holds
/// (milliseconds).
const SOONER: u64 = 1_005;

/// What an adapter adds to the wait before it gives a receive up (milliseconds).
const READ_TIMEOUT: u64 = 5_000;

impl QueueSource for Session {
    fn describe(&self) -> BoxFuture<'_, Result<QueueAttributes, Fault>> {
        async move {
            self.subject.world.enter().await;
            self.subject.pause().await;
            if let Some(outage) = self.subject.outage(SideOf::Source) {
                self.subject.note(format_args!("describe: {}", outage.kind.as_str()));
                return Err(Fault::new(outage.kind, "the queue is out of reach"));
            }
            if self.subject.strikes(self.subject.plan.faults.receive_error) {
                self.subject.note(format_args!("describe fails"));
                return Err(Fault::new(FaultKind::Transient, "the service is unavailable"));
            }
            let mut state = self.subject.state();
            self.subject.sweep(&mut state);
            state.sessions[self.id].described = true;
            let in_flight = state.open.len();
            let queued = state.messages.iter().filter(|message| message.place == Place::Queued).count();
            drop(state);
            self.subject.note(format_args!("described"));
            Ok(QueueAttributes {
                visibility: Duration::from_secs(self.subject.plan.queue.visibility),
                backlog: Some((queued - in_flight) as u64),
                in_flight: Some(in_flight as u64),
                max_receive_count: self.subject.plan.queue.max_receive_count,
                retention: Some(Duration::from_secs(4 * 24 * 3600)),
            })
        }
        .boxed()
    }

    fn receive(&self, request: PollRequest) -> BoxFuture<'_, Result<Vec<Message>, Fault>> {
        async move {
            self.subject.world.enter().await;
            let mut receive = self.begin_receive(&request);
            let result = self.subject.answer(self, &request, &mut receive).await;
            receive.finish(&result);
            result
        }
        .boxed()
    }

    fn delete(&self, receipts: Vec<Receipt>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        self.use_receipts(receipts.into_iter().map(|receipt| (receipt, Change::Delete)).collect())
    }

    fn change_visibility(&self, entries: Vec<ReceiptEntry>) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        self.use_receipts(
            entries.into_iter().map(|entry| (entry.receipt, Change::Visibility(entry.visibility))).collect(),
        )
    }
}

impl Session {
    fn begin_receive(&self, request: &PollRequest) -> OpenReceive {
        let subject = &self.subject;
        let mut state = subject.state();
        subject.sweep(&mut state);
        self.check_receive(&state, request);
        state.next_call += 1;
        let id = state.next_call;
        self.begin_attempt(&mut state, id, request);
        state.sessions[self.id].receives.insert(id, request.max);
        let open = state.open_receives();
        state.idle.receives += 1;
        state.idle.most_open = state.idle.most_open.max(open);
        let wait = request.wait.as_secs();
        state.idle.shortest_wait = Some(state.idle.shortest_wait.map_or(wait, |shortest| shortest.min(wait)));
        self.begins(&mut state);
        subject.note(format_args!("receive {id} begins: up to {} in {wait} s, {open} open", request.max));
        let began = subject.world.now();
        let deadline = began + wait * 1_000;
        let request = request.clone();
        OpenReceive {
            subject: Arc::clone(subject),
            session: self.id,
            id,
            picked: Vec::new(),
            request,
            began,
            deadline,
            hollow: false,
            ended: false,
        }
    }
}

/// A receive that the engine waits for. Dropping it gives the receive up, and the queue knows nothing of that: it may
/// hand out what comes until the wait that was asked for is over.
struct OpenReceive {
    subject: Arc<Subject>,
    session: usize,
    id: u64,
    picked: Vec<usize>,
    request: PollRequest,
    began: u64,
    deadline: u64,
    /// It did not wait, and brings nothing.
    hollow: bool,
    ended: bool,
}

impl OpenReceive {
    fn finish(&mut self, result: &Result<Vec<Message>, Fault>) {
        self.ended = true;
        let mut state = self.subject.state();
        state.sessions[self.session].receives.remove(&self.id);
        let fault = result.as_ref().err().map(|fault| fault.kind);
        let Hollow { in_a_row, .. } = state.sessions[self.session].hollow;
        state.sessions[self.session].hollow = if self.hollow && self.subject.world.now() < self.began + 1_000 {
            Hollow { in_a_row: in_a_row + 1, last: self.began }
        } else {
            Hollow::default()
        };
        state.sessions[self.session].attempts.ended(self.id, fault, self.subject.world.now());
        match result {
            Ok(records) => {
                if records.is_empty() {
                    state.sessions[self.session].found_nothing(self.began);
                }
                state.counts.polled += records.len() as u64;
                self.subject.deliver(&mut state, &self.picked);
                drop(state);
                self.subject.note(format_args!("receive {} brings {}", self.id, records.len()));
            }
            Err(fault) => {
                drop(state);
                self.subject.note(format_args!("receive {} fails: {}", self.id, fault.kind.as_str()));
            }
        }
    }
}

impl Drop for OpenReceive {
    fn drop(&mut self) {
        if self.ended || self.subject.world.closed() {
            return;
        }
        let subject = Arc::clone(&self.subject);
        subject.lose(&self.picked, "the answer was given up");
        let mut state = subject.state();
        state.sessions[self.session].receives.remove(&self.id);
        subject.note(format_args!("receive {} is given up with {} messages", self.id, self.picked.len()));
        let may = subject.may_abandon(&state);
        drop(state);
        if !may {
            subject.violate(format_args!("receive {} is given up without need", self.id));
        }
        if self.picked.is_empty() {
            let (session, id, request, deadline) = (self.session, self.id, self.request.clone(), self.deadline);
            tokio::spawn(async move { subject.answer_too_late(session, id, &request, deadline).await });
        }
    }
}

impl Subject {
    /// The time that one way of a call takes.
    pub(crate) async fn pause(&self) {
        let (low, high) = self.plan.queue.latency;
        let time = self.world.between(low, high);
        if time > 0 {
            self.world.sleep_until(self.world.now() + time).await;
        }
    }

    /// Whether the engine may abandon a receive now: its process is killed, its drain cut short, or the time is over
    /// for which it waits.
    fn may_abandon(&self, state: &SubjectState) -> bool {
        let alive = state.sessions.last().is_some_and(|session| session.incarnation == self.world.incarnation());
        let over = |quiet: &Quiet| quiet.receives.is_none_or(|span| self.world.now() + SOONER >= quiet.since + span);
        !alive || state.quiet.is_some_and(|quiet| quiet.cut || over(&quiet))
    }

    /// Continues a receive that the engine no longer waits for.
    async fn answer_too_late(&self, session: usize, id: u64, request: &PollRequest, deadline: u64) {
        let mut picked = Vec::new();
        self.pick(session, request, id, &mut picked, deadline).await;
        if self.world.closed() || picked.is_empty() {
            return;
        }
        self.lose(&picked, "taken by a receive that was given up");
        self.state().wasted += picked.len();
        self.note(format_args!("receive {id}, which was given up, hides {} messages", picked.len()));
    }

    /// What was picked never reaches the engine.
    fn lose(&self, picked: &[usize], why: &'static str) {
        let mut state = self.state();
        for &index in picked {
            state.leases[index].allowed = Some(why);
        }
    }

    async fn answer(
        &self,
        session: &Session,
        request: &PollRequest,
        receive: &mut OpenReceive,
    ) -> Result<Vec<Message>, Fault> {
        let faults = &self.plan.faults;
        let begun = self.world.now();
        let wait = u64::try_from(request.wait.as_millis()).expect("a wait is short");
        self.pause().await;
        if let Some(outage) = self.outage(SideOf::Source) {
            if outage.kind == FaultKind::Timeout {
                self.world.sleep_until(begun + wait + READ_TIMEOUT).await;
            }
            return Err(Fault::new(outage.kind, "the queue is out of reach"));
        }
        if self.strikes(faults.receive_error) {
            let kind = match self.world.between(0, 2) {
                0 => FaultKind::Throttled,
                1 => FaultKind::Transient,
                _ => {
                    self.world.sleep_until(begun + wait + READ_TIMEOUT).await;
                    FaultKind::Timeout
                }
            };
            return Err(Fault::new(kind, "the receive failed"));
        }
        if wait > 0 && self.strikes(faults.receive_hollow) {
            receive.hollow = true;
            return Ok(Vec::new());
        }
        let over_limit = self.state().open.len() >= self.plan.queue.over_limit;
        if over_limit {
            return Err(Fault::new(FaultKind::Throttled, "OverLimit: too many messages are in flight"));
        }
        let empty = self.strikes(faults.receive_empty);
        if empty && wait == 0 {
            return Ok(Vec::new());
        }
        let deadline = self.world.now() + wait;
        if empty {
            // The servers that were asked knew of nothing, for a while.
            self.world.sleep_until(self.world.now() + self.world.between(0, wait)).await;
        }
        self.pick(session.id, request, receive.id, &mut receive.picked, deadline).await;
        if self.strikes(faults.receive_lost) {
            self.lose(&receive.picked, "the answer of the receive was lost");
            receive.picked.clear();
            if self.is_fifo() && self.world.chance(0.5) {
                return Err(Fault::new(FaultKind::Transient, "the connection was reset"));
            }
            self.world.sleep_until(begun + wait + READ_TIMEOUT).await;
            return Err(Fault::new(FaultKind::Timeout, "no answer"));
        }
        self.pause().await;
        let state = self.state();
        Ok(receive.picked.iter().map(|&index| Self::message(&state, index)).collect())
    }

    /// Waits until there is something to hand out, or the deadline.
    async fn pick(&self, session: usize, request: &PollRequest, receive: u64, picked: &mut Vec<usize>, deadline: u64) {
        loop {
            let arrival = self.arrived.notified();
            let mut arrival = std::pin::pin!(arrival);
            arrival.as_mut().enable();
            let next = {
                let mut state = self.state();
                self.sweep(&mut state);
                let hidden = request.visibility.map_or(self.plan.queue.visibility, |visibility| visibility.as_secs());
                let until = self.world.now() + hidden * 1000;
                if let Some(again) = self.hand_out_again(&mut state, request, session, until, receive) {
                    *picked = again;
                    return;
                }
                let found = self.choose(&mut state, request.max as usize);
                if !found.is_empty() {
                    let out = |n| self.hand_out(&mut state, n, session, until, receive);
                    *picked = found.into_iter().map(out).collect();
                    self.remember(&mut state, request, picked);
                    return;
                }
                Self::next_visible(&state)
            };
            let now = self.world.now();
            if now >= deadline {
                return;
            }
            let wake = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                biased;
                () = arrival => {}
                () = self.world.sleep_until(wake) => {}
            }
        }
    }

    /// Which messages a receive brings.
    fn choose(&self, state: &mut SubjectState, max: usize) -> Vec<usize> {
        if self.is_fifo() {
            return self.choose_from_groups(state, max);
        }
        let faults = &self.plan.faults;
        let mut found = self.find_visible(state);
        if !found.is_empty() && self.strikes(faults.receive_shuffled) {
            self.world.shuffle(&mut found);
        }
        let mut most = max;
        if found.len() > 1 && self.strikes(faults.receive_partial) {
            most = usize::try_from(self.world.between(1, max as u64)).expect("at most ten");
        }
        found.truncate(most);
        if found.len() < most && !state.open.is_empty() && self.strikes(faults.duplicate) {
            let at = self.world.between(0, state.open.len() as u64 - 1);
            let again = state.leases[state.open[usize::try_from(at).expect("an index")]].message;
            let limit = self.plan.queue.max_receive_count;
            if limit.is_none_or(|limit| state.messages[again].receive_count < limit) {
                self.note(format_args!("m{again} is handed out although it is in flight"));
                found.push(again);
            }
        }
        found
    }
}
