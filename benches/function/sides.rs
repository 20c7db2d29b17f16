//! What is compared: things that take an event and wait for the function's answer.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use bytes::Bytes;
use forebay::AwsConnector;
use forebay::function::{Function, Invocation};
use forebay::mapping::{Mapping, parse};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::bare::{HttpClient, RuntimeServer};

/// One side of a pair.
#[derive(Clone)]
pub(crate) enum Side {
    /// An adapter of forebay, without a mapping around it.
    Forebay(Arc<dyn Function>),
    Http(Box<HttpClient>),
    Runtime(RuntimeServer),
}

impl Side {
    pub(crate) fn invoke(&self, event: Bytes) -> BoxFuture<'_, anyhow::Result<()>> {
        match self {
            Self::Forebay(function) => async move {
                let answer = function.invoke(Invocation::first(event)).await?;
                anyhow::ensure!(answer.function_error.is_none() && &*answer.payload == b"null", "{answer:?}");
                Ok(())
            }
            .boxed(),
            Self::Http(client) => client.invoke(event).map(|answer| is_null(&answer?)).boxed(),
            Self::Runtime(server) => server.invoke(event).map(|answer| is_null(&answer?)).boxed(),
        }
    }
}

fn is_null(answer: &[u8]) -> anyhow::Result<()> {
    anyhow::ensure!(answer == b"null", "{}", String::from_utf8_lossy(answer));
    Ok(())
}

/// The target of an HTTP service, as a mapping file has it.
pub(crate) fn http(service: SocketAddr) -> String {
    format!("Http: {{ Url: \"http://{service}/\" }}")
}

/// That of workers that attach.
pub(crate) fn runtime_api(listen: SocketAddr) -> String {
    format!("RuntimeApi: {{ Listen: \"{listen}\" }}")
}

/// A mapping of one message a batch.
pub(crate) fn text(target: &str) -> String {
    let source = "Name: orders\nEventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders\nFunctionName: f";
    format!("{source}\nBatchSize: 1\nPoller:\n  Function:\n    {target}\n")
}

pub(crate) fn mapping(text: &str) -> anyhow::Result<Mapping> {
    let loaded = parse("bench.yaml".as_ref(), text, &|_| None);
    loaded.mappings.into_iter().next().with_context(|| format!("{:?}", loaded.diagnostics))
}

pub(crate) async fn function(mapping: &Mapping) -> anyhow::Result<Arc<dyn Function>> {
    Ok(AwsConnector::new().function(mapping).await?)
}

/// A message as functions see it: its body has 1,000 bytes.
pub(crate) fn record() -> &'static Bytes {
    static RECORD: OnceLock<Bytes> = OnceLock::new();
    RECORD.get_or_init(|| format!("{{\"body\":\"{}\"}}", "x".repeat(1_000)).into())
}

/// An event of one message.
pub(crate) fn event() -> Bytes {
    static EVENT: OnceLock<Bytes> = OnceLock::new();
    EVENT.get_or_init(|| [b"{\"Records\":[", &**record(), b"]}"].concat().into()).clone()
}
