//! A worker with AWS's own runtime for Rust. Tests and benches start their own executable again in this role.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

/// Serves events until the process ends. Where they come from, its environment says, as Lambda's does.
pub(crate) fn work() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(lambda_runtime::run(service_fn(answer)))
}

/// `null`, unless the body of the event's first record is what the function is to do.
async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload["Records"][0]["body"].as_str() {
        Some("throws") => Err("no such customer".into()),
        Some("panics") => panic!("no such product"),
        Some("hangs") => std::future::pending().await,
        _ => Ok(Value::Null),
    }
}
