//! What a drain waits for, in words.

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::time::sleep;

use super::output::counted;
use super::signals::Signal;
use crate::engine::EngineHandle;
use crate::machine::Gauges;

/// How often a drain is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Logs what a drain waits for: once, and once more when only receives are left. Ends then.
pub(super) async fn say_what_is_waited_for(engine: &EngineHandle, signal: Signal) {
    let at_terminal = signal == Signal::Interrupt && std::io::stderr().is_terminal();
    let how = if at_terminal { "press Ctrl-C again to stop now" } else { "another signal stops now" };
    let mut said = None;
    loop {
        sleep(PERIOD).await;
        let Ok(mappings) = engine.list().await else { return std::future::pending().await };
        let open = Open::of(mappings.iter().map(|mapping| &mapping.gauges));
        let kind = (open.batches > 0, open.receives > 0);
        if let Some(what) = open.text().filter(|_| said != Some(kind)) {
            tracing::info!("waiting for {what}; {how}");
            said = Some(kind);
        }
    }
}

/// How much is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Open {
    batches: usize,
    receives: usize,
}

impl Open {
    fn of<'g>(gauges: impl Iterator<Item = &'g Gauges>) -> Self {
        gauges.fold(Self::default(), |open, one| Self {
            batches: open.batches + one.in_flight,
            receives: open.receives + one.receiving,
        })
    }

    fn text(self) -> Option<String> {
        let batches = (self.batches > 0).then(|| {
            if self.batches == 1 { "1 batch in flight".into() } else { format!("{} batches in flight", self.batches) }
        });
        let is = if self.receives == 1 { "is" } else { "are" };
        let receives = (self.receives > 0)
            .then(|| format!("{} that {is} still open (up to 20 s)", counted(self.receives, "receive")));
        let parts: Vec<String> = batches.into_iter().chain(receives).collect();
        (!parts.is_empty()).then(|| parts.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_said_in_words() {
        let text = |batches, receives| Open { batches, receives }.text();
        assert_eq!(text(0, 0), None);
        assert_eq!(text(1, 0).unwrap(), "1 batch in flight");
        assert_eq!(text(0, 2).unwrap(), "2 receives that are still open (up to 20 s)");
        assert_eq!(text(3, 1).unwrap(), "3 batches in flight and 1 receive that is still open (up to 20 s)");
        let one = Gauges { in_flight: 3, receiving: 4, ..Gauges::default() };
        let other = Gauges { in_flight: 1, receiving: 1, ..Gauges::default() };
        assert_eq!(Open::of([one, other].iter()), Open { batches: 4, receives: 5 });
    }
}
