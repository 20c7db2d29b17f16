//! CloudFormation and SAM, one thing at a time.

use serde_json::json;

use super::{left, only, options, read, says, why};

/// A template with a queue and a mapping of it.
fn mapping(more: &str, properties: &str) -> String {
    format!(
        "{more}\nResources:\n  Q: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: q }} }}\n  M:\n    Type: \
         AWS::Lambda::EventSourceMapping\n    Properties:\n      FunctionName: f\n{properties}\n"
    )
}

/// What an `EventSourceArn` becomes.
fn source(more: &str, value: &str) -> String {
    let found = only(&mapping(more, &format!("      EventSourceArn: {value}")), &[("Given", "given")]);
    found["EventSourceArn"].as_str().unwrap().to_owned()
}

/// Why an `EventSourceArn` cannot be known.
fn unknown(more: &str, value: &str) -> String {
    why(&mapping(more, &format!("      EventSourceArn: {value}")), &[])
}

const Q: &str = "arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:q";

#[test]
fn functions_are_resolved() {
    let parameters = "Parameters: { P: { Type: String, Default: q }, L: { Type: CommaDelimitedList, Default: 'x, q' } \
        }\nMappings: { M: { a: { b: q } } }\nConditions: { Yes: !Equals [!Ref P, q], No: !Not [!Condition Yes] }";
    let of = |name: &str| format!("!Join ['', ['arn:aws:sqs:us-east-1:123456789012:', {name}]]");
    let plain = "arn:aws:sqs:us-east-1:123456789012:q";
    for (value, arn) in [
        ("!GetAtt Q.Arn", Q),
        ("!GetAtt [Q, Arn]", Q),
        ("{ Fn::GetAtt: [Q, Arn] }", Q),
        ("!Sub '${Q.Arn}'", Q),
        ("!Sub 'arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Q.QueueName}'", Q),
        ("!Sub ['arn:aws:sqs:us-east-1:123456789012:${N}', { N: !Ref P }]", plain),
        ("!Join [':', [arn, aws, sqs, us-east-1, '123456789012', !Ref P]]", plain),
        (&of("!Select [1, !Ref L]"), plain),
        (&of("!Select [1, [x, q]]"), plain),
        (&of("!Select ['1', !Split ['|', 'x|q']]"), plain),
        (&of("!Select [5, !Split [':', !GetAtt Q.Arn]]"), plain),
        (&of("!FindInMap [M, a, b]"), plain),
        (&of("!FindInMap [M, a, c, { DefaultValue: q }]"), plain),
        (&of("!If [Yes, q, x]"), plain),
        (&of("!If [No, x, q]"), plain),
        (&of("!Ref Given"), "arn:aws:sqs:us-east-1:123456789012:given"),
        (&of("!ImportValue Given"), "arn:aws:sqs:us-east-1:123456789012:given"),
    ] {
        assert_eq!(source(parameters, value), arn, "{value}");
    }
}

#[test]
fn what_cannot_be_known_is_told() {
    let parameters = "Parameters: { P: { Type: String }, S: { Type: AWS::SSM::Parameter::Value<String>, Default: /x }, \
        N: { Type: String, NoEcho: true, Default: hush } }\nConditions: { A: !Condition B, B: !Condition A, C: !Equals \
         [!Ref AWS::Region, x] }\nMappings: { M: { a: { b: q } } }";
    for (value, said) in [
        ("!Ref Nowhere", "no parameter or resource `Nowhere`"),
        ("!GetAtt Nowhere.Arn", "no parameter or resource `Nowhere`"),
        ("!GetAtt Q", "needs a resource and an attribute"),
        ("!GetAtt Q.Colour", "`Q.Colour` is known inside AWS only"),
        ("!Ref P", "`P` has no default"),
        ("!Ref S", "in the parameter store"),
        ("!Ref N", "is secret"),
        ("!Ref AWS::StackName", "`AWS::StackName` is not known here"),
        ("!ImportValue x", "another stack exports \"x\""),
        ("!If [A, a, b]", "refers to itself"),
        ("!If [C, a, b]", "a condition depends on `${AWS_REGION}`"),
        ("!If [D, a, b]", "no condition `D`"),
        ("!If [A]", "`If` needs"),
        ("!Join [a]", "`Join` needs"),
        ("!Join [a, b]", "`Join` needs"),
        ("!Select [9, [a]]", "`Select` needs"),
        ("!Select [x, [a]]", "`Select` needs"),
        ("!Split [a]", "`Split` needs"),
        ("!Sub '${'", "no closing brace"),
        ("!Sub [a, b, c]", "`Sub` needs"),
        ("!Sub '${A.B.C}'", "no parameter or resource `A`"),
        ("!FindInMap [M, a, c]", "have no `M.a.c`"),
        ("!FindInMap [M, !Ref AWS::Region, c]", "depends on `${AWS_REGION}`"),
        ("!Cidr [a, b, c]", "`Fn::Cidr` is not resolved here"),
        ("!Mine a", "the tag `!Mine` has no meaning here"),
        ("'{{resolve:ssm:/queue}}'", "known inside AWS only"),
        ("!Ref Q", "a queue's URL is not its ARN"),
        ("[a]", "must be text"),
    ] {
        let found = unknown(parameters, value);
        // A URL is found out by the reading of the mapping file, whose help says it.
        assert!(found.contains(said) || value == "!Ref Q", "{value}: {found}");
    }
}

#[test]
fn names_come_from_resources_or_from_the_command_line() {
    let text = mapping("", "      EventSourceArn: !GetAtt Other.Arn\n  Other: { Type: AWS::SQS::Queue }");
    assert!(why(&text, &[]).contains("`Other` has no `QueueName`"));
    assert!(only(&text, &[("Other", "mine")])["EventSourceArn"].as_str().unwrap().ends_with(":mine"));
    let arn = "arn:aws:sqs:us-east-1:123456789012:theirs";
    assert_eq!(only(&text, &[("Other.Arn", arn)])["EventSourceArn"], arn);
}

#[test]
fn circles_and_towers_of_references_end() {
    let circle = mapping(
        "",
        "      EventSourceArn: !GetAtt A.Arn\n  A: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt \
         B.QueueName } }\n  B: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt A.QueueName } }",
    );
    assert!(why(&circle, &[]).contains("refers to itself"));
    let mut tower = mapping("", "      EventSourceArn: !GetAtt A60.Arn");
    for level in 1..=60 {
        let below = level - 1;
        tower.push_str(&format!(
            "  A{level}: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: !Sub \
            '${{A{below}.QueueName}}${{A{below}.QueueName}}' }} }}\n"
        ));
    }
    tower.push_str("  A0: { Type: AWS::SQS::Queue, Properties: { QueueName: aa } }\n");
    let why = why(&tower, &[]);
    assert!(why.contains("without end") || why.contains("on and on"), "{why}");
}

#[test]
fn long_chains_of_conditions_end() {
    let mut chain = String::from("Conditions:\n");
    for link in 0..5000 {
        chain.push_str(&format!("  C{link}: !Not [!Condition C{}]\n", link + 1));
    }
    let text = mapping(&chain, "      EventSourceArn: !GetAtt Q.Arn\n    Condition: C0");
    assert!(why(&text, &[]).contains("on and on"));
}

#[test]
fn all_that_is_wrong_with_a_mapping_is_told_at_its_line() {
    let text = mapping("", "      EventSourceArn: !Ref A\n      BatchSize: !Ref B\n      Tags: { a: !Ref C }");
    let left: Vec<_> = left(&text, &[]).into_iter().map(|(line, what, _)| (line, what)).collect();
    let of = |line, member: &str| (line, format!("the mapping of resource M, for its `{member}`"));
    let tags = (10, "`Tags` of resource M, which is imported without them".to_owned());
    assert_eq!(left, [of(8, "EventSourceArn"), of(9, "BatchSize"), tags]);
}

#[test]
fn texts_become_numbers_and_booleans() {
    let found = only(
        &mapping(
            "",
            "      EventSourceArn: !GetAtt Q.Arn\n      BatchSize: '5'\n      Enabled: 'false'\n      ScalingConfig: { \
             MaximumConcurrency: '7' }\n      Tags: [{ Key: a, Value: '1' }, { Key: b, Value: '' }]\n      \
              MetricsConfig: !Ref AWS::NoValue",
        ),
        &[],
    );
    assert_eq!(
        found,
        json!({
            "Name": "M", "EventSourceArn": Q, "FunctionName": "f", "BatchSize": 5, "Enabled": false,
            "ScalingConfig": { "MaximumConcurrency": 7 }, "Tags": { "a": "1", "b": "" },
        })
    );
}

#[test]
fn what_forebay_would_refuse_is_not_written() {
    for (properties, said) in [
        ("      BatchSize: 20000", "`BatchSize` is 20000, but may be 1 to 10000"),
        ("      BatchSize: 11", "maximum batch window"),
        ("      StartingPosition: LATEST", "StartingPosition"),
        ("      FilterCriteria: { Filters: [{ Pattern: '{\"body\": 5}' }] }", "filter"),
        ("      Enabled: perhaps", "must be true or false"),
        ("      FunctionResponseTypes: [All]", "cannot be"),
    ] {
        let text = mapping("", &format!("      EventSourceArn: !GetAtt Q.Arn\n{properties}"));
        let found = why(&text, &[]);
        assert!(found.contains(said), "{properties}: {found}");
    }
}

#[test]
fn members_that_do_not_matter_are_left_and_told() {
    let text = mapping(
        "",
        "      EventSourceArn: !GetAtt Q.Arn\n      KmsKeyArn: k\n      ProvisionedPollerConfig: { MinimumPollers: 2 \
         }\n      LoggingConfig: { SystemLogLevel: INFO }\n      Colour: red\n      ScalingConfig: { \
          MaximumConcurrency: 5, Colour: red }\n      DestinationConfig: { OnSuccess: { Destination: x } }\n      \
           Topics: []\n",
    );
    let import = read(&text, &options(&[]));
    assert_eq!(import.mappings.len(), 1);
    let left: Vec<_> = import.left.iter().map(|left| (left.line, left.what.as_str())).collect();
    let of = |line, member: &str| (line, format!("`{member}` of M, which is imported without it"));
    let wanted = [
        of(9, "KMSKeyArn"),
        of(10, "ProvisionedPollerConfig"),
        of(11, "LoggingConfig"),
        of(12, "Colour"),
        of(13, "ScalingConfig.Colour"),
        of(14, "DestinationConfig.OnSuccess"),
    ];
    assert_eq!(left, wanted.each_ref().map(|(line, what)| (*line, what.as_str())));
    assert_eq!(says(&import, 0)["ScalingConfig"], json!({ "MaximumConcurrency": 5 }));
    assert!(says(&import, 0).get("DestinationConfig").is_none());
}

#[test]
fn a_member_that_stands_twice_is_not_guessed() {
    let text = mapping("", "      EventSourceArn: !GetAtt Q.Arn\n      BatchSize: 5\n      batchSize: 6\n");
    assert_eq!(why(&text, &[]), "it is given twice");
}

#[test]
fn conditions_decide_what_is_there() {
    let with = |condition: &str| {
        let text = mapping(
            &format!("Parameters: {{ S: {{ Type: String, Default: a }} }}\nConditions: {{ C: {condition} }}"),
            "      EventSourceArn: !GetAtt Q.Arn\n    Condition: C",
        );
        let import = read(&text, &options(&[]));
        (import.mappings.len(), import.left.first().map(|left| left.why.clone()).unwrap_or_default())
    };
    for condition in [
        "!Equals [!Ref S, a]",
        "!Not [!Equals [!Ref S, b]]",
        "!Or [!Equals [!Ref AWS::Region, x], !Equals [!Ref S, a]]",
        "!And [!Equals [!Ref AWS::Region, !Ref AWS::Region], !Equals [!Ref S, a]]",
    ] {
        assert_eq!(with(condition), (1, String::new()), "{condition}");
    }
    for (condition, said) in [
        ("!Equals [!Ref S, b]", "does not hold"),
        ("!And [!Equals [!Ref AWS::Region, x], !Equals [!Ref S, b]]", "does not hold"),
        ("!And [!Equals [!Ref AWS::Region, x], !Equals [!Ref S, a]]", "depends on"),
        ("yes", "this is no condition"),
        ("!Equals [a]", "this is no condition"),
        ("!Not [!Condition C]", "refers to itself"),
    ] {
        let (mappings, why) = with(condition);
        assert!(mappings == 0 && why.contains(said), "{condition}: {why}");
    }
}

#[test]
fn the_region_makes_the_partition() {
    let text = mapping("", "      EventSourceArn: !GetAtt Q.Arn");
    for (region, partition) in [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")] {
        let mut options = options(&[]);
        options.region = Some(region.into());
        options.account = Some("123456789012".into());
        let import = read(&text, &options);
        assert_eq!(says(&import, 0)["EventSourceArn"], format!("arn:{partition}:sqs:{region}:123456789012:q"));
    }
}

#[test]
fn a_function_among_the_parameters_may_bring_more() {
    let text = mapping("", "      EventSourceArn: !GetAtt Q.Arn\n      Fn::Transform: { Name: AWS::Include }");
    assert_eq!(why(&text, &[]), "it is not followed here");
}

#[test]
fn yaml_1_1_has_more_words_for_true_and_false() {
    let of = |more: &str, value: &str| {
        only(&mapping(more, &format!("      EventSourceArn: !GetAtt Q.Arn\n      Enabled: {value}")), &[])["Enabled"]
            .clone()
    };
    for (value, enabled) in
        [("no", false), ("No", false), ("OFF", false), ("off", false), ("yes", true), ("YES", true), ("on", true)]
    {
        assert_eq!(of("", value), enabled, "{value}");
        assert_eq!(
            of(&format!("Parameters: {{ On: {{ Type: String, Default: {value} }} }}"), "!Ref On"),
            enabled,
            "{value}"
        );
        let condition = format!("Conditions: {{ No: !Equals [{value}, 'true'] }}");
        assert_eq!(of(&condition, "!If [No, true, false]"), enabled, "{value}");
    }
    let quoted = mapping("", "      EventSourceArn: !GetAtt Q.Arn\n      Enabled: 'no'");
    assert!(why(&quoted, &[]).contains("must be true or false"));
    let tags =
        mapping("", "      EventSourceArn: !GetAtt Q.Arn\n      Tags: { a: no, b: 'no', c: !FindInMap [M, no, no] }");
    let found = only(&format!("Mappings: {{ M: {{ no: {{ no: Norway }} }} }}\n{tags}"), &[]);
    assert_eq!(found["Tags"], json!({ "a": "false", "b": "no", "c": "Norway" }));
}

#[test]
fn filters_that_cannot_be_read_keep_a_mapping_from_being_written() {
    for filters in [
        "FilterCriteria: { Filter: [{ Pattern: '{\"body\":[\"a\"]}' }] }",
        "FilterCriteria: { Filters: [{ Patern: '{\"body\":[\"a\"]}' }] }",
        "FilterCriteria: !Ref Nowhere",
        "FilterCriteria: { Filters: [{ Pattern: !Ref Nowhere }] }",
        "FilterCriteria: five",
        "FilterCritera: { Filters: [] }",
    ] {
        let text = mapping("", &format!("      EventSourceArn: !GetAtt Q.Arn\n      {filters}"));
        assert_eq!(left(&text, &[]).len(), 1, "{filters}");
    }
}
