//! The world of a mapping of a queue.

use std::sync::Arc;

use super::{CurrentWorld, Outlets, World, mismatch};
use crate::clock::ServiceClock;
use crate::engine::live::Live;
use crate::engine::screen::Screen;
use crate::engine::{Ports, SourcePort};
use crate::machine::{Fault, PollRequest, Queue, QueueAnswer, QueueRequest, ReceiptAction, ReceiptRequest};
use crate::mapping::Mapping;
use crate::source::QueueSource;
use crate::store::EngineStore;

/// The ports of a mapping of a queue.
pub(crate) struct QueueWorld {
    queue: Arc<dyn QueueSource>,
    outlets: Outlets,
    screen: Screen,
}

impl World<Queue> for QueueWorld {
    fn new(
        ports: Ports,
        screen: Screen,
        mapping: &Mapping,
        _: &Arc<dyn EngineStore>,
        before: Option<&Self>,
    ) -> Result<Self, Fault> {
        let SourcePort::Queue(queue) = &ports.source else {
            return Err(mismatch("a stream is not polled like a queue"));
        };
        let queue = Arc::clone(queue);
        Ok(Self { queue, outlets: Outlets::new(ports, mapping, before.map(|before| &before.outlets)), screen })
    }

    fn outlets(&self) -> &Outlets {
        &self.outlets
    }

    fn clock(&self) -> Option<Arc<ServiceClock>> {
        None
    }

    async fn ask(self: Arc<Self>, request: QueueRequest, current: CurrentWorld<Self>, _: Arc<Live>) -> QueueAnswer {
        match request {
            QueueRequest::Describe => QueueAnswer::Described(self.queue.describe().await),
            QueueRequest::Poll(request) => self.poll(request, &current).await,
            QueueRequest::Receipts(request) => self.use_receipts(request).await,
        }
    }
}

impl QueueWorld {
    /// What is received is held against the filters that count then, not against those of the time when it was asked
    /// for.
    async fn poll(&self, request: PollRequest, current: &CurrentWorld<Self>) -> QueueAnswer {
        let poll = request.id;
        let mut result = self.queue.receive(request).await;
        if let Ok(messages) = &mut result {
            let screen = current.get().screen.clone();
            screen.apply(messages.iter_mut().map(|message| &mut message.record));
        }
        QueueAnswer::Polled { poll, result }
    }

    async fn use_receipts(&self, receipts: ReceiptRequest) -> QueueAnswer {
        let request = receipts.id;
        let result = match receipts.action {
            ReceiptAction::Delete => {
                let receipts = receipts.entries.into_iter().map(|entry| entry.receipt);
                self.queue.delete(receipts.collect()).await
            }
            ReceiptAction::ChangeVisibility => self.queue.change_visibility(receipts.entries).await,
        };
        QueueAnswer::Receipts { request, result }
    }
}
