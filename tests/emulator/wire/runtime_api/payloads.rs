//! What passes between function and worker.

use forebay::function::Invocation;
use forebay::machine::FaultKind;

use super::{MOST, NEXT, Served, failed, invoke, refused, response};

#[tokio::test]
async fn an_event_goes_to_a_worker_and_its_answer_comes_back() {
    let served = Served::new();
    let function = served.function("work:live").await;
    let mut capacity = function.capacity().unwrap();
    assert_eq!(*capacity.borrow(), 0);
    let call = invoke(&function, b"{\"Records\":[]}");
    let mut client = served.connect().await;
    let (id, event) = client.next().await;
    assert_eq!((event.status, event.body.as_slice()), (200, &b"{\"Records\":[]}"[..]));
    let headers = &event.headers;
    assert_eq!(headers["Content-Type"], "application/json");
    assert_eq!(
        headers["Lambda-Runtime-Invoked-Function-Arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:work:live"
    );
    assert!(headers["Lambda-Runtime-Trace-Id"].starts_with("Root=1-"), "{headers:?}");
    assert_eq!((id.len(), id.to_lowercase()), (36, id.clone()));
    assert_eq!(headers["Lambda-Runtime-Invocation-Id"].len(), 36);
    let deadline: u64 = headers["Lambda-Runtime-Deadline-Ms"].parse().unwrap();
    let now = forebay::clock::host_unix_ms();
    assert!((now..=now + 300_000).contains(&deadline), "{deadline}");
    assert_eq!(headers.keys().filter(|name| name.starts_with("Lambda-")).count(), 5, "{headers:?}");
    let answer = client.respond(&id, b"{\"batchItemFailures\":[]}").await;
    assert_eq!((answer.status, answer.body.as_slice()), (202, &br#"{"status":"OK"}"#[..]));
    let result = call.await.unwrap().unwrap();
    assert_eq!(
        (result.status, result.function_error, &*result.payload),
        (200, None, &b"{\"batchItemFailures\":[]}"[..])
    );
    assert_eq!((result.executed_version.as_deref(), result.request_id), (Some("$LATEST"), Some(id)));
    // Another worker, and both leave.
    let mut other = served.connect().await;
    other.send("GET", NEXT, &[], b"").await;
    client.send("GET", NEXT, &[], b"").await;
    capacity.wait_for(|slots| *slots == 2).await.unwrap();
    drop((client, other));
    capacity.wait_for(|slots| *slots == 0).await.unwrap();
}

#[tokio::test]
async fn errors_and_payloads_pass_as_they_are() {
    let served = Served::new();
    let function = served.function("work").await;
    let (mut client, id, call) = served.begun(&function).await;
    let error = |id: &str| format!("/2018-06-01/runtime/invocation/{id}/error");
    let own = br#"{"errorMessage": "no", "errorType": "ValueError", "requestId": "", "stackTrace": []}"#;
    assert_eq!(client.ask("POST", &error(&id), &[], own).await.status, 202);
    assert_eq!(failed(call).await["errorType"], "ValueError");
    // A header of 1 MiB, and one that is not ASCII, as X-Ray's and Node's may be.
    let cause = "x".repeat(1024 * 1024);
    for header in
        [("Lambda-Runtime-Function-XRay-Error-Cause", &*cause), ("Lambda-Runtime-Function-Error-Type", "Fehler.größe")]
    {
        let call = invoke(&function, b"{}");
        let (id, _) = client.next().await;
        assert_eq!(client.ask("POST", &error(&id), &[header], b"").await.status, 202);
        assert!(failed(call).await["errorType"].is_string());
    }
    for payload in [&b"NaN"[..], b"\xff\xfe", b"", b"null", &vec![b'x'; MOST]] {
        let event = vec![b'y'; payload.len()];
        let call = invoke(&function, &event);
        let (id, received) = client.next().await;
        assert!(received.body == event);
        assert_eq!(client.respond(&id, payload).await.status, 202);
        assert!(call.await.unwrap().unwrap().payload == payload, "{} bytes", payload.len());
    }
    // One byte more, and very much more: the worker hears why, and lives on.
    for length in [MOST + 1, 8 * MOST] {
        let call = invoke(&function, b"{}");
        let (id, _) = client.next().await;
        let answer = client.respond(&id, &vec![b'x'; length]).await;
        let message = "Exceeded maximum allowed payload size (6291556 bytes).".to_owned();
        assert_eq!(refused(&answer), (413, "RequestEntityTooLarge".to_owned(), message));
        assert_eq!(failed(call).await["errorType"], "Function.ResponseSizeTooLarge");
    }
    let fault = function.invoke(Invocation::first(vec![b'x'; MOST + 1])).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::TooLarge, "{fault}");
}

#[tokio::test]
async fn a_stream_is_collected_and_fails_where_its_trailers_say_so() {
    let served = Served::new();
    let function = served.function("work").await;
    let mut client = served.connect().await;
    let body = "e30=".repeat(10_000);
    let large = format!(
        "Lambda-Runtime-Function-Error-Type: Function.Broken\r\nLambda-Runtime-Function-Error-Body: {body}\r\n"
    );
    for (trailers, payload) in [
        ("", &b"{\"a\":1}"[..]),
        (
            "Lambda-Runtime-Function-Error-Type: Function.Broken\r\n\
             Lambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJYIn0=\r\n",
            b"{\"errorType\":\"X\"}",
        ),
        (&large, b""),
    ] {
        let call = invoke(&function, b"{}");
        let (id, _) = client.next().await;
        // Node streams over a second connection.
        let mut second = served.connect().await;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\
             Lambda-Runtime-Function-Response-Mode: streaming\r\n\
             Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n",
            response(&id)
        );
        second.raw(head.as_bytes()).await;
        second.raw(b"3\r\n{\"a\r\n").await;
        second.raw(b"4\r\n\":1}\r\n").await;
        second.raw(format!("0\r\n{trailers}\r\n").as_bytes()).await;
        assert_eq!(second.answer().await.status, 202);
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.function_error.is_some(), !trailers.is_empty());
        assert!(payload.is_empty() || answer.payload == payload, "{:?}", answer.payload);
    }
}
