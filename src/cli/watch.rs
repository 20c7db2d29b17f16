//! `-w`: shows something again whenever it changes.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::time::Duration;

use super::exit::{Exit, Outcome};
use super::output::data;

const PERIOD: Duration = Duration::from_secs(1);
/// To the top left, and clear to the end of the screen.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Shows what `look` finds, once or until interrupted. On a terminal each picture replaces the one before.
pub(super) async fn show<F>(watching: bool, mut look: impl FnMut() -> F) -> Outcome
where
    F: Future<Output = anyhow::Result<String>>,
{
    if !watching {
        data(&look().await?)?;
        return Ok(Exit::Done);
    }
    let clear = if io::stdout().is_terminal() { CLEAR } else { "" };
    let watched = async {
        let mut shown = None;
        loop {
            let picture = look().await?;
            if shown.as_ref() != Some(&picture) {
                data(&format!("{clear}{picture}"))?;
                shown = Some(picture);
            }
            tokio::time::sleep(PERIOD).await;
        }
    };
    tokio::select! {
        outcome = watched => outcome,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok(Exit::Interrupted)
        }
    }
}
