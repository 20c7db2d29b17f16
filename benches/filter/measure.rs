//! Two things measured in turns, so that what disturbs the one disturbs the other.

use std::io::Write;
use std::time::{Duration, Instant};

/// How long one of them runs at a time.
const SPAN: Duration = Duration::from_millis(4);

/// What two things take.
pub(crate) struct Pair {
    /// Median nanoseconds.
    pub first: f64,
    pub second: f64,
    /// The median of how often the first went into the second, round by round.
    pub ratio: f64,
}

/// Measures two things in turns.
pub(crate) fn compare(rounds: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> Pair {
    let rounds: Vec<(f64, f64)> = (0..rounds).map(|_| (span(&mut first), span(&mut second))).collect();
    Pair {
        first: median(rounds.iter().map(|round| round.0)),
        second: median(rounds.iter().map(|round| round.1)),
        ratio: median(rounds.iter().map(|round| round.1 / round.0)),
    }
}

fn span(run: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut runs = 0_u32;
    while start.elapsed() < SPAN {
        // The clock is not read so often that it counts.
        let several = (runs / 8).clamp(1, 64);
        for _ in 0..several {
            run();
        }
        runs += several;
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(runs)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One line of a table.
pub(crate) struct Row<'a> {
    pub label: &'a str,
    pub bytes: usize,
    /// Skipping, and deciding.
    pub pair: Pair,
    pub verdict: &'a str,
}

impl Row<'_> {
    pub(crate) fn head() {
        line(&format!(
            "{:<58} {:>7} {:>10} {:>10} {:>6} {:>6}  decided",
            "", "bytes", "skip", "decide", "times", "speed"
        ));
    }

    /// `times` is what deciding costs where skipping is 1, `speed` the other way round.
    pub(crate) fn print(&self) {
        let Row { label, bytes, pair: Pair { first, second, ratio }, verdict } = self;
        let (skip, decide) = (time(*first), time(*second));
        line(&format!("{label:<58} {bytes:>7} {skip:>10} {decide:>10} {ratio:>6.1} {:>6.2}  {verdict}", 1.0 / ratio));
    }
}

fn time(nanoseconds: f64) -> String {
    if nanoseconds < 10_000.0 { format!("{nanoseconds:.0} ns") } else { format!("{:.1} us", nanoseconds / 1000.0) }
}

/// Prints a line. An error means that there is no reader any more.
pub(crate) fn line(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}
