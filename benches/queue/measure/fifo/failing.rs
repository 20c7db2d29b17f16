//! What one group that always fails costs the others.

use super::run::{Load, Run, forebay};
use crate::common::{Row, median, say};
use crate::driver::{BATCH, Bench, Options};
use crate::fake::Failing;

const GROUPS: u32 = 100;
/// At most this part of the other groups' messages a second may be lost.
const MOST: f64 = 0.02;

/// One way in which the groups' messages come, and in which what failed comes back.
struct Case {
    what: &'static str,
    load: Load,
}

/// Fewer slots than groups, so that each slot of the failing group is missed elsewhere.
const BASE: Load = Load {
    groups: GROUPS,
    depth: 2 * BATCH,
    batch: BATCH,
    concurrency: Some(10),
    function_ms: 20,
    visibility_s: 60,
    failing: None,
    more: "    FunctionResponseTypes: [ReportBatchItemFailures]\n    Poller: { Visibility: { OnFunctionError: Release \
        } }\n",
};

/// In the first case the failing group is back at once, whenever it fails. In the second each receive brings three or
/// four groups together, and what failed comes back as the queue says.
const CASES: [Case; 2] = [
    Case { what: "20 messages a group, back at once", load: BASE },
    Case {
        what: "3 messages a group, back after 2 s",
        load: Load {
            depth: 3,
            visibility_s: 2,
            more: "    FunctionResponseTypes: [ReportBatchItemFailures]\n",
            ..BASE
        },
    },
];

const WAYS: [(Failing, &str); 2] = [(Failing::Throw, "throws"), (Failing::Report, "is reported")];

/// Rounds: the same queue with all groups well, and with the first failing in either way.
pub(crate) async fn measure(bench: &mut Bench, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for Case { what, load } in &CASES {
        let mut well = Vec::new();
        let mut failing = WAYS.map(|_| Vec::new());
        for number in 0..options.runs() {
            let run = forebay(bench, options, load).await?;
            say(&format!("{what}, round {}: all well: {}", number + 1, run.words()));
            well.push(run);
            for ((how, word), runs) in WAYS.iter().zip(&mut failing) {
                let run = forebay(bench, options, &Load { failing: (!options.noise).then_some(*how), ..*load }).await?;
                say(&format!(
                    "{what}, round {}: a group {word}: {}; {} failures, {} records repeated",
                    number + 1,
                    run.words(),
                    run.stats.failures,
                    run.stats.repeated
                ));
                runs.push(run);
            }
        }
        rows.extend(WAYS.iter().zip(&failing).map(|((_, word), runs)| row(what, word, &well, runs)));
    }
    Ok(rows)
}

fn row(what: &str, word: &str, well: &[Run], failing: &[Run]) -> Row {
    let rate = |runs: &[Run]| median(runs.iter().map(Run::others_per_second));
    let lost =
        1.0 - median(failing.iter().zip(well).map(|(bad, good)| bad.others_per_second() / good.others_per_second()));
    let mut row = Row::alone(
        format!("1 of {GROUPS} groups {word}, {what}: messages/s of the others"),
        format!("{:.0}", rate(failing)),
    )
    .target(format!("loses < {:.0} %", MOST * 100.0), lost < MOST);
    row.bare = format!("{:.0} with all well", rate(well));
    row.ratio = format!("{:+.1} %", -lost * 100.0);
    row
}
