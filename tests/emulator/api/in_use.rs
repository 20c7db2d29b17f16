//! What the API refuses for now, or for good: mappings in the middle of a change, and mappings of files.

use std::fs;

use serde_json::{Value, json};

use crate::api::life::Stage;
use crate::api::site::{Api, Client, MAPPINGS, arn, uuid};
use crate::api::sources::{Journal, Kind, Source, TIMEOUT, merge};
use crate::harness::Emulator;
use crate::harness::process::{SOON, eventually};

const IN_USE: &str = "ResourceInUseException";

/// Neither an Update nor a Delete is taken now.
async fn is_in_use(api: &Api, uuid: &str) {
    let update = api.reply(&format!("update_{MAPPINGS}"), json!({"UUID": uuid, "BatchSize": 5})).await;
    assert_eq!(update.error(), (IN_USE, "Cannot update the event source mapping because it is in use."));
    assert_eq!((update.status, &update.headers["x-amzn-errortype"]), (400, &json!(IN_USE)));
    let wire: Value = serde_json::from_str(&update.wire).unwrap();
    assert_eq!(wire, json!({"Type": "User", "Message": update.error().1}));
    let delete = api.reply(&format!("delete_{MAPPINGS}"), json!({ "UUID": uuid })).await;
    assert_eq!(delete.error(), (IN_USE, "Cannot delete the event source mapping because it is in use."));
    assert_eq!(delete.status, 400);
}

async fn drains_first(kind: Kind) {
    let mut stage = Stage::new(kind, Client::Boto).await;
    let created = stage.create(&json!({})).await;
    let uuid = uuid(&created).to_owned();
    stage.api.becomes(&uuid, "Enabled").await;
    // The function lasts as long as it is held, so that what is asked of the mapping meanwhile does, too.
    let held = stage.journal.held();
    let go_on = || fs::remove_file(&held).unwrap();
    let busy = async |stage: &mut Stage| {
        fs::write(&held, "").unwrap();
        let before = stage.journal.texts().len();
        stage.put("keep", 1).await;
        eventually(SOON, "an invocation", async || (stage.journal.texts().len() > before).then_some(())).await;
    };

    busy(&mut stage).await;
    assert_eq!(stage.api.update(&uuid, &json!({"BatchSize": 3})).await["State"], "Updating");
    if kind.is_stream() {
        // A queue's mapping goes on with it while the function works.
        is_in_use(&stage.api, &uuid).await;
    }
    go_on();
    assert_eq!(stage.api.becomes(&uuid, "Enabled").await["BatchSize"], 3);

    busy(&mut stage).await;
    assert_eq!(stage.api.update(&uuid, &json!({"Enabled": false})).await["State"], "Disabling");
    is_in_use(&stage.api, &uuid).await;
    go_on();
    stage.api.becomes(&uuid, "Disabled").await;
    assert_eq!(stage.api.update(&uuid, &json!({"Enabled": true})).await["State"], "Enabling");
    stage.api.becomes(&uuid, "Enabled").await;

    busy(&mut stage).await;
    let told = stage.journal.texts();
    assert_eq!(stage.api.delete(&uuid).await["State"], "Deleting");
    is_in_use(&stage.api, &uuid).await;
    // The pair is taken until it is gone.
    let mut again = json!({"EventSourceArn": stage.source.arn(), "FunctionName": "work"});
    merge(&mut again, &kind.start());
    let refused = stage.api.reply(&format!("create_{MAPPINGS}"), again.clone()).await;
    assert_eq!((refused.status, refused.error().0), (409, "ResourceConflictException"));
    go_on();
    stage.api.vanishes(&uuid).await;
    if let Source::Queue(queue) = &stage.source {
        // What was in flight has ended well: it is deleted.
        stage.account.emptied(queue).await;
    }
    let fresh = stage.api.create(again).await;
    let fresh = crate::api::site::uuid(&fresh);
    stage.api.becomes(fresh, "Enabled").await;
    if kind.is_stream() {
        // Of the old one's position nothing is left: the stream is read from its oldest record.
        stage.journal.comes(told.len(), &told, true).await;
    } else {
        busy(&mut stage).await;
        go_on();
        assert_eq!(stage.journal.texts().len(), told.len() + 1);
    }
    stage.api.stop().await;
}

#[tokio::test]
async fn a_queues_mapping_in_the_middle_of_a_change_takes_no_other() {
    drains_first(Kind::Standard).await;
}

#[tokio::test]
async fn a_streams_mapping_in_the_middle_of_a_change_takes_no_other() {
    drains_first(Kind::Kinesis).await;
}

#[tokio::test]
async fn a_mapping_of_a_file_is_shown_and_not_changed() {
    let (account, site) = Kind::Standard.site(Emulator::shared()).await;
    let source = Kind::Standard.source(&account, "orders").await;
    let journal = Journal::new(&site, "journal");
    account.create_function_with("work", &journal.code("one"), TIMEOUT).await;
    site.map_arn("orders", source.arn(), "work", "BatchSize: 7");
    let file = site.path("mappings").join("orders.yaml");
    let api = Api::start(site, Client::Boto).await;
    let shown = api.list(json!({})).await.remove(0);
    let uuid = uuid(&shown);
    assert_eq!(shown["BatchSize"], 7);
    assert_eq!(shown["FunctionArn"], format!("arn:aws:lambda:us-east-1:{}:function:work", account.id));
    assert_eq!(api.get(uuid).await["EventSourceArn"], source.arn());

    let refusal = format!(
        "The event source mapping {uuid} comes from the file {}: change the file and reload forebay.",
        file.display()
    );
    let calls = [
        (format!("update_{MAPPINGS}"), json!({"UUID": uuid, "BatchSize": 5})),
        (format!("delete_{MAPPINGS}"), json!({ "UUID": uuid })),
        ("tag_resource".to_owned(), json!({"Resource": arn(&shown), "Tags": {"a": "b"}})),
        ("untag_resource".to_owned(), json!({"Resource": arn(&shown), "TagKeys": ["a"]})),
    ];
    for (operation, arguments) in calls {
        let reply = api.reply(&operation, arguments).await;
        assert_eq!(reply.error(), ("InvalidParameterValueException", &*refusal), "{operation}");
        assert_eq!(reply.status, 400, "{operation}");
    }
    // Its source and function are taken for the API, too.
    let taken =
        api.reply(&format!("create_{MAPPINGS}"), json!({"EventSourceArn": source.arn(), "FunctionName": "work"})).await;
    assert_eq!((taken.status, taken.error().0), (409, "ResourceConflictException"));
    assert!(taken.error().1.ends_with(uuid), "{taken:?}");

    // A reload takes the file away, and leaves alone what the API made.
    let other = Kind::Standard.source(&account, "other").await;
    let made = api.create(json!({"EventSourceArn": other.arn(), "FunctionName": "work", "Enabled": false})).await;
    let kept = crate::api::site::uuid(&made);
    fs::remove_file(&file).unwrap();
    api.site.map_arn("third", Kind::Standard.source(&account, "third").await.arn(), "work", "Enabled: false");
    api.daemon().signal(rustix::process::Signal::HUP);
    eventually(SOON, "the file's mapping is gone", async || {
        let reply = api.reply(&format!("get_{MAPPINGS}"), json!({ "UUID": uuid })).await;
        (reply.failed && reply.status == 404).then_some(())
    })
    .await;
    assert_eq!(api.get(kept).await["State"], "Disabled");
    assert_eq!(api.list(json!({})).await.len(), 2);
    api.stop().await;
}
