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
        let code = self.code.trim().to_ascii_uppercase();
        match mapping::explain(&code) {
            Some(text) => {
                data(&format!("{}\n", text.trim_end()))?;
                Ok(Exit::Done)
            }
            None => {
                let known: Vec<&str> = mapping::codes().into_iter().collect();
                Err(CliError::usage(anyhow!("there is no code {code}; the codes are {}", known.join(", "))))
            }
        }
    }
}
