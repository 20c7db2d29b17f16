//! What is shown of targets that take nothing, and what the end of the process waits for.

use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use rustix::process::Signal;
use serde_json::json;

use crate::harness::process::{NEVER, SOON, Site, eventually};
use crate::harness::rie::Rie;
use crate::harness::{Emulator, free_port};

#[tokio::test]
async fn a_target_that_takes_nothing_says_why() {
    let account = Emulator::shared().account().await;
    let site = Site::new(&account);
    let rie = Rie::start().await;
    let port = free_port();
    let late = format!("Timeout: 1s, Rie: {{ Endpoints: [\"{}\"] }}", rie.endpoint());
    let down =
        format!("Http: {{ Url: \"http://127.0.0.1:{port}/events\", Health: {{ Path: /healthz, Every: 200ms }} }}");
    let gone = format!("RuntimeApi: {{ Listen: \"127.0.0.1:{}\" }}", free_port());
    for (name, target) in [("late", &late), ("down", &down), ("gone", &gone)] {
        let queue = account.create_queue(name, &[(VisibilityTimeout, "300")]).await;
        site.map(name, &queue, name, &format!("BatchSize: 1\nPoller: {{ Function: {{ {target} }} }}"));
        account.send(&queue, &[json!({"pause_ms": 60_000}).to_string()]).await;
    }
    let mut daemon = site.run_with(&["--drain-timeout", NEVER]).await;
    let none = "function: nothing can take an invocation: ";
    let why = [
        ("late", format!("{none}{} is still at work for a call that has exceeded `Timeout`", rie.endpoint())),
        ("down", format!("{none}http://127.0.0.1:{port}: GET /healthz: ")),
        ("gone", format!("{none}no worker is attached at 127.0.0.1:")),
    ];
    for (name, why) in &why {
        site.health(name, "degraded", why).await;
    }
    let parts = async |name: &str| site.status(name).await["Target"]["Parts"].clone();
    let address = rie.endpoint();
    assert_eq!(parts("late").await, json!([{"Name": address, "State": "Late", "InFlight": 1, "Note": null}]));
    let down = parts("down").await;
    assert_eq!((&down[0]["State"], &down[0]["InFlight"]), (&json!("Down"), &json!(0)), "{down}");
    assert!(down[0]["Note"].as_str().unwrap().contains("refused"), "{down}");
    assert_eq!(parts("gone").await, json!([]));
    // A forebay that starts now would kill the emulator.
    daemon.signal(Signal::TERM);
    let said = "waiting for emulators that are at work for calls which have exceeded their timeout; another signal \
                cuts it short";
    let waits = async || daemon.said(said).into_iter().next();
    let line = eventually(SOON, "it says what it waits for", waits).await;
    assert_eq!((&line["emulators"], rie.busy()), (&json!(address), 1));
    let (status, _) = daemon.ended(SOON).await;
    assert_eq!((status.code(), rie.busy()), (Some(0), 0));
}
