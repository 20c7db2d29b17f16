//! `forebay validate`, offline and against endpoints where nothing answers.

use serde_json::Value;

use crate::support::{CLOSED, Place};

const BROKEN: &str = "\
EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders
FunctionName: process-orders
BatchSise: 10
MaximumBatchingWindowInSeconds: 301
";

#[test]
fn clean_files() {
    let place = Place::of(&["orders"]);
    let output = place.forebay(&["validate"]).assert().success();
    assert!(output.get_output().stdout.is_empty());
    assert_eq!(String::from_utf8_lossy(&output.get_output().stderr), "1 mapping: 0 errors, 0 warnings\n");
    let report: Value = serde_json::from_str(&place.stdout(&["validate", "-o", "json"])).unwrap();
    assert_eq!(report, serde_json::json!({ "mappings": 1, "errors": 0, "warnings": 0, "diagnostics": [] }));
}

#[test]
fn the_examples_of_this_repository_are_clean() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings");
    Place::new().forebay(&["validate", "-f", examples]).assert().success();
}

#[test]
fn broken_files_show_all_problems_at_once() {
    let place = Place::new();
    place.write("mappings/orders.yaml", BROKEN);
    let output = place.forebay(&["validate"]).assert().code(2);
    insta::assert_snapshot!("validate_text", String::from_utf8_lossy(&output.get_output().stdout));
    assert_eq!(String::from_utf8_lossy(&output.get_output().stderr), "1 mapping: 2 errors, 0 warnings\n");
    let output = place.forebay(&["validate", "-o", "json"]).assert().code(2);
    insta::assert_snapshot!("validate_json", String::from_utf8_lossy(&output.get_output().stdout));
}

#[test]
fn paths_come_from_flags_then_the_variable() {
    let place = Place::of(&["orders", "payments"]);
    let both = "mappings/orders.yaml:mappings/payments.yaml";
    let by_variable = place.forebay(&["validate"]).env("FOREBAY_FILE", both).assert().success();
    assert!(String::from_utf8_lossy(&by_variable.get_output().stderr).starts_with("2 mappings"));
    let one = place.forebay(&["validate", "-f", "mappings/orders.yaml"]).env("FOREBAY_FILE", both).assert().success();
    assert!(String::from_utf8_lossy(&one.get_output().stderr).starts_with("1 mapping"));
    place.forebay(&["validate", "mappings/orders.yaml"]).env("FOREBAY_FILE", "absent").assert().success();
}

#[test]
fn absent_paths_and_empty_folders_are_errors() {
    let place = Place::new();
    for (arguments, code) in [(vec!["validate", "-f", "absent"], "FB0002"), (vec!["validate"], "FB0003")] {
        let output = place.forebay(&arguments).assert().code(2);
        let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        assert!(text.contains(code), "{arguments:?}: {text}");
    }
}

#[test]
fn online_asks_queue_and_function() {
    let place = Place::of(&["orders"]);
    let output = place.forebay(&["validate", "--online", "-o", "json"]).assert().code(2);
    let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let codes: Vec<&str> =
        report["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["FB0509", "FB0510"], "{report}");
    assert_eq!(report["diagnostics"][0]["mapping"], "orders");
}

#[test]
fn without_credentials_nothing_is_asked_and_that_is_said_once() {
    let place = Place::of(&["orders", "payments"]);
    let mut command = place.forebay(&["validate", "--online"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let output = command.assert().code(2);
    assert!(output.get_output().stdout.is_empty());
    let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    let (summary, error) = said.split_once('\n').unwrap();
    assert_eq!(summary, "2 mappings: 0 errors, 0 warnings");
    assert!(
        error.starts_with("error: nothing was asked: there are no AWS credentials: set AWS_ACCESS_KEY_ID"),
        "{said}"
    );
    assert_eq!(error.lines().count(), 1, "{said}");
}

#[test]
fn a_profile_with_sso_is_said_to_be_one() {
    let place = Place::of(&["orders"]);
    std::fs::create_dir(place.path(".aws")).unwrap();
    place.write(
        ".aws/config",
        "[profile corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = \
        eu-west-1\nsso_account_id = 000000000000\nsso_role_name = dev\n",
    );
    let mut command = place.forebay(&["validate", "--online"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env("AWS_PROFILE", "corp");
    let output = command.assert().code(2);
    let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    let error = if cfg!(feature = "sso") {
        "error: nothing was asked: profile corp uses SSO, which gave no credentials: "
    } else {
        "error: nothing was asked: profile corp uses SSO, which this build cannot read: run `aws configure \
         export-credentials --profile corp --format env`"
    };
    assert!(said.contains(error), "{said}");
    assert_eq!(said.matches("corp uses SSO").count(), 1, "{said}");
}

#[test]
fn without_a_folder_of_mappings_it_is_said_how_to_get_one() {
    let place = Place::new();
    std::fs::remove_dir(place.path("mappings")).unwrap();
    for arguments in [&["validate"][..], &["run"][..]] {
        let output = place.forebay(arguments).assert().code(2);
        let output = output.get_output();
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains("error[FB0002]: no mappings/ folder here"), "{said}");
        assert!(
            said.contains("`forebay schema`") && said.contains("`-f`") && said.contains("`forebay import`"),
            "{said}"
        );
    }
}

#[test]
fn online_asks_streams_and_advises() {
    let place = Place::new();
    let mapping = |name: &str, source: &str| {
        let text = format!("EventSourceArn: arn:aws:{source}\nFunctionName: f-{name}\nStartingPosition: LATEST\n");
        place.write(&format!("mappings/{name}.yaml"), &text);
    };
    mapping("clicks", "kinesis:us-east-1:000000000000:stream/clicks");
    mapping("stock", "dynamodb:us-east-1:000000000000:table/stock/stream/2026-11-01T00:00:00.000");
    place.forebay(&["validate"]).assert().success();
    let output =
        place.forebay(&["validate", "--online", "-o", "json"]).env("AWS_ENDPOINT_URL", CLOSED).assert().code(2);
    let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let found: Vec<(&str, &str)> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| (found["mapping"].as_str().unwrap(), found["code"].as_str().unwrap()))
        .collect();
    let of = |name| [(name, "FB0512"), (name, "FB0511"), (name, "FB0510")];
    assert_eq!(found, [of("clicks"), of("stock")].concat(), "{report}");
    assert_eq!((report["errors"].as_u64(), report["warnings"].as_u64()), (Some(4), Some(2)));
}
