//! The control API over TCP, for those who set a token.

use std::fmt;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::api::refusal;

/// Below this a token can be guessed.
const SHORTEST: usize = 16;

/// The value of `FOREBAY_CONTROL_TOKEN`.
#[derive(Clone)]
pub(crate) struct Token(String);

/// Why a token cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum TokenError {
    #[error(
        "FOREBAY_CONTROL_TOKEN has {0} characters: at least {SHORTEST} are needed\nhelp: make one with `openssl rand \
         -hex 32`"
    )]
    Short(usize),
    #[error("FOREBAY_CONTROL_TOKEN may hold visible ASCII characters only")]
    Characters,
}

impl Token {
    /// Takes a token over; an empty one is none.
    pub(crate) fn new(value: &str) -> Result<Option<Self>, TokenError> {
        match value {
            "" => Ok(None),
            value if !value.bytes().all(|byte| byte.is_ascii_graphic()) => Err(TokenError::Characters),
            value if value.len() < SHORTEST => Err(TokenError::Short(value.len())),
            value => Ok(Some(Self(value.to_owned()))),
        }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked("bearer ".len()));
        given.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(token.ct_eq(self.0.as_bytes()))
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Lets only those in who show the token.
pub(crate) fn guarded(router: Router, token: Token) -> Router {
    router.route_layer(from_fn_with_state(token, check))
}

async fn check(State(token): State<Token>, request: Request, next: Next) -> Response {
    if token.admits(request.headers()) {
        return next.run(request).await;
    }
    let message = "send the value of FOREBAY_CONTROL_TOKEN in the header `authorization: Bearer …`";
    refusal(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_admitted() {
        let token = Token::new("0123456789abcdef").unwrap().unwrap();
        let shows = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            token.admits(&headers)
        };
        assert!(shows("Bearer 0123456789abcdef"));
        assert!(shows("bearer 0123456789abcdef"));
        for wrong in
            ["", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Basic 0123456789abcdef"]
        {
            assert!(!shows(wrong), "{wrong}");
        }
        assert!(!token.admits(&HeaderMap::new()));
    }

    #[test]
    fn weak_tokens_are_refused_and_none_is_shown() {
        assert!(Token::new("").unwrap().is_none());
        assert_eq!(Token::new("short").unwrap_err(), TokenError::Short(5));
        assert_eq!(Token::new("0123456789 abcdef").unwrap_err(), TokenError::Characters);
        assert_eq!(format!("{:?}", Token::new("0123456789abcdef").unwrap()), "Some(Token(…))");
    }
}
