//! Signatures of real signers against ours.

mod chaos;
mod signers;
mod vectors;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request};

use super::Keys;

pub(crate) const KEY: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The one key.
pub(crate) fn keys() -> Keys {
    let value = format!("AKIDOTHER:0123456789abcdef,{KEY}:{SECRET}");
    Keys::read(&|name| (name == "FOREBAY_API_KEYS").then(|| value.clone())).unwrap().unwrap()
}

/// What a signer is told; the default is a client that does everything right.
#[derive(Clone)]
pub(crate) struct Signer<'a> {
    pub(crate) key: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) unix_s: u64,
}

impl Signer<'_> {
    pub(crate) fn at(unix_s: u64) -> Self {
        Self { key: KEY, secret: SECRET, region: "us-east-1", service: "lambda", unix_s }
    }

    /// All headers that the request is to have, signature and date among them.
    pub(crate) fn sign(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<(String, String)> {
        let identity = Credentials::new(self.key, self.secret, None, None, "test").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(self.unix_s))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let request = SignableRequest::new(method, target, headers.iter().copied(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        headers.iter().copied().chain(instructions.headers()).map(|(name, value)| (name.into(), value.into())).collect()
    }
}

/// A request's head as the server would have it.
pub(crate) fn head(method: &str, target: &str, headers: &[(String, String)]) -> Parts {
    let mut parts = Request::builder().method(method).uri(target).body(()).unwrap().into_parts().0;
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        parts.headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    parts
}
