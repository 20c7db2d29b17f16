//! `cargo bench --bench queue`: forebay's release binary against a bare loop on the same SDK.
//!
//! One executable in several roles. Without a role it is the driver: it starts itself again as the
//! fake of SQS and Lambda (in its own process, on its own core) and as the bare loop, starts
//! forebay, and prints the table that `docs/performance.md` explains.

#![expect(clippy::disallowed_methods, reason = "it measures by the host's clock")]

mod bare;
#[path = "../common/mod.rs"]
mod common;
mod driver;
mod fake;
mod measure;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "queue", about = "Measures forebay against a bare loop on the same SDK")]
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
    /// The fake of SQS and Lambda, until standard input ends.
    #[command(hide = true)]
    Fake {
        /// Where to listen; port 0 takes a free one, which is printed.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// The bare loop: workers that receive, invoke and delete.
    #[command(hide = true)]
    Bare(bare::BareOptions),
    /// The smallest program on the SDK that receives once.
    #[command(hide = true)]
    BareStart {
        /// The queue's name.
        #[arg(long)]
        queue: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.role {
        None => driver::run(&arguments.options),
        Some(Role::Fake { listen }) => fake::run(listen),
        Some(Role::Bare(options)) => bare::run(&options),
        Some(Role::BareStart { queue }) => bare::start(&queue),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            common::complain(&error);
            ExitCode::FAILURE
        }
    }
}
