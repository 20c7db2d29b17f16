//! `cargo bench --bench stream`: forebay's release binary against a bare GetRecords → Invoke loop on the same SDK.
//!
//! One executable in several roles. Without a role it is the driver: it starts itself again as the fake of Kinesis
//! and Lambda (in its own process, on its own core), as the bare loop, and as an engine over shards in memory, starts
//! forebay, and prints the table that `docs/performance.md` explains.

#![expect(clippy::disallowed_methods, reason = "it measures by the host's clock")]

mod bare;
#[path = "../common/mod.rs"]
mod common;
mod driver;
mod fake;
mod measure;
mod shards;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "stream", about = "Measures forebay's streams against a bare loop on the same SDK")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: driver::Options,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Role {
    /// The fake of Kinesis and Lambda, until standard input ends.
    #[command(hide = true)]
    Fake {
        /// Where to listen; port 0 takes a free one, which is printed.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// The bare loop: a task for each shard that reads and invokes.
    #[command(hide = true)]
    Bare(bare::BareOptions),
    /// forebay's engine over idle shards in memory.
    #[command(hide = true)]
    Shards {
        /// How many.
        #[arg(long)]
        count: usize,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.role {
        None => driver::run(&arguments.options),
        Some(Role::Fake { listen }) => fake::run(listen),
        Some(Role::Bare(options)) => bare::run(&options),
        Some(Role::Shards { count }) => shards::run(count),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            common::complain(&error);
            ExitCode::FAILURE
        }
    }
}
