//! What can be chosen on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// A short run that tries the bench itself; its figures mean little.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Throughput of the bare loop against itself: how far two equal programs differ on this machine.
    #[arg(long)]
    pub(crate) noise: bool,
    /// Measure only these parts.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Part>,
    /// Pairs of runs.
    #[arg(long)]
    runs: Option<usize>,
    /// Shards of the throughput runs.
    #[arg(long, value_delimiter = ',')]
    shards: Vec<usize>,
    /// The forebay to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_forebay"))]
    pub(crate) forebay: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Throughput,
    Lanes,
    Poison,
    Checkpoints,
    Idle,
    Machine,
}

impl Options {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// Full or short, as was asked for.
    pub(crate) const fn length(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    pub(crate) fn shards(&self) -> Vec<usize> {
        if self.shards.is_empty() { vec![1, 10, 100] } else { self.shards.clone() }
    }
}
