//! What only this bench's fake is asked for.

use crate::common::FakeClient;
use crate::fake::{Feed, Latencies};

impl FakeClient {
    pub(crate) async fn feed(&self, what: &Feed) -> anyhow::Result<Latencies> {
        self.ask("feed", what).await
    }
}
