//! Broken filters: the codes each gives, and that the marks stand in the pattern.

use super::broken::{Case, SOUND, check_all};
use super::broken_streams::{DYNAMODB_SOUND, KINESIS_SOUND};
use super::read;

/// Lines added to the mapping of a queue.
pub(super) const LINES: &[Case] = &[
    (
        "pattern_not_json",
        &["FB0214", "FB0214", "FB0214", "FB0214", "FB0214"],
        "FilterCriteria:\n  Filters:\n    - Pattern: '{\"body\": '\n    - Pattern: 'null'\n    - Pattern: '{\"body\": \
         [1]} x'\n    - Pattern: body\n    - Pattern: ''",
    ),
    (
        "pattern_in_single_quotes",
        &["FB0219"],
        "FilterCriteria:\n  Filters:\n    - Pattern: '{\"body\": {\"it''s\": [{\"prefx\": \"a\"}]}}'",
    ),
    (
        "pattern_in_double_quotes",
        &["FB0219"],
        "FilterCriteria: { Filters: [{ Pattern: \"{\\\"body\\\": {\\\"größe\\\": [{\\\"numeric\\\": [\\\"=>\\\", \
         5]}]}}\" }] }",
    ),
    (
        "pattern_in_block",
        &["FB0219", "FB0214"],
        "FilterCriteria:\n  Filters:\n    - Pattern: |\n        {\n          \"body\": {\n            \"type\": \
         \"order.created\"\n          }\n        }\n    - Pattern: >-\n        {\"body\":\n          {\"type\": \
          [order]}}",
    ),
    (
        "pattern_behind_alias",
        &["FB0219"],
        "Tags: { p: &p '{\"body\": {\"a\": 1}}' }\nFilterCriteria: { Filters: [{ Pattern: *p }] }",
    ),
    (
        "pattern_as_map",
        &["FB0219", "FB0219", "FB0219", "FB0219", "FB0219"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: { type: order.created } }\n    - Pattern:\n        \
         body:\n          type:\n            - prefix: 5\n    - Pattern: {}\n    - Pattern: { body: { type: [] } \
          }\n    - Pattern: { body: { type: } }",
    ),
    (
        "pattern_operators",
        &["FB0219", "FB0219", "FB0219", "FB0219", "FB0219"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: { a: [{ Prefix: x }] } }\n    - Pattern: { body: { a: \
         [{}] } }\n    - Pattern: { body: { a: [{ prefix: x, suffix: y }] } }\n    - Pattern: { body: { a: [{ exists: \
          \"true\" }] } }\n    - Pattern: { body: { a: [{ anything-but: [a, 1] }] } }",
    ),
    (
        "pattern_operands",
        &["FB0219", "FB0219", "FB0219", "FB0219", "FB0219"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: { a: [{ numeric: [\">\", 5, \"<\", 1] }] } }\n    - \
         Pattern: { body: { a: [{ cidr: 10.0.0.0 }] } }\n    - Pattern: { body: { a: [{ wildcard: \"a**\" }] } }\n    \
          - Pattern: { body: { $or: [{ a: [1] }] } }\n    - Pattern: { body: { $or: [{ prefix: [1] }, { b: [1] }] } }",
    ),
    (
        "pattern_texts",
        &["FB0219", "FB0219", "FB0219", "FB0219"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: { a: [{ equals-ignore-case: 5 }] } }\n    - Pattern: { \
         body: { a: [{ wildcard: [a] }] } }\n    - Pattern: { body: { a: [{ cidr: 10 }] } }\n    - Pattern: { body: { \
          a: [{ suffix: 5 }] } }",
    ),
    (
        "pattern_scalars",
        &["FB0202", "FB0202", "FB0202", "FB0215", "FB0009", "FB0010"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: { a: [010, +5, .inf] } }\n    - Pattern: { body: { a: \
         [yes] } }\n    - Pattern: { body: { a: [!int 5] } }\n    - Pattern: { body: { a: [!Ref Type] } }",
    ),
    (
        "pattern_keys",
        &["FB0102", "FB0011", "FB0012", "FB0219"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: { [a]: [1] } }\n    - Pattern: { body: { <<: { a: [1] } } \
         }\n    - Pattern: { body: { a: [\"${NOWHERE}\"] } }\n    - Pattern: { body: { n: [[1]] } }",
    ),
    (
        "pattern_missing",
        &["FB0103", "FB0103", "FB0102", "FB0101", "FB0103"],
        "FilterCriteria:\n  Filters:\n    - {}\n    - Pattern: null\n    - Pattern: [{ body: [a] }]\n    - Patern: { \
         body: [a] }",
    ),
    ("filters_no_maps", &["FB0102"], "FilterCriteria:\n  Filters:\n    - '{\"body\": [1]}'"),
    (
        "filters_six",
        &["FB0321"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: [a] }\n    - Pattern: { body: [b] }\n    - Pattern: { \
         body: [c] }\n    - Pattern: { body: [d] }\n    - Pattern: { body: [e] }\n    - Pattern: { body: [f] }",
    ),
    (
        "filters_impossible",
        &["FB0322", "FB0322", "FB0322", "FB0322", "FB0322", "FB0322", "FB0322", "FB0322", "FB0322"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { Body: { a: [1], b: [2] } }\n    - Pattern: '{\"data\": \
         {\"type\": [\"x\"]}, \"Records\": {\"body\": [\"x\"]}}'\n    - Pattern: { type: [order.created] }\n    - \
          Pattern: { attributes: { ApproximateReceiveCount: [{ numeric: [\">\", 1] }] } }\n    - Pattern:\n        \
           messageAttributes:\n          kind:\n            - order\n        $or:\n          - eventSource: \
            [sqs]\n          - messageId: { a: [1] }\n          - Date: [{ exists: false }]",
    ),
    (
        "filters_twice",
        &["FB0323", "FB0323", "FB0323"],
        "FilterCriteria:\n  Filters:\n    - Pattern: { body: { a: [1], b: [2], a: [3] } }\n    - Pattern: '{\"body\": \
         {\"a\": {\"b\": [1]}}, \"body.a.b\": [2]}'\n    - Pattern: { body: { $or: [{ a: [1] }, { a: [2], c: [3] , c: \
          [4] }], a: [5] } }",
    ),
    (
        "screening_idle",
        &["FB0320", "FB0320"],
        "FilterCriteria: { Filters: [] }\nPoller:\n  OnFiltered: Release\n  OnUndecidable: Destination",
    ),
    (
        "screening_words",
        &["FB0204", "FB0204"],
        "FilterCriteria: { Filters: [{ Pattern: { body: [a] } }] }\nPoller:\n  OnFiltered: DELETE\n  OnUndecidable: \
         dRop",
    ),
    (
        "screening_other_words",
        &["FB0204", "FB0102"],
        "FilterCriteria: { Filters: [{ Pattern: { body: [a] } }] }\nPoller:\n  OnFiltered: forward\n  OnUndecidable: \
         [Drop]",
    ),
    (
        "screening_to_itself",
        &["FB0316"],
        "FilterCriteria: { Filters: [{ Pattern: { body: [a] } }] }\nPoller: { OnFiltered: \
         \"arn:aws:sqs:us-east-1:000000000000:orders\" }",
    ),
    (
        "screening_to_a_url",
        &["FB0218"],
        "FilterCriteria: { Filters: [{ Pattern: { body: [a] } }] }\nPoller: { OnFiltered: \
         \"https://sqs.us-east-1.amazonaws.com/000000000000/rest\", OnUndecidable: Destination }",
    ),
    (
        "screening_to_nowhere",
        &["FB0317"],
        "FilterCriteria: { Filters: [{ Pattern: { body: [a] } }] }\nPoller: { OnUndecidable: Destination }",
    ),
];

/// Lines added to the mapping of a Kinesis stream.
pub(super) const KINESIS: &[Case] = &[
    (
        "filters_of_data_as_text",
        &["FB0319", "FB0319"],
        "StartingPosition: LATEST\nFilterCriteria:\n  Filters:\n    - Pattern: { data: [a] }\n    - Pattern: \
         '{\"kinesis\": {\"data\": [\"a\"]}}'",
    ),
    (
        "filters_impossible_of_kinesis",
        &["FB0322", "FB0322", "FB0322", "FB0322"],
        "StartingPosition: LATEST\nFilterCriteria:\n  Filters:\n    - Pattern: { body: { a: [1] } }\n    - Pattern: { \
         PartitionKey: [a], sequenceNumber: [5] }\n    - Pattern: { kinesis: { approximateArrivalTimestamp: [\"1\"] } \
          }",
    ),
    (
        "screening_of_kinesis",
        &["FB0105", "FB0317"],
        "StartingPosition: LATEST\nFilterCriteria: { Filters: [{ Pattern: { data: { a: [1] } } }] }\nPoller:\n  \
         OnFiltered: Release\n  OnUndecidable: Destination",
    ),
];

/// Lines added to the mapping of a DynamoDB stream.
pub(super) const DYNAMODB: &[Case] = &[
    (
        "filters_of_dynamodb_as_text",
        &["FB0319"],
        "StartingPosition: LATEST\nFilterCriteria: { Filters: [{ Pattern: { dynamodb: [a] } }] }",
    ),
    (
        "filters_impossible_of_dynamodb",
        &["FB0322", "FB0322", "FB0322", "FB0322", "FB0322", "FB0322", "FB0322"],
        "StartingPosition: LATEST\nFilterCriteria:\n  Filters:\n    - Pattern: { dynamodb: { NewImage: { state: [open] \
         } } }\n    - Pattern: { dynamodb: { NewImage: { count: { N: [5, { numeric: [\">\", 5] }] } } } }\n    - \
          Pattern: { dynamodb: { newImage: { state: { S: [open] } } }, eventName: [insert] }\n    - Pattern: { $or: [{ \
           NewImage: { state: { S: [open] } } }, { dynamodb: { NewImage: { done: { BOOL: [\"true\"] } } } }] }\n    - \
            Pattern: { dynamodb: { OldImage: { state: [{ exists: false }] } } }",
    ),
];

#[test]
fn broken_filters_give_their_codes_and_carets() {
    check_all(LINES, SOUND);
}

#[test]
fn broken_filters_of_streams_give_their_codes_and_carets() {
    check_all(KINESIS, KINESIS_SOUND);
    check_all(DYNAMODB, DYNAMODB_SOUND);
}

#[test]
fn a_pattern_may_have_4096_characters() {
    let head = "{\"body\":{\"a\":[\"";
    let of = |length: usize| format!("{head}{}\"]}}}}", "é".repeat(length - head.len() - 4));
    assert_eq!(of(4096).chars().count(), 4096);
    let text = |pattern: &str| format!("{SOUND}FilterCriteria: {{ Filters: [{{ Pattern: {pattern} }}] }}\n");
    let quoted = |length| text(&format!("'{}'", of(length)));
    // As a map, which is counted as the JSON that it means.
    let map = |length| text(&of(length).replace(':', ": "));
    for text in [quoted(4096), map(4096)] {
        assert_eq!(read(&text).diagnostics, []);
    }
    for (text, says) in [(quoted(4097), "has 4097 characters, "), (map(4097), "has 4097 characters as JSON, ")] {
        let loaded = read(&text);
        assert_eq!(loaded.diagnostics.len(), 1);
        assert_eq!(loaded.diagnostics[0].code.as_str(), "FB0203");
        assert!(loaded.diagnostics[0].message.contains(says), "{}", loaded.diagnostics[0].message);
    }
}
