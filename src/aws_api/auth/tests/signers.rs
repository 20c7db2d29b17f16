//! Requests that AWS's Rust signer has signed.

use super::{Signer, head, keys};
use crate::aws_api::auth::admit;

const NOW: u64 = 1_800_000_000;

fn answer(signer: &Signer<'_>, headers: &[(&str, &str)]) -> Result<String, String> {
    let target = "/2015-03-31/event-source-mappings?Marker=%2B%2f+a&MaxItems=&a";
    let signed = signer.sign("POST", target, headers, b"{}");
    let admitted = admit(&keys(), &head("POST", target, &signed), b"{}", NOW);
    admitted.map(|caller| caller.region).map_err(|error| format!("{}: {error}", error.code()))
}

#[test]
fn the_clock_may_be_five_minutes_off() {
    let host = [("host", "forebay:9002")];
    for unix_s in [NOW - 300, NOW - 240, NOW, NOW + 240, NOW + 300] {
        assert_eq!(answer(&Signer::at(unix_s), &host).as_deref(), Ok("us-east-1"));
    }
    for unix_s in [NOW - 360, NOW - 301, NOW + 301, NOW + 360] {
        let error = answer(&Signer::at(unix_s), &host).unwrap_err();
        assert!(error.starts_with("InvalidSignatureException: Signature "), "{error}");
    }
}

#[test]
fn each_wrong_part_has_awss_answer() {
    let host = [("host", "forebay:9002")];
    let right = Signer::at(NOW);
    let mismatch = "InvalidSignatureException: The request signature we calculated does not match the signature you \
        provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    let table = [
        (Signer { secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ", ..right }, mismatch),
        (Signer { secret: "0123456789abcdef", ..right }, mismatch),
        (Signer { key: "AKIDOTHER", ..right }, mismatch),
        (
            Signer { key: "AKIDNOBODY", ..right },
            "UnrecognizedClientException: The security token included in the request is invalid.",
        ),
        (
            Signer { service: "sqs", ..right },
            "InvalidSignatureException: Credential should be scoped to correct service: 'lambda'. ",
        ),
        (
            Signer { region: "US_EAST", ..right },
            "InvalidSignatureException: Credential should be scoped to a valid region. ",
        ),
    ];
    for (signer, expected) in table {
        assert_eq!(answer(&signer, &host).unwrap_err(), expected);
    }
}

#[test]
fn a_hash_that_was_sent_is_that_of_the_body() {
    let empty_object = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let sent = |hash| answer(&Signer::at(NOW), &[("host", "forebay"), ("x-amz-content-sha256", hash)]);
    assert!(sent(empty_object).is_ok());
    for unsigned in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"] {
        assert!(sent(unsigned).unwrap_err().contains("forebay takes signed bodies only"), "{unsigned}");
    }
    for wrong in ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &empty_object.to_uppercase()]
    {
        let error = sent(wrong).unwrap_err();
        assert!(error.contains("The provided 'x-amz-content-sha256' header does not match"), "{wrong}: {error}");
    }
}

#[test]
fn a_signature_in_the_query_is_refused_with_what_to_do() {
    let target = "/2015-03-31/event-source-mappings?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc";
    let error = admit(&keys(), &head("GET", target, &[]), b"", NOW).unwrap_err();
    assert_eq!(error.code(), "IncompleteSignatureException");
    assert!(error.to_string().contains("sign with the Authorization header"), "{error}");
    let error = admit(&keys(), &head("GET", "/", &[]), b"", NOW).unwrap_err();
    assert_eq!((error.code(), error.status().as_u16()), ("MissingAuthenticationTokenException", 403));
}
