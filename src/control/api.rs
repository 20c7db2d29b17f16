//! The control API: everything that changes something, and what `list` and `status` show.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use serde_json::Value;
use thiserror::Error;

use super::checkpoints;
use super::wire::{ErrorBody, ReloadBody, VersionBody, finding};
use crate::engine::{Definition, EngineError, EngineHandle, ReloadSummary, Snapshot};
use crate::machine::Fault;
use crate::mapping::Diagnostic;
use crate::view::{FleetStatus, MappingStatus};

/// Reads the mapping files again and hands them to the engine.
pub(crate) type Reloader = Arc<dyn Fn() -> BoxFuture<'static, Result<Reloaded, ReloadRefused>> + Send + Sync>;

/// What a reload did.
#[derive(Debug)]
pub(crate) struct Reloaded {
    pub(crate) summary: ReloadSummary,
    /// The warnings of the files.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Reads every mapping that was made through the AWS API from the store.
pub(crate) type Definitions =
    Arc<dyn Fn() -> BoxFuture<'static, Result<BTreeMap<String, Definition>, EngineError>> + Send + Sync>;

/// Reads the rows of the fleet; there is none where the store is not shared.
pub(crate) type Fleet = Arc<dyn Fn() -> BoxFuture<'static, Result<FleetStatus, Fault>> + Send + Sync>;

/// Why a reload changed nothing.
#[derive(Debug, Error)]
pub(crate) enum ReloadRefused {
    /// The files have errors.
    #[error("the mapping files have {errors}: the previous mappings keep running")]
    Invalid {
        /// How many, in words.
        errors: String,
        /// All of them, and the warnings.
        diagnostics: Vec<Diagnostic>,
    },
    /// Reading them panicked.
    #[error("the mapping files could not be read: {0}: the previous mappings keep running")]
    Failed(String),
    /// The engine does not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What the control API needs.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) engine: EngineHandle,
    pub(crate) reload: Reloader,
    pub(crate) definitions: Definitions,
    pub(crate) fleet: Option<Fleet>,
}

impl Api {
    /// The routes below `/v1`, to be merged with others.
    pub(crate) fn routes(self) -> Router {
        Router::new()
            .route("/v1/mappings", get(list))
            .route("/v1/mappings/{name}", get(status))
            .route("/v1/mappings/{name}/start", post(start))
            .route("/v1/mappings/{name}/stop", post(stop))
            .route("/v1/mappings/{name}/restart", post(restart))
            .merge(checkpoints::routes())
            .route("/v1/definitions", get(definitions))
            .route("/v1/fleet", get(fleet))
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
    pub(super) help: Option<String>,
    pub(super) diagnostics: Vec<Value>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), help: None, diagnostics: Vec::new() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, code, message, help, diagnostics } = self;
        (status, Json(ErrorBody { code: code.to_owned(), message, help, diagnostics })).into_response()
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        let (status, code) = match &error {
            EngineError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_mapping"),
            EngineError::OfFile(..) => (StatusCode::CONFLICT, "of_file"),
            EngineError::Deleting(_) => (StatusCode::CONFLICT, "deleting"),
            EngineError::UnknownShard { .. } => (StatusCode::NOT_FOUND, "unknown_shard"),
            EngineError::Stopped(_) => (StatusCode::CONFLICT, "stopped"),
            EngineError::Running { .. } => (StatusCode::CONFLICT, "running"),
            EngineError::NoCheckpoints(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no_checkpoints"),
            EngineError::OtherSource { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "other_source"),
            EngineError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
            EngineError::Closing => (StatusCode::SERVICE_UNAVAILABLE, "closing"),
        };
        Self { help: error.help(), ..Self::new(status, code, error.to_string()) }
    }
}

impl From<ReloadRefused> for Refusal {
    fn from(error: ReloadRefused) -> Self {
        match error {
            ReloadRefused::Engine(error) => error.into(),
            ReloadRefused::Failed(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "reload_failed", error.to_string())
            }
            ReloadRefused::Invalid { ref diagnostics, .. } => {
                let texts = diagnostics.iter().map(|found| format!("\n\n{}", found.render(false)));
                let message = format!("{error}{}", texts.collect::<String>());
                let diagnostics = diagnostics.iter().map(finding).collect();
                let (status, code) = (StatusCode::UNPROCESSABLE_ENTITY, "invalid_mappings");
                Self { diagnostics, ..Self::new(status, code, message) }
            }
        }
    }
}

pub(super) fn refusal(status: StatusCode, code: &'static str, message: impl Into<String>) -> Response {
    Refusal::new(status, code, message).into_response()
}

fn shown(snapshot: &Snapshot) -> Json<MappingStatus> {
    Json(snapshot.into())
}

async fn list(State(api): State<Api>) -> Result<Json<Vec<MappingStatus>>, Refusal> {
    Ok(Json(api.engine.list().await?.iter().map(MappingStatus::from).collect()))
}

async fn status(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<MappingStatus>, Refusal> {
    Ok(shown(&api.engine.status(&name).await?))
}

async fn start(State(api): State<Api>, Path(name): Path<String>) -> Result<impl IntoResponse, Refusal> {
    Ok((StatusCode::ACCEPTED, shown(&api.engine.start(&name).await?)))
}

async fn stop(State(api): State<Api>, Path(name): Path<String>) -> Result<impl IntoResponse, Refusal> {
    Ok((StatusCode::ACCEPTED, shown(&api.engine.stop(&name).await?)))
}

async fn restart(State(api): State<Api>, Path(name): Path<String>) -> Result<impl IntoResponse, Refusal> {
    Ok((StatusCode::ACCEPTED, shown(&api.engine.restart(&name).await?)))
}

async fn definitions(State(api): State<Api>) -> Result<Json<BTreeMap<String, Definition>>, Refusal> {
    Ok(Json((api.definitions)().await?))
}

async fn fleet(State(api): State<Api>) -> Result<Json<FleetStatus>, Refusal> {
    let alone = || Refusal {
        help: Some("share a store with `forebay run --store dynamodb://TABLE`".into()),
        ..Refusal::new(
            StatusCode::CONFLICT,
            "no_fleet",
            "this forebay has a store of its own: it is no replica of a fleet",
        )
    };
    let fleet = api.fleet.as_ref().ok_or_else(alone)?;
    let unknown = |fault: Fault| Refusal::new(StatusCode::BAD_GATEWAY, "store", fault.to_string());
    Ok(Json(fleet().await.map_err(unknown)?))
}

async fn reload(State(api): State<Api>) -> Result<Json<ReloadBody>, Refusal> {
    let Reloaded { summary, warnings } = (api.reload)().await?;
    Ok(Json(ReloadBody { summary, diagnostics: warnings.iter().map(finding).collect() }))
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
