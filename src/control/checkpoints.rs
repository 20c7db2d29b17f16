//! The control API's part about checkpoints.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::Api;
use super::api::Refusal;
use crate::engine::{CheckpointChange, Kept, ShownToClients};

/// More than tens of thousands of shards need.
const LARGEST_CHECKPOINT: usize = 16 * 1024 * 1024;

/// What may stand behind the question mark.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Also while the mapping runs.
    #[serde(default)]
    force: bool,
    /// Only this shard.
    shard: Option<String>,
}

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/checkpoints", get(list))
        .route("/v1/checkpoints/{mapping}", get(one).put(replace).delete(reset))
        .layer(DefaultBodyLimit::max(LARGEST_CHECKPOINT))
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        let message = format!("{}: only `force=true|false` and `shard=ID` are known", rejection.body_text());
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", message)
    }
}

async fn list(State(api): State<Api>) -> Result<Response, Refusal> {
    let all = api.engine.checkpoints().await?;
    let shown: BTreeMap<_, _> = all.iter().map(|(name, kept)| (name, ShownToClients(kept))).collect();
    Ok(Json(shown).into_response())
}

async fn one(State(api): State<Api>, Path(mapping): Path<String>) -> Result<Response, Refusal> {
    Ok(shown(&api.engine.checkpoint(&mapping).await?))
}

fn shown(kept: &Kept) -> Response {
    Json(ShownToClients(kept)).into_response()
}

async fn replace(
    State(api): State<Api>,
    Path(mapping): Path<String>,
    options: Result<Query<Options>, QueryRejection>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let Query(options) = options?;
    let kept = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("the body is not a checkpoint: {error}");
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_checkpoint", message)
    })?;
    Ok(shown(&api.engine.change_checkpoint(&mapping, CheckpointChange::Replace(kept), options.force).await?))
}

async fn reset(
    State(api): State<Api>,
    Path(mapping): Path<String>,
    options: Result<Query<Options>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(options) = options?;
    let change = options.shard.map_or(CheckpointChange::Reset, |shard| CheckpointChange::ResetShard(shard.into()));
    Ok(shown(&api.engine.change_checkpoint(&mapping, change, options.force).await?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyper::Method;
    use tokio::net::UnixStream;

    use super::super::ClientError;
    use super::super::exchange::exchange;
    use super::super::fixture::{Running, mapping, stream};
    use super::super::wire::ErrorBody;
    use super::*;
    use crate::machine::Checkpoint;

    const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

    fn kept(checkpoints: &[(&str, Checkpoint)]) -> Kept {
        let checkpoints =
            checkpoints.iter().map(|(shard, checkpoint)| (Arc::from(*shard), checkpoint.clone())).collect();
        Kept { source: ARN.into(), checkpoints }
    }

    fn code(error: &ClientError) -> &str {
        match error {
            ClientError::Refused { code, .. } => code,
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn checkpoints_are_shown_and_changed_over_the_socket() {
        let odd = "a/b c?d";
        let mut stopped = stream(odd);
        stopped.enabled = false;
        let running = Running::start(vec![stopped, stream("clicks"), mapping("orders")], None).await;
        let client = &running.client;
        assert!(client.checkpoints().await.unwrap().is_empty());
        assert_eq!(client.checkpoint(odd).await.unwrap(), kept(&[]), "the source is known although nothing has begun");

        let two = kept(&[("shardId-1", Checkpoint::After("7".into())), ("shardId-2", Checkpoint::End(None))]);
        assert_eq!(client.replace_checkpoint(odd, &two, false).await.unwrap(), two);
        assert_eq!(client.checkpoint(odd).await.unwrap(), two);
        assert_eq!(client.checkpoints().await.unwrap(), [(odd.to_owned(), two.clone())].into());
        let one = client.reset_checkpoint(odd, Some("shardId-2"), false).await.unwrap();
        assert_eq!(one, kept(&[("shardId-1", Checkpoint::After("7".into()))]));
        let error = client.reset_checkpoint(odd, Some("shardId-2"), false).await.unwrap_err();
        assert_eq!(code(&error), "unknown_shard");
        client.reset_checkpoint(odd, None, false).await.unwrap();
        assert!(client.checkpoints().await.unwrap().is_empty());

        let error = client.replace_checkpoint("clicks", &two, false).await.unwrap_err();
        assert_eq!(code(&error), "running");
        assert!(error.to_string().contains("`forebay stop clicks --wait`, or use --force"), "{error}");
        assert_eq!(code(&client.reset_checkpoint("clicks", None, false).await.unwrap_err()), "running");
        assert_eq!(client.replace_checkpoint("clicks", &two, true).await.unwrap(), two);

        let foreign = Kept { source: "arn:other".into(), ..two.clone() };
        assert_eq!(code(&client.replace_checkpoint(odd, &foreign, false).await.unwrap_err()), "other_source");
        assert_eq!(code(&client.checkpoint("orders").await.unwrap_err()), "no_checkpoints");
        assert_eq!(code(&client.replace_checkpoint("orders", &two, true).await.unwrap_err()), "no_checkpoints");
        assert!(client.checkpoint("oders").await.unwrap_err().is_unknown_mapping());
        assert!(client.replace_checkpoint("oders", &two, true).await.unwrap_err().is_unknown_mapping());
    }

    #[tokio::test]
    async fn what_is_no_checkpoint_is_refused_as_json() {
        let running = Running::start(vec![stream("clicks")], None).await;
        let path = "/v1/checkpoints/clicks?force=true";
        for (method, path, body, status, code) in [
            (Method::PUT, path, "", 422, "invalid_checkpoint"),
            (Method::PUT, path, "[", 422, "invalid_checkpoint"),
            (Method::PUT, path, r#"{"checkpoints":{}}"#, 422, "invalid_checkpoint"),
            (Method::PUT, path, r#"{"source":"arn","checkpoints":{"shardId-1":"SOON"}}"#, 422, "invalid_checkpoint"),
            (Method::PUT, path, r#"{"source":"arn","checkpoints":{"":"END"}}"#, 422, "invalid_checkpoint"),
            (Method::DELETE, "/v1/checkpoints/clicks?force=maybe", "", 400, "invalid_query"),
            (Method::DELETE, "/v1/checkpoints/clicks?forced=true", "", 400, "invalid_query"),
            (Method::POST, "/v1/checkpoints", "", 405, "method_not_allowed"),
            (Method::GET, "/v1/checkpoints/none", "", 404, "unknown_mapping"),
        ] {
            let stream = UnixStream::connect(&running.socket).await.unwrap();
            let answered = exchange(stream, method.clone(), "forebay", path, Bytes::from_static(body.as_bytes())).await;
            let (found, answer) = answered.unwrap();
            let answer: ErrorBody = serde_json::from_slice(&answer).unwrap();
            assert_eq!((found.as_u16(), answer.code.as_str()), (status, code), "{method} {path} {body}");
        }
    }
}
