//! What SQS's own group blocking allows, and how near forebay comes to it.
//!
//! While a message of a group is in flight, SQS hands out nothing more of that group. So a group has one receive's
//! messages in flight at a time, and its next ones come when those are deleted: `BatchSize` messages for each *cycle*
//! from handing out over the function to the deletion. No more cycles run at once than there are groups, or than
//! `MaximumConcurrency` allows:
//!
//! ```text
//! bound = min(groups, MaximumConcurrency) × BatchSize ÷ cycle
//! ```
//!
//! The cycle is measured, in the same run on the same fake: one group alone, and two workers of the bare loop. While
//! one has the group's messages the other's receive waits at the fake, so that the deletion itself brings the next
//! messages on their way. With nothing else to do, and a receive always open, no group can go round faster with this
//! SDK and this function.

use super::super::throughput::shape;
use super::run::{Load, Run, bare, forebay};
use crate::common::{Row, median, say};
use crate::driver::{Bench, Options};

/// The least part of what SQS allows that is good enough.
const LEAST: f64 = 0.95;
/// Of all cores: with more than this busy, a program that is slow is short of them.
const MOST_BUSY: f64 = 0.85;

/// One round of runs.
struct Round {
    cycle_ms: f64,
    bound: f64,
    ours: Run,
    theirs: Run,
}

const fn load(concurrency: Option<usize>, batch: usize, function_ms: u64) -> Load {
    Load { groups: 100, depth: 2 * batch, batch, concurrency, function_ms, visibility_s: 60, failing: None, more: "" }
}

/// More groups than slots with full batches; then a slot for every group, one message each. Two cores are busy with
/// what a hundred groups do in 20 ms each; with 100 ms the same groups leave them room, and only SQS holds them back.
const LOADS: [Load; 3] = [load(Some(10), 10, 20), load(None, 1, 20), load(None, 1, 100)];

/// Rounds of the calibration, forebay, and the bare loop with a worker for each slot.
pub(crate) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for load in &LOADS {
        let what = words(load);
        let mut rounds = Vec::new();
        for number in 0..options.runs() {
            let round = round(bench, options, load).await?;
            say(&format!(
                "{what}, round {}: cycle {:.2} ms, bound {:.0} msg/s; forebay {}; bare loop {}",
                number + 1,
                round.cycle_ms,
                round.bound,
                round.ours.words(),
                round.theirs.words()
            ));
            rounds.push(round);
        }
        rows.extend(rows_of(&rounds, &what));
    }
    Ok(rows)
}

async fn round(bench: &mut Bench, options: &Options, load: &Load) -> anyhow::Result<Round> {
    let alone = bare(bench, options, &Load { groups: 1, ..*load }, 2).await?;
    let cycle = load.batch as f64 / alone.per_second();
    let ours = if options.noise {
        bare(bench, options, load, load.slots()).await?
    } else {
        forebay(bench, options, load).await?
    };
    let our_event = bench.fake.event().await?;
    let theirs = bare(bench, options, load, load.slots()).await?;
    let their_event = bench.fake.event().await?;
    anyhow::ensure!(
        shape(&our_event) == shape(&their_event),
        "the two programs do not deliver the same: {our_event} and {their_event}"
    );
    Ok(Round { cycle_ms: cycle * 1e3, bound: (load.slots() * load.batch) as f64 / cycle, ours, theirs })
}

fn rows_of(rounds: &[Round], what: &str) -> Vec<Row> {
    let middle = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
    let per_second = format!("{:.0}", middle(|round| round.ours.per_second()));
    let share = middle(|round| round.ours.per_second() / round.bound);
    let their_share = middle(|round| round.theirs.per_second() / round.bound);
    let beside = middle(|round| round.ours.per_second() / round.theirs.per_second());
    let allowed =
        format!("{:.0} allowed ({:.2} ms a cycle)", middle(|round| round.bound), middle(|round| round.cycle_ms));
    let theirs = format!("{:.0} ({their_share:.2} of it)", middle(|round| round.theirs.per_second()));
    let mut against = Row::pair(format!("{what}: messages/s, SQS's bound"), per_second.clone(), allowed, share);
    let mut next_to = Row::pair(format!("{what}: messages/s"), per_second, theirs, beside);
    // The processors, not SQS, keep even the plainest program away from the bound: then it is what both get out of
    // them.
    let available = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let short = their_share < LEAST && middle(|round| round.theirs.busy()) > MOST_BUSY * available;
    if short {
        "not for so few cores".clone_into(&mut against.target);
        next_to = next_to.target(format!("≥ {LEAST}"), beside >= LEAST);
    } else {
        against = against.target(format!("≥ {LEAST}"), share >= LEAST);
    }
    let cpu = |run: &Run| run.cores * 1e6 / run.per_second();
    let cost = median(rounds.iter().map(|round| cpu(&round.ours) / cpu(&round.theirs)));
    let cores = |run: fn(&Round) -> &Run| {
        let own = median(rounds.iter().map(|round| run(round).cores));
        let fake = median(rounds.iter().map(|round| run(round).fake_cores));
        format!("{own:.2} (fake {fake:.2})")
    };
    let (ours, theirs) = (cores(|round| &round.ours), cores(|round| &round.theirs));
    vec![against, next_to, Row::pair(format!("{what}: cores busy; CPU a message"), ours, theirs, cost)]
}

fn words(load: &Load) -> String {
    let concurrency = load.concurrency.map_or_else(|| "no maximum".to_owned(), |most| format!("concurrency {most}"));
    format!("{} groups, {concurrency}, batches of {}, function {} ms", load.groups, load.batch, load.function_ms)
}
