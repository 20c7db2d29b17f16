//! The `Authorization` header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
//!
//! What a client sent is not repeated in errors, though AWS does it: who has mixed up id and secret would find the
//! secret in logs.

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::super::ApiError;
use super::clock::SignedAt;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "lambda";
const TERMINATOR: &str = "aws4_request";

/// What the header says, taken apart and not yet believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    pub(super) access_key: &'a str,
    date: &'a str,
    pub(super) region: &'a str,
    service: &'a str,
    terminator: &'a str,
    /// `host;x-amz-date`
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

fn incomplete<T>(text: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::IncompleteSignature(text.into()))
}

impl<'a> Authorization<'a> {
    /// Finds the header.
    pub(super) fn of(head: &'a Parts) -> Result<Self, ApiError> {
        let query = head.uri.query().unwrap_or_default();
        match head.headers.get_all(AUTHORIZATION).iter().collect::<Vec<_>>()[..] {
            _ if presigned(query) => {
                incomplete("forebay takes no signatures in the query string: sign with the Authorization header")
            }
            [] => Err(ApiError::MissingAuthenticationToken),
            [value] => match value.to_str() {
                Ok(text) => Self::parse(text),
                Err(_) => incomplete("the Authorization header may hold visible ASCII characters only"),
            },
            _ => incomplete("there are several Authorization headers: send one"),
        }
    }

    fn parse(text: &'a str) -> Result<Self, ApiError> {
        let (algorithm, parameters) = text.split_once(' ').unwrap_or((text, ""));
        if algorithm.starts_with("AWS") && algorithm != ALGORITHM {
            return incomplete(format!("Unsupported AWS 'algorithm': use '{ALGORITHM}'."));
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        // Of another scheme's header AWS says what it lacks, too.
        let parameters = if algorithm == ALGORITHM { parameters } else { "" };
        let pieces = parameters.split(',').map(str::trim).enumerate();
        for (index, piece) in pieces.filter(|_| !parameters.trim().is_empty()) {
            let number = index + 1;
            let Some((name, value)) = piece.split_once('=') else {
                return incomplete(format!(
                    "part {number} is not a valid key=value pair (missing equal-sign) in Authorization header"
                ));
            };
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return incomplete(format!("part {number} of the Authorization header is unknown: leave it out")),
            };
            if place.replace(value).is_some() {
                return incomplete(format!("part {number} of the Authorization header is there already"));
            }
        }
        let given = |value: Option<&'a str>| value.filter(|value| !value.is_empty());
        let (Some(credential), Some(signed_headers), Some(signature)) =
            (given(credential), given(signed_headers), given(signature))
        else {
            let parts =
                [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)].into_iter();
            let missing = parts.filter(|(_, value)| given(*value).is_none());
            let texts = missing.map(|(name, _)| format!("Authorization header requires '{name}' parameter."));
            return incomplete(texts.collect::<Vec<_>>().join(" "));
        };
        let [access_key, date, region, service, terminator] = credential.split('/').collect::<Vec<_>>()[..] else {
            return incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term",
            );
        };
        Ok(Self { access_key, date, region, service, terminator, signed_headers, signature })
    }

    /// The scope is this API's, and of the day of signing. AWS lists all that is wrong with it in one text.
    pub(super) fn check_scope(&self, time: SignedAt) -> Result<(), ApiError> {
        let time = time.text();
        let mut texts = Vec::new();
        if !is_region(self.region) {
            texts.push("Credential should be scoped to a valid region. ".to_owned());
        }
        if self.service != SERVICE {
            texts.push(format!("Credential should be scoped to correct service: '{SERVICE}'. "));
        }
        if self.terminator != TERMINATOR {
            texts.push(format!("Credential should be scoped with a valid terminator: '{TERMINATOR}'. "));
        }
        if time.get(..8) != Some(self.date) {
            texts.push(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. ".to_owned(),
            );
        }
        if texts.is_empty() { Ok(()) } else { Err(ApiError::InvalidSignature(texts.concat())) }
    }
}

/// Any name that a region could have, those of emulators and of partitions to come included.
fn is_region(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len())
        && text.bytes().all(inner)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
}

/// The parameters of a signed URL.
fn presigned(query: &str) -> bool {
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names.map(|name| percent_decode_str(name).collect::<Vec<u8>>()).any(|name| {
        name.eq_ignore_ascii_case(b"x-amz-signature")
            || name.eq_ignore_ascii_case(b"x-amz-algorithm")
            || name.eq_ignore_ascii_case(b"x-amz-credential")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIAL: &str = "Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request";

    fn error(text: &str) -> String {
        let error = Authorization::parse(text).unwrap_err();
        assert_eq!(error.code(), "IncompleteSignatureException", "{text}");
        error.to_string()
    }

    #[test]
    fn the_parts_come_in_any_order_and_with_or_without_spaces() {
        for text in [
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature=abc"),
            format!("AWS4-HMAC-SHA256 {CREDENTIAL},SignedHeaders=host;x-amz-date,Signature=abc"),
            format!("AWS4-HMAC-SHA256   Signature=abc ,\t{CREDENTIAL} , SignedHeaders=host;x-amz-date"),
        ] {
            let parsed = Authorization::parse(&text).unwrap();
            assert_eq!((parsed.access_key, parsed.date, parsed.region), ("AKIDEXAMPLE", "20150830", "us-east-1"));
            assert_eq!((parsed.service, parsed.terminator), ("lambda", "aws4_request"));
            assert_eq!((parsed.signed_headers, parsed.signature), ("host;x-amz-date", "abc"));
        }
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let all = "Authorization header requires 'Credential' parameter. \
            Authorization header requires 'Signature' parameter. \
            Authorization header requires 'SignedHeaders' parameter.";
        for text in ["", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "Basic dXNlcjpwYXNz", "Bearer abc", "eyJ0eXAi.x.y"] {
            assert_eq!(error(text), all, "{text}");
        }
        assert_eq!(
            error(&format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=, Signature=abc")),
            "Authorization header requires 'SignedHeaders' parameter."
        );
    }

    #[test]
    fn malformed_parts_are_refused_and_not_repeated() {
        let whole = format!("{CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature=abc");
        let table = [
            (format!("AWS4-ECDSA-P256-SHA256 {whole}"), "Unsupported AWS 'algorithm': use 'AWS4-HMAC-SHA256'."),
            (format!("AWS4-HMAC-SHA512 {whole}"), "Unsupported AWS 'algorithm'"),
            (format!("AWS {whole}"), "Unsupported AWS 'algorithm'"),
            (format!("AWS4-HMAC-SHA256 secret/20150830, {whole}"), "part 1 is not a valid key=value pair"),
            (format!("AWS4-HMAC-SHA256 {whole},"), "part 4 is not a valid key=value pair"),
            (format!("AWS4-HMAC-SHA256 {whole}, Signature=abd"), "part 4 of the Authorization header is there already"),
            (format!("AWS4-HMAC-SHA256 {whole}, {CREDENTIAL}"), "part 4 of the Authorization header is there already"),
            (format!("AWS4-HMAC-SHA256 {whole}, Region=secret"), "part 4 of the Authorization header is unknown"),
            (format!("AWS4-HMAC-SHA256 credential=secret, {whole}"), "part 1 of the Authorization header is unknown"),
        ];
        for (text, expected) in table {
            let error = error(&text);
            assert!(error.starts_with(expected), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        for credential in ["", "a", "a/b/c/d", "sec/ret/20150830/us-east-1/lambda/aws4_request"] {
            let text = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=abc");
            let expected = if credential.is_empty() { "Authorization header requires" } else { "Credential must have" };
            assert!(error(&text).starts_with(expected), "{text}");
        }
    }

    #[test]
    fn the_scope_is_this_services_and_of_that_day() {
        let mut headers = axum::http::HeaderMap::new();
        headers.insert("x-amz-date", "20150830T235959Z".parse().unwrap());
        let time = SignedAt::of(&headers).unwrap();
        let check = |scope: &str| {
            let text = format!("AWS4-HMAC-SHA256 Credential=a/{scope}, SignedHeaders=host, Signature=abc");
            Authorization::parse(&text).unwrap().check_scope(time).map_err(|error| error.to_string())
        };
        for region in ["us-east-1", "us-gov-west-1", "eu-isoe-west-1", "elasticmq", "mx-central-1"] {
            assert_eq!(check(&format!("20150830/{region}/lambda/aws4_request")), Ok(()));
        }
        for region in ["", "US-EAST-1", "us_east_1", "us-east-1 ", "-", "1", "us-", "us.east.1", &"a".repeat(65)] {
            let error = check(&format!("20150830/{region}/lambda/aws4_request")).unwrap_err();
            assert_eq!(error, "Credential should be scoped to a valid region. ", "{region}");
        }
        let service = "Credential should be scoped to correct service: 'lambda'. ";
        assert_eq!(check("20150830/us-east-1/sqs/aws4_request").unwrap_err(), service);
        let date = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. ";
        for day in ["20150831", "20150829", "2015083", "", "20150830T235959Z"] {
            assert_eq!(check(&format!("{day}/us-east-1/lambda/aws4_request")).unwrap_err(), date);
        }
        let all = check("1/?/es/aws5_request").unwrap_err();
        assert!(all.contains(service) && all.contains(date) && all.contains("valid region"), "{all}");
        assert!(all.contains("valid terminator: 'aws4_request'. "), "{all}");
    }

    #[test]
    fn signed_urls_are_known_in_any_spelling() {
        for query in ["X-Amz-Signature=a", "a=b&x-amz-algorithm", "X%2DAmz%2dCredential=a&b=c", "&&X-AMZ-SIGNATURE="] {
            assert!(presigned(query), "{query}");
        }
        for query in ["", "Marker=X-Amz-Signature", "X-Amz-Signatures=a", "%FF%", "X-Amz-Date=1"] {
            assert!(!presigned(query), "{query}");
        }
    }
}
