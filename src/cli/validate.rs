//! `forebay validate`.

use clap::Args;
use futures_util::{StreamExt, future, stream};
use serde::Serialize;

use super::connect::block_on;
use super::exit::{CliError, Exit, Outcome};
use super::files::{FileArgs, tally};
use super::output::{TextOrJson, colour_on_stdout, counted, data, json, say};
use crate::AwsConnector;
use crate::aws::is_foreign;
use crate::engine::{Connector, SourcePort};
use crate::machine::{Fault, FaultKind, QueueAttributes, StreamListing};
use crate::mapping::{self, Diagnostic, Mapping, Severity, SourceFacts};

/// Mappings that are asked about at a time.
const SIDE_BY_SIDE: usize = 16;

#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Also ask AWS: do the sources and functions exist, and do their settings fit
    #[arg(long)]
    online: bool,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    output: TextOrJson,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    mappings: usize,
    errors: usize,
    warnings: usize,
    diagnostics: &'a [Diagnostic],
}

impl ValidateArgs {
    pub(super) fn execute(self) -> Outcome {
        let mut loaded = self.files.places(false).load();
        let mut unasked = None;
        if self.online {
            let connector = AwsConnector::new();
            let asked = block_on(async {
                tokio::select! {
                    found = ask_all(&connector, &loaded.mappings) => Some(found),
                    _ = tokio::signal::ctrl_c() => None,
                }
            })?;
            match asked {
                Some(Ok(found)) => loaded.diagnostics.extend(found),
                Some(Err(fault)) => unasked = Some(fault),
                None => return Ok(Exit::Interrupted),
            }
        }
        let (errors, warnings) = tally(&loaded.diagnostics);
        let mappings = loaded.mappings.len();
        match self.output {
            TextOrJson::Json => {
                data(&json(&Report { mappings, errors, warnings, diagnostics: &loaded.diagnostics })?)?;
            }
            TextOrJson::Text => {
                for diagnostic in &loaded.diagnostics {
                    data(&format!("{}\n\n", diagnostic.render(colour_on_stdout())))?;
                }
                let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
                say(&format!("{}: {errors}, {warnings}", counted(loaded.found, "mapping")));
            }
        }
        if let Some(fault) = unasked {
            return Err(CliError::usage(anyhow::Error::new(fault).context("nothing was asked")));
        }
        Ok(if errors > 0 { Exit::Usage } else { Exit::Done })
    }
}

/// Asks for all mappings; an error where no call can be made at all, which is said once.
async fn ask_all(connector: &AwsConnector, mappings: &[Mapping]) -> Result<Vec<Diagnostic>, Fault> {
    if let Some(mapping) = mappings.first() {
        connector.check_credentials(mapping).await?;
    }
    let asked = mappings.iter().map(|mapping| ask(connector, mapping));
    let found: Vec<Vec<Diagnostic>> = stream::iter(asked).buffered(SIDE_BY_SIDE).collect().await;
    Ok(found.into_iter().flatten().collect())
}

/// What a source answered.
enum Facts {
    Queue(QueueAttributes),
    Stream(StreamListing),
}

async fn describe(source: &SourcePort) -> Result<Facts, Fault> {
    match source {
        SourcePort::Queue(queue) => queue.describe().await.map(Facts::Queue),
        SourcePort::Stream(stream) => stream.shards().await.map(Facts::Stream),
    }
}

/// What the source and the function of a mapping say of themselves, and what follows from it.
async fn ask(connector: &dyn Connector, mapping: &Mapping) -> Vec<Diagnostic> {
    let ports = match connector.connect(mapping).await {
        Ok(ports) => ports,
        Err(fault) => return vec![mapping::source_unreached(mapping, &fault.message)],
    };
    let (facts, settings) = future::join(describe(&ports.source), ports.function.describe()).await;
    let known = facts.as_ref().ok().map(|facts| match facts {
        Facts::Queue(attributes) => SourceFacts::Queue(attributes),
        Facts::Stream(listing) => SourceFacts::Stream(&listing.shards),
    });
    let mut found = mapping::lint(mapping, known, settings.as_ref().ok());
    if let Ok(Facts::Stream(StreamListing { disabled: Some(reason), .. })) = &facts {
        found.push(mapping::stream_disabled(mapping, reason));
    }
    if let Err(fault) = &facts {
        found.push(if is_missing(fault) {
            mapping::source_missing(mapping)
        } else {
            mapping::source_unreached(mapping, &fault.message)
        });
    }
    if let Err(fault) = &settings {
        // Whoever may invoke a function need not be allowed to read its configuration.
        let allowed = fault.kind == FaultKind::Denied;
        let severity = if allowed { Severity::Warning } else { Severity::Error };
        found.push(if is_missing(fault) {
            mapping::function_missing(mapping)
        } else {
            mapping::function_unreached(mapping, severity, &fault.message)
        });
    }
    found
}

/// Whether AWS says so, and not something else that answers at the endpoint.
fn is_missing(fault: &Fault) -> bool {
    fault.kind == FaultKind::Missing && !is_foreign(fault)
}
