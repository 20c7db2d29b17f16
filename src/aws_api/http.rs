//! The API's front door: what every request passes before a handler sees it, and what every answer carries.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::ApiError;
use super::auth::{Keys, admit};
use super::limits::Limits;
use crate::clock::WallClock;
use crate::machine::uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Who is let in.
#[derive(Debug)]
pub(crate) enum Access {
    /// Who signs with one of these.
    Keys(Keys),
    /// Every program on this machine; for an address that only this machine reaches.
    Insecure,
}

struct Guard {
    access: Access,
    wall: WallClock,
    limits: Limits,
    turns: Arc<Semaphore>,
}

/// Puts the front door before `handlers`: limits, the signature, AWS's answers for what does not exist, the headers of
/// every answer. A request that is let in has the whole body in memory and, where keys are asked for, its
/// [`Caller`](super::Caller) as an extension. It is carried out even if its client leaves.
pub(crate) fn guard(handlers: Router, access: Access, wall: WallClock) -> Router {
    limited(handlers, access, wall, Limits::DEFAULT)
}

fn limited(handlers: Router, access: Access, wall: WallClock, limits: Limits) -> Router {
    let unknown = async || ApiError::UnknownOperation;
    let turns = Arc::new(Semaphore::new(limits.requests));
    let guard = Arc::new(Guard { access, wall, limits, turns });
    handlers.fallback(unknown).method_not_allowed_fallback(unknown).layer(from_fn_with_state(guard, pass))
}

async fn pass(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let id = uuid::hyphenated(uuid::random(&mut fastrand::Rng::new()));
    let response = match guard.check(request).await {
        Ok((request, turn)) => {
            // A task of its own: a client that leaves must not stop a change half-way.
            let handled = tokio::spawn(async move {
                let response = next.run(request).await;
                drop(turn);
                response
            });
            match handled.await {
                Ok(response) => response,
                Err(error) => {
                    tracing::error!(request = %id, error = &error as &dyn std::error::Error, "a request of the AWS API \
                        failed");
                    ApiError::Service("the request failed within forebay: see its log".to_owned()).into_response()
                }
            }
        }
        Err(error) => {
            tracing::debug!(request = %id, code = error.code(), %error, "a request of the AWS API is refused");
            let broken = matches!(error, ApiError::Slow { .. } | ApiError::TooLarge { .. });
            let mut response = error.into_response();
            if broken {
                // The rest of the body would be taken for the next request.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    };
    finish(response, &id)
}

impl Guard {
    async fn check(&self, request: Request) -> Result<(Request, tokio::sync::OwnedSemaphorePermit), ApiError> {
        let (mut head, body) = request.into_parts();
        let body = self.limits.read(body).await?;
        let turn = timeout(self.limits.patience, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| ApiError::TooManyRequests)?.map_err(|_| ApiError::Closing)?;
        match &self.access {
            Access::Keys(keys) => {
                let caller = admit(keys, &head, &body, (self.wall)() / 1000)?;
                head.extensions.insert(caller);
            }
            Access::Insecure => no_browser(&head)?,
        }
        if !exists(&head) {
            return Err(ApiError::UnknownOperation);
        }
        Ok((Request::from_parts(head, Body::from(body)), turn))
    }
}

/// HEAD would be taken for GET. Dots and empty segments are signed as the path that they lead to: taken literally they
/// are another one.
fn exists(head: &Parts) -> bool {
    let segments = head.uri.path().strip_prefix('/').unwrap_or_default();
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    [Method::GET, Method::POST, Method::PUT, Method::DELETE].contains(&head.method)
        && segments.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// Without keys a page in somebody's browser could use the API: it can send requests here without being asked, and,
/// under a name that it points here, read the answers.
fn no_browser(head: &Parts) -> Result<(), ApiError> {
    let refused = |text: &str| Err(ApiError::AccessDenied(text.to_owned()));
    if head.headers.contains_key(ORIGIN) || head.headers.contains_key("sec-fetch-site") {
        return refused("forebay does not take requests of web pages without keys: set FOREBAY_API_KEYS");
    }
    let hosts = head.headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let asked = head.uri.authority().map(|asked| asked.as_str());
    if hosts.chain(asked).all(is_loopback) {
        Ok(())
    } else {
        refused(
            "without keys forebay takes requests to localhost, 127.0.0.1 and [::1] only: use one of these, or set \
             FOREBAY_API_KEYS",
        )
    }
}

/// `localhost:9002`, `127.0.0.1`, `[::1]:9002`
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What every answer carries. An error that does not come from us, as of a path that does not decode, gets AWS's form.
fn finish(response: Response, id: &str) -> Response {
    let status = response.status();
    let foreign =
        (status.is_client_error() || status.is_server_error()) && !response.headers().contains_key(ERROR_TYPE);
    let mut response = match status {
        _ if !foreign => response,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => ApiError::UnknownOperation.into_response(),
        _ if status.is_client_error() => {
            ApiError::MalformedHttpRequest("the request is malformed".to_owned()).into_response()
        }
        _ => ApiError::Service("the request failed within forebay".to_owned()).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = self.body().to_string();
        (self.status(), [(CONTENT_TYPE, JSON), (ERROR_TYPE, HeaderValue::from_static(self.code()))], body)
            .into_response()
    }
}

#[cfg(test)]
mod tests;
