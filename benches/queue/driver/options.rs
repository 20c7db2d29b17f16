//! What can be chosen on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// A short run that tries the bench itself; its figures mean little.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Throughput of the bare loop against itself, no failing group, no filter: how far equal runs differ on this
    /// machine.
    #[arg(long)]
    pub(crate) noise: bool,
    /// Measure only these parts.
    #[arg(long, value_delimiter = ',', value_enum)]
    pub(crate) only: Vec<Part>,
    /// Pairs of runs.
    #[arg(long)]
    runs: Option<usize>,
    /// Messages in each throughput run.
    #[arg(long)]
    messages: Option<usize>,
    /// Concurrency of the throughput runs.
    #[arg(long, value_delimiter = ',')]
    concurrency: Vec<usize>,
    /// How long the function takes in the throughput runs, in milliseconds.
    #[arg(long, value_delimiter = ',')]
    function_ms: Vec<u64>,
    /// The forebay to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_forebay"))]
    pub(crate) forebay: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Throughput,
    Memory,
    Idle,
    Latency,
    Start,
    Size,
    Drain,
    Errors,
    Fifo,
    FifoFailing,
    Filter,
    Api,
    Machine,
}

impl Options {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 1 } else { 5 })
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages.unwrap_or(if self.quick { 3_000 } else { 100_000 })
    }

    pub(crate) fn concurrency(&self) -> Vec<usize> {
        if self.concurrency.is_empty() { vec![10, 50] } else { self.concurrency.clone() }
    }

    pub(crate) fn function_ms(&self) -> Vec<u64> {
        if self.function_ms.is_empty() { vec![0, 20] } else { self.function_ms.clone() }
    }
}
