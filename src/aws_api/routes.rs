//! Which request means which operation.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use bytes::Bytes;

use super::service::{Service, Tags};
use super::shape::{Configuration, Listed};
use super::{ApiError, Caller};

/// The operations of the API by path and method. What lies before them, signatures and limits, is not theirs.
pub(crate) fn routes(service: Service) -> Router {
    // Clients differ in the slash at the end.
    let all = || get(list).post(create);
    let one = || get(show).put(update).delete(delete);
    Router::new()
        .route("/2015-03-31/event-source-mappings", all())
        .route("/2015-03-31/event-source-mappings/", all())
        .route("/2015-03-31/event-source-mappings/{uuid}", one())
        .route("/2015-03-31/event-source-mappings/{uuid}/", one())
        .route("/2017-03-31/tags/{*resource}", get(tags).post(tag).delete(untag))
        .route_layer(from_fn_with_state(service.clone(), while_open))
        .with_state(service)
}

type Answer<T> = Result<(StatusCode, Json<T>), ApiError>;
type Who = Option<Extension<Caller>>;

async fn while_open(State(service): State<Service>, request: Request, next: Next) -> Response {
    if service.is_closing() { ApiError::Closing.into_response() } else { next.run(request).await }
}

async fn create(State(service): State<Service>, who: Who, body: Bytes) -> Answer<Configuration> {
    let made = service.create(&body).await;
    let uuid = made.as_ref().map_or("", |(uuid, _)| uuid.as_str());
    log("CreateEventSourceMapping", uuid, who.as_deref(), &made);
    Ok((StatusCode::ACCEPTED, Json(made?.1)))
}

async fn update(
    State(service): State<Service>,
    Path(uuid): Path<String>,
    who: Who,
    body: Bytes,
) -> Answer<Configuration> {
    let changed = service.update(&uuid, &body).await;
    log("UpdateEventSourceMapping", &uuid, who.as_deref(), &changed);
    Ok((StatusCode::ACCEPTED, Json(changed?)))
}

async fn delete(State(service): State<Service>, Path(uuid): Path<String>, who: Who) -> Answer<Configuration> {
    let deleted = service.delete(&uuid).await;
    log("DeleteEventSourceMapping", &uuid, who.as_deref(), &deleted);
    Ok((StatusCode::ACCEPTED, Json(deleted?)))
}

async fn show(State(service): State<Service>, Path(uuid): Path<String>) -> Answer<Configuration> {
    Ok((StatusCode::OK, Json(service.get(&uuid).await?)))
}

async fn list(State(service): State<Service>, RawQuery(query): RawQuery) -> Answer<Listed> {
    Ok((StatusCode::OK, Json(service.list(&query.unwrap_or_default()).await?)))
}

async fn tags(State(service): State<Service>, Path(resource): Path<String>) -> Answer<Tags> {
    Ok((StatusCode::OK, Json(service.tags(&resource).await?)))
}

async fn tag(
    State(service): State<Service>,
    Path(resource): Path<String>,
    who: Who,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let tagged = service.tag(&resource, &body).await;
    log("TagResource", last(&resource), who.as_deref(), &tagged);
    tagged.map(|()| StatusCode::NO_CONTENT)
}

async fn untag(
    State(service): State<Service>,
    Path(resource): Path<String>,
    who: Who,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, ApiError> {
    let untagged = service.untag(&resource, &query.unwrap_or_default()).await;
    log("UntagResource", last(&resource), who.as_deref(), &untagged);
    untagged.map(|()| StatusCode::NO_CONTENT)
}

/// The UUID in a mapping's ARN.
fn last(resource: &str) -> &str {
    resource.rsplit(':').next().unwrap_or(resource)
}

/// One line for each change: who asked for it, and what of which mapping. Refusals are the client's matter, unless
/// something here does not work.
fn log<T>(operation: &'static str, mapping: &str, who: Option<&Caller>, result: &Result<T, ApiError>) {
    let caller = who.map(|caller| caller.access_key.as_str());
    match result {
        Ok(_) => tracing::info!(operation, mapping, caller, "the AWS API changed a mapping"),
        Err(error) if error.status().is_server_error() => {
            tracing::error!(operation, mapping, caller, code = error.code(), %error, "the AWS API could not change a \
                mapping");
        }
        Err(error) => {
            tracing::debug!(operation, mapping, caller, code = error.code(), %error, "the AWS API refused a request");
        }
    }
}
