//! What only this bench's fake is asked for.

use crate::common::FakeClient;
use crate::fake::{Latencies, Mark, Trickle};

impl FakeClient {
    /// How far the message groups have come.
    pub(crate) async fn mark(&self) -> anyhow::Result<Mark> {
        self.ask("mark", &()).await
    }

    pub(crate) async fn trickle(&self, what: &Trickle) -> anyhow::Result<Latencies> {
        self.ask("trickle", what).await
    }
}
