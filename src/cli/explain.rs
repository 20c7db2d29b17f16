//! `forebay explain`.

use anyhow::anyhow;
use clap::Args;

use super::exit::{CliError, Exit, Outcome};
use super::output::data;
use crate::mapping;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The code of a problem, such as FB0201
    #[arg(required_unless_present = "list")]
    code: Option<String>,
    /// List all codes
    #[arg(long, conflicts_with = "code")]
    list: bool,
}

impl ExplainArgs {
    pub(super) fn execute(self) -> Outcome {
        let Some(code) = self.code else {
            let lines = mapping::codes().map(|page| format!("{} {}\n", page.code, page.title));
            data(&lines.collect::<String>())?;
            return Ok(Exit::Done);
        };
        let Some(page) = mapping::explain(&code) else {
            return Err(CliError::usage(anyhow!(
                "there is no code {code}\nhelp: `forebay explain --list` lists all codes"
            )));
        };
        data(&format!("{}: {}\n\n{}\n", page.code, page.title, page.text))?;
        Ok(Exit::Done)
    }
}
