//! `cargo bench --bench function`: what forebay adds to a call of an HTTP service and of a worker.
//!
//! One executable in several roles. Without a role it is the driver. It starts itself again as the HTTP service and as
//! the workers, so that its own processor time is that of the side that is measured: forebay's adapter with a loop of
//! callers, the plainest client or server on the same HTTP library with the same loop, or the adapter with a whole
//! mapping around it.

#![expect(clippy::disallowed_methods, reason = "it measures by the host's clock")]

mod bare;
#[path = "../common/http.rs"]
#[expect(dead_code, reason = "the other benches need more of it")]
mod http;
mod idle;
mod mapping;
mod measure;
mod peers;
#[path = "../common/process.rs"]
#[expect(dead_code, reason = "the other benches need more of it")]
mod process;
#[path = "../common/report.rs"]
mod report;
mod sides;
#[path = "../../tests/clients/worker.rs"]
mod worker;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "function", about = "Measures what forebay adds to a call of an HTTP service and of a worker")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// Pairs of runs, forebay and bare in turn.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Calls in a run.
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
    /// Tries the bench itself: its figures mean little.
    #[arg(long)]
    quick: bool,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Role {
    /// An HTTP service that answers `null`, until standard input ends.
    #[command(hide = true)]
    Service,
    /// A worker that attaches where its environment says, and answers `null`.
    #[command(hide = true)]
    Worker,
}

/// Says what is going on; the table alone goes to standard output.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (pairs, calls) = if arguments.quick { (1, 500) } else { (arguments.pairs, arguments.calls) };
    let result = match arguments.role {
        None => measure::run(pairs, calls, arguments.quick),
        Some(Role::Service) => peers::serve(),
        Some(Role::Worker) => worker::work().map_err(anyhow::Error::from_boxed),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("the bench failed: {error:?}"));
            ExitCode::FAILURE
        }
    }
}
