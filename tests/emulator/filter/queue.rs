//! Filters of queues: which messages reach the function, and what becomes of the others.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;

use crate::filter::traffic::{
    ORDERS, Takes, counted, each, leaves, left, matching, mixed, other, sorted, told, undecidable,
};
use crate::harness::process::{SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

/// An account, a place, and a function that notes what it is given.
async fn stage() -> (Account, Site, Takes) {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let takes = Takes::new(&site, "takes");
    account.create_function("work", &takes.noting()).await;
    (account, site, takes)
}

/// A queue with mixed traffic in it.
async fn busy(account: &Account, name: &str) -> Queue {
    let queue = account.create_queue(name, &[(VisibilityTimeout, "60")]).await;
    account.send(&queue, &mixed()).await;
    queue
}

#[tokio::test]
async fn only_what_matches_reaches_the_function_and_the_rest_is_deleted() {
    let (account, site, mut takes) = stage().await;
    // Whatever is received twice is dead-lettered.
    let (queue, dead) = account.create_queue_pair("orders", 60, 1).await;
    for _ in 0..3 {
        account.send(&queue, &mixed()).await;
    }
    site.map("orders", &queue, "work", ORDERS);
    let daemon = site.run().await;
    leaves(&account, &queue, Vec::new()).await;

    assert_eq!(takes.from(&queue), sorted([matching(), matching(), matching()].concat()), "byte for byte");
    assert!(account.messages(&dead).await.is_empty());
    let [some, others, unclear] = [matching(), other(), undecidable()].map(|bodies| 3 * bodies.len());
    let all = some + others + unclear;
    daemon.reaches("forebay_events_deleted_total", "orders", all as f64).await;
    assert_eq!(counted(&site, "orders").await, [all, others, unclear, some]);
    assert_eq!(daemon.metric("forebay_events_filtered_total", "orders").await, others as f64);
    assert_eq!(daemon.metric("forebay_events_undecidable_total", "orders").await, unclear as f64);
    daemon.function_failed("orders", 0, 10).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_cannot_be_decided_goes_where_the_mapping_says() {
    let (account, site, mut takes) = stage().await;
    let (delivered, told_of) = (busy(&account, "delivered").await, busy(&account, "told").await);
    let failed = account.create_queue("failed", &[]).await;
    site.map("delivered", &delivered, "work", &format!("{ORDERS}\nPoller: {{ OnUndecidable: Deliver }}"));
    let more = format!("DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}", failed.arn);
    site.map("told", &told_of, "work", &format!("{ORDERS}\n{more}\nPoller: {{ OnUndecidable: Destination }}"));
    let daemon = site.run().await;
    leaves(&account, &delivered, Vec::new()).await;
    leaves(&account, &told_of, Vec::new()).await;

    assert_eq!(takes.from(&delivered), sorted([matching(), undecidable()].concat()));
    assert_eq!(takes.from(&told_of), sorted(matching()));
    assert_eq!(told(&account, &failed, &told_of).await, each("FilterUndecidable", undecidable()));
    let [some, others, unclear] = [matching(), other(), undecidable()].map(|bodies| bodies.len());
    let all = some + others + unclear;
    assert_eq!(counted(&site, "delivered").await, [all, others, unclear, some + unclear]);
    assert_eq!(counted(&site, "told").await, [all, others, unclear, some]);
    daemon.reaches("forebay_events_delivered_to_destination_total", "told", unclear as f64).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_does_not_match_goes_to_a_destination_before_it_is_deleted() {
    let (account, site, mut takes) = stage().await;
    let (some, all) = (busy(&account, "some").await, busy(&account, "all").await);
    let [rest_of_some, rest_of_all, failed] = [
        account.create_queue("rest-of-some", &[]).await,
        account.create_queue("rest-of-all", &[]).await,
        account.create_queue("failed", &[]).await,
    ];
    site.map("some", &some, "work", &format!("{ORDERS}\nPoller: {{ OnFiltered: \"{}\" }}", rest_of_some.arn));
    let more = format!("DestinationConfig: {{ OnFailure: {{ Destination: \"{}\" }} }}", failed.arn);
    let poller = format!("Poller: {{ OnFiltered: \"{}\", OnUndecidable: Destination }}", rest_of_all.arn);
    site.map("all", &all, "work", &format!("{ORDERS}\n{more}\n{poller}"));
    let daemon = site.run().await;
    leaves(&account, &some, Vec::new()).await;
    leaves(&account, &all, Vec::new()).await;

    assert_eq!(takes.from(&some), sorted(matching()));
    assert_eq!(takes.from(&all), sorted(matching()));
    assert_eq!(told(&account, &rest_of_some, &some).await, each("FilteredOut", other()));
    let both = [each("FilterUndecidable", undecidable()), each("FilteredOut", other())].concat();
    assert_eq!(told(&account, &rest_of_all, &all).await, both, "both go to where filtered messages go");
    assert!(account.messages(&failed).await.is_empty(), "the function failed nothing");
    daemon.stop().await;
}

/// Receives as another consumer does, and deletes what it got.
async fn take(account: &Account, queue: &Queue, taken: &mut Vec<String>) {
    let request = account.sqs.receive_message().queue_url(&queue.url).max_number_of_messages(10);
    for message in request.visibility_timeout(60).send().await.unwrap().messages.unwrap_or_default() {
        let delete = account.sqs.delete_message().queue_url(&queue.url);
        delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
        taken.push(message.body.unwrap());
    }
}

#[tokio::test]
async fn released_messages_stay_for_other_consumers() {
    let (account, site, mut takes) = stage().await;
    let queue = busy(&account, "shared").await;
    site.map("shared", &queue, "work", &format!("{ORDERS}\nPoller: {{ OnFiltered: Release }}"));
    let daemon = site.run().await;
    leaves(&account, &queue, other()).await;
    assert_eq!(takes.from(&queue), sorted(matching()));
    let seen = async || (counted(&site, "shared").await[1] >= other().len()).then_some(());
    eventually(SOON, "all that is left was seen", seen).await;
    let [_, _, unclear, invoked] = counted(&site, "shared").await;
    assert_eq!((unclear, invoked), (undecidable().len(), matching().len()));

    // Another consumer competes for them while forebay goes on polling, where chance says who receives which; it gets
    // the rest when forebay does not poll.
    let mut taken = Vec::new();
    for _ in 0..50 {
        take(&account, &queue, &mut taken).await;
    }
    site.health("shared", "ok", "").await;
    let stopped = site.call(&["stop", "shared", "--wait"]).await;
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    eventually(SOON, "the other consumer has them all", async || {
        take(&account, &queue, &mut taken).await;
        (taken.len() >= other().len()).then_some(())
    })
    .await;
    assert_eq!(sorted(taken), sorted(other()));
    assert!(left(&account, &queue).await.is_empty());
    assert_eq!(takes.from(&queue), sorted(matching()), "never was one of them invoked");
    daemon.stop().await;
}

#[tokio::test]
async fn a_text_body_is_filtered_as_a_text_and_metadata_without_a_look_at_it() {
    let (account, site, mut takes) = stage().await;
    let (texts, metadata) = (busy(&account, "texts").await, busy(&account, "metadata").await);
    site.map(
        "texts",
        &texts,
        "work",
        "FilterCriteria: { Filters: [{ Pattern: { body: [{ prefix: an }, \"100\"] } }] }",
    );
    let by_age = "FilterCriteria: { Filters: [{ Pattern: { attributes: { ApproximateReceiveCount: [\"1\"] } } }] }";
    site.map("metadata", &metadata, "work", by_age);
    let daemon = site.run().await;
    leaves(&account, &texts, Vec::new()).await;
    leaves(&account, &metadata, Vec::new()).await;

    assert_eq!(takes.from(&texts), ["100", "an order of 100"]);
    assert_eq!(takes.from(&metadata), sorted(mixed()), "whatever the body is");
    let [_, filtered, unclear, _] = counted(&site, "texts").await;
    assert_eq!((filtered, unclear), (undecidable().len() - 2, matching().len() + other().len()));
    daemon.stop().await;
}

#[tokio::test]
async fn messages_are_released_for_longer_and_longer() {
    let (account, site, mut takes) = stage().await;
    let queue = account.create_queue("shared", &[(VisibilityTimeout, "60")]).await;
    account.send(&queue, &["{}".to_owned()]).await;
    site.map("shared", &queue, "work", &format!("{ORDERS}\nPoller: {{ OnFiltered: Release }}"));
    let began = Instant::now();
    let daemon = site.run().await;
    // It is hidden for a second, and then for two.
    for (times, earliest) in [(1, 0), (2, 1), (3, 3)] {
        eventually(SOON, "it comes again", async || (counted(&site, "shared").await[1] >= times).then_some(())).await;
        assert!(began.elapsed() >= Duration::from_secs(earliest), "{times} times after {:?}", began.elapsed());
    }
    assert!(takes.from(&queue).is_empty());
    assert_eq!(left(&account, &queue).await, ["{}"]);
    daemon.stop().await;
}
