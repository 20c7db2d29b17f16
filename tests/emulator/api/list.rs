//! What List shows: all pages, and by source and function.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::boto::Call;
use crate::api::life::Stage;
use crate::api::site::{Api, Client, uuid};
use crate::api::sources::{Kind, TIMEOUT};

const LIST: &str = "list_event_source_mappings";

fn uuids(mappings: &[Value]) -> BTreeSet<String> {
    mappings.iter().map(|mapping| uuid(mapping).to_owned()).collect()
}

/// The pages that boto3's own paginator sees.
async fn pages(api: &Api, arguments: Value, size: usize) -> Vec<Vec<Value>> {
    let call = Call { pages: Some(json!({ "PageSize": size })), ..api.of(LIST, arguments) };
    let pages = api.boto.call(call).await.answer();
    pages.as_array().unwrap().iter().map(|page| page["EventSourceMappings"].as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn pages_show_every_mapping_once_while_others_come_and_go() {
    const MAPPINGS: usize = 23;
    let stage = Stage::new(Kind::Standard, Client::Boto).await;
    let api = &stage.api;
    let mut made = Vec::new();
    for number in 0..MAPPINGS {
        let queue = stage.account.create_queue(&format!("idle-{number}"), &[]).await;
        let arguments = json!({"EventSourceArn": queue.arn, "FunctionName": "work", "Enabled": false});
        made.push(uuid(&api.create(arguments).await).to_owned());
    }
    let all: BTreeSet<String> = made.iter().cloned().collect();
    for (size, expected) in [(1, MAPPINGS), (5, 5), (22, 2), (23, 1), (100, 1)] {
        let pages = pages(api, json!({}), size).await;
        assert_eq!(pages.len(), expected, "of {size}");
        assert!(pages.iter().all(|page| page.len() <= size));
        assert_eq!(pages.concat().len(), MAPPINGS);
        assert_eq!(uuids(&pages.concat()), all);
    }
    // No NextMarker: there is no more.
    let whole = api.reply(LIST, json!({"MaxItems": 10_000})).await.answer();
    assert_eq!((whole["EventSourceMappings"].as_array().unwrap().len(), whole.get("NextMarker")), (MAPPINGS, None));

    // Between two pages one mapping goes and one comes: those that were there all along are shown, each once.
    let first = api.reply(LIST, json!({"MaxItems": 10})).await.answer();
    let shown = uuids(first["EventSourceMappings"].as_array().unwrap());
    let last = uuid(first["EventSourceMappings"].as_array().unwrap().last().unwrap());
    api.delete(last).await;
    api.vanishes(last).await;
    stage.create(&json!({"Enabled": false})).await;
    let mut rest = BTreeSet::new();
    let mut marker = first["NextMarker"].clone();
    while marker.is_string() {
        let page = api.reply(LIST, json!({"MaxItems": 10, "Marker": marker})).await.answer();
        for uuid in uuids(page["EventSourceMappings"].as_array().unwrap()) {
            assert!(!shown.contains(&uuid) && rest.insert(uuid.clone()), "{uuid} is shown twice");
        }
        marker = page["NextMarker"].clone();
    }
    assert!(all.difference(&shown).all(|uuid| rest.contains(uuid)), "some are not shown");

    let bad = api.reply(LIST, json!({"Marker": "not a marker"})).await;
    assert_eq!((bad.status, bad.error().0), (400, "InvalidParameterValueException"));
    stage.api.stop().await;
}

#[tokio::test]
async fn a_list_is_narrowed_by_source_and_by_the_functions_exact_name() {
    let stage = Stage::new(Kind::Standard, Client::Boto).await;
    let other = stage.account.create_queue("other", &[]).await;
    stage.account.create_function_with("another", &stage.journal.code("other"), TIMEOUT).await;
    let (api, source, account) = (&stage.api, stage.source.arn(), &stage.account.id);
    let arn = &*stage.function;
    // What a Create is given, and what the mapping then shows.
    let forms = [
        (source, "work".to_owned(), arn.to_owned()),
        (source, "work:live".to_owned(), format!("{arn}:live")),
        (source, "work:1".to_owned(), format!("{arn}:1")),
        (source, "work:$LATEST".to_owned(), format!("{arn}:$LATEST")),
        (&*other.arn, arn.to_owned(), arn.to_owned()),
        (&*other.arn, format!("{arn}:live"), format!("{arn}:live")),
        (&*other.arn, format!("{arn}:1"), format!("{arn}:1")),
        (&*other.arn, "another".to_owned(), arn.replace(":work", ":another")),
    ];
    let mut made = Vec::new();
    for (source, name, shown) in &forms {
        let created = api.create(json!({"EventSourceArn": source, "FunctionName": name, "Enabled": false})).await;
        assert_eq!(created["FunctionArn"], **shown, "{name}");
        assert_eq!(created["State"], "Disabled", "of a queue, at once");
        made.push(uuid(&created).to_owned());
    }
    let places = async |arguments: Value| -> Vec<usize> {
        let mappings = api.list(arguments.clone()).await;
        let place = |mapping: &Value| made.iter().position(|made| made == uuid(mapping)).unwrap();
        let mut places: Vec<usize> = mappings.iter().map(place).collect();
        places.sort_unstable();
        places
    };
    let (name, partial) = ("work".to_owned(), format!("{account}:function:work"));
    for unqualified in [&*name, &*partial, arn] {
        assert_eq!(places(json!({ "FunctionName": unqualified })).await, [0, 4], "{unqualified}");
        for (qualifier, expected) in [("live", vec![1, 5]), ("1", vec![2, 6]), ("$LATEST", vec![3])] {
            let qualified = format!("{unqualified}:{qualifier}");
            assert_eq!(places(json!({ "FunctionName": qualified })).await, expected, "{qualified}");
        }
    }
    assert_eq!(places(json!({})).await, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(places(json!({ "EventSourceArn": source })).await, [0, 1, 2, 3]);
    assert_eq!(places(json!({ "EventSourceArn": other.arn })).await, [4, 5, 6, 7]);
    assert_eq!(places(json!({"EventSourceArn": other.arn, "FunctionName": "work:live"})).await, [5]);
    // A filter that nothing fits is no error.
    let nothing: [usize; 0] = [];
    assert_eq!(places(json!({"FunctionName": "nowhere"})).await, nothing);
    assert_eq!(places(json!({"FunctionName": "work:2"})).await, nothing);
    assert_eq!(places(json!({ "EventSourceArn": source.replace(&**account, "999999999999") })).await, nothing);
    assert_eq!(places(json!({"EventSourceArn": source, "FunctionName": "another"})).await, nothing);
    stage.api.stop().await;
}
