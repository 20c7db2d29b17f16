//! Requests to the AWS API: whatever a client sends, nothing panics, and without the secret nothing is admitted.
//!
//! An input is lines: method, path with query, and headers up to an empty line; the body is the rest.
#![no_main]

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/aws_api"]
#[allow(dead_code, unused_imports)]
mod aws_api {
    pub(crate) mod auth;
    mod error;

    pub(crate) use error::ApiError;
}

/// The seeds are signed with another secret.
static KEYS: LazyLock<aws_api::auth::Keys> = LazyLock::new(|| {
    let value = |name: &str| (name == "FOREBAY_API_KEYS").then(|| "AKIDEXAMPLE:nobody-knows-this-one".to_owned());
    aws_api::auth::Keys::read(&value).expect("keys").expect("keys")
});

/// When the seeds were signed: 2015-08-30, 12:36:00.
const NOW: u64 = 1_440_938_160;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        line
    };
    let mut request = Request::new(());
    if let Ok(method) = Method::from_bytes(line()) {
        *request.method_mut() = method;
    }
    if let Ok(uri) = Uri::from_maybe_shared(line().to_vec()) {
        *request.uri_mut() = uri;
    }
    loop {
        let header = line();
        if header.is_empty() {
            break;
        }
        let colon = header.iter().position(|byte| *byte == b':').unwrap_or(header.len());
        let name = HeaderName::from_bytes(&header[..colon]);
        let value = HeaderValue::from_bytes(header.get(colon + 1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers_mut().append(name, value);
        }
    }
    let refused = aws_api::auth::admit(&KEYS, &request.into_parts().0, rest, NOW).expect_err("admitted");
    assert!(!refused.to_string().is_empty() && !refused.to_string().contains("nobody-knows"));
    refused.body();
});
