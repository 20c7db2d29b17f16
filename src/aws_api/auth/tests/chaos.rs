//! Whatever is sent: no panic, and no admission without the secret.

use axum::http::{HeaderName, HeaderValue, Method, Request};
use proptest::prelude::*;

use super::keys;
use crate::aws_api::auth::admit;

/// Texts that reach deep: pieces of good requests among anything.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "AWS4-HMAC-SHA256", " ", "Credential=", "AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request", ",",
            "SignedHeaders=", "host;x-amz-date", "host", ";", "Signature=", "=", "/", "x-amz-content-sha256",
            "8d8d6b4bfd8f1e7b1b5d1a0d8f9a2a8c8d8d6b4bfd8f1e7b1b5d1a0d8f9a2a8c", "20150830T123600Z", "UNSIGNED-PAYLOAD",
        ]).prop_map(str::to_owned),
        1 => ".{0,8}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn good() -> impl Strategy<Value = String> {
    Just(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=8d8d6b4bfd8f1e7b1b5d1a0d8f9a2a8c8d8d6b4bfd8f1e7b1b5d1a0d8f9a2a8c"
            .to_owned(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn nothing_panics_and_nothing_is_admitted(
        authorization in prop_oneof![pieces(), good()],
        target in prop_oneof!["/[!-~]{0,40}", "/[a-z%0-9A-F+&=?]{0,60}", ".{0,20}", Just("*".to_owned())],
        method in "[A-Z]{1,7}",
        name in prop_oneof!["[a-z-]{1,10}", Just("x-amz-content-sha256".to_owned()), Just("host".to_owned())],
        value in prop::collection::vec(any::<u8>(), 0..20),
        host in any::<bool>(),
        body in prop::collection::vec(any::<u8>(), 0..50),
        now in prop_oneof![Just(1_440_938_160_u64), any::<u64>()],
    ) {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        if let Ok(uri) = target.parse() {
            *request.uri_mut() = uri;
        }
        let headers = request.headers_mut();
        headers.insert("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
        if host {
            headers.insert("host", HeaderValue::from_static("forebay"));
        }
        if let Ok(authorization) = HeaderValue::from_bytes(authorization.as_bytes()) {
            headers.insert("authorization", authorization);
        }
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(&value)) {
            headers.append(name, value);
        }
        let error = admit(&keys(), &request.into_parts().0, &body, now).unwrap_err();
        prop_assert!(!error.to_string().contains("wJalr"), "{}", error);
    }
}

#[test]
fn a_target_that_encodes_to_more_than_the_signing_library_holds_is_refused() {
    let at = super::Signer::at(1_440_938_160);
    for filler in ["!", "%21", "/.", "é"] {
        let target = format!("/a?b={}", filler.repeat(60_000 / filler.len()));
        let signed = at.sign("GET", "/", &[("host", "forebay")], b"");
        let head = super::head("GET", &target, &signed);
        admit(&keys(), &head, b"", at.unix_s).unwrap_err();
    }
    // The longest that the server reads is signed and admitted as any other.
    for filler in ["!", "%21", "é"] {
        let target = format!("/a?b={}", filler.repeat(16_000 / filler.len()));
        let signed = at.sign("GET", &target, &[("host", "forebay")], b"");
        admit(&keys(), &super::head("GET", &target, &signed), b"", at.unix_s).unwrap();
    }
}
