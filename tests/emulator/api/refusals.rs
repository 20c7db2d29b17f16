//! Who may not call: real clients without a signature, with a wrong one, or with a wrong clock; and a forebay that
//! would serve anybody.

use serde_json::{Value, json};

use crate::api::boto::{Boto, Call, Key, Reply};
use crate::api::command::aws;
use crate::api::life::Stage;
use crate::api::site::{Client, MAPPINGS};
use crate::api::sources::Kind;
use crate::harness::Emulator;
use crate::harness::process::{SOON, Site};

const UNSIGNED: &str = "MissingAuthenticationTokenException";
const UNKNOWN: &str = "UnrecognizedClientException";
const WRONG: &str = "InvalidSignatureException";

/// An answer that says nothing of mappings, only why it is refused.
fn is_refused(reply: &Reply, code: &str) {
    assert_eq!((reply.status, reply.error().0), (403, code), "{reply:?}");
    assert_eq!(reply.headers["x-amzn-errortype"], code);
    let wire: Value = serde_json::from_str(&reply.wire).unwrap();
    assert_eq!(wire, json!({"message": reply.error().1}));
}

#[tokio::test]
async fn who_has_no_key_or_a_wrong_one_or_a_wrong_clock_is_refused() {
    let stage = Stage::new(Kind::Standard, Client::Boto).await;
    let api = &stage.api;
    let Key(access, secret) = api.key.clone();
    let (late, early) = (Boto::with_skew(-600), Boto::with_skew(600));
    let wrong_secret = Key(access.clone(), secret.replace(['0', '1', '2', '3'], "x") + "y");
    let unknown = Key("AKIANOBODY".to_owned(), secret.clone());
    // The secret of one key is none for the other.
    let mixed = Key("AKIAOTHER".to_owned(), secret);
    let cases: [(&str, &Boto, Option<&Key>, &str); 6] = [
        ("unsigned", &api.boto, None, UNSIGNED),
        ("wrong secret", &api.boto, Some(&wrong_secret), WRONG),
        ("unknown key", &api.boto, Some(&unknown), UNKNOWN),
        ("another key's secret", &api.boto, Some(&mixed), WRONG),
        ("ten minutes late", &late, Some(&api.key), WRONG),
        ("ten minutes early", &early, Some(&api.key), WRONG),
    ];
    let create = json!({"EventSourceArn": stage.source.arn(), "FunctionName": "work"});
    let nobody = "00000000-0000-4000-8000-000000000000";
    let calls = [
        (format!("create_{MAPPINGS}"), create.clone()),
        (format!("list_{MAPPINGS}s"), json!({})),
        (format!("delete_{MAPPINGS}"), json!({ "UUID": nobody })),
        (
            "list_tags".to_owned(),
            json!({ "Resource": format!("arn:aws:lambda:us-east-1:{}:event-source-mapping:{nobody}",
                stage.account.id) }),
        ),
    ];
    for (name, boto, key, code) in cases {
        for (operation, arguments) in &calls {
            let reply = boto.call(Call { key, ..api.of(operation, arguments.clone()) }).await;
            is_refused(&reply, code);
            let words = reply.error().1.to_owned();
            let expected = match name {
                "unsigned" => "Missing Authentication Token",
                "unknown key" => "The security token included in the request is invalid.",
                "ten minutes late" => "Signature expired: ",
                "ten minutes early" => "Signature not yet current: ",
                _ => "The request signature we calculated does not match the signature you provided.",
            };
            assert!(words.starts_with(expected), "{name}: {words}");
        }
    }
    // Four minutes are within what AWS bears.
    for skew in [-240, 240] {
        let boto = Boto::with_skew(skew);
        let listed = boto.call(api.of(&format!("list_{MAPPINGS}s"), json!({}))).await.answer();
        assert_eq!(listed["EventSourceMappings"], json!([]), "nothing refused has made anything");
    }
    // The command, too.
    let unsigned = aws(api.endpoint(), None, &["list-event-source-mappings"]).await;
    assert_eq!(unsigned.error().0, UNSIGNED);
    let wrong = aws(api.endpoint(), Some(&wrong_secret), &["list-event-source-mappings"]).await;
    assert_eq!(wrong.error().0, WRONG);
    assert_eq!(api.list(json!({})).await, [] as [Value; 0]);
    // No secret stands in the log.
    let log = format!("{:?}", api.daemon().log());
    assert!(!log.contains(&api.key.1) && !log.contains("a-secret-of-nobody"), "a secret in the log");
    stage.api.stop().await;
}

async fn site() -> Site {
    let (_, site) = Kind::Standard.site(Emulator::shared()).await;
    std::fs::remove_dir(site.path("mappings")).unwrap();
    site
}

#[tokio::test]
async fn a_forebay_that_would_serve_anybody_does_not_start() {
    let refused = async |site: &Site, flags: &[&str], words: &[&str]| {
        let run = ["run", "--store", "memory", "--listen", "127.0.0.1:0"];
        let called = tokio::time::timeout(SOON, site.call(&[&run[..], flags].concat())).await;
        let called = called.expect("a refusal, not a running forebay");
        assert_eq!(called.code, Some(2), "{flags:?}: {called:?}");
        for word in words {
            assert!(called.stderr.contains(word), "{flags:?} does not tell of {word}: {called:?}");
        }
    };
    let without = site().await;
    refused(&without, &["--aws-api", "127.0.0.1:0"], &["FOREBAY_API_KEYS", "--aws-api-insecure"]).await;
    refused(&without, &["--aws-api", "0.0.0.0:0", "--aws-api-insecure"], &["loopback"]).await;
    refused(&without, &["--aws-api", "nowhere", "--aws-api-insecure"], &["nowhere"]).await;

    let mut with = site().await;
    with.set_variable("FOREBAY_API_KEYS", "AKIATEST:a-secret-that-is-long");
    refused(&with, &["--aws-api", "127.0.0.1:0", "--aws-api-insecure"], &["--aws-api-insecure"]).await;
    let mut bad = site().await;
    bad.set_variable("FOREBAY_API_KEYS", "a-key-without-its-secret");
    refused(&bad, &["--aws-api", "127.0.0.1:0"], &["FOREBAY_API_KEYS"]).await;
}

#[tokio::test]
async fn without_keys_anybody_on_this_machine_may_call() {
    let site = Kind::Standard.site(Emulator::shared()).await.1;
    let daemon = site.run_with(&["--aws-api", "127.0.0.1:0", "--aws-api-insecure"]).await;
    let endpoint = format!("http://{}", daemon.said("forebay runs")[0]["aws_api"].as_str().unwrap());
    let boto = Boto::start();
    let key = Key("anything".to_owned(), "at all".to_owned());
    for key in [None, Some(&key)] {
        let call = Call {
            endpoint: &endpoint,
            key,
            operation: "list_event_source_mappings",
            arguments: json!({}),
            loose: false,
            pages: None,
        };
        assert_eq!(boto.call(call).await.answer()["EventSourceMappings"], json!([]));
        assert_eq!(
            aws(&endpoint, key, &["list-event-source-mappings"]).await.json(),
            json!({"EventSourceMappings": []})
        );
    }
    daemon.stop().await;
}
