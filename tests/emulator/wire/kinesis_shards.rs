//! The list of a Kinesis stream's shards: pages, tokens, and answers that cannot be.

use forebay::machine::{FaultKind, Shard};
use forebay::source::StreamSource as _;
use serde_json::{Value, json};

use crate::harness::scripted::{Action, Scripted};
use crate::wire::kinesis::{STREAM, error, stream};

#[tokio::test]
async fn shards_are_listed_over_all_pages() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let range = |end: Option<&str>| json!({"StartingSequenceNumber": "1", "EndingSequenceNumber": end});
    let first = json!({"NextToken": "more", "Shards": [
        {"ShardId": "s-0", "SequenceNumberRange": range(Some("9"))},
        {"ShardId": "s-1", "SequenceNumberRange": range(None), "ParentShardId": null},
    ]});
    let second = json!({"NextToken": null, "Shards": [
        {"ShardId": "s-1", "SequenceNumberRange": range(Some("99"))},
        {"ShardId": "s-2", "SequenceNumberRange": range(None), "ParentShardId": "s-0", "AdjacentParentShardId": "s-1"},
        {"ShardId": "s-3", "ParentShardId": "s-trimmed"},
    ]});
    server.on("ListShards", [Action::json(200, &first), Action::json(200, &second)]);
    let shards = stream.shards().await.unwrap().shards;
    let shard = |id: &str, parents: &[&str], closed| Shard {
        id: id.into(),
        parents: parents.iter().map(|parent| (*parent).into()).collect(),
        closed,
        begins: (id != "s-3").then(|| "1".into()),
    };
    assert_eq!(
        shards,
        [
            shard("s-0", &[], true),
            shard("s-1", &[], true),
            shard("s-2", &["s-0", "s-1"], false),
            shard("s-3", &["s-trimmed"], false)
        ]
    );
    let asked: Vec<Value> = server.seen("ListShards").iter().map(|seen| seen.json()).collect();
    assert_eq!(asked, [json!({"StreamName": "orders", "StreamARN": STREAM}), json!({"NextToken": "more"})]);
    let target = &server.seen("ListShards")[0].headers["x-amz-target"];
    assert_eq!(target, "Kinesis_20131202.ListShards");
}

#[tokio::test]
async fn an_expired_token_begins_the_list_again_once() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    let page =
        |token: Option<&str>, id: &str| Action::json(200, &json!({"NextToken": token, "Shards": [{"ShardId": id}]}));
    let expired = error(400, "ExpiredNextTokenException");
    server.on("ListShards", [page(Some("t"), "s-0"), expired.clone(), page(Some("u"), "s-0"), page(None, "s-1")]);
    let shards = stream.shards().await.unwrap().shards;
    assert_eq!(shards.iter().map(|shard| &*shard.id).collect::<Vec<_>>(), ["s-0", "s-1"]);
    assert_eq!(server.seen("ListShards").len(), 4);

    server.on("ListShards", [page(Some("t"), "s-0"), expired.clone(), page(Some("t"), "s-0"), expired]);
    assert_eq!(stream.shards().await.unwrap_err().kind, FaultKind::Transient);
    assert_eq!(server.seen("ListShards").len(), 8, "twice, and no more");
}

#[tokio::test]
async fn a_list_that_does_not_end_or_has_no_ids_is_refused() {
    let server = Scripted::start().await;
    let stream = stream(&server).await;
    server.on("ListShards", [Action::json(200, &json!({"NextToken": "same", "Shards": [{"ShardId": "s-0"}]}))]);
    let fault = stream.shards().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.ends_with("the pages of the answer do not end"), "{fault}");
    assert_eq!(server.seen("ListShards").len(), 2);

    server.on("ListShards", [Action::json(200, &json!({"Shards": [{"ParentShardId": "s-0"}]}))]);
    let fault = stream.shards().await.unwrap_err();
    assert!(fault.kind == FaultKind::Transient && fault.message.ends_with("a shard without an id"), "{fault}");
    server.on("ListShards", [Action::json(200, &json!({"Shards": [], "NextToken": ""}))]);
    assert!(stream.shards().await.unwrap().shards.is_empty());
}

#[tokio::test]
async fn the_time_of_the_service_is_read_from_every_answer_also_from_failures() {
    // Saturday, 2 January 2027 03:04:05 UTC.
    const DATE: (&str, u64) = ("Sat, 02 Jan 2027 03:04:05 GMT", 1_798_859_045_000);
    let list = Action::json(200, &json!({"Shards": [{"ShardId": "s-0"}]}));
    let denied = error(400, "AccessDeniedException");
    for (answer, host, ahead) in [
        (list.clone().header("date", DATE.0), DATE.1 + 7_200_000, Some(7_200_000)),
        (denied.header("date", DATE.0), DATE.1 - 90_000, Some(-90_000)),
        (list.clone().header("date", DATE.0), DATE.1 + 400, None),
        (list.clone().header("date", "soon"), 0, None),
        (list, 0, None),
    ] {
        let server = Scripted::start().await;
        let stream = stream(&server).await;
        server.on("ListShards", [answer]);
        stream.shards().await.ok();
        let reading = stream.clock().unwrap().reading(tokio::time::Instant::now(), host);
        // A busy machine may take its time; the second that the service told has at most passed.
        let near = ahead.is_some_and(|ahead: i64| reading.ahead_ms <= ahead + 10 && reading.ahead_ms > ahead - 60_000);
        assert!(near || ahead.is_none(), "{reading:?}");
        assert!(ahead.is_some() || host == 0 || reading.ahead_ms <= 0, "{reading:?}");
        assert!(host != 0 || reading.unix_ms == 0, "{reading:?}");
    }
}
