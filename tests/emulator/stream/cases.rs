//! Runs a table of cases, all at once on one stream: what each function says, which invocations follow, and what the
//! failure destination is told.

use crate::harness::Queue;
use crate::harness::failures::{GivenUp, bodies};
use crate::harness::feeds::Kind;
use crate::harness::ledger::StreamLedger;
use crate::harness::process::{SOON, eventually};

/// The record that is added when all else is done: nothing may come between.
const END: &str = "end";

/// One mapping with a function of its own.
pub(crate) struct Case {
    /// Names the mapping and the function.
    pub(crate) name: &'static str,
    /// More lines of the mapping.
    pub(crate) more: String,
    /// What the function does after it has noted the event, and what it answers: the body of a Python function.
    pub(crate) answer: String,
    /// The data of the records in each invocation, in order.
    pub(crate) invocations: Vec<Vec<&'static str>>,
    /// What is given up, in order.
    pub(crate) given_up: Vec<GivenUp>,
}

/// Puts the records, runs every case over them, and compares.
pub(crate) async fn run(kind: Kind, records: &[&str], cases: &[Case]) {
    let (account, site) = kind.site().await;
    let feed = kind.feed(&account, "orders").await;
    feed.put(records).await;
    let mut running: Vec<(&Case, StreamLedger, String, Queue)> = Vec::new();
    for case in cases {
        let ledger = StreamLedger::new(&site, case.name);
        let body = case.answer.trim().replace('\n', "\n    ");
        let handler = format!("def handler(event, context):\n    note(event)\n    {body}\n");
        let function = account.create_function(case.name, &ledger.source(&handler)).await;
        let destination = account.create_queue(&format!("{}-failed", case.name), &[]).await;
        let lines = [
            "StartingPosition: TRIM_HORIZON",
            &format!("DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}", destination.arn),
            "Poller: { RetryBackoff: { Initial: 50ms, Maximum: 200ms } }",
            &case.more,
        ];
        site.map_arn(case.name, feed.arn(), case.name, &lines.join("\n"));
        running.push((case, ledger, function, destination));
    }
    let daemon = site.run().await;
    for (case, ledger, _, destination) in &mut running {
        eventually(SOON, &format!("{} has its invocations", case.name), async || {
            let messages = account.messages(destination).await.len();
            let invocations = ledger.entries().len();
            (invocations >= case.invocations.len() && messages >= case.given_up.len()).then_some(())
        })
        .await;
    }
    feed.put(&[END]).await;
    for (case, ledger, function, destination) in &mut running {
        eventually(SOON, &format!("{} goes on", case.name), async || ledger.times().contains_key(END).then_some(()))
            .await;
        let mut expected = case.invocations.clone();
        expected.push(vec![END]);
        assert_eq!(ledger.batches(), expected, "{}", case.name);
        let told = bodies(&account, destination, case.given_up.len()).await;
        assert_eq!(told.len(), case.given_up.len(), "{}: {told:?}", case.name);
        for (told, given_up) in told.iter().zip(&case.given_up) {
            given_up.check(told, function, &feed).await;
        }
    }
    daemon.stop().await;
}
