//! `forebay run`: its flags, and what must be right before anything starts.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use clap::Args;

use super::aws_api::AwsApiArgs;
use super::connect::{SocketArgs, duration};
use super::daemon::{Daemon, describe, ended_early};
use super::descriptors::Budget;
use super::exit::{CliError, Outcome};
use super::files::{FileArgs, tally};
use super::output::{colour_on_stderr, counted, say};
use super::signals::Signals;
use crate::control::Token;
use crate::mapping::Diagnostic;
use crate::store::{StoreLocation, is_guarded};
use crate::telemetry::{self, LogFormat};

/// Where `forebay run` listens when nothing is said.
pub(super) const LISTEN: &str = "127.0.0.1:9690";

/// Polls, invokes and I/O share few threads: more would only cost memory.
const MOST_WORKERS: usize = 8;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    files: FileArgs,
    /// What keeps checkpoints and the effect of `start` and `stop`: a file, dynamodb://TABLE for several replicas, or
    /// "memory" to keep nothing. Default: /var/lib/forebay/forebay.redb if it can be written, else a file in your state
    /// folder
    #[arg(long, value_name = "STORE", env = "FOREBAY_STORE", hide_env_values = true)]
    store: Option<StoreLocation>,
    /// How long the work of a replica that has died may wait for another, with a store that replicas share: 5s to 5m
    #[arg(long, value_name = "DURATION", value_parser = lease_time, default_value = "10s")]
    #[arg(env = "FOREBAY_LEASE_TIME", hide_env_values = true)]
    lease_time: Duration,
    /// The longest time between two saves of a stream's checkpoints: 1s to 5m. Default: 1s, and 10s in DynamoDB
    #[arg(long, value_name = "DURATION", value_parser = save_every)]
    #[arg(env = "FOREBAY_SAVE_EVERY", hide_env_values = true)]
    save_every: Option<Duration>,
    /// The address of /livez, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS", env = "FOREBAY_LISTEN", hide_env_values = true, default_value = LISTEN)]
    listen: String,
    #[command(flatten)]
    socket: SocketArgs,
    /// How long a drain may take after SIGTERM or SIGINT
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "25s")]
    #[arg(env = "FOREBAY_DRAIN_TIMEOUT", hide_env_values = true)]
    drain_timeout: Duration,
    /// How long a receive from a queue waits for a first message, if the mapping does not set it: 1s to 20s
    #[arg(long, value_name = "DURATION", value_parser = receive_wait, default_value = "20s")]
    #[arg(env = "FOREBAY_RECEIVE_WAIT", hide_env_values = true)]
    receive_wait: Duration,
    #[command(flatten)]
    aws_api: AwsApiArgs,
    /// The format of log lines
    #[arg(long, value_enum, env = "FOREBAY_LOG_FORMAT", hide_env_values = true, default_value_t)]
    log_format: LogFormat,
}

impl RunArgs {
    pub(super) fn execute(self) -> Outcome {
        telemetry::init(self.log_format).map_err(CliError::usage)?;
        std::panic::set_hook(Box::new(|panic| {
            if is_guarded() {
                tracing::debug!(%panic, "a panic of the embedded database");
            } else {
                tracing::error!(%panic, "a panic: please report this");
            }
        }));
        let format = self.log_format;
        match self.run() {
            // Whoever reads the log as JSON finds the last word there, too.
            Err(error) if format == LogFormat::Json => Ok(error.log()),
            outcome => outcome,
        }
    }

    fn run(self) -> Outcome {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(MOST_WORKERS))
            .enable_all()
            .build()
            .context("no runtime")?;
        let outcome = runtime.block_on(self.start());
        // Whatever still hangs in a blocking call, a name lookup for example, is not waited for.
        runtime.shutdown_background();
        outcome
    }

    async fn start(self) -> Outcome {
        // First of all: as PID 1 the kernel drops every signal that has no handler, and files may take long to read.
        let mut signals = Signals::install()?;
        let budget = Budget::take();
        let token = std::env::var("FOREBAY_CONTROL_TOKEN").unwrap_or_default();
        let token = Token::new(&token).map_err(CliError::usage)?;
        let store = match self.store {
            Some(store) => store,
            None => StoreLocation::default_place(&|name| std::env::var_os(name))?,
        };
        let aws_api = self.aws_api.checked(&|name| std::env::var(name).ok()).map_err(CliError::usage)?;
        if let (Some(_), StoreLocation::DynamoDb(_)) = (&aws_api, &store) {
            let message = "the AWS API is not served over a store that replicas share: omit --aws-api, and give every \
                           replica the same mapping files";
            return Err(CliError::usage(anyhow!(message)));
        }
        let files = self.files.places(aws_api.is_some());
        let reading = files.clone();
        tracing::debug!("reading the mapping files");
        let loaded = match signals.unless_ended(tokio::task::spawn_blocking(move || reading.load())).await {
            Ok(loaded) => loaded.context("the mapping files could not be read")?,
            Err(signal) => return Ok(ended_early(signal)),
        };
        if loaded.has_errors() {
            refuse(&loaded.diagnostics, self.log_format);
            let (errors, _) = tally(&loaded.diagnostics);
            let message = anyhow!("the mapping files have {}: nothing was started", counted(errors, "error"));
            return Err(CliError::usage(message));
        }
        loaded.diagnostics.iter().for_each(describe);
        let daemon = Daemon {
            files,
            mappings: loaded.mappings,
            store,
            lease_time: self.lease_time,
            save_every: self.save_every,
            listen: self.listen,
            aws_api,
            socket: self.socket.choice(),
            drain_timeout: self.drain_timeout,
            receive_wait: self.receive_wait,
            token,
            budget,
        };
        Ok(daemon.run(signals).await?)
    }
}

/// What SQS takes: whole seconds, and a wait at all.
fn receive_wait(text: &str) -> anyhow::Result<Duration> {
    let wait = duration(text)?;
    ensure!(wait.subsec_nanos() == 0 && (1..=20).contains(&wait.as_secs()), "write whole seconds from 1s to 20s");
    Ok(wait)
}

/// Shorter ones would take a slow answer for a death; longer ones help no one.
fn lease_time(text: &str) -> anyhow::Result<Duration> {
    within(text, Duration::from_secs(5), Duration::from_secs(300))
}

fn save_every(text: &str) -> anyhow::Result<Duration> {
    within(text, Duration::from_secs(1), Duration::from_secs(300))
}

fn within(text: &str, least: Duration, most: Duration) -> anyhow::Result<Duration> {
    let span = duration(text)?;
    ensure!((least..=most).contains(&span), "write {} to 5m", format_args!("{}s", least.as_secs()));
    Ok(span)
}

/// Says why the files are not taken: with carets to people, as log lines to machines.
fn refuse(diagnostics: &[Diagnostic], format: LogFormat) {
    match format {
        LogFormat::Text => {
            for diagnostic in diagnostics {
                say(&format!("{}\n", diagnostic.render(colour_on_stderr())));
            }
        }
        LogFormat::Json => diagnostics.iter().for_each(describe),
    }
}
