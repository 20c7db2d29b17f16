//! `forebay schema`.

use clap::Args;

use super::exit::{Exit, Outcome};
use super::output::{data, json};

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {}

impl SchemaArgs {
    pub(super) fn execute(self) -> Outcome {
        data(&json(&crate::mapping::schema())?)?;
        Ok(Exit::Done)
    }
}
