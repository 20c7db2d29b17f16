//! The command line's side of the control API.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error as ThisError;
use tokio::net::UnixStream;

use super::SocketChoice;
use super::exchange::exchange;
use super::wire::{ErrorBody, ReloadBody, VersionBody};
use crate::engine::{Definition, Kept};
use crate::view::{FleetStatus, MappingStatus};

/// A daemon that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(15);

/// Speaks to a running forebay.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    choice: SocketChoice,
}

/// Why there is no answer, or not the one that was wanted.
#[derive(Debug, ThisError)]
pub(crate) enum ClientError {
    /// No forebay answers.
    #[error(
        "no forebay answers on {tried}\nhelp: start one with `forebay run -f mappings/`, or name its socket with \
         --socket or FOREBAY_SOCKET"
    )]
    Unreachable { tried: String },
    /// The socket is another user's.
    #[error("cannot use the control socket {path}: {reason}\nhelp: run this command as the user that runs forebay")]
    Forbidden { path: String, reason: String },
    /// The daemon refuses.
    #[error("{message}{}", help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default())]
    Refused { code: String, message: String, help: Option<String>, diagnostics: Vec<Value> },
    /// The daemon does not speak as it should.
    #[error(
        "cannot read the answer of the forebay on {path}: {reason}\nhelp: compare the two versions with `forebay \
         version`"
    )]
    Broken { path: String, reason: String },
    /// The daemon does not answer in time.
    #[error("the forebay on {path} did not answer within {PATIENCE:?}")]
    Slow { path: String },
}

impl ClientError {
    /// Whether the daemon says that there is no such mapping.
    #[cfg(test)]
    pub(crate) fn is_unknown_mapping(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "unknown_mapping")
    }
}

impl Client {
    pub(crate) const fn new(choice: SocketChoice) -> Self {
        Self { choice }
    }

    pub(crate) async fn list(&self) -> Result<Vec<MappingStatus>, ClientError> {
        self.call(Method::GET, "/v1/mappings").await
    }

    pub(crate) async fn status(&self, name: &str) -> Result<MappingStatus, ClientError> {
        self.call(Method::GET, &mapping_path(name, "")).await
    }

    pub(crate) async fn start(&self, name: &str) -> Result<MappingStatus, ClientError> {
        self.call(Method::POST, &mapping_path(name, "/start")).await
    }

    pub(crate) async fn stop(&self, name: &str) -> Result<MappingStatus, ClientError> {
        self.call(Method::POST, &mapping_path(name, "/stop")).await
    }

    pub(crate) async fn restart(&self, name: &str) -> Result<MappingStatus, ClientError> {
        self.call(Method::POST, &mapping_path(name, "/restart")).await
    }

    pub(crate) async fn reload(&self) -> Result<ReloadBody, ClientError> {
        self.call(Method::POST, "/v1/reload").await
    }

    pub(crate) async fn fleet(&self) -> Result<FleetStatus, ClientError> {
        self.call(Method::GET, "/v1/fleet").await
    }

    pub(crate) async fn version(&self) -> Result<VersionBody, ClientError> {
        self.call(Method::GET, "/v1/version").await
    }

    pub(crate) async fn checkpoints(&self) -> Result<BTreeMap<String, Kept>, ClientError> {
        self.call(Method::GET, "/v1/checkpoints").await
    }

    pub(crate) async fn definitions(&self) -> Result<BTreeMap<String, Definition>, ClientError> {
        self.call(Method::GET, "/v1/definitions").await
    }

    pub(crate) async fn checkpoint(&self, name: &str) -> Result<Kept, ClientError> {
        self.call(Method::GET, &format!("/v1/checkpoints/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))).await
    }

    pub(crate) async fn replace_checkpoint(&self, name: &str, kept: &Kept, force: bool) -> Result<Kept, ClientError> {
        let body = serde_json::to_vec(kept).expect("texts by texts are JSON").into();
        self.send(Method::PUT, &checkpoint_path(name, force, None), body).await
    }

    pub(crate) async fn reset_checkpoint(
        &self,
        name: &str,
        shard: Option<&str>,
        force: bool,
    ) -> Result<Kept, ClientError> {
        self.call(Method::DELETE, &checkpoint_path(name, force, shard)).await
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, ClientError> {
        self.send(method, path, Bytes::new()).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, ClientError> {
        let (stream, socket) = self.connect().await?;
        let socket = socket.display().to_string();
        let broken = |reason: String| ClientError::Broken { path: socket.clone(), reason };
        let (status, body) = tokio::time::timeout(PATIENCE, exchange(stream, method, "forebay", path, body))
            .await
            .map_err(|_| ClientError::Slow { path: socket.clone() })?
            .map_err(|error| broken(error.to_string()))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| broken(error.to_string()));
        }
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { code, message, help, diagnostics }) => {
                Err(ClientError::Refused { code, message, help, diagnostics })
            }
            Err(_) => Err(broken(format!("it answered with HTTP status {status}"))),
        }
    }

    async fn connect(&self) -> Result<(UnixStream, &Path), ClientError> {
        for path in self.choice.candidates() {
            match UnixStream::connect(path).await {
                Ok(stream) => {
                    self.check_owner(path)?;
                    return Ok((stream, path));
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(ClientError::Forbidden { path: path.display().to_string(), reason: error.to_string() });
                }
                Err(_) => {}
            }
        }
        let tried: Vec<String> = self.choice.candidates().iter().map(|path| path.display().to_string()).collect();
        Err(ClientError::Unreachable { tried: tried.join(", ") })
    }

    /// A socket that was named is trusted. One that was found may have been put into a folder of all
    /// users by somebody else: it must be ours or root's.
    fn check_owner(&self, path: &Path) -> Result<(), ClientError> {
        if self.choice.candidates().len() == 1 {
            return Ok(());
        }
        let forbidden = |reason: String| ClientError::Forbidden { path: path.display().to_string(), reason };
        let owner = std::fs::symlink_metadata(path).map_err(|error| forbidden(error.to_string()))?.uid();
        if owner == 0 || owner == rustix::process::getuid().as_raw() {
            Ok(())
        } else {
            Err(forbidden(format!("it belongs to user {owner}")))
        }
    }
}

fn mapping_path(name: &str, verb: &str) -> String {
    format!("/v1/mappings/{}{verb}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

fn checkpoint_path(name: &str, force: bool, shard: Option<&str>) -> String {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let shard = shard.map(|shard| format!("&shard={}", utf8_percent_encode(shard, NON_ALPHANUMERIC)));
    format!("/v1/checkpoints/{name}?force={force}{}", shard.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::super::fixture::{Running, mapping, stream};
    use super::*;
    use crate::engine::MappingState;
    use crate::view::HealthStatus;

    fn client_of(path: PathBuf) -> Client {
        Client::new(SocketChoice::new(Some(path), &|_| None))
    }

    #[tokio::test]
    async fn asks_and_changes_over_the_socket() {
        let odd = "a/b c?d";
        let running = Running::start(vec![mapping("orders"), mapping(odd)], None).await;
        running.settled().await;
        let names: Vec<String> = running.client.list().await.unwrap().into_iter().map(|status| status.name).collect();
        assert_eq!(names, [odd, "orders"]);
        let status = running.client.status(odd).await.unwrap();
        assert_eq!((status.health, status.state), (HealthStatus::Degraded, MappingState::Enabled));
        let stopped = running.client.stop("orders").await.unwrap();
        assert!(matches!(stopped.state, MappingState::Disabling | MappingState::Disabled), "{stopped:?}");
        assert_eq!(stopped.enabled_by, "operator");
        let started = running.client.start("orders").await.unwrap();
        assert_eq!(started.enabled_by, "file");
        let version = running.client.version().await.unwrap();
        assert_eq!(version, VersionBody { version: env!("CARGO_PKG_VERSION").into(), pid: std::process::id() });
    }

    #[tokio::test]
    async fn queues_and_streams_each_show_what_they_have() {
        let running = Running::start(vec![mapping("orders"), stream("clicks")], None).await;
        running.settled().await;
        let mappings = running.client.list().await.unwrap();
        let of = |name: &str| mappings.iter().find(|status| status.name == name).unwrap();
        let (orders, clicks) = (of("orders"), of("clicks"));
        assert!(orders.queue.is_some() && orders.stream.is_none() && orders.shards.is_none(), "{orders:?}");
        assert!(clicks.queue.is_none() && clicks.stream.is_some(), "{clicks:?}");
        assert_eq!(clicks.shards.as_deref(), Some(&[][..]), "no shard is known while nothing is reached");
        let configuration = clicks.stream_configuration.as_ref().unwrap();
        assert_eq!((&*configuration.starting_position, configuration.maximum_retry_attempts), ("LATEST", -1));
    }

    #[tokio::test]
    async fn refusals_keep_their_code_and_message() {
        let running = Running::start(vec![mapping("orders")], None).await;
        let error = running.client.stop("oders").await.unwrap_err();
        assert!(error.is_unknown_mapping());
        assert_eq!(error.to_string(), "there is no mapping named \"oders\"\nhelp: `forebay list` shows all mappings");
        running.engine.shutdown(Duration::ZERO).await.unwrap();
        let error = running.client.list().await.unwrap_err();
        assert!(matches!(&error, ClientError::Refused { code, .. } if code == "closing"), "{error}");
    }

    #[tokio::test]
    async fn an_absent_daemon_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.sock");
        let error = client_of(path.clone()).list().await.unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(error.contains("start one with `forebay run -f mappings/`"), "{error}");
    }

    #[tokio::test]
    async fn all_places_are_tried_in_order_and_the_first_that_answers_is_asked() {
        let running = Running::start(vec![mapping("orders")], None).await;
        let folder = tempfile::tempdir().unwrap();
        let (absent, stale) = (folder.path().join("a.sock"), folder.path().join("b.sock"));
        drop(UnixListener::bind(&stale).unwrap());
        let client = Client::new(SocketChoice::of(&[&absent, &stale, &running.socket]));
        assert_eq!(client.list().await.unwrap().len(), 1);
        let error = Client::new(SocketChoice::of(&[&absent, &stale])).list().await.unwrap_err().to_string();
        let tried = format!("no forebay answers on {}, {}\nhelp: ", absent.display(), stale.display());
        assert!(error.starts_with(&tried), "{error}");
    }

    #[tokio::test]
    async fn a_stranger_on_the_socket_is_not_understood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            for answer in ["220 mail.example.org ESMTP\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[}"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 16];
                stream.read_exact(&mut head).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        for _ in 0..2 {
            let error = client_of(path.clone()).list().await.unwrap_err();
            assert!(matches!(error, ClientError::Broken { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn definitions_are_told_as_they_are_kept() {
        let running = Running::start(Vec::new(), None).await;
        assert_eq!(running.client.definitions().await.unwrap(), BTreeMap::new());
        let parameters =
            serde_json::json!({ "BatchSize": 5, "Tags": { "${a}": "1.0" }, "StartingPositionTimestamp": 1.5 });
        let parameters = parameters.as_object().unwrap().clone();
        let definition = Definition { parameters, modified_unix_ms: 1_760_000_000_000, deleting: false };
        running.store.define("a b", definition.clone(), false).await.unwrap();
        assert_eq!(running.client.definitions().await.unwrap(), [("a b".to_owned(), definition)].into());
    }

    #[tokio::test]
    async fn other_paths_methods_and_refused_reloads_are_told_as_json() {
        let running = Running::start(vec![mapping("orders")], None).await;
        for (method, path, status, code) in [
            (Method::GET, "/v2", 404, "unknown_path"),
            (Method::GET, "/v1/mappings/orders/stop", 405, "method_not_allowed"),
            (Method::DELETE, "/v1/mappings", 405, "method_not_allowed"),
            (Method::GET, "/v1/mappings/none", 404, "unknown_mapping"),
            (Method::POST, "/v1/reload", 422, "invalid_mappings"),
        ] {
            let stream = UnixStream::connect(&running.socket).await.unwrap();
            let (found, body) = exchange(stream, method.clone(), "forebay", path, Bytes::new()).await.unwrap();
            let body: ErrorBody = serde_json::from_slice(&body).unwrap();
            assert_eq!((found.as_u16(), body.code.as_str()), (status, code), "{method} {path}");
        }
    }
}
