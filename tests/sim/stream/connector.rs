//! Connects the engine's mappings to the model of a stream.

use std::sync::Arc;

use forebay::engine::{Connector, Ports, SourcePort};
use forebay::machine::Fault;
use forebay::mapping::Mapping;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::model::StreamModel;
use super::session::Session;

pub(crate) struct StreamConnector {
    pub(crate) model: Arc<StreamModel>,
}

impl Connector for StreamConnector {
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>> {
        let session = Arc::new(Session::new(Arc::clone(&self.model), mapping));
        let destination = mapping.on_failure.is_some().then(|| Arc::clone(&session) as _);
        async move {
            Ok(Ports {
                source: SourcePort::Stream(Arc::clone(&session) as _),
                function: session,
                destination,
                filtered: None,
            })
        }
        .boxed()
    }
}
