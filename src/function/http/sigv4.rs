//! AWS's signature of requests, version 4.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, HeaderValue};
use tokio::sync::Mutex;

use crate::aws::credentials_fault;

/// Credentials are fetched again so long before they expire.
const EARLY: Duration = Duration::from_secs(300);
/// How long credentials are kept that do not say when they expire.
const KEPT: Duration = Duration::from_secs(300);

/// Signs requests for one service in one region.
pub(crate) struct Signer {
    credentials: SharedCredentialsProvider,
    region: String,
    service: String,
    held: Mutex<Option<(Credentials, SystemTime)>>,
}

impl Signer {
    pub(crate) fn new(credentials: SharedCredentialsProvider, region: &str, service: &str) -> Self {
        Self { credentials, region: region.to_owned(), service: service.to_owned(), held: Mutex::default() }
    }

    /// Adds the headers of the signature to those of a POST. Only the host and the signature's own headers are signed:
    /// what is between may add others.
    pub(super) async fn sign(
        &self,
        headers: &mut HeaderMap,
        uri: &str,
        body: &[u8],
        now_unix_ms: u64,
    ) -> Result<(), String> {
        let now = UNIX_EPOCH + Duration::from_millis(now_unix_ms);
        let identity = self.credentials(now).await?.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let signed = std::iter::once(("host", host));
        let request = SignableRequest::new("POST", uri, signed, SignableBody::Bytes(body));
        let request = request.map_err(|error| error.to_string())?;
        let (instructions, _) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
        for (name, value) in instructions.headers() {
            let name: HeaderName = name.parse().map_err(|_| "a header of the signature has no name".to_owned())?;
            let mut value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }

    /// The process's credentials, or those of the role.
    async fn credentials(&self, now: SystemTime) -> Result<Credentials, String> {
        let mut held = self.held.lock().await;
        if let Some((credentials, until)) = &*held
            && now < *until
        {
            return Ok(credentials.clone());
        }
        let fetched = self.credentials.provide_credentials().await;
        let credentials = fetched.map_err(|error| credentials_fault(&error).message)?;
        let until = credentials.expiry().map_or(now + KEPT, |expiry| expiry - EARLY);
        *held = Some((credentials.clone(), until));
        Ok(credentials)
    }
}
