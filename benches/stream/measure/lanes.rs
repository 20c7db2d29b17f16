//! What more lanes bring where the function is slow.

use super::{bare, forebay, setup};
use crate::common::{Row, median, say};
use crate::driver::{Bench, MappingFile, Options};

/// So few that ten lanes of one shard stay below its two megabytes a second.
const BATCH_SIZE: usize = 10;
const FUNCTION_MS: u64 = 50;
const LANES: usize = 10;

/// One shard with one lane, with ten, and the bare loop, which has one.
pub(super) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let few = setup(1, options.length(2_000, 400), FUNCTION_MS);
    let many = setup(1, options.length(20_000, 4_000), FUNCTION_MS);
    let (mut one, mut ten, mut bares) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..options.runs() {
        let single = forebay(bench, &few, &MappingFile { batch_size: BATCH_SIZE, lanes: 1 }).await?;
        let all = forebay(bench, &many, &MappingFile { batch_size: BATCH_SIZE, lanes: LANES }).await?;
        let bare = bare(bench, &few, BATCH_SIZE).await?;
        say(&format!(
            "lanes, run {}: one {}; {LANES} {}; bare loop {}",
            number + 1,
            single.words(),
            all.words(),
            bare.words()
        ));
        one.push(single.per_second);
        ten.push(all.per_second);
        bares.push(bare.per_second);
    }
    let ratio = median(one.iter().zip(&ten).map(|(one, ten)| ten / one));
    let beside = median(one.iter().zip(&bares).map(|(one, bare)| one / bare));
    let (one, ten, bare) = (median(one), median(ten), median(bares));
    let what = format!("1 shard, batches of {BATCH_SIZE}, function {FUNCTION_MS} ms");
    let first = Row::pair(format!("{what}, 1 lane: records/s"), format!("{one:.0}"), format!("{bare:.0}"), beside)
        .target("≥ 0.95", beside >= 0.95);
    let second = Row::alone(format!("{what}, {LANES} lanes: records/s"), format!("{ten:.0}"));
    let third = Row::alone(format!("{LANES} lanes against 1"), format!("{ratio:.2} times")).target("≥ 9", ratio >= 9.0);
    Ok(vec![first, second, third])
}
