//! Lambda functions, invoked synchronously.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::RequestId as _;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{Function, FunctionSettings, Invocation, too_large_answer};
use crate::aws::{Asking, Call, CallBounds, Service, answered_too_much, bounded, fault_of, timed_out, turn};
use crate::machine::{Fault, FaultKind, FunctionAnswer, InvokeResult};
use crate::mapping::{FunctionRef, LambdaTarget, partition_of};

/// The longest that Lambda lets any function run: assumed until the function's own timeout is known.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(900);

/// How long a timeout that was read is believed. A function whose timeout was raised since then is seen by the
/// first invoke that we abandon: what was read is forgotten then.
const TRUST: Duration = Duration::from_secs(300);

/// A Lambda function.
///
/// An invoke is abandoned when the function's timeout and a grace have passed. The timeout is the mapping's own
/// where it sets one; else it is read from the function's configuration, in the background, from the first
/// invoke on; until that has worked it is 900 s.
pub struct LambdaFunction {
    target: Arc<Target>,
}

struct Target {
    client: Client,
    /// Name, partial ARN or ARN, without a qualifier.
    name: String,
    qualifier: Option<String>,
    /// For messages.
    label: String,
    configured: Option<Duration>,
    /// Answers without Lambda's headers count, too.
    headers_optional: bool,
    bounds: CallBounds,
    /// The timeout that was read, in seconds; 0: none.
    learned: AtomicU64,
    /// When the configuration is to be read again, if no other task reads it.
    asking: Asking,
}

/// What the function's configuration says.
struct Configuration {
    timeout: Duration,
    /// The ARN of its execution role; emulators may do without one.
    role: Option<String>,
    arn: Option<String>,
}

impl LambdaFunction {
    pub(crate) fn new(
        client: Client,
        function: &FunctionRef,
        target: &LambdaTarget,
        region: &str,
        bounds: CallBounds,
    ) -> Self {
        let (name, qualifier) = identifier(function, region);
        let label = match &qualifier {
            Some(qualifier) => format!("function {}:{qualifier} ({region})", function.name),
            None => format!("function {} ({region})", function.name),
        };
        let target = Target {
            client,
            name,
            qualifier,
            label,
            configured: target.timeout,
            headers_optional: target.headers_optional,
            bounds,
            learned: AtomicU64::new(0),
            asking: Asking::default(),
        };
        Self { target: Arc::new(target) }
    }
}

impl Function for LambdaFunction {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, InvokeResult> {
        async move {
            self.target.learn_if_due();
            self.target.invoke(invocation.body).await
        }
        .boxed()
    }

    fn describe(&self) -> BoxFuture<'_, Result<FunctionSettings, Fault>> {
        self.target.describe().boxed()
    }
}

impl Target {
    async fn invoke(&self, body: Bytes) -> InvokeResult {
        let call = self.call("Invoke");
        let bound = self.timeout().saturating_add(self.bounds.invoke_grace);
        let send = self
            .client
            .invoke()
            .function_name(&self.name)
            .set_qualifier(self.qualifier.clone())
            .invocation_type(InvocationType::RequestResponse)
            .log_type(LogType::None)
            .payload(Blob::new(Vec::from(body)))
            .send();
        let _turn = turn(call.operation).await;
        match tokio::time::timeout(bound, send).await {
            Ok(Ok(output)) if !self.headers_optional && !is_lambdas(&output) => Err(not_lambda(call)),
            Ok(Ok(output)) => Ok(FunctionAnswer {
                status: u16::try_from(output.status_code).unwrap_or_default(),
                request_id: output.request_id().map(str::to_owned),
                function_error: output.function_error,
                executed_version: output.executed_version,
                payload: output.payload.map(|payload| Bytes::from(payload.into_inner())).unwrap_or_default(),
                is_terminal: false,
            }),
            Ok(Err(error)) if answered_too_much(&error) => Ok(too_large_answer()),
            Ok(Err(error)) => Err(invoke_fault(call, &error)),
            Err(_) => {
                self.forget();
                Err(timed_out(call, bound))
            }
        }
    }

    async fn describe(&self) -> Result<FunctionSettings, Fault> {
        // Reserved concurrency belongs to the function, not to a version; to know it is a convenience.
        let concurrency = self
            .bounded("GetFunctionConcurrency", self.client.get_function_concurrency().function_name(&self.name).send());
        let (configuration, concurrency) = futures_util::join!(self.configuration(), concurrency);
        let Configuration { timeout, role, arn } = configuration?;
        let reserved_concurrency = concurrency
            .ok()
            .and_then(|answer| answer.reserved_concurrent_executions)
            .and_then(|count| u32::try_from(count).ok());
        Ok(FunctionSettings { timeout, reserved_concurrency, role, arn })
    }

    /// Reads the configuration, and keeps its timeout.
    async fn configuration(&self) -> Result<Configuration, Fault> {
        const OPERATION: &str = "GetFunctionConfiguration";
        let request = self.client.get_function_configuration().function_name(&self.name);
        let send = request.set_qualifier(self.qualifier.clone()).send();
        let read = self.bounded(OPERATION, send).await.and_then(|answer| {
            let seconds = answer.timeout.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
            let Some(seconds) = seconds else {
                let message = format!("{OPERATION} on {}: the answer has no timeout", self.label);
                return Err(Fault::new(FaultKind::Transient, message));
            };
            self.learned.store(seconds, Ordering::Relaxed);
            let role = answer.role.filter(|role| !role.is_empty());
            let arn = answer.function_arn.filter(|arn| !arn.is_empty());
            Ok(Configuration { timeout: Duration::from_secs(seconds), role, arn })
        });
        match &read {
            Ok(Configuration { timeout, .. }) => {
                tracing::debug!(function = %self.label, ?timeout, "the function's timeout is known");
                self.asking.answered(TRUST);
            }
            Err(fault) => {
                tracing::debug!(function = %self.label, %fault, "the function's timeout cannot be read");
                self.asking.failed(fault);
            }
        }
        read
    }

    /// Reads the timeout in the background when it is due; never delays an invoke.
    fn learn_if_due(self: &Arc<Self>) {
        if self.configured.is_none() && self.asking.due() {
            let target = Arc::clone(self);
            tokio::spawn(async move { target.configuration().await.ok() });
        }
    }

    /// Forgets the timeout that was read: an invoke outlived it.
    fn forget(&self) {
        self.learned.store(0, Ordering::Relaxed);
        self.asking.doubted();
    }

    fn timeout(&self) -> Duration {
        self.configured.unwrap_or_else(|| match self.learned.load(Ordering::Relaxed) {
            0 => LONGEST_TIMEOUT,
            seconds => Duration::from_secs(seconds),
        })
    }

    fn call(&self, operation: &'static str) -> Call<'_> {
        Call { service: Service::Lambda, operation, target: &self.label }
    }

    /// A call other than Invoke.
    async fn bounded<T, E>(
        &self,
        operation: &'static str,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Fault>
    where
        E: std::error::Error + aws_sdk_lambda::error::ProvideErrorMetadata + 'static,
    {
        bounded(self.call(operation), self.bounds.call, send).await
    }
}

/// Whether an answer shows that it is Lambda's, and not that of a proxy or of a page for logging in.
fn is_lambdas(output: &InvokeOutput) -> bool {
    let says = |header: Option<&str>| header.is_some_and(|text| !text.is_empty());
    says(output.executed_version()) || says(output.request_id()) || says(output.function_error())
}

fn not_lambda(call: Call<'_>) -> Fault {
    let message = format!(
        "{} on {}: HTTP 200 without Lambda's headers (X-Amz-Executed-Version or x-amzn-RequestId): is this a Lambda \
         endpoint? A runtime interface emulator is written as Poller.Function.Rie. For another emulator, which sends \
         neither, write Poller.Function.RequireLambdaHeaders: false",
        call.operation, call.target
    );
    Fault::new(FaultKind::Transient, message)
}

/// The class of a failed invoke, with the reason that Lambda gives for a throttle.
fn invoke_fault(call: Call<'_>, error: &SdkError<InvokeError, HttpResponse>) -> Fault {
    let mut fault = fault_of(call, error);
    if let Some(InvokeError::TooManyRequestsException(throttle)) = error.as_service_error()
        && let Some(reason) = &throttle.reason
    {
        fault.message.push_str("; reason ");
        fault.message.push_str(reason.as_str());
    }
    fault
}

/// How the function is named in calls: an account can only be named in an ARN, a qualifier is a parameter of its own. A
/// partial ARN is made whole, because emulators may not know that form.
fn identifier(function: &FunctionRef, region: &str) -> (String, Option<String>) {
    let FunctionRef { text, name, qualifier, .. } = function;
    let name = match (&function.account, &function.region) {
        (None, _) => name.clone(),
        (Some(account), None) => {
            format!("arn:{}:lambda:{region}:{account}:function:{name}", partition_of(region))
        }
        (Some(_), Some(_)) => {
            let bare = qualifier.as_deref().and_then(|qualifier| text.strip_suffix(qualifier)?.strip_suffix(':'));
            bare.unwrap_or(text).to_owned()
        }
    };
    (name, qualifier.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_called_by_name_unless_it_has_an_account() {
        let arn = "arn:aws:lambda:eu-west-1:000000000001:function:work";
        let qualified = format!("{arn}:live");
        for (text, region, name, qualifier) in [
            ("work", "eu-west-1", "work", None),
            ("work:live", "eu-west-1", "work", Some("live")),
            (arn, "us-east-1", arn, None),
            (&*qualified, "us-east-1", arn, Some("live")),
            ("000000000001:function:work", "eu-west-1", arn, None),
            ("000000000001:function:work:$LATEST", "eu-west-1", arn, Some("$LATEST")),
            (
                "000000000001:function:work:1",
                "cn-north-1",
                "arn:aws-cn:lambda:cn-north-1:000000000001:function:work",
                Some("1"),
            ),
        ] {
            let function = FunctionRef::parse(text).unwrap();
            assert_eq!(identifier(&function, region), (name.to_owned(), qualifier.map(str::to_owned)), "{text}");
        }
    }
}
