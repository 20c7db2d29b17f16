//! What a replica does not start with.

use super::replicas::{Fleet, STORE};
use crate::harness::{Emulator, kinesis::Kinesis};

#[tokio::test]
async fn a_missing_table_is_refused_with_the_command_that_makes_it() {
    let account = Emulator::shared().account().await;
    let site = Kinesis::shared().site(&account);
    site.map_arn("orders", "arn:aws:sqs:us-east-1:000000000000:orders", "work", "");
    let refused = site.call(&["run", "-f", "mappings", "--store", STORE, "--listen", "127.0.0.1:0"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("FB0620") && refused.stderr.contains("forebay store create dynamodb://fleet"));
}

#[tokio::test]
async fn a_store_that_is_shared_serves_no_api_yet_and_a_file_is_no_fleet() {
    let fleet = Fleet::new().await;
    let mut replica = fleet.replica();
    let api = ["run", "-f", "mappings", "--store", STORE, "--aws-api", "127.0.0.1:0", "--aws-api-insecure"];
    let refused = replica.site.call(&api).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("omit --aws-api"), "{}", refused.stderr);
    replica.site.set_store("memory");
    replica.run().await;
    let alone = replica.site.call(&["fleet"]).await;
    assert_eq!(alone.code, Some(1), "{alone:?}");
    assert!(alone.stderr.contains("no replica of a fleet") && alone.stderr.contains("--store dynamodb://TABLE"));
    replica.stop().await;
}
