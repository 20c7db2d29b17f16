//! Two things measured in turns, so that what disturbs the one disturbs the other.

use std::time::{Duration, Instant};

/// How long one of them runs at a time.
const SPAN: Duration = Duration::from_millis(20);

/// Median nanoseconds of each.
pub(crate) fn compare(rounds: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        firsts.push(span(&mut first));
        seconds.push(span(&mut second));
    }
    (median(firsts), median(seconds))
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One line of a table.
pub(crate) struct Row<'a> {
    pub label: &'a str,
    pub bytes: usize,
    pub skip: f64,
    pub decide: f64,
    pub verdict: &'a str,
}

impl Row<'_> {
    pub(crate) fn head() {
        println!("{:<58} {:>8} {:>12} {:>12} {:>7}  decided", "", "bytes", "skip", "decide", "speed");
    }

    /// `speed` is that of the filters where skipping is 1.
    pub(crate) fn print(&self) {
        let Row { label, bytes, skip, decide, verdict } = self;
        println!("{label:<58} {bytes:>8} {:>12} {:>12} {:>7.2}  {verdict}", time(*skip), time(*decide), skip / decide);
    }
}

fn time(nanoseconds: f64) -> String {
    if nanoseconds < 10_000.0 { format!("{nanoseconds:.0} ns") } else { format!("{:.1} us", nanoseconds / 1000.0) }
}
