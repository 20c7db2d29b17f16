//! Scenarios by the thousand.

use std::env;
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Seeds in a normal test run.
const SEEDS: u64 = 1_000;
/// A scenario that computes for longer than this does not end: tokio's paused clock stands still under it.
const STUCK: Duration = Duration::from_secs(120);

/// How long this process has computed: a busy machine does not count.
fn computed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, and is {text:?}")))
}

/// What every scenario reports when it is over.
#[derive(Debug)]
pub(crate) struct Report {
    /// The seed of its plan.
    pub(crate) seed: u64,
    /// The hash of its story.
    pub(crate) hash: u64,
    /// What was violated first.
    pub(crate) violation: Option<String>,
    /// The last events.
    pub(crate) tail: Vec<String>,
    /// Calls that the engine made.
    pub(crate) calls: u64,
    /// Virtual milliseconds.
    pub(crate) lasted: u64,
}

/// A failed scenario, and how the test `replay` runs it again.
pub(crate) fn failure(report: &Report, replay: &str) -> String {
    let violation = report.violation.as_deref().unwrap_or("nothing was violated");
    let mut text = format!("seed {} failed: {violation}\n\nthe last events:\n", report.seed);
    for line in &report.tail {
        text.push_str(line);
        text.push('\n');
    }
    let seed = report.seed;
    text.push_str(&format!("\nreplay it with: FOREBAY_SEED={seed} cargo test --test sim {replay} -- --nocapture\n"));
    text
}

/// With `FOREBAY_SEED=n`: runs that scenario as the test `replay` does, and prints its story.
pub(crate) fn one<P: Debug>(draw: fn(u64) -> P, run: fn(P, bool) -> Report, replay: &str) {
    let Some(seed) = number("FOREBAY_SEED") else { return };
    let plan = draw(seed);
    eprintln!("{plan:#?}");
    let report = run(plan, true);
    eprintln!("{} calls in {} virtual ms, trace {:016x}", report.calls, report.lasted, report.hash);
    assert!(report.violation.is_none(), "{}", failure(&report, replay));
}

/// The same seed gives the same scenario: else a failure could not be replayed.
pub(crate) fn repeats(run: fn(u64) -> Report) {
    for seed in 0..40 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.hash, second.hash, "seed {seed} gives two different scenarios");
        assert!(first.calls > 0, "seed {seed}: the engine made no call");
    }
}

/// Whether more scenarios are asked for than usual: then scenes, too, try everything that they have.
pub(crate) fn asks_for_more() -> bool {
    number("FOREBAY_SEEDS").is_some_and(|seeds| seeds > SEEDS)
}

/// Runs as many scenarios as the environment asks for; the test `replay` runs one of them alone.
pub(crate) fn many(run: fn(u64) -> Report, replay: &str) {
    let seeds = number("FOREBAY_SEEDS").unwrap_or(SEEDS);
    let first = number("FOREBAY_FIRST_SEED").unwrap_or(1);
    let threads = number("FOREBAY_THREADS").unwrap_or(2).max(1);
    let go_on = env::var_os("FOREBAY_KEEP_GOING").is_some();
    let begun = Instant::now();
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let failures = Mutex::new(Vec::new());
    let (calls, lasted, digest) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let at_work: Vec<Mutex<Option<(u64, Duration)>>> = (0..threads).map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = at_work
            .iter()
            .map(|place| {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        let seed = next.fetch_add(1, Relaxed);
                        if seed >= first + seeds {
                            break;
                        }
                        *place.lock().expect("no panic while held") = Some((seed, computed()));
                        let outcome = run(seed);
                        calls.fetch_add(outcome.calls, Relaxed);
                        lasted.fetch_add(outcome.lasted, Relaxed);
                        digest.fetch_add(outcome.hash, Relaxed);
                        if let Some(violation) = &outcome.violation {
                            eprintln!("seed {seed}: {violation}");
                            stop.fetch_or(!go_on, Relaxed);
                            failures.lock().expect("no panic while held").push(outcome);
                        }
                    }
                    *place.lock().expect("no panic while held") = None;
                })
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            for place in &at_work {
                let begun = *place.lock().expect("no panic while held");
                // All threads share the time.
                let most = STUCK.saturating_mul(u32::try_from(threads).unwrap_or(u32::MAX));
                if let Some((seed, _)) = begun.filter(|(_, before)| computed() - *before > most) {
                    eprintln!("seed {seed} does not end: the engine spins without letting the clock go on");
                    std::process::abort();
                }
            }
        }
    });
    let mut failures = failures.into_inner().expect("no panic while held");
    failures.sort_by_key(|outcome| outcome.seed);
    eprintln!(
        "{seeds} scenarios, {} calls, {} virtual hours, {:.1} s, digest {:016x}",
        calls.into_inner(),
        lasted.into_inner() / 3_600_000,
        begun.elapsed().as_secs_f64(),
        digest.into_inner()
    );
    if let Some(outcome) = failures.first() {
        panic!("{} of {seeds} seeds failed\n{}", failures.len(), failure(outcome, replay));
    }
}
