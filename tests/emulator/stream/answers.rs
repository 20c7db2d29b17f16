//! What a function may return under `ReportBatchItemFailures`, and what that means for its batch.

use crate::harness::failures::GivenUp;
use crate::harness::feeds::Kind;
use crate::stream::cases::{Case, run};

const RECORDS: [&str; 3] = ["a", "b", "c"];
const PARTIAL: &str = "FunctionResponseTypes: [ReportBatchItemFailures]\n";

/// The batch is done with.
fn success(name: &'static str, returned: &str) -> Case {
    Case {
        name,
        more: PARTIAL.to_owned(),
        answer: format!("return {returned}"),
        invocations: vec![RECORDS.to_vec()],
        given_up: Vec::new(),
    }
}

/// The whole batch has failed: it is tried again so many times.
fn failure(name: &'static str, answer: &str, retries: u32, error: Option<&'static str>) -> Case {
    Case {
        name,
        more: format!("{PARTIAL}MaximumRetryAttempts: {retries}"),
        answer: format!("if data(event['Records'][0]) == 'a':\n    {answer}"),
        invocations: vec![RECORDS.to_vec(); retries as usize + 1],
        given_up: vec![GivenUp::exhausted(&RECORDS, retries + 1, error)],
    }
}

fn successes() -> Vec<Case> {
    vec![
        success("empty-string", "''"),
        success("empty-list", "[]"),
        success("nothing", "None"),
        success("empty-object", "{}"),
        success("no-failures", "{'batchItemFailures': []}"),
        success("null-failures", "{'batchItemFailures': None}"),
    ]
}

fn failures() -> Vec<Case> {
    vec![
        failure("number", "return {'batchItemFailures': [{'itemIdentifier': 123}]}", 2, None),
        failure("empty-id", "return {'batchItemFailures': [{'itemIdentifier': ''}]}", 3, None),
        failure("null-id", "return {'batchItemFailures': [{'itemIdentifier': None}]}", 1, None),
        failure("other-key", "return {'batchItemFailures': [{'foo': 123}]}", 0, None),
        failure("null-under-other-key", "return {'batchItemFailures': [{'foo': None}]}", 1, None),
        failure("stranger", "return {'batchItemFailures': [{'itemIdentifier': '123'}]}", 2, None),
        failure("exception", "raise ValueError('no')", 2, Some("Unhandled")),
    ]
}

/// The lowest of several reported records is where the batch begins again.
fn several() -> Case {
    let answer = "bad = [sequence(r) for r in reversed(event['Records']) if data(r) in ('b', 'c')]\n\
                  return {'batchItemFailures': [{'itemIdentifier': number} for number in bad]}";
    Case {
        name: "several",
        more: format!("{PARTIAL}MaximumRetryAttempts: 1"),
        answer: answer.to_owned(),
        invocations: vec![vec!["a", "b", "c"], vec!["b", "c"], vec!["b", "c"]],
        given_up: vec![GivenUp::exhausted(&["b", "c"], 2, None)],
    }
}

/// Without the flag, what is returned means nothing.
fn without_the_flag() -> Case {
    Case {
        name: "no-flag",
        more: String::new(),
        answer: "return {'batchItemFailures': [{'itemIdentifier': sequence(event['Records'][0])}]}".to_owned(),
        invocations: vec![RECORDS.to_vec()],
        given_up: Vec::new(),
    }
}

#[tokio::test]
async fn answers_that_are_a_success() {
    let mut cases = successes();
    cases.push(without_the_flag());
    run(Kind::Kinesis, &RECORDS, &cases).await;
}

#[tokio::test]
async fn answers_that_fail_the_batch() {
    let mut cases = failures();
    cases.push(several());
    run(Kind::Kinesis, &RECORDS, &cases).await;
}

#[tokio::test]
async fn answers_mean_the_same_on_dynamodb() {
    let cases = [
        success("nothing", "None"),
        success("null-failures", "{'batchItemFailures': None}"),
        failure("number", "return {'batchItemFailures': [{'itemIdentifier': 123}]}", 2, None),
        failure("exception", "raise ValueError('no')", 1, Some("Unhandled")),
        several(),
    ];
    run(Kind::DynamoDb, &RECORDS, &cases).await;
}
