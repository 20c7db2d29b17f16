//! Messages flow, and a daemon that ends while they do loses none.

use rustix::process::Signal;

use crate::fake::Fake;
use crate::support::{Place, eventually};

#[test]
fn messages_flow_and_are_counted() {
    let place = Place::new();
    let fake = Fake::start(25, false);
    place.mapping("orders", &fake.endpoint(), "");
    let daemon = place.run(&[]);
    let orders = daemon.await_status("orders", |status| status["Counters"]["Deleted"] == 25);
    assert_eq!((&orders["Counters"]["Polled"], &orders["Counters"]["Invoked"]), (&25.into(), &25.into()));
    assert_eq!((&orders["Health"], &orders["LastProcessingResult"]), (&"ok".into(), &"OK".into()));
    let (_, metrics) = daemon.request("GET", "/metrics", "");
    let line = "\nforebay_events_deleted_total{mapping=\"orders\",source=\"sqs\"} 25\n";
    assert!(metrics.contains(line), "{metrics}");
    daemon.end(Signal::TERM, 0);
    assert_eq!(fake.fates().deleted.len(), 25);
}

#[test]
fn a_drain_ends_at_its_bound_and_a_hanging_function_keeps_its_messages() {
    let place = Place::new();
    let fake = Fake::start(10, true);
    place.mapping("orders", &fake.endpoint(), "");
    let daemon = place.run(&["--drain-timeout", "1s"]);
    eventually("the function has them", || (fake.fates().invoked == 10).then_some(()));
    let lines = daemon.end(Signal::TERM, 0);
    assert!(lines.iter().any(|line| line.contains("draining")), "{}", lines.join("\n"));
    assert!(fake.fates().deleted.is_empty());
    assert!(!place.path("forebay.sock").exists());
}

#[test]
fn a_second_signal_cuts_the_drain_short() {
    for (first, second, code) in [(Signal::TERM, Signal::TERM, 1), (Signal::INT, Signal::INT, 130)] {
        let place = Place::new();
        let fake = Fake::start(10, true);
        place.mapping("orders", &fake.endpoint(), "");
        let mut daemon = place.run(&["--drain-timeout", "10m"]);
        eventually("the function has them", || (fake.fates().invoked == 10).then_some(()));
        daemon.process.signal(first);
        daemon.process.await_line("draining");
        let (status, text) = daemon.request("GET", "/readyz?verbose", "");
        assert!(status == 503 && text.contains("engine: draining"), "{text}");
        let error = place.stderr(&["stop", "orders"], 1);
        assert!(error.contains("forebay is shutting down"), "{error}");
        daemon.process.signal(second);
        daemon.process.await_line("cut short");
        let (status, lines) = daemon.process.wait();
        assert_eq!(status.code(), Some(code), "{}", lines.join("\n"));
        assert!(fake.fates().deleted.is_empty());
    }
}

#[test]
fn a_second_signal_that_comes_with_the_first_is_heard() {
    for _ in 0..3 {
        let place = Place::new();
        let fake = Fake::start(10, true);
        place.mapping("orders", &fake.endpoint(), "");
        let daemon = place.run(&["--drain-timeout", "10m"]);
        eventually("the function has them", || (fake.fates().invoked == 10).then_some(()));
        daemon.process.signal(Signal::TERM);
        daemon.process.signal(Signal::INT);
        let (status, lines) = daemon.process.wait();
        assert!(matches!(status.code(), Some(1 | 130)), "{}", lines.join("\n"));
        assert!(lines.iter().any(|line| line.contains("cut short: records in flight")), "{}", lines.join("\n"));
        assert!(fake.fates().deleted.is_empty());
    }
}

#[test]
fn a_stop_that_takes_too_long_to_wait_for() {
    let place = Place::new();
    let fake = Fake::start(10, true);
    place.mapping("orders", &fake.endpoint(), "");
    let mut daemon = place.run(&["--drain-timeout", "10m"]);
    eventually("the function has them", || (fake.fates().invoked == 10).then_some(()));
    let error = place.stderr(&["stop", "orders", "--wait", "--timeout", "200ms"], 1);
    assert!(error.contains("orders: still Disabling after 200ms\nhelp: raise --timeout"), "{error}");
    daemon.process.signal(Signal::TERM);
    daemon.process.await_line("draining");
    daemon.process.signal(Signal::TERM);
    assert_eq!(daemon.process.wait().0.code(), Some(1));
}

#[test]
fn what_filters_stop_is_deleted_counted_and_never_invoked() {
    let place = Place::new();
    let fake = Fake::start(25, false);
    let pattern = r#"{"messageId":["message-3","message-4"],"body":{"x":[{"exists":false}]}}"#;
    let undecidable = r#"{"messageId":["message-5"],"body":["{}"]}"#;
    let filters =
        format!("FilterCriteria: {{ Filters: [{{ Pattern: '{pattern}' }}, {{ Pattern: '{undecidable}' }}] }}");
    place.mapping("orders", &fake.endpoint(), &filters);
    let mut daemon = place.run(&[]);
    daemon.process.await_line(
        "deleted 1 message: the body is JSON, and a filter compares it as plain text (Poller.OnUndecidable: Drop)",
    );
    eventually("all is deleted", || (fake.fates().deleted.len() == 25).then_some(()));
    let orders = daemon.await_status("orders", |status| status["Counters"]["Polled"] == 25);
    let counters = &orders["Counters"];
    assert_eq!(
        (&counters["Filtered"], &counters["Undecidable"], &counters["Invoked"]),
        (&22.into(), &1.into(), &2.into())
    );
    assert_eq!(orders["FilterCriteria"]["Filters"][0]["Pattern"], pattern);
    let (_, metrics) = daemon.request("GET", "/metrics", "");
    for line in [
        "forebay_events_filtered_total{mapping=\"orders\",source=\"sqs\"} 22\n",
        "forebay_events_undecidable_total{mapping=\"orders\",source=\"sqs\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    daemon.end(Signal::TERM, 0);
    assert_eq!(fake.fates().invoked, 2);
}
