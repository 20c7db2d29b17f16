//! SIGTERM under load: how long it takes, and what becomes of the messages.

use std::time::{Duration, Instant};

use super::{ENDING, PATIENCE, setup};
use crate::common::{Row, say};
use crate::driver::{Bench, MappingFile, Options, QUEUE};
use crate::fake::{Setup, Stats, Until};

/// One way to be asked to end in the middle of work.
struct Case {
    what: &'static str,
    function_ms: u64,
    mapping: MappingFile,
    /// The function answers within the bound, so nothing may be left hidden or half done.
    finishes: bool,
}

pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let messages = if options.quick { 3_000 } else { 50_000 };
    let mapping = MappingFile { concurrency: Some(50), ..MappingFile::default() };
    let cases = [
        Case { what: "drain, function 200 ms, bound 25 s", function_ms: 200, mapping: mapping.clone(), finishes: true },
        Case {
            what: "drain, batches of 100 being gathered, bound 25 s",
            function_ms: 200,
            mapping: MappingFile { batch_size: 100, window_s: 2, ..mapping.clone() },
            finishes: true,
        },
        Case {
            what: "drain, function hangs, bound 3 s",
            function_ms: 600_000,
            mapping: MappingFile { drain: Duration::from_secs(3), ..mapping },
            finishes: false,
        },
    ];
    let mut rows = Vec::new();
    for case in cases {
        rows.push(run(bench, messages, &case).await?);
    }
    Ok(rows)
}

async fn run(bench: &mut Bench, messages: usize, case: &Case) -> anyhow::Result<Row> {
    bench.fake.reset(&Setup { queues: vec![QUEUE.to_owned()], ..setup(messages, case.function_ms) }).await?;
    let mut child = bench.forebay(&case.mapping)?;
    let under_way = if case.finishes { messages / 10 } else { 0 };
    let until = Until { deleted: under_way, receives: 20, ..Until::default() };
    child.during(bench.fake.wait(until, PATIENCE)).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    child.check()?;
    let clock = Instant::now();
    let status = child.terminate(case.mapping.drain + ENDING).await?;
    let took = clock.elapsed();
    let stats = bench.fake.stats().await?;
    bench.check()?;
    say(&format!("{}: {took:.2?}, {status}; {stats:?}", case.what));
    let lost = stats.messages - stats.deleted - stats.hidden - stats.visible;
    let words = format!(
        "{:.2} s; lost {lost}, hidden unstarted {}, done but not deleted {}",
        took.as_secs_f64(),
        stats.hidden_unstarted,
        stats.started_undeleted
    );
    let bound = case.mapping.drain + Duration::from_secs(1);
    Ok(Row::alone(case.what, words).target(
        format!("≤ {} s; 0; 0; {}", bound.as_secs(), if case.finishes { "0" } else { "in flight" }),
        took <= bound && lost == 0 && kept(&stats, case.finishes),
    ))
}

/// Whether every message that no function has seen can be received at once, and, where functions
/// could finish, nothing that they did is done again.
fn kept(stats: &Stats, finishes: bool) -> bool {
    stats.hidden_unstarted == 0 && (!finishes || (stats.hidden == 0 && stats.started_undeleted == 0))
}
