//! Everything that is no whole, current signature of one of our keys.

use super::*;

pub(super) const BODY: &str = r#"{"FunctionName":"bill"}"#;

pub(super) const INCOMPLETE: (u16, &str) = (400, "incompletesignature");
pub(super) const INVALID: (u16, &str) = (403, "invalidsignature");
const UNSIGNED: (u16, &str) = (403, "missingauthenticationtoken");
const NOBODY: (u16, &str) = (403, "unrecognizedclient");
pub(super) const MISMATCH: &str = "The request signature we calculated does not match the signature you provided.";

pub(super) fn create() -> Sent {
    Sent::signed("POST", MAPPINGS, BODY)
}

fn by(signer: &Signer<'_>, headers: &[(&str, &str)]) -> Sent {
    let all: Vec<_> = [("host", "forebay:9002")].iter().chain(headers).copied().collect();
    Sent::by(signer, "POST", MAPPINGS, &all, BODY)
}

/// Sends each, and looks at status, code and the beginning of the text; nothing may reach a handler.
pub(super) async fn refuse(table: Vec<(&str, Sent, (u16, &str), &str)>) {
    let door = Door::signed().await;
    for (what, sent, (status, code), text) in table {
        let answer = door.send(&sent).await;
        assert_eq!(answer.code(), (status, code.to_owned()), "{what}: {answer:?}");
        // HEAD has no body.
        if sent.method != "HEAD" {
            assert!(answer.message().starts_with(text), "{what}: {answer:?}");
            assert_eq!(answer.json().get("Type"), None, "{what}");
        }
        assert!(!answer.body.contains("wJalr") && !answer.body.contains("dTpw"), "{what}: {answer:?}");
        assert_eq!(door.handled(), 0, "{what}");
    }
    // And it does count.
    let answer = door.send(&create()).await;
    assert_eq!(answer.code(), (200, String::new()), "{answer:?}");
    let expected = serde_json::json!({ "caller": "AKIDEXAMPLE us-east-1", "body": BODY });
    assert_eq!((answer.json(), door.handled()), (expected, 1));
}

#[tokio::test]
async fn without_a_whole_authorization_header() {
    let auth = |from: &str, to: &str| create().authorized(from, to);
    let all =
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter.";
    let given = create().header("authorization").clone();
    let credential = "Credential=AKIDEXAMPLE/20270115/us-east-1/lambda/aws4_request";
    let unsigned = given.split(", Signature").next().unwrap();
    let query = "/2015-03-31/event-source-mappings?X-Amz-Signature=a";
    let there = "part 2 of the Authorization header is there already";
    refuse(vec![
        ("none", create().without("authorization"), UNSIGNED, "Missing Authentication Token"),
        (
            "none over HTTP/1.0",
            create().without("authorization").version("1.0"),
            UNSIGNED,
            "Missing Authentication Token",
        ),
        ("two", create().with("authorization", &given), INCOMPLETE, "there are several Authorization headers"),
        ("empty", auth(&given, ""), INCOMPLETE, all),
        ("another scheme", auth(&given, "Basic dTpw"), INCOMPLETE, all),
        ("a token alone", auth(&given, "eyJ0eXAi.dTpw"), INCOMPLETE, all),
        ("no parts", auth(&given, "AWS4-HMAC-SHA256"), INCOMPLETE, all),
        ("not ASCII", auth("AKIDEXAMPLE", "ÄKID"), INCOMPLETE, "the Authorization header may hold visible ASCII"),
        ("another algorithm", auth("HMAC-SHA256", "ECDSA-P256-SHA256"), INCOMPLETE, "Unsupported AWS 'algorithm'"),
        ("the third version", auth("AWS4-HMAC-SHA256", "AWS3-HTTPS"), INCOMPLETE, "Unsupported AWS 'algorithm'"),
        (
            "unknown part",
            auth("Credential=", "Kredential="),
            INCOMPLETE,
            "part 1 of the Authorization header is unknown",
        ),
        (
            "no credential",
            auth(&format!("{credential}, "), ""),
            INCOMPLETE,
            "Authorization header requires 'Credential'",
        ),
        ("empty credential", auth(credential, "Credential="), INCOMPLETE, "Authorization header requires 'Credential'"),
        ("four parts of scope", auth("/us-east-1", ""), INCOMPLETE, "Credential must have exactly 5 slash-delimited"),
        ("six parts of scope", auth("AKID", "AKID/"), INCOMPLETE, "Credential must have exactly 5 slash-delimited"),
        ("two credentials", auth(credential, &format!("{credential}, {credential}")), INCOMPLETE, there),
        ("no signature", auth(&given, unsigned), INCOMPLETE, "Authorization header requires 'Signature' parameter."),
        ("two signatures", auth("Signature=", "Signature=0, Signature="), INCOMPLETE, "part 4 of the Authorization"),
        (
            "no headers",
            auth("SignedHeaders=host;x-amz-date, ", ""),
            INCOMPLETE,
            "Authorization header requires 'SignedH",
        ),
        (
            "two lists",
            auth("SignedHeaders=", "SignedHeaders=a, SignedHeaders="),
            INCOMPLETE,
            "part 3 of the Authorization",
        ),
        ("no equal-sign", auth("SignedHeaders=", "SignedHeaders"), INCOMPLETE, "part 2 is not a valid key=value pair"),
        ("out of order", auth("host;x-amz-date", "x-amz-date;host"), INCOMPLETE, "SignedHeaders must be lower-case"),
        ("in capitals", auth("host;", "Host;"), INCOMPLETE, "SignedHeaders must be lower-case"),
        ("twice in the list", auth("host;", "host;host;"), INCOMPLETE, "SignedHeaders must be lower-case"),
        ("not sent", auth("x-amz-date,", "x-amz-date;y,"), INVALID, "header 3 of SignedHeaders is not in the request"),
        ("host unsigned", auth("host;", ""), INVALID, "'Host' or ':authority' must be a 'SignedHeader' in the AWS"),
        ("date unsigned", auth(";x-amz-date", ""), INVALID, "'X-Amz-Date' must be a 'SignedHeader' in the AWS"),
        (
            "AWS's unsigned",
            create().with("X-Amz-Target", "a"),
            INVALID,
            "There were headers present in the request which",
        ),
        ("token unsigned", create().with("x-amz-security-token", "a"), INVALID, "There were headers present in the"),
        ("signed URL", Sent::plain("GET", query, ""), INCOMPLETE, "forebay takes no signatures in the query string"),
        (
            "URL and header",
            Sent::signed("GET", query, ""),
            INCOMPLETE,
            "forebay takes no signatures in the query string",
        ),
    ])
    .await;
}

#[tokio::test]
async fn without_the_right_key_time_and_scope() {
    let auth = |from: &str, to: &str| create().authorized(from, to);
    let at = Signer::at(NOW);
    let date = |text: &str| create().but(|sent| text.clone_into(sent.header("x-amz-date")));
    let gmt = "Fri, 15 Jan 2027 08:00:00 GMT";
    let expired =
        "Signature expired: 20270115T075400Z is now earlier than 20270115T075500Z (20270115T080000Z - 5 min.)";
    let early =
        "Signature not yet current: 20270115T080600Z is still later than 20270115T080500Z (20270115T080000Z + 5 min.)";
    let token = "The security token included in the request is invalid.";
    refuse(vec![
        ("unknown key", by(&Signer { key: "AKIDNOBODY", ..at }, &[]), NOBODY, token),
        ("unknown key in the header", auth("AKIDEXAMPLE", "AKIDNOBODY"), NOBODY, token),
        ("key in small letters", auth("AKIDEXAMPLE", "akidexample"), NOBODY, token),
        ("no key", auth("AKIDEXAMPLE", ""), NOBODY, token),
        ("another's key", auth("AKIDEXAMPLE", "AKIDOTHER"), INVALID, MISMATCH),
        ("wrong secret", by(&Signer { secret: "0123456789abcdef", ..at }, &[]), INVALID, MISMATCH),
        ("another region", auth("us-east-1", "us-east-2"), INVALID, MISMATCH),
        ("no region", auth("us-east-1", "US EAST"), INVALID, "Credential should be scoped to a valid region. "),
        (
            "another service",
            by(&Signer { service: "sqs", ..at }, &[]),
            INVALID,
            "Credential should be scoped to correct service: 'lambda'. ",
        ),
        (
            "another terminator",
            auth("aws4_request", "aws4"),
            INVALID,
            "Credential should be scoped with a valid terminator",
        ),
        (
            "another day",
            auth("/20270115/", "/20270114/"),
            INVALID,
            "Date in Credential scope does not match YYYYMMDD from",
        ),
        ("another time", date("20270115T080001Z"), INVALID, MISMATCH),
        ("another form", date("2027-01-15T08:00:00Z"), INCOMPLETE, "Date must be in ISO-8601 'basic format'"),
        ("yesterday", date("20270114T080000Z"), INVALID, "Signature expired: 20270114T080000Z is now earlier"),
        ("no date", create().without("x-amz-date"), INCOMPLETE, "Authorization header requires existence of either a"),
        (
            "HTTP's date",
            create().without("x-amz-date").with("date", gmt),
            INCOMPLETE,
            "send the time of signing in the",
        ),
        ("two dates", create().with("x-amz-date", "20270115T080000Z"), INCOMPLETE, "there are several 'X-Amz-Date'"),
        ("six minutes ago", by(&Signer::at(NOW - 360), &[]), INVALID, expired),
        ("in six minutes", by(&Signer::at(NOW + 360), &[]), INVALID, early),
    ])
    .await;
    let door = Door::signed().await;
    for unix_s in [NOW - 240, NOW + 240] {
        assert_eq!(door.send(&by(&Signer::at(unix_s), &[])).await.code().0, 200);
    }
    assert_eq!(door.handled(), 2);
}

#[tokio::test]
async fn without_the_hash_of_the_real_body() {
    let hash = |hash: &str| by(&Signer::at(NOW), &[("x-amz-content-sha256", hash)]);
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let differs = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    let unsigned = "forebay takes signed bodies only: send the body's SHA-256";
    refuse(vec![
        ("of another body", hash(empty), INVALID, differs),
        ("none at all", hash(""), INVALID, differs),
        ("unsigned", hash("UNSIGNED-PAYLOAD"), INVALID, unsigned),
        ("in pieces", hash("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), INVALID, unsigned),
        ("with a trailer", hash("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), INVALID, unsigned),
        ("twice", hash(empty).with("x-amz-content-sha256", empty), INVALID, "there are several 'x-amz-content-sha256'"),
    ])
    .await;
}
