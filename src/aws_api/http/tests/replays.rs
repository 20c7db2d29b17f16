//! A signature is good for its own request, for five minutes; and a good signature makes no path of what is none.

use super::refusals::{BODY, INVALID, MISMATCH, create, refuse};
use super::*;

const UNKNOWN: (u16, &str) = (404, "unknownoperation");

fn list(query: &str) -> Sent {
    Sent::signed("GET", &format!("{MAPPINGS}{query}"), "")
}

fn chunked(pieces: &str) -> Sent {
    create().with("transfer-encoding", "chunked").but(|sent| sent.body = pieces.into())
}

#[tokio::test]
async fn no_signature_is_good_for_another_request() {
    let method = |sent: Sent, method: &str| sent.but(|sent| sent.method = method.into());
    let target = |sent: Sent, target: &str| sent.but(|sent| sent.target = target.into());
    let more = |sent: Sent, text: &str| sent.but(|sent| sent.target.push_str(text));
    let body = |body: &str| create().but(|sent| sent.body = body.into());
    let extra = || {
        let headers = [("host", "forebay:9002"), ("x-a", "1")];
        Sent::by(&Signer::at(NOW), "POST", MAPPINGS, &headers, BODY)
    };
    let elsewhere = format!("http://other:9002{MAPPINGS}");
    let broken = (400, "malformedhttprequest");
    refuse(vec![
        ("another body", body(&BODY.replace("bill", "bell")), INVALID, MISMATCH),
        ("a longer body", body(&format!("{BODY} ")), INVALID, MISMATCH),
        ("no body", body(""), INVALID, MISMATCH),
        ("a chunked body", chunked("2\r\n{}\r\n0\r\n\r\n"), INVALID, MISMATCH),
        ("a broken body", chunked("zz\r\n{}\r\n0\r\n\r\n"), broken, "the body is broken: "),
        ("PUT for POST", method(create(), "PUT"), INVALID, MISMATCH),
        ("DELETE for GET", method(list(""), "DELETE"), INVALID, MISMATCH),
        ("HEAD for GET", method(list(""), "HEAD"), INVALID, ""),
        ("OPTIONS for GET", method(list(""), "OPTIONS"), INVALID, MISMATCH),
        ("OPTIONS for all", target(method(list(""), "OPTIONS"), "*"), INVALID, MISMATCH),
        ("a longer path", more(create(), "/a"), INVALID, MISMATCH),
        ("a slash at the end", more(create(), "/"), INVALID, MISMATCH),
        ("a query", more(create(), "?a"), INVALID, MISMATCH),
        ("a longer value", more(list("?MaxItems=1"), "0"), INVALID, MISMATCH),
        ("one parameter more", more(list("?MaxItems=1"), "&Marker="), INVALID, MISMATCH),
        ("no query", target(list("?MaxItems=1"), MAPPINGS), INVALID, MISMATCH),
        ("what is no text", list("?Marker=%FF"), INVALID, MISMATCH),
        ("another host", create().but(|sent| *sent.header("host") = "other:9002".into()), INVALID, MISMATCH),
        ("two hosts", create().with("host", "forebay:9002"), INVALID, "there are several 'Host' headers"),
        ("no host", create().without("host"), INVALID, "the request has no 'Host' header"),
        ("no host over HTTP/1.0", create().without("host").version("1.0"), INVALID, "the request has no 'Host' header"),
        ("another host asked", target(create(), &elsewhere), INVALID, "the request line names another host"),
        ("another value", extra().but(|sent| *sent.header("x-a") = "2".into()), INVALID, MISMATCH),
        ("a value twice", extra().with("x-a", "1"), INVALID, MISMATCH),
        ("a header less", extra().without("x-a"), INVALID, "header 2 of SignedHeaders is not in the request"),
        ("a name less", extra().authorized(";x-a;", ";"), INVALID, MISMATCH),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_call_of_the_api_is_unknown() {
    let one = "/2015-03-31/event-source-mappings/a";
    let dotted = Sent::signed("GET", one, "").but(|sent| sent.target = one.replace("/a", "/./a"));
    let text = "Unable to determine service/operation name to be authorized";
    refuse(vec![
        ("another call", Sent::signed("GET", "/2015-03-31/functions", ""), UNKNOWN, text),
        ("no path", Sent::signed("GET", "/", ""), UNKNOWN, text),
        ("another method", Sent::signed("DELETE", MAPPINGS, ""), UNKNOWN, text),
        ("PATCH", Sent::signed("PATCH", one, "{}"), UNKNOWN, text),
        ("OPTIONS", Sent::signed("OPTIONS", MAPPINGS, ""), UNKNOWN, text),
        ("TRACE", Sent::signed("TRACE", MAPPINGS, ""), UNKNOWN, text),
        ("HEAD", Sent::signed("HEAD", MAPPINGS, ""), UNKNOWN, ""),
        ("a method of one's own", Sent::signed("get", MAPPINGS, ""), UNKNOWN, text),
        ("a dot", Sent::signed("GET", "/2015-03-31/event-source-mappings/.", ""), UNKNOWN, text),
        ("two dots", Sent::signed("DELETE", "/2015-03-31/event-source-mappings/..", ""), UNKNOWN, text),
        ("dots that lead to what is signed", dotted, UNKNOWN, text),
        ("slashes", Sent::signed("GET", "//2015-03-31//event-source-mappings", ""), UNKNOWN, text),
    ])
    .await;
}

#[tokio::test]
async fn a_signature_is_good_for_its_request_until_its_time_is_over() {
    let clock = Arc::new(AtomicUsize::new(0));
    let later = Arc::clone(&clock);
    let wall: WallClock = Arc::new(move || (NOW + later.load(Ordering::SeqCst) as u64) * 1000 + 999);
    let door = Door::open(Access::Keys(keys()), wall, Limits::DEFAULT).await;
    let tags = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Aa%3Ab?tagKeys=b&tagKeys=a";
    let requests = [
        create(),
        create().with("x-not-signed", "1").with("user-agent", "a"),
        create().version("1.0"),
        create().but(|sent| sent.target = format!("http://forebay:9002{MAPPINGS}")),
        chunked(&format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len())),
        list("?Marker=%2B%2F%20&MaxItems=5"),
        list("/"),
        Sent::signed("DELETE", tags, ""),
    ];
    for seconds in [0, 240, 300] {
        clock.store(seconds, Ordering::SeqCst);
        for sent in &requests {
            let answer = door.send(sent).await;
            assert_eq!(answer.code(), (200, String::new()), "{} after {seconds}: {answer:?}", sent.target);
        }
    }
    assert_eq!(door.handled(), 3 * requests.len());
    for seconds in [301, 360, 86_400] {
        clock.store(seconds, Ordering::SeqCst);
        for sent in &requests {
            let answer = door.send(sent).await;
            assert!(answer.message().starts_with("Signature expired: 20270115T080000Z is now"), "{answer:?}");
        }
    }
    assert_eq!(door.handled(), 3 * requests.len());
}
