//! Signatures of requests as Standard Webhooks says: HMAC-SHA256 of id, time and body.

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret may begin with.
const PREFIX: &str = "whsec_";

/// The value of `webhook-signature`: one signature for each secret.
///
/// # Errors
/// When a secret is not Base64; which one, by its place.
pub(super) fn sign<'s>(
    secrets: impl Iterator<Item = &'s str>,
    id: &str,
    unix_s: u64,
    body: &[u8],
) -> Result<String, String> {
    let mut signatures = Vec::new();
    for (place, secret) in secrets.enumerate() {
        let key = STANDARD.decode_to_vec(secret.strip_prefix(PREFIX).unwrap_or(secret));
        let mac = key.ok().filter(|key| !key.is_empty()).and_then(|key| Hmac::<Sha256>::new_from_slice(&key).ok());
        let Some(mut mac) = mac else {
            return Err(format!("secret {} of the signature is not `{PREFIX}` and Base64", place + 1));
        };
        mac.update(format!("{id}.{unix_s}.").as_bytes());
        mac.update(body);
        signatures.push(format!("v1,{}", STANDARD.encode_to_string(mac.finalize().into_bytes())));
    }
    Ok(signatures.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the specification's own libraries are tested with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(secrets: &[&str]) -> Result<String, String> {
        sign(secrets.iter().copied(), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)
    }

    #[test]
    fn the_published_vector() {
        assert_eq!(signed(&[SECRET]).as_deref(), Ok(SIGNATURE));
        assert_eq!(signed(&[&SECRET["whsec_".len()..]]).as_deref(), Ok(SIGNATURE));
    }

    #[test]
    fn every_secret_signs_the_first_one_first() {
        let both = signed(&[SECRET, "whsec_AAAA"]).unwrap();
        let (first, second) = both.split_once(' ').unwrap();
        assert!(first == SIGNATURE && second.starts_with("v1,") && second != SIGNATURE, "{both}");
    }

    #[test]
    fn a_secret_that_is_no_base64_is_named_by_its_place() {
        for secret in ["whsec_", "whsec_%", "not base64!"] {
            let error = signed(&[SECRET, secret]).unwrap_err();
            assert!(error.starts_with("secret 2 ") && !error.contains("base64!"), "{error}");
        }
    }
}
