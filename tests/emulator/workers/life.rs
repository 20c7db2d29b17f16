//! How workers live and end, on a standard queue.

use std::collections::BTreeSet;
use std::fs;

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use serde_json::json;

use super::{PYTHON, mark, marked, none_is_left, python, workers};
use crate::harness::Emulator;
use crate::harness::ledger::Ledger;
use crate::harness::process::{SOON, Site, eventually};

#[tokio::test]
async fn processes_answer_fail_crash_and_hang_and_none_is_left() {
    let account = Emulator::shared().account().await;
    let (queue, dead) = account.create_queue_pair("orders", 2, 2).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let handler = ledger.source(
        "
def handler(event, context):
    note(event)
    if any(name.startswith('AWS_') and 'KEY' in name for name in os.environ):
        raise ValueError('credentials')
    bodies = {record['messageId']: record['body'] for record in event['Records']}
    print('works on', *bodies.values())
    if 'throws' in bodies.values():
        raise ValueError('no such customer')
    if 'exits' in bodies.values():
        os._exit(3)
    if 'hangs' in bodies.values():
        time.sleep(1000)
    return {'batchItemFailures': [{'itemIdentifier': id} for id, body in bodies.items() if body == 'reported']}
",
    );
    fs::write(site.path("app.py"), handler).unwrap();
    let released = "Poller:\n  Visibility: { Timeout: 60s, OnFunctionError: Release }";
    let poller = python(&site, 2, "5s").replace("Poller:", released);
    site.map(
        "orders",
        &queue,
        "orders",
        &format!("FunctionResponseTypes: [ReportBatchItemFailures]\nBatchSize: 1\n{poller}"),
    );
    let failing = ["reported", "throws", "exits", "hangs"];
    let mut bodies: Vec<String> = (0..20).map(|number| format!("order-{number}")).collect();
    bodies.extend(failing.map(str::to_owned));
    account.send(&queue, &bodies).await;
    let daemon = site.run().await;
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the queue is empty", gone).await;
    let dead_lettered = async || (account.messages(&dead).await.len() == failing.len()).then_some(());
    eventually(SOON, "what fails is in the dead-letter queue", dead_lettered).await;

    let seen = ledger.bodies();
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), bodies.into_iter().collect());
    for (body, times) in &seen {
        assert!(*times == if failing.contains(&&**body) { 2 } else { 1 }, "{body}: {times} times");
    }
    let said = daemon.said("works on order-7");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((&said[0]["function"], &said[0]["level"]), (&json!("orders"), &json!("INFO")), "{said:?}");
    assert!(said[0]["request_id"].as_str().is_some_and(|id| id.len() == 36), "{said:?}");
    let ends: Vec<_> = daemon.said("a worker has ended, and is started again");
    let how: BTreeSet<_> = ends.iter().map(|line| line["how"].as_str().unwrap()).collect();
    assert_eq!(how, BTreeSet::from(["exit status 3", "signal: terminated"]), "{ends:?}");
    eventually(SOON, "both workers are attached again", async || {
        let target = &site.status("orders").await["Target"];
        (target["Kind"] == "RuntimeApi" && target["Capacity"] == 2).then_some(())
    })
    .await;
    daemon.stop().await;
    none_is_left(&site).await;
}

#[tokio::test]
async fn nothing_is_left_when_forebay_is_killed() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "2")]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    // A child that leaves the group and its parent, and takes no hint.
    let handler = ledger.source(
        "
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(['sh', '-c', '(trap \"\" TERM HUP; setsid sleep 1000) &'], start_new_session=True)
def handler(event, context):
    note(event)
    time.sleep(1000 if event['Records'][0]['body'] == 'hangs' else 0)
",
    );
    fs::write(site.path("app.py"), handler).unwrap();
    let poller = python(&site, 2, "300s");
    site.map("orders", &queue, "orders", &format!("BatchSize: 1\n{poller}"));
    account.send(&queue, &["hangs".to_owned()]).await;
    let daemon = site.run().await;
    let at_work = async || (ledger.bodies().len() == 1 && marked(&site).len() >= 6).then_some(());
    eventually(SOON, "both workers and their children run", at_work).await;
    daemon.kill().await;
    none_is_left(&site).await;
    // Nothing is lost: the next forebay delivers it again.
    fs::write(site.path("app.py"), ledger.noting()).unwrap();
    let daemon = site.run().await;
    let gone = async || account.messages(&queue).await.is_empty().then_some(());
    eventually(SOON, "the message is processed", gone).await;
    assert_eq!(ledger.bodies()["hangs"], 2);
    daemon.stop().await;
    none_is_left(&site).await;
}

#[tokio::test]
async fn a_worker_that_cannot_start_shows_its_last_words() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    let site = Site::new(&account);
    let mark = mark(&site);
    let cases = [
        ("missing", "[/no/such/program]", "/no/such/program cannot be run"),
        ("exits", "[sh, -c, 'echo no database >&2; exit 3']", "exit status 3: no database"),
        ("elsewhere", "[sh]", "/no/such/folder is not a folder"),
        ("silent", "[sleep, \"1000\"]", "it did not ask for an event in time"),
        ("broken", &format!("[{PYTHON}, -m, awslambdaric, nothing.handler]"), "No module named 'nothing'"),
    ];
    for (name, command, _) in cases {
        let folder = if name == "elsewhere" { "/no/such/folder" } else { "/" };
        let api = format!(
            "Command: {command}, InitTimeout: 5s, KillAfter: 1s, Environment: {{ MARK: {mark:?} }}, WorkingDirectory: \
             {folder}"
        );
        let backoff = "RestartBackoff: { Initial: 100ms, Maximum: 1s }";
        site.map(name, &queue, name, &format!("Poller: {{ Function: {{ RuntimeApi: {{ {api}, {backoff} }} }} }}"));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let api = format!("RuntimeApi: {{ Listen: {listen:?} }}");
    site.map("taken", &queue, "taken", &format!("Poller: {{ Function: {{ {api} }} }}"));
    account.send(&queue, &["order".to_owned()]).await;
    let daemon = site.run().await;
    for (name, words) in
        cases.iter().map(|(name, _, words)| (*name, *words)).chain([("taken", "cannot be listened on")])
    {
        eventually(SOON, &format!("{name} shows why"), async || {
            let status = site.status(name).await;
            let reason = status["HealthReason"].as_str().unwrap_or_default();
            (status["Health"] == "degraded" && reason.contains(words)).then_some(())
        })
        .await;
    }
    daemon.stop().await;
    none_is_left(&site).await;
    assert_eq!(account.messages(&queue).await.len(), 1, "it waits");
}

#[tokio::test]
async fn a_new_command_takes_effect_with_a_reload_and_the_old_one_answers_first() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "60")]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    let handler = ledger.source(
        "
def handler(event, context):
    for record in event['Records']:
        record['body'] += ' by ' + os.environ['RELEASE']
    while 'slow' in event['Records'][0]['body'] and not os.path.exists(LEDGER + '-go'):
        time.sleep(0.1)
    note(event)
",
    );
    fs::write(site.path("app.py"), handler).unwrap();
    let map = |release: &str| {
        let poller =
            python(&site, 1, "300s").replace("Environment: {", &format!("Environment: {{ RELEASE: {release},"));
        site.map("orders", &queue, "orders", &format!("BatchSize: 1\n{poller}"));
    };
    map("first");
    account.send(&queue, &["slow".to_owned()]).await;
    let daemon = site.run().await;
    let hidden = async || (workers(&site).len() == 1).then_some(());
    eventually(SOON, "the first worker runs", hidden).await;
    let before = workers(&site);
    eventually(SOON, "the message is at work", async || {
        let status = site.status("orders").await;
        (status["Queue"]["InFlight"] == 1).then_some(())
    })
    .await;
    map("second");
    assert_eq!(site.call(&["reload"]).await.code, Some(0));
    account.send(&queue, &["quick".to_owned()]).await;
    let quick = async || ledger.bodies().contains_key("quick by second").then_some(());
    eventually(SOON, "the new worker answers while the old one is at work", quick).await;
    assert!(workers(&site).contains(&before[0]));
    fs::write(site.path("ledger-go"), "").unwrap();
    let slow = async || ledger.bodies().contains_key("slow by first").then_some(());
    eventually(SOON, "the old worker answers, too", slow).await;
    let ended = async || (!workers(&site).contains(&before[0])).then_some(());
    eventually(SOON, "the old worker has ended", ended).await;
    daemon.stop().await;
    none_is_left(&site).await;
    assert!(account.messages(&queue).await.is_empty());
}

#[tokio::test]
async fn one_event_is_invoked_from_the_command_line() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[]).await;
    let site = Site::new(&account);
    fs::write(site.path("app.py"), "def handler(event, context):\n    return event['Records'][0]['body'] * 2\n")
        .unwrap();
    site.map("orders", &queue, "orders", &python(&site, 1, "60s"));
    let broken = "Command: [sh, -c, 'echo no database >&2; exit 3'], AttachWait: 5s";
    site.map("broken", &queue, "broken", &format!("Poller: {{ Function: {{ RuntimeApi: {{ {broken} }} }} }}"));
    fs::write(site.path("event.json"), "{\"Records\":[{\"messageId\":\"1\",\"body\":\"ab\"}]}").unwrap();
    let invoke = async |name: &str| site.call(&["invoke", name, "-f", "mappings", "--event", "event.json"]).await;
    let called = invoke("orders").await;
    assert_eq!((called.code, called.stdout.trim()), (Some(0), "\"abab\""), "{called:?}");
    let called = invoke("broken").await;
    assert_eq!(called.code, Some(1), "{called:?}");
    assert!(called.stderr.contains("exit status 3: no database"), "{called:?}");
    none_is_left(&site).await;
}

#[tokio::test]
async fn one_process_takes_several_events_where_its_runtime_can() {
    let account = Emulator::shared().account().await;
    let queue = account.create_queue("orders", &[(VisibilityTimeout, "60")]).await;
    let site = Site::new(&account);
    let mut ledger = Ledger::new(&site, "ledger");
    // Each waits until all three are there.
    let handler = ledger.source(
        "
import glob
def handler(event, context):
    open(LEDGER + '-at-' + event['Records'][0]['body'], 'w').close()
    while len(glob.glob(LEDGER + '-at-*')) < 3:
        time.sleep(0.05)
    note(event)
",
    );
    fs::write(site.path("app.py"), handler).unwrap();
    let several = "Environment: { AWS_LAMBDA_MAX_CONCURRENCY: 3,";
    let poller = python(&site, 1, "300s").replace("Environment: {", several);
    let scaling = "ScalingConfig: { MaximumConcurrency: 3 }";
    site.map("orders", &queue, "orders", &format!("BatchSize: 1\n{scaling}\n{poller}"));
    let daemon = site.run().await;
    eventually(SOON, "one process has three slots", async || {
        (site.status("orders").await["Target"]["Capacity"] == 3).then_some(())
    })
    .await;
    account.send(&queue, &["a", "b", "c"].map(str::to_owned)).await;
    let all = async || (ledger.bodies().len() == 3).then_some(());
    eventually(SOON, "they are processed side by side", all).await;
    daemon.stop().await;
    none_is_left(&site).await;
}
