//! Files that cannot be read as a whole.

use std::path::Path;

use super::super::{Dialect, Options, Taken, import};
use super::{options, read};

fn refused(text: &str, dialect: Dialect) -> String {
    let options = Options { dialect, ..options(&[]) };
    let diagnostic = import(Path::new("file.yaml"), text, &options, &mut Taken::default()).unwrap_err();
    format!("{} {}", diagnostic.code, diagnostic.message)
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    for (text, said) in [
        ("", "FB0005 the file is empty"),
        ("# nothing\n", "FB0005 the file is empty"),
        ("Resources: [", "FB0007 unclosed bracket"),
        ("a: *b\n", "FB0011"),
        ("a: &a [*a]\n", "FB0011"),
        ("just text", "FB0104 this is neither"),
        ("colour: red\n", "FB0104 this is neither"),
    ] {
        let found = refused(text, Dialect::Auto);
        assert!(found.starts_with(said), "{text:?}: {found}");
    }
}

#[test]
fn a_file_is_what_it_was_said_to_be() {
    let service = "service: a\nfunctions: {}\n";
    assert!(refused(service, Dialect::Aws).starts_with("FB0104"));
    assert!(refused(service, Dialect::Template).starts_with("FB0104"));
    assert!(refused("Resources: {}\n", Dialect::Serverless).starts_with("FB0104"));
    assert!(read(service, &options(&[])).mappings.is_empty());
}

#[test]
fn bombs_do_not_go_off() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..14 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", ")));
    }
    bomb.push_str("Resources: {}\n");
    assert!(refused(&bomb, Dialect::Auto).starts_with("FB0006"));
    for deep in ["[".repeat(10_000), "- ".repeat(10_000), "{a: ".repeat(10_000)] {
        assert!(refused(&deep, Dialect::Auto).starts_with("FB0006"));
    }
}

#[test]
fn a_large_listing_is_read() {
    let one = |number: usize| {
        format!(
            "{{\"UUID\": \"{number}\", \"EventSourceArn\": \"arn:aws:sqs:us-east-1:123456789012:q{number}\", \
             \"FunctionArn\": \"arn:aws:lambda:us-east-1:123456789012:function:f\", \"State\": \"Enabled\", \
              \"LastModified\": 1.5}}"
        )
    };
    let all: Vec<String> = (0..3000).map(one).collect();
    let import = read(&format!("{{\"EventSourceMappings\": [{}]}}", all.join(",\n")), &options(&[]));
    assert_eq!((import.mappings.len(), import.left.len()), (3000, 0));
}

#[test]
fn files_of_terraform_show_the_way() {
    for text in [
        "resource \"aws_lambda_event_source_mapping\" \"orders\" {\n  function_name = \"f\"\n}\n",
        "{\"version\": 4, \"terraform_version\": \"1.9.0\", \"serial\": 1, \"lineage\": \"x\", \"resources\": []}",
    ] {
        for dialect in [Dialect::Auto, Dialect::Aws, Dialect::Template, Dialect::Serverless] {
            let options = Options { dialect, ..options(&[]) };
            let diagnostic = import(Path::new("main.tf"), text, &options, &mut Taken::default()).unwrap_err();
            let shown = diagnostic.render(false);
            assert!(shown.contains("aws lambda list-event-source-mappings | forebay import -"), "{shown}");
        }
    }
}
