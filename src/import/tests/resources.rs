//! Templates as a whole: their resources, and what makes more of these.

use super::{left, only, options, read};

#[test]
fn two_mappings_of_one_source_and_function_are_one_too_many() {
    let text = "Resources:\n  A: { Type: AWS::Lambda::EventSourceMapping, Properties: { EventSourceArn: \
        'arn:aws:sqs:us-east-1:123456789012:q', FunctionName: f } }\n  B: { Type: AWS::Lambda::EventSourceMapping, \
         Properties: { EventSourceArn: 'arn:aws:sqs:us-east-1:123456789012:q', FunctionName: \
          'arn:aws:lambda:us-east-1:123456789012:function:f' } }\n";
    let import = read(text, &options(&[]));
    assert_eq!(import.mappings.len(), 1);
    assert_eq!(import.left[0].why, "`A` maps the same source to the same function");
}

#[test]
fn resources_may_stand_alone() {
    let alone = "Type: AWS::Lambda::EventSourceMapping\nProperties: { EventSourceArn: \
        'arn:aws:sqs:us-east-1:123456789012:q', FunctionName: f }\n";
    assert_eq!(only(alone, &[])["Name"], "file");
    let named = "M: { Type: AWS::Lambda::EventSourceMapping, Properties: { EventSourceArn: !GetAtt Q.Arn, \
        FunctionName: f } }\nQ: { Type: AWS::SQS::Queue, Properties: { QueueName: q } }\n";
    assert_eq!(only(named, &[])["EventSourceArn"], "arn:aws:sqs:${AWS_REGION}:${AWS_ACCOUNT_ID}:q");
}

#[test]
fn what_loops_or_macros_make_is_told() {
    let text = "Resources:\n  Fn::ForEach::Q: [N, [a], { M: { Type: AWS::Lambda::EventSourceMapping } }]\n  \
        Fn::Transform: { Name: AWS::Include }\n";
    let left = left(text, &[]);
    assert_eq!(
        left.iter().map(|(line, what, _)| (*line, what.as_str())).collect::<Vec<_>>(),
        [(2, "`Fn::ForEach::Q`"), (3, "`Fn::Transform`")]
    );
}

#[test]
fn templates_within_templates_are_told() {
    let text = "Transform: [AWS::Serverless-2016-10-31, Queues, { Name: AWS::Include, Parameters: { Location: x } }]\n\
        Resources:\n  Own: { Type: AWS::Lambda::EventSourceMapping, Properties: { EventSourceArn: \
         'arn:aws:sqs:us-east-1:123456789012:q', FunctionName: f } }\n  Child: { Type: AWS::CloudFormation::Stack, \
          Properties: { TemplateURL: ./child.yaml } }\n  Far: { Type: AWS::CloudFormation::Stack, Properties: { \
           TemplateURL: 'https://bucket.s3.amazonaws.com/x.yaml' } }\n  App: { Type: AWS::Serverless::Application, \
            Properties: { Location: { ApplicationId: a, SemanticVersion: 1.0.0 } } }\n  Set: { Type: \
             AWS::CloudFormation::StackSet, Properties: { TemplateURL: !Ref Where } }\n  Part: { Type: \
              Mine::Queues::Consumer::MODULE, Properties: { QueueName: q } }\n  Text: five\n";
    let import = read(text, &options(&[]));
    assert_eq!(import.mappings.len(), 1);
    let left: Vec<_> = import.left.iter().map(|left| (left.line, left.what.as_str())).collect();
    let wanted = [
        (1, "what the transform `Queues` makes"),
        (1, "what the transform `AWS::Include` makes"),
        (4, "the mappings of the stack Child"),
        (5, "the mappings of the stack Far"),
        (6, "the mappings of the stack App"),
        (7, "the mappings of the stack Set"),
        (8, "the mappings of the stack Part"),
        (9, "resource Text"),
    ];
    assert_eq!(left, wanted);
    assert!(import.left[2].help.contains("forebay import ./child.yaml"), "{:?}", import.left[2]);
}
