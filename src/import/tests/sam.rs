//! SAM's functions and their events.

use serde_json::json;

use super::{left, only, options, read, says, why};

#[test]
fn sam_takes_the_function_around_the_event() {
    let of = |function: &str| {
        format!(
            "Globals: {{ Function: {{ AutoPublishAlias: all }} }}\nResources:\n  F:\n    Type: \
             AWS::Serverless::Function\n    Properties:\n      {function}\n      Events: {{ E: {{ Type: SQS, \
              Properties: {{ Queue: 'arn:aws:sqs:us-east-1:123456789012:q' }} }} }}\n"
        )
    };
    let found = only(&of("FunctionName: mine"), &[]);
    assert_eq!((&found["FunctionName"], &found["Name"]), (&json!("mine:all"), &json!("FE")));
    assert_eq!(
        only(
            &of("{ FunctionName: mine, AutoPublishAlias: own \
            }")
            .replace("      {", "      <<: {"),
            &[]
        )["FunctionName"],
        "mine:own"
    );
    assert_eq!(only(&of("AutoPublishAlias: ''"), &[("F", "theirs")])["FunctionName"], "theirs");
    assert!(why(&of("Handler: h"), &[]).contains("`F` has no `FunctionName`"));
}

#[test]
fn what_would_bring_more_is_told() {
    let function = |properties: &str| {
        format!("Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {properties}\n")
    };
    for properties in [
        "{ FunctionName: f, Fn::Transform: { Name: AWS::Include } }",
        "{ FunctionName: f, Events: { Fn::Transform: { Name: AWS::Include } } }",
        "{ FunctionName: f, Events: !If [A, {}, {}] }",
        "{ FunctionName: f, Events: { E: !If [A, {}, {}] } }",
        "{ FunctionName: f, Events: { E: 5 } }",
        "{ FunctionName: f, Events: [] }",
        "{ FunctionName: f, Events: { E: { Type: SQS } } }",
    ] {
        assert_eq!(left(&function(properties), &[]).len(), 1, "{properties}");
    }
}

/// A template with a topic, a queue, and a function that the topic's event feeds.
fn topic(subscription: &str) -> String {
    format!(
        "Parameters: {{ Yes: {{ Type: String, Default: yes }}, Size: {{ Type: Number }} }}\nResources:\n  News: {{ \
         Type: AWS::SNS::Topic }}\n  Post: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: post }} }}\n  \
          Read:\n    Type: AWS::Serverless::Function\n    Properties:\n      FunctionName: read\n      \
           Events:\n        News: {{ Type: SNS, Properties: {{ Topic: !Ref News, {subscription} }} }}\n"
    )
}

#[test]
fn a_queue_between_a_topic_and_a_function_has_a_mapping() {
    let of = |more: &str, parameters: &[(&str, &str)]| {
        let queue = format!("SqsSubscription: {{ QueueArn: !GetAtt Post.Arn, QueueUrl: !Ref Nowhere, {more} }}");
        let mut found = only(&topic(&queue), parameters);
        let source = found.as_object_mut().unwrap().remove("EventSourceArn");
        assert_eq!(source.unwrap(), "arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:post");
        found
    };
    assert_eq!(of("", &[]), json!({ "Name": "ReadNews", "FunctionName": "read" }));
    assert_eq!(
        of("BatchSize: 5, Enabled: no, QueuePolicyLogicalId: P", &[]),
        json!({ "Name": "ReadNews", "FunctionName": "read", "BatchSize": 5, "Enabled": false })
    );
    assert_eq!(of("BatchSize: !Ref Size", &[("Size", "7")])["BatchSize"], 7);
    assert!(
        why(&topic("SqsSubscription: { QueueArn: !GetAtt Post.Arn, BatchSize: !Ref Size }"), &[]).contains("`Size`")
    );
    assert!(why(&topic("SqsSubscription: { QueueUrl: u }"), &[]).contains("no `EventSourceArn`"));
}

#[test]
fn a_queue_that_sam_makes_is_told_or_given() {
    for subscription in ["true", "yes", "!Ref Yes"] {
        let text = topic(&format!("SqsSubscription: {subscription}"));
        assert!(why(&text, &[]).contains("SAM makes the queue `ReadNewsQueue`"), "{subscription}");
        let found = only(&text, &[("ReadNewsQueue", "stack-queue-1")]);
        assert_eq!(found["EventSourceArn"], "arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:stack-queue-1");
    }
    for subscription in
        ["FilterPolicy: { a: [b] }", "SqsSubscription: false", "SqsSubscription: no", "SqsSubscription: "]
    {
        let import = read(&topic(subscription), &options(&[]));
        assert_eq!((import.mappings.len(), import.left.len()), (0, 0), "{subscription}");
    }
    for (subscription, said) in [
        ("SqsSubscription: 5", "neither true nor a map"),
        ("SqsSubscription: [a]", "neither true nor a map"),
        ("SqsSubscription: !Ref Nowhere", "no parameter or resource `Nowhere`"),
        ("Fn::Transform: { Name: x }", "are not all written here"),
    ] {
        let found = left(&topic(subscription), &[]);
        assert_eq!(found.len(), 1, "{subscription}: {found:?}");
        assert!(found[0].2.contains(said), "{subscription}: {found:?}");
    }
}

#[test]
fn a_type_of_event_that_is_not_known_is_told() {
    let of = |kind: &str| {
        format!(
            "Resources: {{ F: {{ Type: AWS::Serverless::Function, Properties: {{ Events: {{ E: {{ {kind} }} }} }} }} }}"
        )
    };
    for kind in ["Type: Sqs", "Type: !Ref T", "Properties: {}", "Type: SQSv2, Properties: {}"] {
        assert_eq!(left(&of(kind), &[]).len(), 1, "{kind}");
    }
    for kind in ["Api", "Schedule", "S3", "HttpApi"] {
        let import = read(&of(&format!("Type: {kind}")), &options(&[]));
        assert_eq!(import.left, [], "{kind}");
    }
}

#[test]
fn one_run_asks_for_all_that_is_missing() {
    let text = "Parameters: { Stage: { Type: String }, Team: { Type: String }, On: { Type: String }, Alias: { Type: \
        String } }\nConditions: { C: !And [!Equals [!Ref On, a], !Equals [!Ref AWS::StackName, b]] }\nResources:\n  \
         Work: { Type: AWS::SQS::Queue }\n  Lost: { Type: AWS::SNS::Topic }\n  Clicks: { Type: AWS::Kinesis::Stream \
          }\n  F:\n    Type: AWS::Serverless::Function\n    Condition: C\n    Properties:\n      AutoPublishAlias: \
           !Ref Alias\n      Events:\n        Q: { Type: SQS, Properties: { Queue: !Join [':', [!Sub \
            '${Stage}-${Team}', !Ref Third, !GetAtt Work.Arn]] } }\n        K: { Type: Kinesis, Properties: { Stream: \
             !GetAtt Clicks.Arn, StartingPosition: !If [C, !Ref Fourth, LATEST], DestinationConfig: { OnFailure: { \
              Destination: !Ref Lost } } } }\n";
    let left = left(text, &[]);
    let asked = |event: &str| {
        let of_event = left.iter().filter(|(_, what, _)| what.contains(&format!("event {event} of F")));
        let mut names: Vec<_> = of_event.filter_map(|(_, _, why)| why.split('`').nth(1)).collect();
        names.sort_unstable();
        names.dedup();
        names.join(" ")
    };
    assert_eq!(asked("Q"), "AWS::StackName Alias F On Stage Team Third Work");
    assert_eq!(asked("K"), "AWS::StackName Alias Clicks F Fourth Lost On");
    let given = [
        ("Stage", "arn"),
        ("Team", "aws:sqs"),
        ("Third", "x"),
        ("Fourth", "LATEST"),
        ("On", "a"),
        ("AWS::StackName", "b"),
        ("Alias", "live"),
        ("F", "f"),
        ("Work", "w"),
        ("Work.Arn", "arn:aws:sqs:us-east-1:123456789012:w"),
        ("Clicks", "c"),
        ("Lost", "l"),
    ];
    let import = read(text, &options(&given));
    assert!(import.left.iter().all(|left| left.what.contains("event Q")), "{:?}", import.left);
    assert_eq!(says(&import, 0)["FunctionName"], "f:live");
}
