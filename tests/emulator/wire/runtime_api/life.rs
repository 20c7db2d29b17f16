//! Workers that come and go.

use std::time::Duration;

use forebay::AwsConnector;
use forebay::function::PartState;

use super::{Client, NEXT, Served, failed, invoke, response};
use crate::harness::process::{SOON, eventually};

#[tokio::test]
async fn workers_that_go_away_fail_their_own_invocation_and_nothing_else() {
    let served = Served::new();
    let function = served.function("work").await;
    let mut capacity = function.capacity().unwrap();
    // In the middle of the answer.
    let (mut client, id, call) = served.begun(&function).await;
    client
        .raw(format!("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", response(&id)).as_bytes())
        .await;
    drop(client);
    assert_eq!(failed(call).await["errorType"], "Runtime.TruncatedResponse");
    // Between event and answer: a client that keeps its connection has ended.
    let (client, id, call) = served.begun(&function).await;
    drop(client);
    let error = failed(call).await;
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let message = format!("RequestId: {id} Error: Runtime exited without providing a reason");
    assert_eq!(error["errorMessage"], message);
    // While it waits: what comes next goes to another one.
    let mut idle = served.connect().await;
    idle.send("GET", NEXT, &[], b"").await;
    capacity.wait_for(|slots| *slots == 1).await.unwrap();
    drop(idle);
    capacity.wait_for(|slots| *slots == 0).await.unwrap();
    let (mut client, id, call) = served.begun(&function).await;
    assert_eq!(client.respond(&id, b"1").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "1");
    // A client that takes a connection for each request, as scripts do, may have closed it only for that reason.
    let mut script = served.connect().await;
    script.send("GET", NEXT, &[("User-Agent", "curl/8.0"), ("Connection", "close")], b"").await;
    let call = invoke(&function, b"{}");
    let event = script.answer().await;
    drop(script);
    let id = &event.headers["Lambda-Runtime-Aws-Request-Id"];
    assert_eq!(served.connect().await.respond(id, b"2").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "2");
}

#[tokio::test]
async fn mappings_of_a_function_share_its_port_and_those_of_another_wait_for_it() {
    let served = Served::new();
    let first = served.function("work").await;
    let mut client = served.connect().await;
    client.send("GET", NEXT, &[], b"").await;
    first.capacity().unwrap().wait_for(|slots| *slots == 1).await.unwrap();
    let second = served.function("work").await;
    assert_eq!(*second.capacity().unwrap().borrow(), 1);
    drop(first);
    let call = invoke(&second, b"{}");
    let event = client.answer().await;
    let id = &event.headers["Lambda-Runtime-Aws-Request-Id"];
    assert_eq!(client.respond(id, b"1").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "1");
    // A worker is told nothing until an event comes, so the other function's port is seen to open by its capacity.
    let other = served.function("other").await;
    let mut capacity = other.capacity().unwrap();
    assert_eq!(*capacity.borrow(), 0);
    drop(second);
    let attached = eventually(SOON, "the other function has the port", async || {
        let mut client = served.connect().await;
        client.send("GET", NEXT, &[], b"").await;
        let attached = capacity.wait_for(|slots| *slots == 1);
        tokio::time::timeout(Duration::from_millis(200), attached).await.ok().map(|_| client)
    });
    attached.await;
}

#[tokio::test]
async fn an_event_that_its_client_has_not_read_goes_to_the_next_one() {
    let served = Served::new();
    let function = served.function("work").await;
    let mut capacity = function.capacity().unwrap();
    // Nothing is known of this client: that its connection closes alone is no proof of anything.
    let mut client = served.connect().await;
    client.send("GET", NEXT, &[], b"").await;
    capacity.wait_for(|slots| *slots == 1).await.unwrap();
    let call = invoke(&function, b"{}");
    eventually(SOON, "the event has arrived", async || client.has_something().await.then_some(())).await;
    drop(client);
    let (mut client, id) = taken(&served).await;
    assert_eq!(client.respond(&id, b"1").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "1");
}

async fn taken(served: &Served) -> (Client, String) {
    let mut client = served.connect().await;
    let (id, _) = client.next().await;
    (client, id)
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_makes_room_for_a_worker() {
    let mut served = Served::new();
    served.connector = AwsConnector::new().with_worker_connections(2);
    let function = served.function("work").await;
    let mut capacity = function.capacity().unwrap();
    let (mut busy, id, call) = served.begun(&function).await;
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(served.connect().await);
    }
    let mut idle = served.connect().await;
    idle.send("GET", NEXT, &[], b"").await;
    capacity.wait_for(|slots| *slots == 2).await.unwrap();
    let parts = function.parts();
    assert_eq!(
        parts.iter().map(|part| (part.state, part.in_flight)).collect::<Vec<_>>(),
        [(PartState::Up, 1), (PartState::Up, 0)]
    );
    assert_eq!((parts[0].note.as_deref(), &parts[1].note), (Some("aws-lambda-python/3.11.7-4.2.2"), &None));
    // Both are at work or ask for work: a further one waits until one of them goes.
    let mut third = served.connect().await;
    third.send("GET", NEXT, &[], b"").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(*capacity.borrow(), 2);
    assert_eq!(busy.respond(&id, b"1").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "1");
    drop(idle);
    capacity.wait_for(|slots| *slots == 1).await.unwrap();
    drop(busy);
    let call = invoke(&function, b"{}");
    let id = third.answer().await.headers["Lambda-Runtime-Aws-Request-Id"].clone();
    assert_eq!(third.respond(&id, b"2").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "2");
    drop(strangers);
}
