//! `forebay import`: whole templates through the real binary, and what comes out through `forebay validate`.

use std::fs;
use std::io::Write;

use serde_json::Value;

use crate::support::Place;

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/templates");

/// A place with a template in it.
fn with(template: &str) -> Place {
    let place = Place::new();
    fs::copy(format!("{TEMPLATES}/{template}"), place.path(template)).unwrap();
    place
}

/// Runs `import`: what it said.
fn import(place: &Place, arguments: &[&str], code: i32) -> String {
    place.stderr(&[&["import"], arguments].concat(), code)
}

/// The number of mappings in `mappings/`, all of which must be good.
fn validated(place: &Place) -> u64 {
    let mut command = place.forebay(&["validate", "-o", "json"]);
    let report = command.env("AWS_ACCOUNT_ID", "123456789012").assert().success().get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["errors"], 0, "{report}");
    report["mappings"].as_u64().unwrap()
}

/// All files of `mappings/`, one after the other.
fn written(place: &Place) -> String {
    let mut files: Vec<_> = fs::read_dir(place.path("mappings")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| format!("== {}\n{}", file.file_name().unwrap().display(), fs::read_to_string(file).unwrap()))
        .collect()
}

#[test]
fn a_template_of_cloudformation() {
    let place = with("shop.yaml");
    insta::assert_snapshot!("shop_left", import(&place, &["shop.yaml"], 3));
    insta::assert_snapshot!("shop", written(&place));
    assert_eq!(validated(&place), 4);
    assert!(!written(&place).contains("do-not-show-this"));
}

#[test]
fn what_the_template_does_not_say_is_given() {
    let place = with("shop.yaml");
    let label = "Stock.StreamArn=arn:aws:dynamodb:eu-central-1:123456789012:table/shop-prod-stock/stream/2026-11-20T08:30:00.000";
    let said = import(
        &place,
        &[
            "shop.yaml",
            "--from",
            "cloudformation",
            "--region",
            "eu-central-1",
            "--account",
            "123456789012",
            "-p",
            "Stage=prod",
            "-p",
            label,
            "-p",
            "shared-ledger-queue-arn=arn:aws:sqs:eu-central-1:123456789012:ledger",
            "-p",
            "Prefix=shop-prod",
            "-p",
            "NamelessQueue=shop-NamelessQueue-1ABC",
            "-p",
            "Nameless=shop-Nameless-1ABC",
            "-p",
            "Typo=1",
        ],
        3,
    );
    insta::assert_snapshot!("shop_given_left", said);
    assert_eq!(validated(&place), 10);
    let text = written(&place);
    assert!(!text.contains("${AWS_"), "{text}");
    assert!(text.contains("arn:aws:sqs:eu-central-1:123456789012:shop-prod-orders"), "{text}");
    assert!(said.contains("note: --parameter Typo is not used: nothing refers to it"), "{said}");
}

#[test]
fn a_template_of_sam() {
    let place = with("sam.yaml");
    insta::assert_snapshot!("sam_left", import(&place, &["sam.yaml", "--from", "sam"], 3));
    insta::assert_snapshot!("sam", written(&place));
    assert_eq!(validated(&place), 3);
}

#[test]
fn a_serverless_yml() {
    let place = with("serverless.yml");
    insta::assert_snapshot!("serverless_left", import(&place, &["serverless.yml"], 3));
    insta::assert_snapshot!("serverless", written(&place));
    assert_eq!(validated(&place), 7);
}

#[test]
fn a_listing_of_aws() {
    let place = with("listing.json");
    insta::assert_snapshot!("listing_left", import(&place, &["listing.json", "--from", "aws"], 3));
    insta::assert_snapshot!("listing", written(&place));
    assert_eq!(validated(&place), 4);
}

#[test]
fn all_of_them_at_once_have_names_of_their_own() {
    let place = with("shop.yaml");
    for template in ["sam.yaml", "serverless.yml", "listing.json"] {
        fs::copy(format!("{TEMPLATES}/{template}"), place.path(template)).unwrap();
    }
    let said = import(&place, &["shop.yaml", "sam.yaml", "serverless.yml", "listing.json"], 3);
    assert!(said.contains("\n18 mappings imported, 30 things were left out\n"), "{said}");
    assert_eq!(validated(&place), 18);
}

#[test]
fn what_is_whole_exits_with_0() {
    let place = Place::new();
    place.write(
        "one.json",
        r#"{"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q", "FunctionArn": "f", "State": "Enabled"}"#,
    );
    assert!(import(&place, &["one.json"], 0).starts_with("1 mapping imported, 0 things were left out\n"));
    assert_eq!(place.stdout(&["import", "one.json", "-o", "other"]), "other/f-q.yaml\n");
    let text = place.stdout(&["import", "one.json", "-o", "-"]);
    assert_eq!(text, fs::read_to_string(place.path("mappings/f-q.yaml")).unwrap());
    let piped = place.forebay(&["import", "-", "-o", "-"]).write_stdin(text.clone()).assert().success();
    let piped = String::from_utf8(piped.get_output().stdout.clone()).unwrap();
    assert_eq!(piped, text.replace("one.json:1, event source mapping f-q", "stdin:2, event source mapping f-q"));
}

#[test]
fn files_that_exist_stay() {
    let place = with("sam.yaml");
    place.write("mappings/TrackScansScan.yaml", "mine");
    let said = import(&place, &["sam.yaml"], 2);
    assert!(said.contains("error: nothing was written: mappings/TrackScansScan.yaml exists already\nhelp: "), "{said}");
    assert_eq!(written(&place), "== TrackScansScan.yaml\nmine");
    import(&place, &["sam.yaml", "--force"], 3);
    assert_eq!(validated(&place), 3);
    // A link is replaced, and what it leads to is not touched.
    place.write("precious", "mine");
    fs::remove_file(place.path("mappings/TrackScansScan.yaml")).unwrap();
    std::os::unix::fs::symlink(place.path("precious"), place.path("mappings/TrackScansScan.yaml")).unwrap();
    import(&place, &["sam.yaml"], 2);
    import(&place, &["sam.yaml", "--force"], 3);
    assert_eq!(fs::read_to_string(place.path("precious")).unwrap(), "mine");
}

#[test]
fn what_cannot_be_read_is_told() {
    let place = Place::new();
    place.write("empty.yaml", "");
    place.write("broken.yaml", "Resources: [\n");
    place.write("other.yaml", "colour: red\n");
    place.write("none.yaml", "Resources: { B: { Type: AWS::S3::Bucket } }\n");
    fs::write(place.path("latin.yaml"), b"service: caf\xe9\n").unwrap();
    let mut large = fs::File::create(place.path("large.json")).unwrap();
    large.write_all(&vec![b' '; 10 * 1024 * 1024]).unwrap();
    for (file, said) in [
        ("absent.yaml", "absent.yaml cannot be read"),
        ("empty.yaml", "error[FB0005]: the file is empty"),
        ("broken.yaml", "error[FB0007]: unclosed bracket"),
        ("other.yaml", "error[FB0104]: this is neither"),
        ("latin.yaml", "latin.yaml is not UTF-8"),
        ("large.json", "large.json is larger than 8 MiB"),
        ("mappings", "mappings cannot be read"),
    ] {
        let error = import(&place, &[file], 2);
        assert!(error.contains(said), "{file}: {error}");
    }
    assert!(import(&place, &["none.yaml"], 1).starts_with("none.yaml has no event source mapping\n"));
    fs::copy(format!("{TEMPLATES}/sam.yaml"), place.path("sam.yaml")).unwrap();
    assert!(import(&place, &["absent.yaml", "sam.yaml"], 3).contains("3 mappings imported"));
}

#[test]
fn terraform_is_shown_the_way() {
    let place = Place::new();
    place.write("main.tf", "resource \"aws_lambda_event_source_mapping\" \"orders\" {\n  batch_size = 10\n}\n");
    place.write(
        "show.json",
        "{\"format_version\":\"1.0\",\"terraform_version\":\"1.9.0\",\"values\":{\"root_module\":{}}}",
    );
    place.write(
        "terraform.tfstate",
        "{\n  \"version\": 4,\n  \"serial\": 7,\n  \"lineage\": \"x\",\n  \"resources\": []\n}\n",
    );
    for file in ["main.tf", "show.json", "terraform.tfstate"] {
        let said = import(&place, &[file], 2);
        assert!(said.contains("aws lambda list-event-source-mappings | forebay import -"), "{said}");
        assert!(!said.contains(" imported, "), "{said}");
    }
}

#[test]
fn the_next_steps_end_what_aws_does() {
    let place = with("listing.json");
    let said = import(&place, &["listing.json", "--disabled"], 3);
    for uuid in ["1a01", "1a02", "1a03", "1a07"] {
        let command = format!("aws lambda update-event-source-mapping --uuid 0b2a2b4e-8a0d-4f3c-9c55-0d5f0a6c{uuid} ");
        assert_eq!(said.contains(&command), uuid != "1a02", "{uuid}: {said}");
    }
    assert_eq!(written(&place).matches("Enabled: false").count(), 4);
    assert!(said.contains("Enable the new mappings when AWS's are disabled"), "{said}");
    let enabled = with("listing.json");
    let said = import(&enabled, &["listing.json"], 3);
    assert!(said.contains("gap at LATEST") && !said.contains("Enable the new mappings"), "{said}");
}

#[test]
fn an_account_that_nobody_gives_is_not_made_up() {
    let place = with("sam.yaml");
    import(&place, &["sam.yaml"], 3);
    assert!(!written(&place).contains("000000000000"));
    let said = String::from_utf8(place.forebay(&["validate"]).assert().failure().get_output().stdout.clone()).unwrap();
    assert!(said.contains("AWS_ACCOUNT_ID"), "{said}");
}

#[test]
fn the_commands_of_a_template_ask_aws_for_the_uuid() {
    let place = Place::new();
    place.write(
        "one.yaml",
        "Resources: { M: { Type: AWS::Lambda::EventSourceMapping, Properties: { EventSourceArn: \
         'arn:aws:sqs:eu-west-1:123456789012:q', FunctionName: f } } }\n",
    );
    let said = import(&place, &["one.yaml"], 0);
    assert!(said.contains("disable_mapping() { aws lambda list-event-source-mappings "), "{said}");
    assert!(said.contains("    disable_mapping eu-west-1 arn:aws:sqs:eu-west-1:123456789012:q f\n"), "{said}");
}
