//! Whatever the file, there is an answer, and what is carried over is a sound mapping file.

use std::path::Path;

use proptest::prelude::*;

use super::super::{Dialect, Options, Taken, import};
use super::{NOW, options};
use crate::mapping::{Code, parse_at};

const SHOP: &str = include_str!("../../../tests/cli/templates/shop.yaml");
const SAM: &str = include_str!("../../../tests/cli/templates/sam.yaml");
const SERVERLESS: &str = include_str!("../../../tests/cli/templates/serverless.yml");
const LISTING: &str = include_str!("../../../tests/cli/templates/listing.json");

fn answers(text: &str, dialect: Dialect) {
    let options = Options { dialect, ..options(&[("P", "p")]) };
    let mut taken = Taken::default();
    match import(Path::new("file.yaml"), text, &options, &mut taken) {
        Err(diagnostic) => assert!(!diagnostic.render(false).is_empty()),
        Ok(import) => {
            for mapping in &import.mappings {
                let file = parse_at(Path::new("file.yaml"), &mapping.text, &|_| None, NOW);
                let wrong = |code| code != Code::UndefinedVariable;
                assert!(
                    !file.diagnostics.iter().any(|found| found.is_error() && wrong(found.code)),
                    "{}\n{:?}",
                    mapping.text,
                    file.diagnostics
                );
            }
            assert!(
                import.left.iter().all(|left| left.line > 0 && !left.why.is_empty() && !left.help.is_empty()),
                "{:?}",
                import.left
            );
        }
    }
}

/// A random value of YAML with CloudFormation's and Serverless's functions, as flow style.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("Q".to_owned()),
        Just("\"${self:custom.a, 'b'}\"".to_owned()),
        Just("\"${Q.Arn}${AWS::Region}${!x}\"".to_owned()),
        Just("\"${env:A, opt:b, 5}\"".to_owned()),
        Just("arn:aws:sqs:us-east-1:123456789012:q".to_owned()),
        Just("5".to_owned()),
        Just("true".to_owned()),
        Just("".to_owned()),
        Just("!Ref M".to_owned()),
        Just("!GetAtt Q.Arn".to_owned()),
        Just("!Ref AWS::NoValue".to_owned()),
        Just("'{\"body\": {\"a\": [1.0]}}'".to_owned()),
        "[ -~]{0,6}".prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let tag = prop_oneof![
            Just(""),
            Just("!Sub "),
            Just("!Join "),
            Just("!Select "),
            Just("!Split "),
            Just("!If "),
            Just("!FindInMap "),
            Just("!GetAtt "),
            Just("!ImportValue "),
            Just("!ToJsonString "),
            Just("!Equals "),
            Just("!Mine "),
        ];
        let key = prop_oneof![
            Just("EventSourceArn"),
            Just("FunctionName"),
            Just("Filters"),
            Just("Pattern"),
            Just("Key"),
            Just("Value"),
            Just("Ref"),
            Just("Fn::Sub"),
            Just("Fn::If"),
            Just("<<"),
            Just("OnFailure"),
            Just("arn"),
            Just("Destination"),
        ];
        prop_oneof![
            (tag, prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(tag, items)| format!("{tag}[{}]", items.join(", "))),
            prop::collection::vec((key, inner), 0..4).prop_map(|entries| {
                let entries: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

fn mutated(text: &str, cut: usize, len: usize, with: &str) -> String {
    let at = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = at(cut % text.len());
    let end = at(start + len).max(start);
    format!("{}{with}{}", &text[..start], &text[end..])
}

#[test]
fn the_files_to_be_mutated_give_mappings() {
    for text in [SHOP, SAM, SERVERLESS, LISTING] {
        answers(text, Dialect::Auto);
        let import = import(Path::new("f"), text, &options(&[]), &mut Taken::default()).unwrap();
        assert!(import.mappings.len() >= 3 && import.left.len() >= 3);
    }
}

proptest! {
    // `PROPTEST_CASES=100000` tries harder.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_any_text(text in any::<String>()) {
        answers(&text, Dialect::Auto);
    }

    #[test]
    fn on_random_trees(a in value(), b in value(), c in value(), d in value(), condition in value()) {
        let entries = [("Resources", "Type: AWS::Lambda::EventSourceMapping, Properties")];
        for (outer, inner) in entries {
            answers(&format!("Conditions: {{ C: {condition} }}\nParameters: {{ P: {a} }}\n{outer}: {{ Q: {{ Type: \
                AWS::SQS::Queue, Properties: {{ QueueName: {b} }} }}, M: {{ Condition: C, {inner}: {{ EventSourceArn: \
                 {c}, FunctionName: f, BatchSize: {a}, FilterCriteria: {d}, Tags: {d}, DestinationConfig: {b} }} }}, \
                  F: {{ Type: AWS::Serverless::Function, Properties: {{ FunctionName: {b}, AutoPublishAlias: {d}, \
                   Events: {{ E: {{ Type: SQS, Properties: {c} }}, K: {{ Type: Kinesis, Properties: {{ Stream: {a} }} \
                    }} }} }} }} }}\n"), Dialect::Auto);
        }
        answers(&format!("Resources: {a}\n"), Dialect::Auto);
        answers(&format!("Resources: {{ M: {a}, N: {{ Type: {b} }} }}\n"), Dialect::Auto);
    }

    #[test]
    fn on_random_services(a in value(), b in value(), c in value(), d in value()) {
        answers(&format!("service: {a}\ncustom: {{ a: {b} }}\nprovider: {{ stage: {c}, region: {d} }}\nfunctions: {{ \
            f: {{ name: {d}, events: [{{ sqs: {a} }}, {{ sqs: {{ arn: {b}, filterPatterns: {c}, batchSize: {d} }} }}, \
             {{ stream: {{ arn: {d}, destinations: {a}, functionResponseType: {b} }} }}, {c}] }}, g: {b} }}\n\
              resources: {c}\n"), Dialect::Auto);
        answers(&format!("service: s\nfunctions: {a}\nresources: [{b}, {c}]\n"), Dialect::Auto);
    }

    #[test]
    fn on_random_answers(a in value(), b in value()) {
        answers(&format!("EventSourceMappings: [{{ EventSourceArn: {a}, FunctionName: f, Tags: {b} }}, \
            {b}]\n"), Dialect::Auto);
        answers(&format!("EventSourceMappings: {a}\nNextMarker: {b}\n"), Dialect::Auto);
    }

    #[test]
    fn on_mutated_files(which in 0..4usize, cut in any::<usize>(), len in 0usize..40,
        with in r#"[-:?,\[\]{}#&*!|>'"%@`~$ \n\ta0é]{0,6}"#) {
        answers(&mutated([SHOP, SAM, SERVERLESS, LISTING][which], cut, len, &with), Dialect::Auto);
    }
}
