//! The life of a daemon whose queues cannot be reached.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{CLOSED, Place, eventually};

#[test]
fn shows_what_it_runs() {
    let place = Place::new();
    place.mapping("orders", CLOSED, "BatchSize: 5");
    place.mapping("payments", CLOSED, "Enabled: false");
    let daemon = place.run(&[]);
    let orders = daemon.await_degraded("orders");
    assert_eq!(orders["State"], "Enabled");
    assert_eq!(orders["BatchSize"], 5);
    assert_eq!(orders["EnabledBy"], "file");
    assert!(orders["HealthReason"].as_str().unwrap().contains("Connection refused"), "{orders}");

    let all: Value = serde_json::from_str(&place.stdout(&["list", "-o", "json"])).unwrap();
    let shown: Vec<_> = all.as_array().unwrap().iter().map(|one| (&one["Name"], &one["State"])).collect();
    assert_eq!(shown, [(&"orders".into(), &"Enabled".into()), (&"payments".into(), &"Disabled".into())]);
    assert_eq!(serde_json::from_str::<Value>(&place.stdout(&["status", "-o", "json"])).unwrap(), all);

    let table = place.stdout(&["list"]);
    assert!(table.starts_with("NAME ") && table.contains("degraded") && !table.contains('\u{1b}'), "{table}");
    assert!(place.stdout(&["list", "-o", "wide"]).contains("THROTTLES"));
    assert!(place.stdout(&["status", "payments"]).contains("State:       Disabled (USER_INITIATED)"));
    let yaml = place.stdout(&["status", "orders", "-o", "yaml"]);
    assert!(yaml.contains("\nBatchSize: 5\n"), "{yaml}");
    let version: Value = serde_json::from_str(&place.stdout(&["version", "-o", "json"])).unwrap();
    assert_eq!(version["running"]["version"], env!("CARGO_PKG_VERSION"));
    let error = place.stderr(&["status", "oders"], 1);
    assert_eq!(error, "error: there is no mapping named \"oders\"\nhelp: `forebay list` shows all mappings\n");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn answers_probes_and_nothing_else() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    daemon.await_degraded("orders");
    assert_eq!(daemon.request("GET", "/livez", ""), (200, "ok\n".into()));
    assert_eq!(daemon.request("GET", "/readyz", ""), (200, "ready\n".into()));
    let (_, text) = daemon.request("GET", "/readyz?verbose", "");
    assert!(
        text.starts_with("ready\nstore: ok forebay.redb\nfiles: ok 1 mapping\nmapping orders: degraded: "),
        "{text}"
    );
    let (_, metrics) = daemon.request("GET", "/metrics", "");
    let of = "{mapping=\"orders\",source=\"sqs\"";
    assert!(metrics.contains(&format!("\nforebay_mapping_degraded{of}}} 1\n")), "{metrics}");
    assert!(metrics.contains(&format!("\nforebay_mapping_state{of},state=\"Enabled\"}} 1\n")), "{metrics}");
    for (method, path, status) in
        [("POST", "/metrics", 405), ("GET", "/v1/mappings", 404), ("POST", "/v1/mappings/orders/stop", 404)]
    {
        assert_eq!(daemon.request(method, path, "").0, status, "{method} {path}");
    }
    let address = daemon.address.to_string();
    assert_eq!(place.stdout(&["health", "--listen", &address]), "ok\n");
    assert!(place.stdout(&["health", "--ready", "--listen", &address]).starts_with("ready\nstore: ok"));
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_stop_outlives_a_restart_until_started_again() {
    let place = Place::of(&["orders", "payments"]);
    let daemon = place.run(&[]);
    assert_eq!(place.stdout(&["stop", "orders", "--wait"]), "orders Disabled\n");
    daemon.end(Signal::TERM, 0);

    let daemon = place.run(&[]);
    let orders = daemon.status("orders");
    assert_eq!((&orders["State"], &orders["EnabledBy"]), (&"Disabled".into(), &"operator".into()));
    assert_ne!(daemon.status("payments")["State"], "Disabled");
    place.stdout(&["start", "orders"]);
    daemon.await_degraded("orders");
    daemon.process.signal(Signal::KILL);
    daemon.process.wait();

    let daemon = place.run(&[]);
    assert_eq!(daemon.await_degraded("orders")["EnabledBy"], "file");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_changed_file_has_the_last_word_over_an_older_stop() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    place.stdout(&["stop", "orders", "--wait"]);
    place.mapping("orders", CLOSED, "Enabled: false");
    daemon.process.signal(Signal::HUP);
    daemon.await_status("orders", |status| status["EnabledBy"] == "file");
    place.mapping("orders", CLOSED, "Enabled: true");
    daemon.process.signal(Signal::HUP);
    daemon.await_degraded("orders");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn some_or_all_of_several_names_may_fail() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    let output = place.forebay(&["stop", "nope", "orders", "--wait"]).assert().code(3);
    assert_eq!(String::from_utf8_lossy(&output.get_output().stdout), "orders Disabled\n");
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("there is no mapping named \"nope\""));
    place.forebay(&["stop", "nope", "nada"]).assert().code(1);
    assert_eq!(place.stdout(&["start", "--all", "--wait"]), "orders Enabled\n");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn sighup_takes_over_what_changed_and_refuses_what_is_broken() {
    let place = Place::of(&["orders", "payments"]);
    let mut daemon = place.run(&[]);
    daemon.await_degraded("orders");

    place.mapping("orders", CLOSED, "BatchSize: 3");
    place.mapping("refunds", CLOSED, "");
    std::fs::remove_file(place.path("mappings/payments.yaml")).unwrap();
    daemon.process.signal(Signal::HUP);
    let line = daemon.process.await_line("reloaded");
    assert!(line.contains(r#"added=["refunds"] changed=["orders"] removed=["payments"] unchanged=0"#), "{line}");
    daemon.await_status("orders", |status| status["BatchSize"] == 3 && status["Health"] == "degraded");
    daemon.await_degraded("refunds");
    eventually("the removed mapping is gone", || {
        let all: Value = serde_json::from_str(&place.stdout(&["list", "-o", "json"])).unwrap();
        (all.as_array().unwrap().len() == 2).then_some(())
    });
    assert!(!daemon.request("GET", "/metrics", "").1.contains("payments"));

    place.mapping("orders", CLOSED, "BatchSize: 0");
    daemon.process.signal(Signal::HUP);
    let line = daemon.process.await_line("FB0201");
    assert!(line.contains("ERROR") && line.contains("mappings/orders.yaml"), "{line}");
    daemon.process.await_line("not reloaded");
    assert_eq!(daemon.status("orders")["BatchSize"], 3);
    let (status, text) = daemon.request("GET", "/readyz?verbose", "");
    assert_eq!(status, 200);
    assert!(
        text.contains("files: error: the mapping files have 1 error: the previous mappings keep running"),
        "{text}"
    );

    place.mapping("orders", CLOSED, "BatchSize: 3");
    daemon.process.signal(Signal::HUP);
    let line = daemon.process.await_line("reloaded");
    assert!(line.contains("changed=[] removed=[] unchanged=2"), "{line}");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_reload_says_what_changed_and_what_is_wrong() {
    let place = Place::of(&["orders", "payments"]);
    let daemon = place.run(&[]);
    let reload = |code: i32| {
        let output = place.forebay(&["reload"]).assert().code(code);
        let output = output.get_output();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(reload(0), (String::new(), "0 added, 0 changed, 0 removed, 2 unchanged\n".into()));

    place.mapping("orders", CLOSED, "BatchSize: 3");
    place.mapping("refunds", CLOSED, "");
    std::fs::remove_file(place.path("mappings/payments.yaml")).unwrap();
    let done = "refunds added\norders changed\npayments removed\n";
    assert_eq!(reload(0), (done.into(), "1 added, 1 changed, 1 removed, 0 unchanged\n".into()));
    daemon.await_status("orders", |status| status["BatchSize"] == 3);

    place.mapping("orders", CLOSED, "BatchSize: 0");
    let (stdout, stderr) = reload(2);
    assert!(stdout.is_empty() && stderr.starts_with("error[FB0201]: `BatchSize` is 0"), "{stderr}");
    assert!(stderr.contains("mappings/orders.yaml:3:12"), "the place is shown: {stderr}");
    assert!(stderr.ends_with("error: the mapping files have 1 error: nothing was changed\n"), "{stderr}");
    let output = place.forebay(&["reload", "-o", "json"]).assert().code(2);
    let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!((&report["reloaded"], &report["added"]), (&false.into(), &Value::Null));
    let found = &report["diagnostics"][0];
    assert_eq!((&found["code"], &found["line"], &found["rendered"]), (&"FB0201".into(), &3.into(), &Value::Null));
    assert_eq!(daemon.status("orders")["BatchSize"], 3);

    // A warning: more filters than AWS takes unasked.
    let filters = ["{ Pattern: { body: [a] } }"; 6].join(", ");
    place.mapping("orders", CLOSED, &format!("FilterCriteria: {{ Filters: [{filters}] }}"));
    let report: Value = serde_json::from_str(&place.stdout(&["reload", "-o", "json"])).unwrap();
    assert_eq!((&report["reloaded"], &report["changed"]), (&true.into(), &serde_json::json!(["orders"])));
    assert_eq!((&report["unchanged"], &report["left_out"]), (&1.into(), &serde_json::json!([])));
    assert_eq!(report["diagnostics"][0]["severity"], "warning", "{report}");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn a_restart_starts_again_what_runs_and_only_that() {
    let place = Place::of(&["orders", "payments"]);
    let mut daemon = place.run(&[]);
    daemon.await_degraded("orders");
    place.stdout(&["stop", "payments", "--wait"]);
    assert_eq!(place.stdout(&["restart", "orders", "--wait"]), "orders Enabled\n");
    daemon.process.await_line("state changed mapping=\"orders\" state=Updating");
    let error = place.stderr(&["restart", "payments"], 1);
    assert_eq!(error, "error: \"payments\" is stopped\nhelp: start it with `forebay start payments`\n");
    assert_eq!(daemon.status("payments")["State"], "Disabled");
    assert_eq!(place.stdout(&["restart", "--all", "--wait"]), "orders Enabled\n", "what is stopped stays so");
    let error = place.stderr(&["restart", "oders"], 1);
    assert_eq!(error, "error: there is no mapping named \"oders\"\nhelp: `forebay list` shows all mappings\n");
    daemon.end(Signal::TERM, 0);
}

#[test]
fn signals_decide_the_exit_code() {
    let place = Place::of(&["orders"]);
    place.run(&[]).end(Signal::TERM, 0);
    place.run(&[]).end(Signal::INT, 130);
}

#[test]
fn watching_shows_each_change_until_interrupted() {
    let place = Place::of(&["orders"]);
    let daemon = place.run(&[]);
    let mut watch = place.spawn(&["list", "--watch"]);
    watch.await_line("Enabled");
    place.stdout(&["stop", "orders"]);
    watch.await_line("Disabled");
    watch.signal(Signal::INT);
    assert_eq!(watch.wait().0.code(), Some(130));

    let mut watch = place.spawn(&["status", "orders", "--watch"]);
    watch.await_line("Disabled");
    daemon.end(Signal::TERM, 0);
    let (status, lines) = watch.wait();
    assert_eq!(status.code(), Some(1), "{}", lines.join("\n"));
}

#[test]
fn json_logs_are_json_to_the_last_line() {
    let place = Place::of(&["orders"]);
    let mut daemon = place.spawn(&["run", "--listen", "127.0.0.1:0", "--store", "memory", "--log-format", "json"]);
    let line: Value = serde_json::from_str(&daemon.await_line("forebay runs")).unwrap();
    assert_eq!((&line["level"], &line["mappings"], &line["store"]), (&"INFO".into(), &1.into(), &"memory".into()));
    let line: Value = serde_json::from_str(&daemon.await_line("degraded")).unwrap();
    assert_eq!((&line["level"], &line["mapping"]), (&"WARN".into(), &"orders".into()));
    daemon.signal(Signal::TERM);
    let (status, lines) = daemon.wait();
    assert!(status.success());
    assert!(lines.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", lines.join("\n"));
}

#[test]
fn a_token_opens_the_control_api_over_tcp() {
    let place = Place::of(&["orders"]);
    let daemon = place.run_with(&[], &[("FOREBAY_CONTROL_TOKEN", "0123456789abcdef0123456789abcdef")]);
    let stop = |header: &str| daemon.request("POST", "/v1/mappings/orders/stop", header).0;
    assert_eq!(stop(""), 401);
    assert_eq!(stop("authorization: Bearer 0123456789abcdef\r\n"), 401);
    assert_eq!(stop("authorization: Bearer 0123456789abcdef0123456789abcdef\r\n"), 202);
    daemon.await_status("orders", |status| status["State"] == "Disabled");
    daemon.end(Signal::TERM, 0);
}
