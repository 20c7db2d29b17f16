//! Lambda's Runtime API, served to workers that attach: containers of Lambda images, or any process with a runtime
//! interface client.
//!
//! A function has one server, which all its mappings share. A worker asks for an event, gets one, sends the answer, and
//! asks again.

mod answers;
mod connections;
mod errors;
mod extensions;
mod headers;
mod parts;
mod payloads;
mod seats;
mod server;
mod servers;
mod shared;
mod slots;
mod stream;
mod workers;

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use self::servers::Server;
pub(crate) use self::servers::{CONNECTIONS, Servers};
use super::{Function, FunctionSettings, Invocation, Part};
use crate::aws::LARGEST_ANSWER;
use crate::machine::{Fault, FaultKind, InvokeResult};
use crate::mapping::{Mapping, RuntimeApiTarget};

/// A function whose workers attach to forebay.
///
/// Its server opens with the first question for its capacity, or with the first event, and closes a little after the
/// last mapping of the function is gone.
pub struct RuntimeApiFunction {
    servers: Arc<Servers>,
    target: RuntimeApiTarget,
    mapping: Mapping,
    caller: Arc<str>,
    server: OnceLock<Arc<Server>>,
}

impl RuntimeApiFunction {
    pub(crate) fn new(servers: Arc<Servers>, mapping: &Mapping, target: &RuntimeApiTarget) -> Self {
        Self {
            servers,
            target: target.clone(),
            mapping: mapping.clone(),
            caller: mapping.name.as_str().into(),
            server: OnceLock::new(),
        }
    }

    fn server(&self) -> &Server {
        self.server.get_or_init(|| self.servers.share(&self.mapping, &self.target))
    }
}

impl Function for RuntimeApiFunction {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            if invocation.body.len() > LARGEST_ANSWER {
                let message =
                    format!("the event has {} bytes, and Lambda takes {LARGEST_ANSWER}", invocation.body.len());
                return Err(Fault::new(FaultKind::TooLarge, message));
            }
            let id = invocation.id().into();
            self.server().slots().invoke(&self.caller, id, invocation.body, &self.target).await
        }
        .boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        let timeout = self.target.timeout;
        let settings = FunctionSettings { timeout, reserved_concurrency: None, role: None, arn: None };
        async move { Ok(settings) }.boxed()
    }

    fn trouble(&self) -> Option<String> {
        self.server.get()?.trouble()
    }

    fn waits_for(&self) -> Option<String> {
        Some(self.server.get()?.waits_for(&self.target))
    }

    fn parts(&self) -> Vec<Part> {
        self.server.get().map(|server| server.parts()).unwrap_or_default()
    }

    fn capacity(&self) -> Option<watch::Receiver<u32>> {
        Some(self.server().slots().capacity())
    }
}

impl Drop for RuntimeApiFunction {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.servers.leave(server);
        }
    }
}
