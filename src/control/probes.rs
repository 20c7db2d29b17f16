//! `/livez`, `/readyz` and `/metrics`: what orchestrators and Prometheus ask, and nothing that changes anything.

use std::fmt::Write;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use super::Overview;
use crate::engine::{EngineHandle, Readiness};
use crate::telemetry::Metrics;

/// What `prometheus-client` writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// An engine that takes longer to say how it is, is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Probes {
    engine: EngineHandle,
    metrics: Metrics,
    overview: Overview,
}

/// The probes' routes.
pub(crate) fn probes(engine: EngineHandle, metrics: Metrics, overview: Overview) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .fallback(async || (StatusCode::NOT_FOUND, "there is /livez, /readyz and /metrics\n"))
        .with_state(Probes { engine, metrics, overview })
}

async fn readyz(State(probes): State<Probes>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let answer = match tokio::time::timeout(PATIENCE, probes.engine.readiness()).await {
        Ok(Ok(readiness)) => Ok(readiness),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("the engine has not answered within {PATIENCE:?}")),
    };
    let ready = !probes.overview.draining() && answer.as_ref().is_ok_and(|readiness| readiness.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::from(if ready { "ready\n" } else { "not ready\n" });
    if query.is_some_and(|query| query.split('&').any(asks_for_details)) {
        details(&mut text, &probes.overview, answer.as_ref());
    }
    (status, text)
}

fn asks_for_details(pair: &str) -> bool {
    matches!(pair.split_once('=').unwrap_or((pair, "1")), ("verbose", value) if value != "0" && value != "false")
}

fn details(text: &mut String, overview: &Overview, answer: Result<&Readiness, &String>) {
    let mut line = |what: &str, how: &str| {
        // One line each, whatever an error says.
        writeln!(text, "{what}: {}", how.replace('\n', " ")).expect("writing to a string cannot fail");
    };
    let trouble = answer.ok().and_then(|readiness| readiness.store.as_ref());
    match trouble {
        Some(trouble) => line("store", trouble),
        None => line("store", &format!("ok {}", overview.store())),
    }
    line("files", &overview.files());
    if overview.draining() {
        line("engine", "draining");
    }
    match answer {
        Ok(readiness) => {
            for (name, how) in &readiness.mappings {
                line(&format!("mapping {name}"), how);
            }
        }
        Err(error) => line("engine", error),
    }
}

async fn show_metrics(State(probes): State<Probes>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], probes.metrics.render())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::super::fixture::{Running, mapping};
    use super::super::{Token, ask_probe};
    use super::*;

    async fn asked(running: &Running, path: &str) -> (u16, String) {
        let (status, text) = ask_probe(&running.address.to_string(), path).await.unwrap();
        (status.as_u16(), text)
    }

    /// The whole answer to a request that is written by hand.
    async fn raw(running: &Running, head: &str) -> String {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(format!("{head}\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_degraded_mapping_shows_and_harms_no_readiness() {
        let running = Running::start(vec![mapping("orders")], None).await;
        running.settled().await;
        assert_eq!(asked(&running, "/livez").await, (200, "ok\n".into()));
        assert_eq!(asked(&running, "/readyz").await, (200, "ready\n".into()));
        assert_eq!(asked(&running, "/readyz?verbose=false").await.1, "ready\n");
        let (status, text) = asked(&running, "/readyz?verbose").await;
        assert_eq!(status, 200);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["ready", "store: ok memory", "files: ok 1 mapping"]);
        assert!(lines[3].starts_with("mapping orders: degraded: ") && lines.len() == 4, "{text}");
    }

    #[tokio::test]
    async fn a_store_that_is_gone_shows_with_every_mapping() {
        let running = Running::start(vec![mapping("orders")], None).await;
        running.settled().await;
        running.engine.store_is(Some("FB0603: gone".into())).await;
        let (_, text) = asked(&running, "/readyz?verbose").await;
        assert!(text.contains("\nstore: FB0603: gone\n"), "{text}");
        assert!(
            text.contains("mapping orders: degraded: connecting: no route to host; store: FB0603: gone\n"),
            "{text}"
        );
        running.engine.store_is(None).await;
        let (_, text) = asked(&running, "/readyz?verbose").await;
        assert!(text.contains("\nstore: ok memory\n") && !text.contains("FB0603"), "{text}");
    }

    #[tokio::test]
    async fn draining_and_ended_engines_are_not_ready() {
        let running = Running::start(vec![mapping("orders")], None).await;
        running.settled().await;
        running.overview.set_draining();
        let (status, text) = asked(&running, "/readyz?verbose").await;
        assert_eq!((status, text.lines().next()), (503, Some("not ready")));
        assert!(text.contains("engine: draining\n"), "{text}");
        running.engine.shutdown(Duration::ZERO).await.unwrap();
        let (status, text) = asked(&running, "/readyz?verbose").await;
        assert_eq!(status, 503);
        assert!(text.contains("engine: forebay is shutting down\n"), "{text}");
        assert_eq!(asked(&running, "/livez").await.0, 200);
    }

    #[tokio::test]
    async fn metrics_say_what_they_are() {
        let running = Running::start(vec![mapping("orders")], None).await;
        let answer = raw(&running, "GET /metrics HTTP/1.1").await;
        assert!(
            answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
            "{answer}"
        );
        assert!(answer.contains("forebay_events_polled_total{mapping=\"orders\",source=\"sqs\"} 0"), "{answer}");
    }

    #[tokio::test]
    async fn nothing_can_be_changed_without_a_token() {
        let running = Running::start(vec![mapping("orders")], None).await;
        for (head, status) in [
            ("POST /metrics HTTP/1.1", 405),
            ("DELETE /livez HTTP/1.1", 405),
            ("GET / HTTP/1.1", 404),
            ("GET /v1/mappings HTTP/1.1", 404),
            ("POST /v1/mappings/orders/stop HTTP/1.1", 404),
            ("POST /v1/reload HTTP/1.1", 404),
        ] {
            let answer = raw(&running, head).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
        }
    }

    #[tokio::test]
    async fn a_token_opens_the_control_api_to_whoever_shows_it() {
        let token = Token::new("0123456789abcdef").unwrap();
        let running = Running::start(vec![mapping("orders")], token).await;
        let stop = "POST /v1/mappings/orders/stop HTTP/1.1";
        let answer = raw(&running, stop).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains("unauthorized"), "{answer}");
        let answer = raw(&running, &format!("{stop}\r\nauthorization: Bearer 0123456789abcdee")).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        let answer = raw(&running, &format!("{stop}\r\nauthorization: Bearer 0123456789abcdef")).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        assert_eq!(asked(&running, "/livez").await.0, 200);
        assert_eq!(asked(&running, "/other").await.0, 404);
    }
}
