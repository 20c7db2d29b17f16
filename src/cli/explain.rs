//! `forebay explain`.

use anyhow::anyhow;
use clap::Args;

use super::exit::{CliError, Exit, Outcome};
use super::output::data;
use crate::mapping;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The code of a problem, such as FB0201
    code: String,
}

impl ExplainArgs {
    pub(super) fn execute(self) -> Outcome {
        let Some(page) = mapping::explain(&self.code) else {
            let known: Vec<&str> = mapping::codes().map(|page| page.code.as_str()).collect();
            let message = anyhow!("there is no code {:?}; the codes are {}", self.code, known.join(", "));
            return Err(CliError::usage(message));
        };
        data(&format!("{}: {}\n\n{}\n", page.code, page.title, page.text))?;
        Ok(Exit::Done)
    }
}
