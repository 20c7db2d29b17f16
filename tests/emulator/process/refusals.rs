//! What keeps the program from starting is said, and harms nobody who runs already.

use rustix::process::Signal;

use crate::harness::ledger::Ledger;
use crate::harness::process::{Daemon, SOON, Site, eventually};
use crate::harness::{Account, Emulator, Queue};

/// A forebay that runs, with what it needs to show that it goes on.
struct Running {
    account: Account,
    site: Site,
    queue: Queue,
    ledger: Ledger,
    daemon: Daemon,
}

impl Running {
    async fn start() -> Self {
        let account = Emulator::shared().account().await;
        let site = Site::new(&account);
        let queue = account.create_queue("orders", &[]).await;
        let ledger = Ledger::new(&site, "ledger");
        account.create_function("work", &ledger.noting()).await;
        site.map("orders", &queue, "work", "");
        let daemon = site.run().await;
        Self { account, site, queue, ledger, daemon }
    }

    /// `forebay run` with these flags must end by itself with this code, and say this.
    async fn refuses(&self, flags: &[&str], code: i32, says: &[&str]) {
        let folder = self.site.path("mappings");
        let called = self.site.call(&[&["run", "-f", folder.to_str().unwrap()], flags].concat()).await;
        assert_eq!((called.code, &*called.stdout), (Some(code), ""), "{flags:?}: {called:?}");
        for text in says {
            assert!(called.stderr.contains(text), "{flags:?} does not say {text:?}: {called:?}");
        }
        assert!(!called.stderr.contains("forebay runs"), "{called:?}");
    }

    /// It still works, and ends well.
    async fn flows_and_stops(mut self) {
        self.account.send(&self.queue, &["after all".to_owned()]).await;
        let seen = async || self.ledger.bodies().contains_key("after all").then_some(());
        eventually(SOON, "the first forebay goes on", seen).await;
        self.daemon.stop().await;
    }
}

#[tokio::test]
async fn a_second_forebay_is_told_what_the_first_one_holds() {
    let running = Running::start().await;
    let path = |name: &str| running.site.path(name).to_str().unwrap().to_owned();
    let (socket, store) = (path("socket"), path("store.redb"));
    let (other_socket, other_store) = (path("other-socket"), path("other.redb"));
    let free = ["--listen", "127.0.0.1:0"];
    let same_socket = [&free[..], &["--store", &other_store]].concat();
    running.refuses(&same_socket, 1, &["another forebay answers", &socket, "--socket"]).await;
    let same_store = [&free[..], &["--socket", &other_socket, "--store", &store]].concat();
    running.refuses(&same_store, 1, &[&store, "--store"]).await;
    let address = running.daemon.address().to_owned();
    let same_port = ["--socket", &other_socket, "--store", &other_store, "--listen", &address];
    running.refuses(&same_port, 1, &[&address, "--listen"]).await;
    assert!(!running.site.path("other-socket").exists(), "a socket that was bound for nothing is removed");
    running.flows_and_stops().await;
}

#[tokio::test]
async fn files_stores_and_places_that_cannot_be_used_are_named() {
    let running = Running::start().await;
    let path = |name: &str| running.site.path(name).to_str().unwrap().to_owned();
    let (other_socket, other_store) = (path("other-socket"), path("other.redb"));
    let own = ["--listen", "127.0.0.1:0", "--socket", &other_socket];

    std::fs::write(&other_store, b"not a store at all".repeat(1000)).unwrap();
    running.refuses(&[&own[..], &["--store", &other_store]].concat(), 1, &[&other_store]).await;
    let nowhere = path("no/such/folder/socket");
    let flags = ["--listen", "127.0.0.1:0", "--store", "memory", "--socket", &nowhere];
    running.refuses(&flags, 1, &[&nowhere, "--socket"]).await;
    let plain = path("ledger");
    let flags = ["--listen", "127.0.0.1:0", "--store", "memory", "--socket", &plain];
    running.refuses(&flags, 1, &["is not a socket", &plain]).await;
    running.refuses(&[&own[..], &["--store", "memory", "--listen", "nowhere"]].concat(), 2, &["--listen"]).await;
    running.refuses(&[&own[..], &["--store", "memory", "--drain-timeout", "soon"]].concat(), 2, &["soon"]).await;

    running.site.write("broken.yaml", "Name: [\n");
    running.site.write("wrong.yaml", "EventSourceArn: arn:aws:sqs:us-east-1:000000000000:q\nBatchSize: many\n");
    let says = ["FB0007", "broken.yaml", "FB0102", "FB0103", "wrong.yaml", "nothing was started"];
    running.refuses(&[&own[..], &["--store", "memory"]].concat(), 2, &says).await;
    running.flows_and_stops().await;
}

#[tokio::test]
async fn a_socket_whose_owner_was_killed_is_taken_over() {
    let mut running = Running::start().await;
    running.daemon.signal(Signal::KILL);
    running.daemon.ended(SOON).await;
    assert!(running.site.path("socket").exists());
    let called = running.site.call(&["list"]).await;
    assert_eq!(called.code, Some(1), "{called:?}");
    assert!(called.stderr.contains(running.site.path("socket").to_str().unwrap()), "{called:?}");
    running.daemon = running.site.run().await;
    running.flows_and_stops().await;
}

#[tokio::test]
async fn missing_credentials_degrade_the_mappings_and_the_process_goes_on() {
    let account = Emulator::shared().account().await;
    let mut site = Site::new(&account);
    let queue = account.create_queue("orders", &[]).await;
    site.map("orders", &queue, "work", "");
    site.forget_variables(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    let daemon = site.run().await;
    let status = site.health("orders", "degraded", "credentials").await;
    assert_eq!(status["LastProcessingResult"], "No records processed");
    let (code, details) = daemon.probe("/readyz?verbose").await;
    assert!(code == 200 && details.contains("mapping orders: degraded: "), "{code} {details}");
    daemon.stop().await;
}
