//! The URL of a queue, which every call of SQS names.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_sdk_sqs::Client;
use tokio::sync::Mutex;

use super::{Call, bounded};
use crate::machine::{Fault, FaultKind};

/// The URL of a queue: asked for by name and account when it is first needed, and again after SQS has said that the
/// queue does not exist. Only the endpoint of the configuration says where calls go: a URL's host is never used.
pub(crate) struct QueueUrl {
    client: Client,
    name: String,
    account: String,
    known: RwLock<Option<Arc<str>>>,
    /// Held while the URL is asked for, so that it is asked for once.
    asking: Mutex<()>,
}

impl QueueUrl {
    pub(crate) fn new(client: Client, name: &str, account: &str) -> Self {
        let (name, account) = (name.to_owned(), account.to_owned());
        Self { client, name, account, known: RwLock::default(), asking: Mutex::default() }
    }

    /// The URL. `call` is what a fault names, `bound` the longest that the question may take.
    pub(crate) async fn get(&self, call: Call<'_>, bound: Duration) -> Result<Arc<str>, Fault> {
        let call = Call { operation: "GetQueueUrl", ..call };
        if let Some(url) = self.known() {
            return Ok(url);
        }
        let _first = self.asking.lock().await;
        if let Some(url) = self.known() {
            return Ok(url);
        }
        let send = self.client.get_queue_url().queue_name(&self.name).queue_owner_aws_account_id(&self.account).send();
        let answer = bounded(call, bound, send).await?;
        let Some(url) = answer.queue_url.filter(|url| !url.is_empty()) else {
            let message = format!("{} on {}: the answer has no URL", call.operation, call.target);
            return Err(Fault::new(FaultKind::Transient, message));
        };
        let url: Arc<str> = url.into();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&url));
        Ok(url)
    }

    /// Forgets a URL that leads nowhere, unless another has taken its place already.
    pub(crate) fn forget(&self, stale: &Arc<str>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|url| Arc::ptr_eq(url, stale)) {
            *known = None;
        }
    }

    fn known(&self) -> Option<Arc<str>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
