//! The control API: everything that changes something, and what `list` and `status` show.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use thiserror::Error;

use super::checkpoints;
use super::wire::{ErrorBody, VersionBody};
use crate::engine::{EngineError, EngineHandle, MappingStatus, ReloadSummary};

/// Reads the mapping files again and hands them to the engine.
pub(crate) type Reloader = Arc<dyn Fn() -> BoxFuture<'static, Result<ReloadSummary, ReloadRefused>> + Send + Sync>;

/// Why a reload changed nothing.
#[derive(Debug, Error)]
pub(crate) enum ReloadRefused {
    /// The files have errors.
    #[error("the mapping files have {errors}, and the mappings from before go on\n\n{text}")]
    Invalid {
        /// How many, in words.
        errors: String,
        /// All of them, as people read them.
        text: String,
    },
    /// The engine does not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What the control API needs.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) engine: EngineHandle,
    pub(crate) reload: Reloader,
}

impl Api {
    /// The routes below `/v1`, to be merged with others.
    pub(crate) fn routes(self) -> Router {
        Router::new()
            .route("/v1/mappings", get(list))
            .route("/v1/mappings/{name}", get(status))
            .route("/v1/mappings/{name}/start", post(start))
            .route("/v1/mappings/{name}/stop", post(stop))
            .merge(checkpoints::routes())
            .route("/v1/reload", post(reload))
            .route("/v1/version", get(version))
            .with_state(self)
    }
}

/// The control API with an answer to everything, as the socket serves it.
pub(crate) fn whole(api: Api) -> Router {
    api.routes().method_not_allowed_fallback(wrong_method).fallback(unknown_path)
}

/// A refusal as it is sent.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody { code: self.code.to_owned(), message: self.message };
        (self.status, Json(body)).into_response()
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        let (status, code) = match &error {
            EngineError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_mapping"),
            EngineError::OfFile(..) => (StatusCode::CONFLICT, "of_file"),
            EngineError::Deleting(_) => (StatusCode::CONFLICT, "deleting"),
            EngineError::UnknownShard { .. } => (StatusCode::NOT_FOUND, "unknown_shard"),
            EngineError::Running { .. } => (StatusCode::CONFLICT, "running"),
            EngineError::NoCheckpoints(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no_checkpoints"),
            EngineError::OtherSource { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "other_source"),
            EngineError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
            EngineError::Closing => (StatusCode::SERVICE_UNAVAILABLE, "closing"),
        };
        Self { status, code, message: error.to_string() }
    }
}

impl From<ReloadRefused> for Refusal {
    fn from(error: ReloadRefused) -> Self {
        match error {
            ReloadRefused::Engine(error) => error.into(),
            ReloadRefused::Invalid { .. } => {
                Self { status: StatusCode::UNPROCESSABLE_ENTITY, code: "invalid_mappings", message: error.to_string() }
            }
        }
    }
}

pub(super) fn refusal(status: StatusCode, code: &'static str, message: impl Into<String>) -> Response {
    Refusal { status, code, message: message.into() }.into_response()
}

async fn list(State(api): State<Api>) -> Result<Json<Vec<MappingStatus>>, Refusal> {
    Ok(Json(api.engine.list().await?))
}

async fn status(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<MappingStatus>, Refusal> {
    Ok(Json(api.engine.status(&name).await?))
}

async fn start(State(api): State<Api>, Path(name): Path<String>) -> Result<impl IntoResponse, Refusal> {
    Ok((StatusCode::ACCEPTED, Json(api.engine.start(&name).await?)))
}

async fn stop(State(api): State<Api>, Path(name): Path<String>) -> Result<impl IntoResponse, Refusal> {
    Ok((StatusCode::ACCEPTED, Json(api.engine.stop(&name).await?)))
}

async fn reload(State(api): State<Api>) -> Result<Json<ReloadSummary>, Refusal> {
    Ok(Json((api.reload)().await?))
}

async fn version() -> Json<VersionBody> {
    Json(VersionBody { version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() })
}

async fn unknown_path() -> Response {
    refusal(StatusCode::NOT_FOUND, "unknown_path", "there is nothing at this path: the control API is below /v1")
}

async fn wrong_method() -> Response {
    refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
}
