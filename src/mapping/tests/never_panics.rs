//! Whatever the text, `parse` answers, and its answer can be shown.

use proptest::prelude::*;

use super::read;

const STREAM: &str = "Name: clicks\nEventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/clicks\n\
    FunctionName: f\nStartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: 2026-11-20T08:00:00.5Z\n\
     ParallelizationFactor: 2\nMaximumRetryAttempts: -1\nMaximumRecordAgeInSeconds: 3600\nBisectBatchOnFunctionError: \
      true\nTumblingWindowInSeconds: 0\nDestinationConfig: { OnFailure: { Destination: \"arn:aws:s3:::failed\" } }\n\
       Poller: { ParallelizationFactor: 20, ReadsPerSecond: 2, OnFailurePayload: true, Destination: { Region: \
        eu-west-1 }, Endpoints: { kinesis: \"http://h\" } }\n";

const VALID: &str = "# comment\nName: orders\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: \
    f:live\nEnabled: true\nBatchSize: 100\nMaximumBatchingWindowInSeconds: 5\nFunctionResponseTypes: \
     [ReportBatchItemFailures]\nScalingConfig: { MaximumConcurrency: 20 }\nFilterCriteria:\n  Filters:\n    - Pattern: \
      { body: { a: [1.0, x, null], $or: [{ b: [{ prefix: y }] }, { \"c\": [true] }] } }\n    - Pattern: '{\"body\": \
       {\"ä\": [{\"numeric\": [\">\", 5]}]}}'\n    - Pattern: |\n        {\"body\":\n          {\"z\": [{\"exists\": \
        false}]}}\nTags: &t { größe: \"日本語\", other: \"${SIZE:-x}\" }\nPoller:\n  Endpoints: { sqs: \
         \"http://localhost:4566\" }\n  Visibility: { Timeout: 30s, OnFunctionError: { Backoff: { Initial: 1s, \
          Maximum: 1h } } }\n";

fn answers(text: &str) {
    let loaded = read(text);
    for diagnostic in &loaded.diagnostics {
        assert!(!diagnostic.render(false).is_empty());
        assert!(!diagnostic.render(true).is_empty());
        assert!(serde_json::to_string(diagnostic).is_ok());
    }
    assert!(!loaded.mappings.is_empty() || loaded.has_errors(), "no mapping and no reason: {text:?}");
}

#[test]
fn the_mapping_to_be_mutated_is_sound() {
    super::clean(VALID);
    super::clean(STREAM);
}

proptest! {
    // `PROPTEST_CASES=100000` tries harder.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_any_text(text in any::<String>()) {
        answers(&text);
    }

    #[test]
    fn on_text_made_of_yaml(text in r#"([A-Za-z]{1,3}|[-:?,\[\]{}#&*!|>'"%@`~$ \n\t\r]|\$\{|: |- |---\n|\.\.\.|<<|null|[0-9]{1,3}|é|\u{feff}){0,40}"#) {
        answers(&text);
    }

    #[test]
    fn on_a_mutated_mapping(cut in 0..VALID.len(), len in 0usize..40,
        with in r#"[-:?,\[\]{}#&*!|>'"%@`~$ \n\ta0é]{0,6}"#) {
        let mut start = cut;
        while !VALID.is_char_boundary(start) { start -= 1; }
        let mut end = (cut + len).min(VALID.len());
        while !VALID.is_char_boundary(end) { end -= 1; }
        let end = end.max(start);
        answers(&format!("{}{with}{}", &VALID[..start], &VALID[end..]));
    }

    #[test]
    fn on_a_mutated_mapping_of_a_stream(cut in 0..STREAM.len(), len in 0usize..40,
        with in r#"[-:?,\[\]{}#&*!|>'"%@`~$ \n\ta0.:TZé]{0,6}"#) {
        // It is all ASCII.
        let end = (cut + len).min(STREAM.len());
        answers(&format!("{}{with}{}", &STREAM[..cut], &STREAM[end..]));
    }

    #[test]
    fn on_any_time(time in r#"[-+0-9.:TZtz \[\]e/]{0,40}"#) {
        answers(&format!("EventSourceArn: arn:aws:kinesis:us-east-1:000000000000:stream/s\nFunctionName: f\n\
            StartingPosition: AT_TIMESTAMP\nStartingPositionTimestamp: '{time}'\n"));
    }
}
