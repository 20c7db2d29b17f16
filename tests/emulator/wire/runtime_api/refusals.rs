//! What a worker may not do.

use std::time::Duration;

use forebay::mapping::LateAnswers;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{NEXT, Served, failed, invoke, refused, response};

#[tokio::test]
async fn what_a_worker_may_not_do_is_refused_as_aws_refuses_it() {
    let served = Served::new();
    let function = served.function("work").await;
    let (mut client, id, call) = served.begun(&function).await;
    assert_eq!(client.respond(&id, b"1").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "1");
    let state = |to: &str| {
        let message = format!(
            "State transition from RuntimeResponseSentState to {to} failed for runtime. Error: State transition is \
             not allowed"
        );
        (403, "InvalidStateTransition".to_owned(), message)
    };
    assert_eq!(refused(&client.respond(&id, b"2").await), state("InvocationResponse"));
    let error = format!("/2018-06-01/runtime/invocation/{id}/error");
    assert_eq!(refused(&client.ask("POST", &error, &[], b"{}").await), state("InvocationErrorResponse"));
    let init = "/2018-06-01/runtime/init/error";
    assert_eq!(refused(&client.ask("POST", init, &[], b"{}").await).1, "InvalidStateTransition");
    // From its next request on, the invocation is unknown.
    let unknown = (400, "InvalidRequestID".to_owned(), "Invalid request ID".to_owned());
    let call = invoke(&function, b"{}");
    let (current, _) = client.next().await;
    assert_eq!(refused(&client.respond(&id, b"3").await), unknown);
    assert_eq!(refused(&client.respond("no-such-id", b"3").await), unknown);
    let echoed = [("lambda-runtime-invocation-id", "of-another-attempt")];
    assert_eq!(refused(&client.ask("POST", &response(&current), &echoed, b"3").await), unknown);
    let mode = [("Lambda-Runtime-Function-Response-Mode", "slow")];
    let answer = client.ask("POST", &response(&current), &mode, b"3").await;
    let wanted = (400, "InvalidFunctionResponseMode".to_owned(), "Invalid function response mode".to_owned());
    assert_eq!(refused(&answer), wanted);
    assert_eq!(failed(call).await["errorType"], "Runtime.InvalidResponseModeHeader");
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/2018-06-01/runtime/restore/next", 404),
        ("POST", "/2018-06-01/runtime/restore/error", 404),
        ("POST", "/prefix/2018-06-01/runtime/init/error", 404),
        ("POST", NEXT, 405),
        ("GET", init, 405),
    ] {
        assert_eq!(
            refused(&client.ask(method, path, &[], if method == "POST" { b"x" } else { b"" }).await).0,
            status,
            "{method} {path}"
        );
    }
    let pong = client.ask("GET", "/2018-06-01/ping", &[], b"").await;
    assert_eq!((pong.status, pong.body.as_slice()), (200, &b"pong"[..]));
    let mut fresh = served.connect().await;
    assert_eq!(fresh.ask("POST", init, &[], b"{\"errorType\":\"Runtime.ImportModuleError\"}").await.status, 202);
}

#[tokio::test]
async fn an_answer_after_the_timeout_does_not_count() {
    for (late_answers, status) in [(LateAnswers::Reject, 400), (LateAnswers::Accept, 202)] {
        let served = Served { timeout: Duration::from_millis(1500), late_answers, ..Served::new() };
        let function = served.function("work").await;
        let (mut client, id, call) = served.begun(&function).await;
        let error = failed(call).await;
        assert_eq!(error["errorType"], "Sandbox.Timedout");
        assert_eq!(error["errorMessage"], format!("RequestId: {id} Error: Task timed out after 1.50 seconds"));
        let answer = client.respond(&id, b"late").await;
        assert_eq!(answer.status, status, "{answer:?}");
        // A worker that lives on works on.
        let call = invoke(&function, b"{}");
        let (id, _) = client.next().await;
        assert_eq!(client.respond(&id, b"in time").await.status, 202);
        assert_eq!(call.await.unwrap().unwrap().payload, "in time");
    }
}

#[tokio::test]
async fn what_is_no_http_harms_nobody() {
    let served = Served::new();
    let function = served.function("work").await;
    let (mut client, id, call) = served.begun(&function).await;
    let mut odd = served.connect().await;
    odd.raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await;
    let mut said = Vec::new();
    odd.stream.read_to_end(&mut said).await.ok();
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&said));
    let mut greedy = served.connect().await;
    let head = format!("GET {NEXT} HTTP/1.1\r\nHost: x\r\nx: {}\r\n\r\n", "y".repeat(3 * 1024 * 1024));
    greedy.stream.write_all(head.as_bytes()).await.ok();
    said.clear();
    greedy.stream.read_to_end(&mut said).await.ok();
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&said));
    assert_eq!(client.respond(&id, b"1").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "1");
}
