//! The Extensions API, as far as extensions need it that live inside of a worker's image, such as AWS Lambda Web
//! Adapter: they register, and wait for events.
//!
//! Nothing here waits for an extension: an invocation ends with the answer of its worker.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::Notify;

use super::errors::{Answer, Refusal, json};
use crate::machine::uuid::{hyphenated, random};

const NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const EVENT_IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-event-identifier");

/// An extension that does not ask keeps so many events.
const MOST_EVENTS: usize = 100;
/// So many extensions are known; more take the place of the oldest.
const MOST: usize = 1_000;

/// Where an extension is: its worker is at the same port, and has the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) port: u64,
    pub(super) address: IpAddr,
}

/// The extensions of a function's workers.
#[derive(Default)]
pub(super) struct Extensions {
    registered: Mutex<BTreeMap<String, Arc<Extension>>>,
    order: Mutex<VecDeque<String>>,
}

struct Extension {
    host: Host,
    wants_invokes: bool,
    events: Mutex<VecDeque<Bytes>>,
    more: Notify,
}

/// What an extension says of itself.
#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

impl Extensions {
    pub(super) fn register(&self, host: Host, function: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
        if headers.get(NAME).is_none_or(HeaderValue::is_empty) {
            return Refusal::Extension("Extension.InvalidExtensionName", "Empty extension name").answer();
        }
        let Ok(Registration { events }) = serde_json::from_slice(body) else {
            return Refusal::Extension("InvalidRequestFormat", "Invalid request format").answer();
        };
        let id = hyphenated(random(&mut fastrand::Rng::new()));
        let wants_invokes = events.iter().any(|event| event == "INVOKE");
        let extension = Extension { host, wants_invokes, events: Mutex::default(), more: Notify::new() };
        let mut registered = lock(&self.registered);
        let mut order = lock(&self.order);
        if order.len() == MOST
            && let Some(oldest) = order.pop_front()
        {
            registered.remove(&oldest);
        }
        registered.insert(id.clone(), Arc::new(extension));
        order.push_back(id.clone());
        let body = serde_json::json!({ "functionName": function, "functionVersion": "$LATEST", "handler": "" });
        with(json(StatusCode::OK, body.to_string()), IDENTIFIER, id)
    }

    /// The next event, however long that takes.
    pub(super) async fn next(&self, headers: &HeaderMap) -> Answer {
        let extension = match self.find(headers) {
            Ok(extension) => extension,
            Err(refusal) => return refusal.answer(),
        };
        loop {
            let more = extension.more.notified();
            if let Some(event) = lock(&extension.events).pop_front() {
                let id = hyphenated(random(&mut fastrand::Rng::new()));
                return with(json(StatusCode::OK, event), EVENT_IDENTIFIER, id);
            }
            more.await;
        }
    }

    /// An extension says why it ends.
    pub(super) fn failed(&self, headers: &HeaderMap, function: &str, body: &[u8]) -> Answer {
        if let Err(refusal) = self.find(headers) {
            return refusal.answer();
        }
        let said = String::from_utf8_lossy(body);
        tracing::error!(function, "an extension of a worker has failed: {said}");
        super::errors::accepted()
    }

    fn find(&self, headers: &HeaderMap) -> Result<Arc<Extension>, Refusal> {
        let Some(id) = headers.get(IDENTIFIER) else {
            let message = "Missing Lambda-Extension-Identifier header";
            return Err(Refusal::Extension("Extension.MissingExtensionIdentifier", message));
        };
        let known = id.to_str().ok().and_then(|id| lock(&self.registered).get(id).cloned());
        known.ok_or(Refusal::Extension("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"))
    }

    /// A worker gets an event.
    pub(super) fn invoked(&self, host: Host, event: impl Fn() -> String) {
        self.tell(host, |extension| extension.wants_invokes.then(&event));
    }

    /// A worker is about to end.
    pub(super) fn shutdown(&self, port: u64, deadline_unix_ms: u64) {
        let event =
            format!(r#"{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{deadline_unix_ms}}}"#);
        let hosts: Vec<_> = lock(&self.registered).values().map(|extension| extension.host).collect();
        if let Some(host) = hosts.into_iter().find(|host| host.port == port) {
            self.tell(host, |_| Some(event.clone()));
        }
    }

    fn tell(&self, host: Host, event: impl Fn(&Extension) -> Option<String>) {
        for extension in lock(&self.registered).values().filter(|extension| extension.host == host) {
            let Some(event) = event(extension) else { continue };
            let mut events = lock(&extension.events);
            if events.len() == MOST_EVENTS {
                events.pop_front();
            }
            events.push_back(event.into());
            extension.more.notify_one();
        }
    }
}

/// The APIs of telemetry are not served: extensions that ask learn that, and work on.
pub(super) fn telemetry(api: &str) -> Answer {
    let body = format!(r#"{{"errorMessage":"{api} API is not supported","errorType":"{api}.NotSupported"}}"#);
    json(StatusCode::ACCEPTED, body)
}

fn with(mut answer: Answer, name: HeaderName, id: String) -> Answer {
    if let Ok(id) = HeaderValue::try_from(id) {
        answer.headers_mut().insert(name, id);
    }
    answer
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
