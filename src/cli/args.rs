//! The verbs, and the way from arguments to an exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::exit::{Exit, Outcome};
use super::output::{data, json};
use super::switch::{Direction, SwitchArgs};
use super::{
    checkpoint, completions, explain, export, filter, fleet, guard, health, import, invoke, list, reload, run, status,
    store, validate, version,
};

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 partly done, 130 interrupted.
Start with a mapping file in mappings/ and run `forebay validate`, then `forebay run`. docs/getting-started.md has an \
example.";

/// Runs AWS Lambda's event source mappings outside AWS: polls queues and streams, invokes a function with each batch,
/// then deletes the messages or moves the checkpoint.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, after_help = AFTER_HELP, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the mappings of files and folders until SIGTERM or SIGINT
    Run(run::RunArgs),
    /// Check mapping files: all problems at once, with line and code
    Validate(validate::ValidateArgs),
    /// List the mappings of a running forebay
    List(list::ListArgs),
    /// Show one mapping of a running forebay, or all
    Status(status::StatusArgs),
    /// Start mappings; they stay started after a restart of forebay
    Start(SwitchArgs),
    /// Stop mappings; they stay stopped after a restart of forebay
    Stop(SwitchArgs),
    /// Drain mappings and start them again
    Restart(SwitchArgs),
    /// Read the mapping files again, and restart only what changed
    Reload(reload::ReloadArgs),
    /// Show and change the checkpoints of streams
    Checkpoint(checkpoint::CheckpointArgs),
    /// Show the replicas that share a store, and what each runs
    Fleet(fleet::FleetArgs),
    /// Make or describe the table that replicas share
    Store(store::StoreArgs),
    /// Send one event to a mapping's function, as the poller would
    Invoke(invoke::InvokeArgs),
    /// Try event patterns on records, and show which match
    Filter(filter::FilterArgs),
    /// Write mapping files from CloudFormation and SAM templates, serverless.yml, or AWS's list of mappings
    Import(import::ImportArgs),
    /// Print the mappings of the AWS API as mapping files
    Export(export::ExportArgs),
    /// Check that forebay is up: the exit code is 0 or 1
    Health(health::HealthArgs),
    /// Print the JSON Schema of mapping files
    Schema,
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Explain a code such as FB0201, or list all codes
    Explain(explain::ExplainArgs),
    /// Show the version of this program, and of the running forebay if there is one
    Version(version::VersionArgs),
    /// Guard a worker: `run` starts this
    #[command(hide = true)]
    Guard(guard::GuardArgs),
}

/// Runs the command line of this process, and answers with its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => cli.verb.execute().unwrap_or_else(super::exit::CliError::report),
        Err(error) => {
            // Help and version go to stdout and are no failure; all else is talk.
            error.print().ok();
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    };
    exit.into()
}

impl Verb {
    fn execute(self) -> Outcome {
        match self {
            Self::Run(args) => args.execute(),
            Self::Validate(args) => args.execute(),
            Self::List(args) => args.execute(),
            Self::Status(args) => args.execute(),
            Self::Start(args) => args.execute(Direction::Start),
            Self::Stop(args) => args.execute(Direction::Stop),
            Self::Restart(args) => args.execute(Direction::Restart),
            Self::Reload(args) => args.execute(),
            Self::Checkpoint(args) => args.execute(),
            Self::Fleet(args) => args.execute(),
            Self::Store(args) => args.execute(),
            Self::Invoke(args) => args.execute(),
            Self::Filter(args) => args.execute(),
            Self::Import(args) => args.execute(),
            Self::Export(args) => args.execute(),
            Self::Health(args) => args.execute(),
            Self::Schema => {
                data(&json(&crate::mapping::schema())?)?;
                Ok(Exit::Done)
            }
            Self::Completions(args) => args.execute(),
            Self::Explain(args) => args.execute(),
            Self::Version(args) => args.execute(),
            Self::Guard(args) => args.execute(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_run_has_a_variable() {
        let command = Cli::command();
        let run = command.find_subcommand("run").unwrap();
        for flag in run.get_arguments().filter(|flag| flag.get_id() != "help" && !flag.is_positional()) {
            let id = flag.get_id();
            let by_clap = flag.get_env().map(|name| name.to_string_lossy().into_owned());
            let by_hand = flag.get_help().is_some_and(|help| help.to_string().contains("[env: FOREBAY_"));
            assert!(by_clap.is_some_and(|name| name.starts_with("FOREBAY_")) || by_hand, "{id} has no variable");
        }
    }
}
