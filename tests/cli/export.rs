//! `forebay export`, from a store and from a running forebay.

use std::fs;

use forebay::mapping::{Mapping, of_definition, parse};
use forebay::store::{Definition, Definitions, EmbeddedStore};
use rustix::process::Signal;
use serde_json::{Map, Value, json};

use crate::support::Place;

const QUEUE: &str = "5b0f4f5e-2a0b-4a39-9a0c-3d9c6b1f7a10";
const STREAM: &str = "7c1f4f5e-2a0b-4a39-9a0c-3d9c6b1f7a11";
const DELETED: &str = "8d2f4f5e-2a0b-4a39-9a0c-3d9c6b1f7a12";

fn parameters(value: Value) -> Map<String, Value> {
    let Value::Object(parameters) = value else { unreachable!() };
    parameters
}

fn queue() -> Map<String, Value> {
    parameters(json!({
        "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders", "Enabled": false, "BatchSize": 20,
        "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:process:live",
        "MaximumBatchingWindowInSeconds": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\":{\"a\":[1.0,1e400,\"${X}\"],\"b\":[\"x\"]}}" }] },
        "Tags": { "team": "a ${b}", "yes": "no" }, "MetricsConfig": { "Metrics": ["EventCount"] },
    }))
}

fn stream() -> Map<String, Value> {
    parameters(json!({
        "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", "Enabled": false,
        "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:count", "MaximumRetryAttempts": -1,
        "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_700_000_000.5, "ParallelizationFactor": 2,
        "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:s3:::failed" } },
    }))
}

/// A place with a store that holds two mappings of the AWS API, and one that is being deleted.
fn with_store() -> Place {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = EmbeddedStore::open(&place.path("forebay.redb")).unwrap();
        for (uuid, parameters, deleting) in
            [(QUEUE, queue(), false), (STREAM, stream(), false), (DELETED, queue(), true)]
        {
            let definition = Definition { parameters, modified_unix_ms: 1_760_000_000_000, deleting };
            store.define(uuid, definition, false).await.unwrap();
        }
    });
    place
}

/// What a file says, and what the API's definition says under the same name.
fn same(place: &Place, file: &str, uuid: &str, parameters: &Map<String, Value>) {
    let path = place.path(file);
    let loaded = parse(&path, &fs::read_to_string(&path).unwrap(), &|_| None);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let [found] = loaded.mappings.as_slice() else { panic!("{file}") };
    let defined = of_definition(uuid, parameters, 1_790_000_000_000).unwrap();
    assert!(found.runs_like(&Mapping { uuid: found.uuid.clone(), ..defined.clone() }), "{found:?}\n{defined:?}");
    assert_eq!((&found.name, &found.tags, &found.metrics), (&defined.name, &defined.tags, &defined.metrics));
}

#[test]
fn an_import_of_an_export_is_the_same_mapping() {
    let place = with_store();
    let output = place.forebay(&["export", "--store", "forebay.redb", "-o", "exported"]).assert().code(3);
    let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert_eq!(said, format!("left out: {DELETED} is being deleted\n"));
    place.stdout(&["validate", "exported"]);
    let (queue_file, stream_file) = (format!("exported/{QUEUE}.yaml"), format!("exported/{STREAM}.yaml"));
    insta::assert_snapshot!("exported", fs::read_to_string(place.path(&queue_file)).unwrap());
    same(&place, &queue_file, QUEUE, &queue());
    same(&place, &stream_file, STREAM, &stream());
    assert_eq!(
        place.stderr(&["import", &queue_file, &stream_file], 0),
        "2 mappings imported, 0 things were left out\n"
    );
    same(&place, &format!("mappings/{QUEUE}.yaml"), QUEUE, &queue());
    same(&place, &format!("mappings/{STREAM}.yaml"), STREAM, &stream());
    place.stdout(&["validate"]);
    // Not over what is there.
    let said = place.stderr(&["export", "--store", "forebay.redb", "-o", "exported", QUEUE], 2);
    assert!(said.contains("exists already"), "{said}");
    place.stdout(&["export", "--store", "forebay.redb", "-o", "exported", QUEUE, "--force"]);
}

#[test]
fn a_running_forebay_exports_the_same_as_its_store() {
    let place = with_store();
    let from_store = place.stdout(&["export", "--store", "forebay.redb", QUEUE, STREAM]);
    place.mapping("other", crate::support::CLOSED, "");
    let daemon = place.run(&[]);
    assert_eq!(place.stdout(&["export", QUEUE, STREAM]), from_store);
    daemon.end(Signal::TERM, 0);
    let piped = place.forebay(&["import", "-", "-o", "imported"]).write_stdin(from_store).assert().success();
    assert_eq!(String::from_utf8_lossy(&piped.get_output().stdout).lines().count(), 2);
    same(&place, &format!("imported/{STREAM}.yaml"), STREAM, &stream());
}

#[test]
fn a_store_without_definitions_has_nothing_to_export() {
    let place = Place::new();
    let daemon_less = place.stderr(&["export", "--store", "absent.redb"], 1);
    assert!(daemon_less.contains("there is no store absent.redb"), "{daemon_less}");
    place.mapping("orders", crate::support::CLOSED, "");
    let daemon = place.run(&[]);
    assert_eq!(place.stderr(&["export"], 0), "the AWS API has no mappings\n");
    let unknown = place.stderr(&["export", "orders"], 1);
    assert!(unknown.starts_with("error: the AWS API has no mapping \"orders\"\nhelp: "), "{unknown}");
    let locked = place.stderr(&["export", "--store", "forebay.redb"], 1);
    assert!(locked.contains("help: ask the running forebay: omit --store"), "{locked}");
    daemon.end(Signal::TERM, 0);
    assert_eq!(place.stderr(&["export", "--store", "forebay.redb"], 0), "the AWS API has no mappings\n");
}
