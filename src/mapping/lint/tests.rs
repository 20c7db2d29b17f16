//! Advice from attributes, shards and settings.

use std::path::Path;

use super::*;

const QUEUE: &str = "sqs:us-east-1:000000000000:q\n";
const STREAM: &str = "kinesis:us-east-1:000000000000:stream/s\nStartingPosition: LATEST\n";

fn mapping(source: &str, more: &str) -> Mapping {
    let text = format!("Name: m\nFunctionName: f\nEventSourceArn: arn:aws:{source}{more}");
    super::super::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0)
}

fn queue(visibility: u64, max_receive_count: Option<u32>) -> QueueAttributes {
    QueueAttributes {
        visibility: Duration::from_secs(visibility),
        backlog: None,
        in_flight: None,
        max_receive_count,
        retention: Some(Duration::from_secs(4 * 24 * 3600)),
    }
}

fn function(timeout: u64, reserved_concurrency: Option<u32>) -> FunctionSettings {
    FunctionSettings { timeout: Duration::from_secs(timeout), reserved_concurrency, role: None, arn: None }
}

fn codes(more: &str, queue: &QueueAttributes, function: &FunctionSettings) -> Vec<&'static str> {
    let queue = Some(SourceFacts::Queue(queue));
    lint(&mapping(QUEUE, more), queue, Some(function)).iter().map(|found| found.code.as_str()).collect()
}

fn of_stream(more: &str, shards: &[Shard], function: Option<&FunctionSettings>) -> Vec<&'static str> {
    let found = lint(&mapping(STREAM, more), Some(SourceFacts::Stream(shards)), function);
    found.iter().map(|found| found.code.as_str()).collect()
}

fn shard(id: &str, closed: bool) -> Shard {
    Shard { id: id.into(), parents: Vec::new(), closed, begins: None }
}

const ON_FAILURE: &str = "DestinationConfig: { OnFailure: { Destination: \"arn:aws:s3:::failed\" } }\n";

#[test]
fn says_nothing_of_a_sound_pair() {
    assert_eq!(codes("", &queue(180, Some(5)), &function(30, None)), [""; 0]);
    assert_eq!(lint(&mapping(QUEUE, ""), None, None), []);
}

#[test]
fn compares_visibility_with_timeout_and_window() {
    assert_eq!(codes("", &queue(29, Some(5)), &function(30, None)), ["FB0501"]);
    assert_eq!(codes("", &queue(179, Some(5)), &function(30, None)), ["FB0502"]);
    assert_eq!(codes("MaximumBatchingWindowInSeconds: 20", &queue(199, Some(5)), &function(30, None)), ["FB0502"]);
    assert_eq!(codes("MaximumBatchingWindowInSeconds: 20", &queue(200, Some(5)), &function(30, None)), [""; 0]);
    assert_eq!(
        codes("Poller: { Visibility: { Timeout: 10s } }", &queue(180, Some(5)), &function(30, None)),
        ["FB0501"]
    );
}

#[test]
fn looks_at_the_retries_of_streams() {
    assert_eq!(of_stream("", &[], None), ["FB0512"]);
    assert_eq!(of_stream(ON_FAILURE, &[], None), ["FB0512"]);
    assert_eq!(of_stream("BisectBatchOnFunctionError: true", &[], None), ["FB0512"]);
    assert_eq!(of_stream("MaximumRetryAttempts: 3", &[], None), ["FB0513"]);
    assert_eq!(of_stream("MaximumRecordAgeInSeconds: 60", &[], None), ["FB0513"]);
    assert_eq!(of_stream(&format!("{ON_FAILURE}MaximumRetryAttempts: 0"), &[], None), [""; 0]);
    assert_eq!(lint(&mapping(STREAM, ""), None, None).len(), 1, "it needs no answer of the stream");
}

#[test]
fn compares_concurrent_batches_with_the_reserved_concurrency() {
    let more = format!("{ON_FAILURE}MaximumRetryAttempts: 3\nParallelizationFactor: 2\n");
    let shards = [shard("0", true), shard("1", false), shard("2", false)];
    assert_eq!(of_stream(&more, &shards, Some(&function(30, Some(3)))), ["FB0505"]);
    assert_eq!(of_stream(&more, &shards, Some(&function(30, Some(4)))), [""; 0], "closed shards run dry");
    assert_eq!(of_stream(&more, &shards, Some(&function(30, Some(0)))), ["FB0507"]);
    assert_eq!(of_stream(&more, &shards, Some(&function(30, None))), [""; 0]);
}

#[test]
fn compares_the_redrive_policy_with_the_attempts() {
    let function = function(30, None);
    assert_eq!(codes(ON_FAILURE, &queue(180, None), &function), [""; 0], "the destination takes them");
    assert_eq!(codes(ON_FAILURE, &queue(180, Some(2)), &function), ["FB0514"]);
    assert_eq!(codes(ON_FAILURE, &queue(180, Some(3)), &function), ["FB0503"]);
    let ten = format!("{ON_FAILURE}Poller: {{ OnFailureAttempts: 10 }}");
    assert_eq!(codes(&ten, &queue(180, Some(9)), &function), ["FB0514"]);
    assert_eq!(codes(&ten, &queue(180, Some(10)), &function), [""; 0]);
}

#[test]
fn knows_that_a_group_waits_for_its_failing_message() {
    let of_fifo = |more: &str, max_receive_count| {
        let text =
            format!("Name: m\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:q.fifo\nFunctionName: f\n{more}");
        let mapping = super::super::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0);
        let queue = queue(29, max_receive_count);
        lint(&mapping, Some(SourceFacts::Queue(&queue)), Some(&function(30, None)))
    };
    let codes = |more: &str, max_receive_count| -> Vec<_> {
        of_fifo(more, max_receive_count).iter().map(|found| found.code.as_str()).collect()
    };
    let unbounded = of_fifo("", None);
    assert_eq!(unbounded[0].code, Code::NoRedrive);
    assert!(unbounded[0].message.contains("holds up its group"), "{}", unbounded[0].message);
    assert_eq!(codes("", Some(4)), ["FB0503", "FB0501"], "as of a standard queue");
    // Those behind a message that was given up are received once more.
    assert_eq!(codes(ON_FAILURE, Some(3)), ["FB0514", "FB0501"]);
    let ten = format!("{ON_FAILURE}Poller: {{ OnFailureAttempts: 10 }}");
    assert_eq!(codes(&ten, Some(10)), ["FB0514", "FB0501"]);
    assert_eq!(codes(&ten, Some(11)), ["FB0501"]);
}

#[test]
fn looks_at_redrive_and_retention() {
    assert_eq!(codes("", &queue(180, Some(4)), &function(30, None)), ["FB0503"]);
    assert_eq!(codes("", &queue(180, None), &function(30, None)), ["FB0504"]);
    let short = QueueAttributes { retention: Some(Duration::from_secs(3600)), ..queue(180, Some(5)) };
    assert_eq!(codes("", &short, &function(30, None)), ["FB0506"]);
}

#[test]
fn compares_concurrency_and_timeouts_of_the_function() {
    let scaling = "ScalingConfig: { MaximumConcurrency: 5 }";
    assert_eq!(codes(scaling, &queue(180, Some(5)), &function(30, Some(4))), ["FB0505"]);
    assert_eq!(codes(scaling, &queue(180, Some(5)), &function(30, Some(5))), [""; 0]);
    assert_eq!(codes(scaling, &queue(180, Some(5)), &function(30, Some(0))), ["FB0507"]);
    assert_eq!(codes("Poller: { Function: { Timeout: 10s } }", &queue(180, Some(5)), &function(30, None)), ["FB0508"]);
}

#[test]
fn every_answer_is_a_warning_with_help() {
    let found = lint(&mapping(QUEUE, ""), Some(SourceFacts::Queue(&queue(1, None))), Some(&function(30, Some(0))));
    assert_eq!(found.len(), 3);
    for one in found {
        assert!(!one.is_error() && one.help.is_some() && one.line.is_none());
        assert_eq!(one.mapping.as_deref(), Some("m"));
    }
}
