//! Without keys every program of this machine is let in, but no page in its browser.

use super::*;

async fn door() -> Door {
    Door::open(Access::Insecure, Arc::new(|| NOW * 1000), Limits::DEFAULT).await
}

fn to(host: &str) -> Sent {
    Sent::plain("POST", MAPPINGS, "{}").but(|sent| *sent.header("host") = host.into())
}

#[tokio::test]
async fn programs_of_this_machine_are_let_in_signed_or_not() {
    let door = door().await;
    for host in ["localhost:9002", "LOCALHOST", "127.0.0.1:9002", "127.1.2.3", "[::1]:9002", "api.localhost:1"] {
        let answer = door.send(&to(host)).await;
        assert_eq!(answer.code(), (200, String::new()), "{host}: {answer:?}");
        assert_eq!(answer.json()["caller"], Value::Null);
    }
    let signed = Sent::by(&Signer::at(0), "POST", MAPPINGS, &[("host", "localhost")], "{}");
    assert_eq!(door.send(&signed.authorized("AKIDEXAMPLE", "test")).await.status, 200);
    assert_eq!(door.handled(), 7);
}

#[tokio::test]
async fn pages_are_not() {
    let door = door().await;
    let table = [
        to("localhost:9002").with("origin", "http://example.com"),
        to("localhost:9002").with("origin", "null"),
        to("localhost:9002").with("sec-fetch-site", "cross-site"),
        to("example.com:9002"),
        to("localhost.example.com"),
        to("10.0.0.1"),
        to("0.0.0.0:9002"),
        to(""),
        to("localhost").with("host", "example.com"),
        to("localhost").but(|sent| sent.target = format!("http://example.com{MAPPINGS}")),
    ];
    for sent in table {
        let answer = door.send(&sent).await;
        assert_eq!(answer.code(), (403, "accessdenied".to_owned()), "{:?}: {answer:?}", sent.headers);
        assert!(answer.message().contains("set FOREBAY_API_KEYS"), "{answer:?}");
    }
    let unknown = door.send(&to("localhost").but(|sent| sent.method = "HEAD".into())).await;
    assert_eq!(unknown.code(), (404, "unknownoperation".to_owned()));
    assert_eq!(door.handled(), 0);
}
