//! `forebay invoke`: sends one event to a mapping's function, as the poller would.

mod sample;

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::connect::block_on;
use super::exit::{CliError, Exit, Outcome};
use super::files::{load, named_or_default, one_mapping};
use super::guard;
use super::output::{TextOrJson, counted, data, json as text_of, say};
use crate::AwsConnector;
use crate::function::Invocation;
use crate::machine::outcome::{Answer, read};
use crate::machine::{FunctionAnswer, InvokeResult, MAX_BODY_BYTES, Problem};
use crate::mapping::{Mapping, Target};
use crate::telemetry;

const AFTER_HELP: &str = "\
Prints what the function returned on stdout, and the outcome on stderr. Exit codes: 0 success, 1 the function failed \
or could not be invoked, 2 usage or configuration, 3 some records of the batch failed.
Examples:
  forebay invoke orders
  forebay invoke orders --event event.json
  echo '{\"Records\": []}' | forebay invoke -f mappings/orders.yaml --event -";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct InvokeArgs {
    /// The mapping whose function is invoked; needed only where the files have several
    name: Option<String>,
    /// A mapping file, or a folder of them; may be repeated. The variable takes several, separated by colons [default:
    /// mappings/] [env: FOREBAY_FILE]
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// The event: a file, or "-" for stdin. Without it, an event with one sample record of the mapping's source
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// How to show what came of it
    #[arg(short, long, value_enum, default_value_t)]
    output: TextOrJson,
}

/// So often it is looked at why a function cannot be invoked yet.
const LOOK: Duration = Duration::from_millis(200);
/// How long a function may take to be ready before the user hears of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the poller would make of the answer.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Success,
    /// The records with these ids failed.
    Partial(Vec<String>),
    /// The whole batch failed.
    Failed(Problem),
    /// The function was not invoked, or its answer did not arrive: the poller would hold the batch and retry it.
    Fault(Problem),
}

impl InvokeArgs {
    pub(super) fn execute(self) -> Outcome {
        let loaded = load(&named_or_default(self.files));
        let mapping = one_mapping(&loaded, self.name.as_deref(), "forebay invoke NAME").map_err(CliError::usage)?;
        let event = event(self.event, &mapping).map_err(CliError::usage)?;
        telemetry::init_for_command().map_err(CliError::usage)?;
        let Some((result, took)) = block_on(invoked(&mapping, event.clone()))?? else { return Ok(Exit::Interrupted) };
        let end = End::of(&mapping, &event, &result);
        show(self.output, &mapping.name, &end, &result, took)?;
        Ok(match end {
            End::Success => Exit::Done,
            End::Partial(_) => Exit::Partly,
            End::Failed(_) | End::Fault(_) => Exit::Failed,
        })
    }
}

/// Invokes the function; `None` where the user does not wait for it.
async fn invoked(mapping: &Mapping, event: Bytes) -> anyhow::Result<Option<(InvokeResult, Duration)>> {
    let connector = AwsConnector::new().with_guard(guard::own_program()?);
    let function = connector.function(mapping).await?;
    let begun = Instant::now();
    let mut result = function.invoke(Invocation::first(event));
    let mut looks = tokio::time::interval(LOOK);
    let mut waits = false;
    let ended = loop {
        tokio::select! {
            biased;
            result = &mut result => break Some((result, begun.elapsed())),
            _ = tokio::signal::ctrl_c() => break None,
            _ = looks.tick() => {}
        }
        if let Some(trouble) = function.trouble() {
            bail!("{}: {trouble}", mapping.name);
        }
        let cannot = begun.elapsed() >= PATIENCE && function.capacity().is_some_and(|capacity| *capacity.borrow() == 0);
        if cannot && !std::mem::replace(&mut waits, true) {
            say(&format!("{}: waiting until the function can take an invocation; Ctrl-C ends it", mapping.name));
        }
    };
    if matches!(mapping.target, Target::RuntimeApi(_)) {
        // A worker that is ended now may have written more than was read.
        tokio::time::sleep(LOOK).await;
    }
    Ok(ended)
}

/// The event, which must be one that a function can get.
fn event(place: Option<PathBuf>, mapping: &Mapping) -> anyhow::Result<Bytes> {
    let (name, event) = match place {
        None => return Ok(sample::event(&mapping.source).to_string().into()),
        Some(path) if path.as_os_str() == "-" => {
            let mut event = Vec::new();
            std::io::stdin().lock().read_to_end(&mut event).context("stdin cannot be read")?;
            ("stdin".to_owned(), event)
        }
        Some(path) => {
            let name = path.display().to_string();
            let event = std::fs::read(&path).with_context(|| format!("{name} cannot be read"))?;
            (name, event)
        }
    };
    if event.len() > MAX_BODY_BYTES {
        bail!("{name} has {} bytes\nhelp: an event has at most {MAX_BODY_BYTES} bytes", event.len());
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(&event).with_context(|| format!("{name} is not JSON"))?;
    Ok(event.into())
}

impl End {
    fn of(mapping: &Mapping, event: &[u8], result: &InvokeResult) -> Self {
        let answer = match result {
            Ok(answer) => answer,
            Err(fault) => return Self::Fault(Problem::of_fault(fault)),
        };
        if let Some(error) = &answer.function_error {
            return Self::Failed(Problem::of_function(error, answer));
        }
        if !mapping.report_batch_item_failures {
            return Self::Success;
        }
        let ids = ids(event);
        match read(&answer.payload, &ids.iter().map(String::as_str).collect::<Vec<_>>()) {
            Answer::Success => Self::Success,
            Answer::Partial(failed) => Self::Partial(failed.into_iter().map(|at| ids[at].clone()).collect()),
            Answer::Malformed(reason) => Self::Failed(Problem::malformed(reason)),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial(_) => "partial",
            Self::Failed(_) => "failed",
            Self::Fault(_) => "not invoked",
        }
    }
}

/// The identifiers of an event's records, by which a batch response names them.
fn ids(event: &[u8]) -> Vec<String> {
    let event: Value = serde_json::from_slice(event).unwrap_or_default();
    let records = event["Records"].as_array().cloned().unwrap_or_default();
    let id = |record: &Value| {
        let places =
            [&record["messageId"], &record["kinesis"]["sequenceNumber"], &record["dynamodb"]["SequenceNumber"]];
        places.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
    };
    records.iter().map(id).collect()
}

fn show(format: TextOrJson, name: &str, end: &End, result: &InvokeResult, took: Duration) -> anyhow::Result<()> {
    let answer = result.as_ref().ok();
    match format {
        TextOrJson::Json => data(&text_of(&as_json(name, end, answer, took))?),
        TextOrJson::Text => {
            if let Some(answer) = answer.filter(|answer| !answer.payload.is_empty()) {
                data(&format!("{}\n", String::from_utf8_lossy(&answer.payload)))?;
            }
            let what = match end {
                End::Success => "success".to_owned(),
                End::Partial(failed) => format!("{} failed: {}", counted(failed.len(), "record"), failed.join(", ")),
                End::Failed(problem) => format!("the function failed: {}", problem.headline()),
                End::Fault(problem) => format!("not invoked, or no answer: {}", problem.headline()),
            };
            say(&format!("{name}: {what} ({} ms)", took.as_millis()));
            Ok(())
        }
    }
}

fn as_json(name: &str, end: &End, answer: Option<&FunctionAnswer>, took: Duration) -> Value {
    let (failed, problem) = match end {
        End::Success => (None, None),
        End::Partial(failed) => (Some(failed), None),
        End::Failed(problem) | End::Fault(problem) => (None, Some(problem)),
    };
    let payload = answer.map(|answer| {
        let text = || Value::String(String::from_utf8_lossy(&answer.payload).into_owned());
        serde_json::from_slice(&answer.payload).unwrap_or_else(|_| text())
    });
    json!({
        "mapping": name,
        "outcome": end.word(),
        "failed": failed,
        "errorType": problem.map(|problem| &problem.kind),
        "errorMessage": problem.map(|problem| &problem.message),
        "requestId": answer.and_then(|answer| answer.request_id.as_ref()),
        "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "payload": payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::parse;

    fn end(lines: &str, payload: &'static str, function_error: Option<&str>) -> End {
        let source = "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f\n";
        let mapping = parse("orders.yaml".as_ref(), &format!("{source}{lines}"), &|_| None).mappings.remove(0);
        let event = br#"{"Records":[{"messageId":"a"},{"messageId":"b"}]}"#;
        let payload = Bytes::from_static(payload.as_bytes());
        let answer = FunctionAnswer { payload, function_error: function_error.map(Into::into), ..Default::default() };
        End::of(&mapping, event, &Ok(answer))
    }

    #[test]
    fn an_answer_means_what_it_means_to_the_poller() {
        const REPORTS: &str = "FunctionResponseTypes: [ReportBatchItemFailures]\n";
        let partial = r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#;
        assert_eq!(end(REPORTS, partial, None), End::Partial(vec!["b".into()]));
        assert_eq!(end("", partial, None), End::Success);
        assert_eq!(end(REPORTS, "", None), End::Success);
        assert!(matches!(end(REPORTS, "[{}", None), End::Failed(problem) if problem.kind == "MalformedResponse"));
        let error = r#"{"errorType":"KeyError","errorMessage":"id"}"#;
        assert!(matches!(end("", error, Some("Unhandled")), End::Failed(problem) if problem.kind == "KeyError"));
    }

    #[test]
    fn records_of_every_source_have_their_identifiers() {
        for (arn, more) in [
            ("sqs:us-east-1:000000000000:orders", ""),
            ("sqs:us-east-1:000000000000:orders.fifo", ""),
            ("kinesis:us-east-1:000000000000:stream/orders", "StartingPosition: LATEST"),
            ("dynamodb:us-east-1:000000000000:table/orders/stream/2026-11-30T00:00:00.000", "StartingPosition: LATEST"),
        ] {
            let text = format!("EventSourceArn: arn:aws:{arn}\nFunctionName: f\n{more}\n");
            let mapping = parse("orders.yaml".as_ref(), &text, &|_| None).mappings.remove(0);
            let event = sample::event(&mapping.source).to_string();
            assert!(ids(event.as_bytes()).iter().all(|id| !id.is_empty()), "{event}");
            assert!(event.contains(&mapping.source.arn().text), "{event}");
        }
    }
}
