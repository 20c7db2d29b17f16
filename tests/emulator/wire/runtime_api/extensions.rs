//! Extensions inside of a worker's image.

use serde_json::{Value, json};

use super::{NEXT, PYTHON, Served, invoke, refused};

const REGISTER: &str = "/2020-01-01/extension/register";
const EVENT: &str = "/2020-01-01/extension/event/next";

#[tokio::test]
async fn an_extension_registers_and_gets_the_events_of_its_worker() {
    let served = Served::new();
    let function = served.function("work").await;
    let mut extension = served.connect().await;
    let body = br#"{"events":["INVOKE"]}"#;
    let nameless = extension.ask("POST", REGISTER, &[], body).await;
    assert_eq!(refused(&nameless), (403, "Extension.InvalidExtensionName".into(), "Empty extension name".into()));
    let name = ("Lambda-Extension-Name", "adapter");
    assert_eq!(refused(&extension.ask("POST", REGISTER, &[name], b"{").await).0, 403);
    let silent = served.connect().await.ask("POST", REGISTER, &[name], br#"{"events":[]}"#).await;
    assert_eq!(silent.status, 200);
    let registered = extension.ask("POST", REGISTER, &[name], body).await;
    assert_eq!(registered.status, 200);
    let about: Value = serde_json::from_slice(&registered.body).unwrap();
    assert_eq!((&about["functionName"], &about["functionVersion"]), (&json!("work"), &json!("$LATEST")));
    let id = registered.headers["Lambda-Extension-Identifier"].clone();

    let missing = refused(&extension.ask("GET", EVENT, &[], b"").await);
    assert_eq!((missing.0, &*missing.1), (403, "Extension.MissingExtensionIdentifier"));
    let unknown = refused(&extension.ask("GET", EVENT, &[("Lambda-Extension-Identifier", "x")], b"").await);
    assert_eq!((unknown.0, &*unknown.1), (403, "Extension.InvalidExtensionIdentifier"));
    let own = [("Lambda-Extension-Identifier", &*id)];
    extension.send("GET", EVENT, &own, b"").await;
    let mut client = served.connect().await;
    client.send("GET", NEXT, &[PYTHON], b"").await;
    let call = invoke(&function, b"{}");
    let event = client.answer().await;
    let seen = extension.answer().await;
    assert_eq!(seen.headers["Lambda-Extension-Event-Identifier"].len(), 36);
    let headers = &event.headers;
    let wanted = json!({
        "eventType": "INVOKE",
        "deadlineMs": headers["Lambda-Runtime-Deadline-Ms"].parse::<u64>().unwrap(),
        "requestId": headers["Lambda-Runtime-Aws-Request-Id"],
        "invokedFunctionArn": headers["Lambda-Runtime-Invoked-Function-Arn"],
        "tracing": {"type": "X-Amzn-Trace-Id", "value": headers["Lambda-Runtime-Trace-Id"]},
    });
    assert_eq!(serde_json::from_slice::<Value>(&seen.body).unwrap(), wanted);
    assert_eq!(client.respond(&headers["Lambda-Runtime-Aws-Request-Id"], b"1").await.status, 202);
    assert_eq!(call.await.unwrap().unwrap().payload, "1");

    for path in ["/2020-01-01/extension/init/error", "/2020-01-01/extension/exit/error"] {
        assert_eq!(extension.ask("POST", path, &own, b"{}").await.status, 202);
    }
    for (path, api) in [("/2020-08-15/logs", "Logs"), ("/2022-07-01/telemetry", "Telemetry")] {
        let head = format!("PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}");
        extension.raw(head.as_bytes()).await;
        let (status, kind, _) = refused(&extension.answer().await);
        assert_eq!((status, kind), (202, format!("{api}.NotSupported")));
    }
    assert_eq!(refused(&extension.ask("GET", "/2020-01-01/extension/other", &[], b"").await).0, 404);
}
