//! One bad record among good ones: which batches follow from it, with and without bisection and partial responses.

use crate::harness::failures::GivenUp;
use crate::harness::feeds::Kind;
use crate::stream::cases::{Case, run};

const UNHANDLED: Option<&str> = Some("Unhandled");

/// Fails as a whole when the bad record is there.
fn throws(bad: &str) -> String {
    format!("if any(data(r) == '{bad}' for r in event['Records']):\n    raise ValueError('bad')")
}

/// Reports the bad record.
fn reports(bad: &str) -> String {
    format!(
        "bad = [sequence(r) for r in event['Records'] if data(r) == '{bad}']\n\
         return {{'batchItemFailures': [{{'itemIdentifier': number}} for number in bad]}}"
    )
}

/// The mapping's lines: size, retries, bisection, partial responses.
fn lines(size: u32, retries: u32, bisects: bool, partial: bool) -> String {
    let mut lines = format!("BatchSize: {size}\nMaximumRetryAttempts: {retries}\n");
    if bisects {
        lines.push_str("BisectBatchOnFunctionError: true\n");
    }
    if partial {
        lines.push_str("FunctionResponseTypes: [ReportBatchItemFailures]\n");
    }
    lines
}

/// Record 2 of four always fails.
fn second_of_four() -> Vec<Case> {
    let halves = || vec![vec!["1", "2", "3", "4"], vec!["1", "2"], vec!["1"], vec!["2"], vec!["2"], vec!["3", "4"]];
    vec![
        Case {
            name: "bisect",
            more: lines(4, 1, true, false),
            answer: throws("2"),
            invocations: halves(),
            given_up: vec![GivenUp::exhausted(&["2"], 2, UNHANDLED)],
        },
        Case {
            name: "partial",
            more: lines(4, 1, false, true),
            answer: reports("2"),
            invocations: vec![vec!["1", "2", "3", "4"], vec!["2", "3", "4"], vec!["2", "3", "4"]],
            given_up: vec![GivenUp::exhausted(&["2", "3", "4"], 2, None)],
        },
        Case {
            name: "bisect-partial",
            more: lines(4, 1, true, true),
            answer: reports("2"),
            invocations: vec![vec!["1", "2", "3", "4"], vec!["2", "3", "4"], vec!["2"], vec!["2"], vec!["3", "4"]],
            given_up: vec![GivenUp::exhausted(&["2"], 2, None)],
        },
        // A failed invocation has no response: the flag changes nothing.
        Case {
            name: "bisect-partial-throws",
            more: lines(4, 1, true, true),
            answer: throws("2"),
            invocations: halves(),
            given_up: vec![GivenUp::exhausted(&["2"], 2, UNHANDLED)],
        },
        Case {
            name: "plain",
            more: lines(4, 2, false, false),
            answer: throws("2"),
            invocations: vec![vec!["1", "2", "3", "4"]; 3],
            given_up: vec![GivenUp::exhausted(&["1", "2", "3", "4"], 3, UNHANDLED)],
        },
    ]
}

/// Record 5 always fails, in the second of two batches: the progress of records 3 and 4 gives it a new count.
fn progress() -> Vec<Case> {
    let mut invocations = vec![vec!["0", "1", "2"], vec!["3", "4", "5"]];
    invocations.extend(vec![vec!["5"]; 4]);
    vec![Case {
        name: "progress",
        more: lines(3, 3, false, true),
        answer: reports("5"),
        invocations,
        given_up: vec![GivenUp::exhausted(&["5"], 4, None)],
    }]
}

#[tokio::test]
async fn the_second_of_four_fails_on_kinesis() {
    run(Kind::Kinesis, &["1", "2", "3", "4"], &second_of_four()).await;
}

#[tokio::test]
async fn the_second_of_four_fails_on_dynamodb() {
    run(Kind::DynamoDb, &["1", "2", "3", "4"], &second_of_four()).await;
}

#[tokio::test]
async fn partial_progress_begins_a_new_count_on_kinesis() {
    run(Kind::Kinesis, &["0", "1", "2", "3", "4", "5"], &progress()).await;
}

#[tokio::test]
async fn partial_progress_begins_a_new_count_on_dynamodb() {
    run(Kind::DynamoDb, &["0", "1", "2", "3", "4", "5"], &progress()).await;
}
