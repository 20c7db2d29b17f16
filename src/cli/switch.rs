//! What `start`, `stop` and `restart` share.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use tokio::time::{Instant, sleep, timeout_at};

use super::connect::{SocketArgs, block_on, duration};
use super::exit::{CliError, Exit, Outcome, say_error};
use super::output::data;
use crate::control::{Client, ClientError};
use crate::engine::MappingState;
use crate::view::MappingStatus;

const PERIOD: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct SwitchArgs {
    /// The mappings
    #[arg(required_unless_present = "all", value_name = "NAME")]
    names: Vec<String>,
    /// All mappings
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    socket: SocketArgs,
    /// Wait until it is done; `stop` also waits for open receives
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, requires = "wait")]
    timeout: Duration,
}

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Start,
    Stop,
    Restart,
}

impl Direction {
    async fn ask(self, client: &Client, name: &str) -> Result<MappingStatus, ClientError> {
        match self {
            Self::Start => client.start(name).await,
            Self::Stop => client.stop(name).await,
            Self::Restart => client.restart(name).await,
        }
    }

    /// Whether `--all` means this one: what is stopped is not started again.
    const fn takes(self, state: MappingState) -> bool {
        !matches!(
            (self, state),
            (Self::Restart, MappingState::Disabled | MappingState::Disabling | MappingState::Deleting)
        )
    }

    const fn goal(self) -> MappingState {
        match self {
            Self::Start | Self::Restart => MappingState::Enabled,
            Self::Stop => MappingState::Disabled,
        }
    }
}

impl SwitchArgs {
    pub(super) fn execute(self, direction: Direction) -> Outcome {
        block_on(async {
            tokio::select! {
                outcome = self.switch(direction) => outcome,
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    Ok(Exit::Interrupted)
                }
            }
        })?
    }

    async fn switch(&self, direction: Direction) -> Outcome {
        let client = self.socket.client();
        let names = if self.all {
            let all = client.list().await?.into_iter();
            all.filter(|status| direction.takes(status.state)).map(|status| status.name).collect()
        } else {
            self.names.clone()
        };
        // All are asked before any is waited for, so that they drain side by side.
        let mut asked = Vec::new();
        let mut failed = 0;
        for name in &names {
            match direction.ask(&client, name).await {
                Ok(status) => asked.push(status),
                // A daemon that is not there is one error, not one for each name.
                Err(error) if !matches!(error, ClientError::Refused { .. }) => return Err(error.into()),
                Err(error) => {
                    let names_it = error.to_string().contains(&format!("{name:?}"));
                    let error = anyhow::Error::new(error);
                    say_error(&if names_it { error } else { error.context(name.clone()) });
                    failed += 1;
                }
            }
        }
        let deadline = Instant::now() + self.timeout;
        for status in asked {
            let name = status.name.clone();
            match self.reach(&client, status, direction, deadline).await {
                Ok(status) => data(&format!("{name} {:?}\n", status.state))?,
                Err(error) => {
                    CliError::from(error.context(name)).report();
                    failed += 1;
                }
            }
        }
        Ok(match failed {
            0 => Exit::Done,
            all if all == names.len() => Exit::Failed,
            _ => Exit::Partly,
        })
    }

    /// Waits until a mapping is where it is wanted: a stop always until nothing is invoked any more, as far as the time
    /// allows, and with `--wait` until no receive is open either.
    async fn reach(
        &self,
        client: &Client,
        mut status: MappingStatus,
        direction: Direction,
        deadline: Instant,
    ) -> anyhow::Result<MappingStatus> {
        let name = status.name.clone();
        loop {
            let reached = status.state == direction.goal();
            let is_stop = direction == Direction::Stop;
            let enough = if self.wait { reached && (!is_stop || has_let_go(&status)) } else { reached || !is_stop };
            if enough {
                return Ok(status);
            }
            let next = async {
                sleep(PERIOD).await;
                client.status(&name).await
            };
            match timeout_at(deadline, next).await {
                Ok(found) => status = found?,
                Err(_) if !self.wait => return Ok(status),
                Err(_) if reached && is_stop => {
                    bail!("receives are still open after {:?}\nhelp: raise --timeout", self.timeout)
                }
                Err(_) => bail!("still {:?} after {:?}\nhelp: raise --timeout", status.state, self.timeout),
            }
        }
    }
}

/// Whether no receive is open any more, and what the last ones brought is given back.
fn has_let_go(status: &MappingStatus) -> bool {
    status.queue.as_ref().is_none_or(|queue| queue.open_receives + queue.held == 0)
}
