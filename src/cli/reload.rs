//! `forebay reload`: what SIGHUP does, with an answer.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::connect::{SocketArgs, block_on};
use super::exit::{Exit, Outcome};
use super::output::{TextOrJson, counted, data, json, say};
use crate::control::{ClientError, ReloadBody};
use crate::engine::ReloadSummary;

#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    socket: SocketArgs,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    output: TextOrJson,
}

/// What is printed as JSON. Stable: members are added, never renamed.
#[derive(Serialize)]
struct Report {
    /// Whether the files were taken over. If not, nothing has changed.
    reloaded: bool,
    #[serde(flatten)]
    summary: Option<ReloadSummary>,
    diagnostics: Vec<Value>,
}

impl ReloadArgs {
    pub(super) fn execute(self) -> Outcome {
        let client = self.socket.client();
        let report = match block_on(client.reload())? {
            Ok(ReloadBody { summary, diagnostics }) => Report { reloaded: true, summary: Some(summary), diagnostics },
            Err(ClientError::Refused { code, diagnostics, .. }) if code == "invalid_mappings" => {
                Report { reloaded: false, summary: None, diagnostics }
            }
            Err(error) => return Err(error.into()),
        };
        let exit = report.exit();
        match self.output {
            TextOrJson::Text => report.show()?,
            TextOrJson::Json => data(&json(&report.plain())?)?,
        }
        Ok(exit)
    }
}

impl Report {
    fn exit(&self) -> Exit {
        match &self.summary {
            None => Exit::Usage,
            Some(summary) if !summary.left_out.is_empty() => Exit::Partly,
            Some(_) => Exit::Done,
        }
    }

    fn show(&self) -> anyhow::Result<()> {
        for text in self.diagnostics.iter().filter_map(|found| found["rendered"].as_str()) {
            say(&format!("{text}\n"));
        }
        let Some(ReloadSummary { added, changed, removed, unchanged, left_out }) = &self.summary else {
            let errors = self.diagnostics.iter().filter(|found| found["severity"] == "error").count();
            say(&format!("error: the mapping files have {}: nothing was changed", counted(errors, "error")));
            return Ok(());
        };
        for (names, done) in [(added, "added"), (changed, "changed"), (removed, "removed")] {
            for name in names {
                data(&format!("{name} {done}\n"))?;
            }
        }
        for name in left_out {
            say(&format!(
                "error: the mapping {name:?} of the files does not run: a mapping of the AWS API has its name\nhelp: \
                 write another `Name`"
            ));
        }
        say(&format!(
            "{} added, {} changed, {} removed, {unchanged} unchanged",
            added.len(),
            changed.len(),
            removed.len()
        ));
        Ok(())
    }

    /// The diagnostics as `validate -o json` has them.
    fn plain(mut self) -> Self {
        for found in self.diagnostics.iter_mut().filter_map(Value::as_object_mut) {
            found.remove("rendered");
        }
        self
    }
}
