//! Connects the engine's mappings to the mappings under test.

use std::sync::Arc;

use forebay::destination::Destination;
use forebay::engine::{Connector, Ports, SourcePort};
use forebay::machine::Fault;
use forebay::mapping::Mapping;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::queue::session::Session;
use crate::queue::subject::Subject;

pub(crate) struct QueueConnector {
    pub(crate) subjects: Vec<Arc<Subject>>,
}

impl Connector for QueueConnector {
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let subject = self.subjects.iter().find(|subject| subject.name() == mapping.name);
        let session = Arc::new(Session::new(Arc::clone(subject.expect("every mapping is under test")), mapping));
        let destination: Option<Arc<dyn Destination>> = mapping.on_failure.is_some().then(|| Arc::clone(&session) as _);
        async move {
            Ok(Ports {
                source: SourcePort::Queue(Arc::clone(&session) as _),
                function: session,
                destination,
                filtered: None,
            })
        }
        .boxed()
    }
}
