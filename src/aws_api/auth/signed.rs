//! The headers that a client says it has signed.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;

use super::super::ApiError;
use super::clock;

/// What headers of AWS's begin with: they change what a request means, so one that is not signed could have been added
/// by somebody else.
const AWS_PREFIX: &str = "x-amz-";

fn invalid<T>(text: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::InvalidSignature(text.into()))
}

/// Names and values, in the order of `names` (`host;x-amz-date`); a header that was sent several times is there as
/// often.
pub(super) fn headers<'a>(names: &'a str, head: &'a Parts) -> Result<Vec<(&'a str, &'a str)>, ApiError> {
    let names: Vec<&str> = names.split(';').collect();
    let lower = |name: &&str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !names.iter().all(lower) || !names.is_sorted_by(|left, right| left < right) {
        let text =
            "SignedHeaders must be lower-case names in the order of the alphabet, each once, with semicolons between";
        return Err(ApiError::IncompleteSignature(text.to_owned()));
    }
    for (name, shown) in [(HOST.as_str(), "'Host' or ':authority'"), (clock::HEADER, "'X-Amz-Date'")] {
        if !names.contains(&name) {
            return invalid(format!("{shown} must be a 'SignedHeader' in the AWS Authorization."));
        }
    }
    if names.contains(&AUTHORIZATION.as_str()) {
        return invalid("the Authorization header cannot be a 'SignedHeader' in the AWS Authorization.");
    }
    for name in head.headers.keys().map(|name| name.as_str()) {
        if name.starts_with(AWS_PREFIX) && !names.contains(&name) {
            return invalid(format!("There were headers present in the request which were not signed: '{name}'"));
        }
    }
    check_host(head)?;
    let mut signed = Vec::new();
    for (index, name) in (1..).zip(names) {
        let before = signed.len();
        signed.extend(
            values(&head.headers, name)
                .map(|value| value.map(|value| (name, value)))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| {
                    ApiError::InvalidSignature(format!(
                        "header {index} of SignedHeaders is not text: leave it out of the signature"
                    ))
                })?,
        );
        if signed.len() == before {
            return invalid(format!("header {index} of SignedHeaders is not in the request"));
        }
    }
    Ok(signed)
}

/// The values as the client signed them: `None` where one is not UTF-8.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = Option<&'a str>> {
    headers.get_all(name).iter().map(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// One host, and that of the request line if it names one: else what is signed is not what is asked.
fn check_host(head: &Parts) -> Result<(), ApiError> {
    let hosts: Vec<_> = head.headers.get_all(HOST).iter().collect();
    let other = |host: &[u8]| head.uri.authority().is_some_and(|asked| asked.as_str().as_bytes() != host);
    match hosts[..] {
        [] => invalid("the request has no 'Host' header"),
        [host] if other(host.as_bytes()) => invalid("the request line names another host than the 'Host' header"),
        [_] => Ok(()),
        _ => invalid("there are several 'Host' headers: send one"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};

    use super::*;

    fn head(uri: &str, headers: &[(&str, &[u8])]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        request.body(()).unwrap().into_parts().0
    }

    const PLAIN: [(&str, &[u8]); 2] = [("host", b"forebay"), ("x-amz-date", b"20150830T123600Z")];

    fn error(names: &str, uri: &str, more: &[(&str, &[u8])]) -> String {
        let all: Vec<_> = PLAIN.iter().chain(more).copied().collect();
        headers(names, &head(uri, &all)).unwrap_err().to_string()
    }

    #[test]
    fn values_come_in_the_order_of_the_names_and_of_the_request() {
        let sent = [PLAIN[1], ("b", b"2"), PLAIN[0], ("a", b"x"), ("b", "ä 1".as_bytes()), ("c", b"unsigned")];
        let head = head("/", &sent);
        let expected = [("a", "x"), ("b", "2"), ("b", "ä 1"), ("host", "forebay"), ("x-amz-date", "20150830T123600Z")];
        assert_eq!(headers("a;b;host;x-amz-date", &head).unwrap(), expected);
    }

    #[test]
    fn names_have_one_form_only() {
        for names in [
            "",
            ";",
            "host;;x-amz-date",
            "Host;x-amz-date",
            "x-amz-date;host",
            "host;host;x-amz-date",
            "host;x-amz-date;",
        ] {
            assert!(error(names, "/", &[]).starts_with("SignedHeaders must be lower-case names"), "{names}");
        }
        // Blanks and odd characters are no header's name.
        assert_eq!(error("a b;host;x-amz-date", "/", &[]), "header 1 of SignedHeaders is not in the request");
        assert_eq!(error("host;x-amz-date;é", "/", &[]), "header 3 of SignedHeaders is not in the request");
    }

    #[test]
    fn what_matters_must_be_signed() {
        assert_eq!(
            error("x-amz-date", "/", &[]),
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        );
        assert_eq!(error("host", "/", &[]), "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
        assert_eq!(
            error("host;x-amz-date", "/", &[("X-Amz-Security-Token", b"t")]),
            "There were headers present in the request which were not signed: 'x-amz-security-token'"
        );
        assert!(error("authorization;host;x-amz-date", "/", &[("authorization", b"a")]).contains("cannot be"));
        assert!(error("host;x-amz-date;z", "/", &[("z", b"\xff")]).contains("header 3 of SignedHeaders is not text"));
    }

    #[test]
    fn there_is_one_host() {
        let names = "host;x-amz-date";
        assert!(error(names, "/", &[("host", b"forebay")]).starts_with("there are several 'Host' headers"));
        assert!(error(names, "http://other/", &[]).starts_with("the request line names another host"));
        assert!(error(names, "http://forebay:80/", &[]).starts_with("the request line names another host"));
        assert!(headers(names, &head("http://forebay/", &PLAIN)).is_ok());
        assert!(headers(names, &head("/", &PLAIN[1..])).unwrap_err().to_string().contains("no 'Host'"));
    }
}
