//! `forebay validate --online` asks the queues and functions.

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use serde_json::Value;

use crate::adapter::queues::ECHO;
use crate::harness::process::Site;
use crate::harness::rie::Rie;
use crate::harness::{Account, Emulator, Queue, REGION, free_port};

/// In seconds.
const FUNCTION_TIMEOUT: i32 = 10;

async fn report(site: &Site, flags: &[&str]) -> (Option<i32>, Value) {
    let folder = site.path("mappings");
    let called = site.call(&[&["validate", "-f", folder.to_str().unwrap(), "-o", "json"], flags].concat()).await;
    (called.code, serde_json::from_str(&called.stdout).unwrap_or_else(|_| panic!("{called:?}")))
}

/// Code, severity and mapping of each finding, in order.
fn findings(report: &Value) -> Vec<(String, String, String)> {
    let text = |found: &Value, member: &str| found[member].as_str().unwrap().to_owned();
    let diagnostics = report["diagnostics"].as_array().unwrap();
    let all = diagnostics.iter().map(|found| (text(found, "code"), text(found, "severity"), text(found, "mapping")));
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

async fn account_with_function() -> Account {
    let account = Emulator::shared().account().await;
    account.create_function_with("work", ECHO, FUNCTION_TIMEOUT).await;
    account
}

#[tokio::test]
async fn a_sound_pair_is_clean() {
    let account = account_with_function().await;
    let (queue, _) = account.create_queue_pair("orders", 60, 5).await;
    let site = Site::new(&account);
    site.map("orders", &queue, "work", "");
    let (code, report) = report(&site, &["--online"]).await;
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(findings(&report), []);
    assert_eq!((&report["mappings"], &report["errors"], &report["warnings"]), (&1.into(), &0.into(), &0.into()));
}

#[tokio::test]
async fn settings_that_do_not_fit_are_warnings() {
    let account = account_with_function().await;
    let site = Site::new(&account);
    let (short, _) = account.create_queue_pair("short", 59, 5).await;
    let (below, _) = account.create_queue_pair("below", 9, 5).await;
    let (few, _) = account.create_queue_pair("few", 60, 2).await;
    let none = account.create_queue("none", &[(VisibilityTimeout, "60")]).await;
    let (window, _) = account.create_queue_pair("window", 60, 5).await;
    for (name, queue) in [("short", &short), ("below", &below), ("few", &few), ("none", &none)] {
        site.map(name, queue, "work", "");
    }
    site.map("window", &window, "work", "MaximumBatchingWindowInSeconds: 1");
    let (code, report) = report(&site, &["--online"]).await;
    assert_eq!(code, Some(0), "warnings are no failure: {report}");
    let rows = [("FB0501", "below"), ("FB0502", "short"), ("FB0502", "window"), ("FB0503", "few"), ("FB0504", "none")];
    assert_eq!(findings(&report), rows.map(|(code, name)| (code.into(), "warning".into(), name.into())));
}

#[tokio::test]
async fn what_is_not_there_is_an_error_that_only_asking_finds() {
    let account = account_with_function().await;
    let site = Site::new(&account);
    let (queue, _) = account.create_queue_pair("orders", 60, 5).await;
    let nowhere = Queue { url: String::new(), arn: format!("arn:aws:sqs:{REGION}:{}:nowhere", account.id) };
    site.map("good", &queue, "work", "");
    site.map("no-queue", &nowhere, "work", "");
    site.map("no-function", &queue, "nobody", "");
    let (code, offline) = report(&site, &[]).await;
    assert_eq!((code, findings(&offline).len()), (Some(0), 0), "{offline}");
    let (code, online) = report(&site, &["--online"]).await;
    assert_eq!(code, Some(2), "{online}");
    let error = |code: &str, name: &str| (code.to_owned(), "error".to_owned(), name.to_owned());
    assert_eq!(findings(&online), [error("FB0509", "no-queue"), error("FB0510", "no-function")]);
    for found in online["diagnostics"].as_array().unwrap() {
        let message = if found["code"] == "FB0509" {
            format!("queue nowhere not found in account {} ({REGION})", account.id)
        } else {
            format!("function nobody not found in {REGION}")
        };
        assert_eq!(found["message"], message);
        assert!(found["help"].as_str().is_some_and(|help| help.starts_with("create it, or correct")), "{found}");
    }
    let explained = site.call(&["explain", "FB0509"]).await;
    assert!(explained.code == Some(0) && !explained.stdout.is_empty(), "{explained:?}");
}

#[tokio::test]
async fn targets_other_than_lambda_are_tried() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let (queue, _) = account.create_queue_pair("orders", 600, 5).await;
    let rie = Rie::start().await;
    let nobody = free_port();
    let url = |port: u16| format!("\"http://127.0.0.1:{port}\"");
    for (name, target) in [
        ("emulator", format!("Rie: {{ Endpoints: [{}] }}", url(rie.port()))),
        ("no-emulator", format!("Rie: {{ Endpoints: [{}] }}", url(nobody))),
        ("service", format!("Http: {{ Url: {} }}", url(rie.port()))),
        ("no-service", format!("Http: {{ Url: {} }}", url(nobody))),
        ("unhealthy", format!("Http: {{ Url: {}, Health: {{ Path: /healthz }} }}", url(rie.port()))),
    ] {
        site.map(name, &queue, name, &format!("Poller: {{ Function: {{ {target} }} }}"));
    }
    let (code, report) = report(&site, &["--online"]).await;
    assert_eq!(code, Some(2), "{report}");
    let unreached = ["no-emulator", "no-service", "unhealthy"];
    assert_eq!(findings(&report), unreached.map(|name| ("FB0510".into(), "error".into(), name.into())));
    for (name, words) in unreached.iter().zip(["refused", "refused", "GET /healthz: HTTP 404"]) {
        let found = report["diagnostics"].as_array().unwrap().iter().find(|found| found["mapping"] == **name).unwrap();
        assert!(found["message"].as_str().unwrap().contains(words), "{found}");
    }
    assert!(rie.events().is_empty(), "nothing is invoked");
}
