//! Clients that want too much, or give too little.

use std::time::Duration;

use tokio::sync::Notify;

use super::*;

const KIB: usize = 1024;

fn create(body: &str) -> Sent {
    Sent::signed("POST", MAPPINGS, body)
}

fn chunked(body: &str) -> Sent {
    create(body).with("transfer-encoding", "chunked").but(|sent| {
        let pieces = body.as_bytes().chunks(10_000);
        let framed = pieces.flat_map(|piece| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
        sent.body = framed.chain(*b"0\r\n\r\n").collect();
    })
}

#[tokio::test]
async fn bodies_end_at_256_kib() {
    let door = Door::signed().await;
    let largest = "x".repeat(256 * KIB);
    for sent in [create(&largest), chunked(&largest)] {
        let answer = door.send(&sent).await;
        assert_eq!((answer.status, answer.json()["body"].as_str().map(str::len)), (200, Some(256 * KIB)));
    }
    let larger = "x".repeat(256 * KIB + 1);
    let announced = create("").with("content-length", "5000000000");
    // A client that is still writing sees the answer, too.
    let huge = create("").but(|sent| sent.body = vec![b'x'; 20 * 1024 * KIB]);
    for sent in [create(&larger), chunked(&larger), create(&"x".repeat(1000 * KIB)), huge, announced] {
        let answer = door.send(&sent).await;
        assert_eq!(answer.code(), (413, "requestentitytoolarge".to_owned()), "{answer:?}");
        assert_eq!(answer.message(), "Request must be smaller than 262144 bytes");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(door.handled(), 2);
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let door = Door::signed().await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(&create("").with("transfer-encoding", "chunked").bytes()).await.unwrap();
    let piece = [format!("{:x}\r\n", 64 * KIB).as_bytes(), &vec![b'x'; 64 * KIB], b"\r\n"].concat();
    // The server closes, so writing fails at last.
    while stream.write_all(&piece).await.is_ok() {}
    assert_eq!(door.handled(), 0);
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let limits = Limits { body_time: Duration::from_millis(200), ..Limits::DEFAULT };
    let door = Door::open(Access::Keys(keys()), Arc::new(|| NOW * 1000), limits).await;
    let answer = door.send(&create("{}").with("content-length", "3")).await;
    assert_eq!(answer.code(), (408, "requesttimeout".to_owned()), "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(door.handled(), 0);
}

/// The clock stands still, and jumps to the next deadline when everything waits: that of the head.
#[tokio::test(start_paused = true)]
async fn slow_and_large_heads_are_given_up() {
    let door = Door::signed().await;
    let bytes = create("{}").bytes();
    let answer = door.raw(&bytes[..bytes.len() / 2]).await;
    assert!([0, 408].contains(&answer.status), "{answer:?}");
    let answer = door.send(&create("{}").with("x-a", &"y".repeat(20 * KIB))).await;
    assert!([0, 431].contains(&answer.status), "{answer:?}");
    assert_eq!(door.handled(), 0);
}

/// A handler that says when it begins, and goes on when it is told to.
#[derive(Default)]
struct Gate {
    begun: Notify,
    go: Notify,
    done: Notify,
}

async fn gated(limits: Limits) -> (Arc<Gate>, Arc<Door>, tokio::task::JoinHandle<()>, CancellationToken) {
    let (gate, handled) = (Arc::new(Gate::default()), Arc::new(AtomicUsize::new(0)));
    let (inner, count) = (Arc::clone(&gate), Arc::clone(&handled));
    let handler = async move || {
        inner.begun.notify_one();
        inner.go.notified().await;
        count.fetch_add(1, Ordering::SeqCst);
        inner.done.notify_one();
        "{}"
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let wall: WallClock = Arc::new(|| NOW * 1000);
    let router = limited(Router::new().route(MAPPINGS, post(handler)), Access::Keys(keys()), wall, limits);
    let server = tokio::spawn(serve(listener, router, CONNECTIONS, stop.clone()));
    (gate, Arc::new(Door { address, handled, _stop: stop.clone().drop_guard() }), server, stop)
}

#[tokio::test]
async fn more_requests_at_once_wait_for_their_turn_and_not_for_ever() {
    let limits = Limits { requests: 2, patience: Duration::from_millis(300), ..Limits::DEFAULT };
    let (gate, door, _server, _stop) = gated(limits).await;
    let ask = || {
        let door = Arc::clone(&door);
        tokio::spawn(async move { door.send(&create("{}")).await })
    };
    let mut first = [ask(), ask()];
    gate.begun.notified().await;
    gate.begun.notified().await;
    let refused = ask().await.unwrap();
    assert_eq!(refused.code(), (429, "toomanyrequests".to_owned()), "{refused:?}");
    assert_eq!((refused.message().as_str(), door.handled()), ("Rate exceeded", 0));
    // Its turn comes when another's ends.
    gate.go.notify_one();
    let [left, right] = &mut first;
    let answer = tokio::select! { answer = left => answer, answer = right => answer };
    assert_eq!(answer.unwrap().status, 200);
    let mut next = ask();
    tokio::select! {
        () = gate.begun.notified() => {}
        answer = &mut next => panic!("no turn came: {answer:?}"),
    }
    gate.go.notify_waiters();
    assert_eq!(next.await.unwrap().status, 200);
    gate.done.notified().await;
    assert_eq!(door.handled(), 3);
}

#[tokio::test]
async fn what_was_let_in_is_carried_out_though_its_client_leaves() {
    let (gate, door, server, stop) = gated(Limits::DEFAULT).await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(&create("{}").bytes()).await.unwrap();
    gate.begun.notified().await;
    drop(stream);
    stop.cancel();
    // Now no connection is left.
    server.await.unwrap();
    assert_eq!(door.handled(), 0);
    gate.go.notify_one();
    gate.done.notified().await;
    assert_eq!(door.handled(), 1);
}

#[tokio::test]
async fn handlers_that_fail_or_refuse_answer_as_aws_does() {
    let door = Door::signed().await;
    let answer = door.send(&Sent::signed("POST", "/panic", "")).await;
    assert_eq!(answer.code(), (500, "service".to_owned()));
    assert_eq!(answer.json()["Type"], "Service");
    // The extractor of a body that is no text refuses in a form of its own.
    let binary = create("").but(|sent| {
        sent.body = b"\xff".into();
        sent.headers = Signer::at(NOW).sign("POST", MAPPINGS, &[("host", "forebay:9002")], b"\xff");
    });
    let answer = door.send(&binary).await;
    assert_eq!(answer.code(), (400, "malformedhttprequest".to_owned()), "{answer:?}");
}

#[tokio::test]
async fn signed_requests_are_answered_among_a_crowd_of_unsigned_halves() {
    let door = Door::signed().await;
    let clients: usize = std::env::var("FOREBAY_CLIENTS").map_or(1_000, |number| number.parse().unwrap());
    let half = Sent::plain("POST", MAPPINGS, "{").with("content-length", "100").bytes();
    let mut crowd = Vec::new();
    let mut longest = Duration::ZERO;
    for number in 1..=clients {
        let mut client = TcpStream::connect(door.address).await.unwrap();
        client.write_all(&half).await.ok();
        crowd.push(client);
        if number % (clients / 8) == 0 {
            let begun = tokio::time::Instant::now();
            let answer = door.send(&Sent::signed("GET", MAPPINGS, "")).await;
            longest = longest.max(begun.elapsed());
            assert_eq!(answer.status, 200, "among {number}: {answer:?}");
        }
    }
    println!("the slowest of 8 signed requests among {clients} clients took {longest:?}");
    assert_eq!(door.handled(), 8);
}
