//! How the engine gets at the outside world for one mapping.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::destination::Destination;
use crate::function::Function;
use crate::machine::Fault;
use crate::mapping::Mapping;
use crate::source::{QueueSource, StreamSource};

/// The outside world of one mapping.
#[derive(Clone)]
pub struct Ports {
    /// Where its records come from.
    pub source: SourcePort,
    /// What it invokes.
    pub function: Arc<dyn Function>,
    /// Where its failure records go.
    pub destination: Option<Arc<dyn Destination>>,
    /// Where records go that its filters did not let pass, if not there.
    pub filtered: Option<Arc<dyn Destination>>,
}

/// A source, by the shape of its port.
#[derive(Clone)]
pub enum SourcePort {
    /// A queue.
    Queue(Arc<dyn QueueSource>),
    /// A stream of shards.
    Stream(Arc<dyn StreamSource>),
}

/// Makes the ports of a mapping: clients of AWS, or the simulator's models.
pub trait Connector: Send + Sync + 'static {
    /// Prepares clients. Makes no call that could fail for want of the source or the function:
    /// those are missed, and shown, when the mapping first uses them.
    fn connect(&self, mapping: &Mapping) -> BoxFuture<'_, Result<Ports, Fault>>;
}
