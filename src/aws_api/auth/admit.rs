//! Whether a request is signed with one of our keys, now, and as it is.

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq;

use super::super::ApiError;
use super::authorization::Authorization;
use super::clock::SignedAt;
use super::keys::Keys;
use super::signed;

/// AWS's word for every signature that is not that of the request.
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
    Secret Access Key and signing method. Consult the service documentation for details.";

const BODY_HASH: &str = "x-amz-content-sha256";

/// Longer than any head that the server reads. The signing library cannot hold what 64 KiB and more of it encode to.
const LONGEST_TARGET: usize = 16 * 1024;

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The id of the key.
    pub(crate) access_key: String,
    /// The region that the request was signed for.
    pub(crate) region: String,
}

/// Lets a request in whose signature is right. AWS's rule on repeats holds: the same request is good for five minutes,
/// and never with another method, path, query, signed header or body.
///
/// How a signature is made:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
pub(crate) fn admit(keys: &Keys, head: &Parts, body: &[u8], now_unix_s: u64) -> Result<Caller, ApiError> {
    let given = Authorization::of(head)?;
    let time = SignedAt::of(&head.headers)?;
    let headers = signed::headers(given.signed_headers, head)?;
    time.check(now_unix_s)?;
    given.check_scope(time)?;
    let identity = keys.find(given.access_key).ok_or(ApiError::UnrecognizedClient)?;
    let computed = compute(identity, given.region, time, head, &headers, body)?;
    check_body_hash(head, &computed.body_hash)?;
    if bool::from(computed.signature.as_bytes().ct_eq(given.signature.as_bytes())) {
        Ok(Caller { access_key: given.access_key.to_owned(), region: given.region.to_owned() })
    } else {
        Err(ApiError::InvalidSignature(MISMATCH.to_owned()))
    }
}

struct Computed {
    signature: String,
    /// SHA-256, in lower-case hexadecimal digits.
    body_hash: String,
}

/// Signs the request as its client must have done it.
fn compute(
    identity: &Identity,
    region: &str,
    time: SignedAt,
    head: &Parts,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Computed, ApiError> {
    let mismatch = || ApiError::InvalidSignature(MISMATCH.to_owned());
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    if !target.starts_with('/') || target.len() > LONGEST_TARGET {
        return Err(mismatch());
    }
    // What is not UTF-8 would be signed as the character that stands in for it: another query could take its place.
    if percent_decode_str(head.uri.query().unwrap_or_default()).decode_utf8().is_err() {
        return Err(mismatch());
    }
    let signs_hash = headers.iter().any(|(name, _)| *name == BODY_HASH);
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
    settings.signature_location = SignatureLocation::Headers;
    // Exactly the client's headers.
    settings.excluded_headers = None;
    if signs_hash {
        // Puts in the hash of the real body, whatever the client sent.
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = SigningParams::builder()
        .identity(identity)
        .region(region)
        .name("lambda")
        .time(time.system())
        .settings(settings)
        .build()
        .map_err(|_| mismatch())?
        .into();
    let request =
        SignableRequest::new(head.method.as_str(), target, headers.iter().copied(), SignableBody::Bytes(body))
            .map_err(|_| mismatch())?;
    let (instructions, signature) = sign(request, &params).map_err(|_| mismatch())?.into_parts();
    let hash = instructions.headers().find(|(name, _)| *name == BODY_HASH);
    Ok(Computed { signature, body_hash: hash.map(|(_, hash)| hash.to_owned()).unwrap_or_default() })
}

/// A hash that was sent is that of the body. It is signed: `x-amz-` headers have to be.
fn check_body_hash(head: &Parts, hash: &str) -> Result<(), ApiError> {
    let text = match head.headers.get_all(BODY_HASH).iter().map(|value| value.as_bytes()).collect::<Vec<_>>()[..] {
        [] => return Ok(()),
        [given] if given == hash.as_bytes() => return Ok(()),
        [given] if given.starts_with(b"UNSIGNED-PAYLOAD") || given.starts_with(b"STREAMING-") => {
            "forebay takes signed bodies only: send the body's SHA-256 as 'x-amz-content-sha256', or leave the header \
             out"
        }
        [_] => "The provided 'x-amz-content-sha256' header does not match what was computed.",
        _ => "there are several 'x-amz-content-sha256' headers: send one",
    };
    Err(ApiError::InvalidSignature(text.to_owned()))
}
