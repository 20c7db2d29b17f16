//! The parameters under `Poller.Function`: how the function is reached, and the targets other than AWS Lambda.

use std::time::Duration;

use super::{Member, Shape, integer, list, members, span, text};
use crate::machine::MAX_HIDDEN;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) static FUNCTION_SIDE: &[Member] = members! {
    /// A role that is assumed before the first call.
    RoleArn: text(1, 2048);
    /// Used instead of the region in `FunctionName`.
    Region: text(1, 64);
    /// The function's timeout, where its configuration may not be read. Of an HTTP service, the longest that a call may
    /// take; default: 60s.
    Timeout: span(SECOND, HOUR);
    /// Whether an answer of the function counts only with `X-Amz-Executed-Version` or a request id, as Lambda sends
    /// them. Default: true. Write false for an emulator that sends neither.
    RequireLambdaHeaders: Shape::Boolean;
    /// An HTTP service that takes the batches, instead of a Lambda function.
    Http: Shape::Map(HTTP);
    /// AWS's runtime interface emulator, as it is in Lambda's base images, instead of a Lambda function.
    Rie: Shape::Map(RIE);
    /// Workers that attach to forebay through Lambda's Runtime API: containers of Lambda images, or any process with a
    /// runtime interface client.
    RuntimeApi: Shape::Map(RUNTIME_API);
};

static HTTP: &[Member] = members! {
    /// Where each event is posted to.
    Url: text(1, 2048);
};

static RIE: &[Member] = members! {
    /// Where the emulators are: a list of `http://HOST:PORT`, or a name in DNS.
    Endpoints: ENDPOINTS;
    /// How many invocations one emulator takes at a time: above 1 only where its container has
    /// `AWS_LAMBDA_MAX_CONCURRENCY`. Default: 1.
    Concurrency: integer(1, 1000);
    /// Whether a result that looks like the error of a runtime counts as one. Default: true.
    ErrorShape: Shape::Boolean;
};

const ENDPOINTS: Shape = Shape::ListOrMap { of: &text(1, 2048), max: 1000, map: DNS };

static DNS: &[Member] = members! {
    /// The name; all its addresses are used.
    Dns: text(1, 253);
    /// The port of all its addresses.
    Port: integer(1, 65_535);
    /// How often the name is resolved. Default: 5s.
    ResolveEvery: span(SECOND, HOUR);
};

static RUNTIME_API: &[Member] = members! {
    /// Where workers attach, as an address and a port: what `AWS_LAMBDA_RUNTIME_API` says to them. Mappings of the same
    /// function share it.
    Listen: text(1, 64);
    /// The addresses and blocks of addresses that workers attach from. Required where `Listen` is no loopback address.
    AllowFrom: list(&text(1, 64), 1, 32);
    /// How long an invocation waits for a free worker before it counts as throttled. Default: 5m.
    AttachWait: span(SECOND, MAX_HIDDEN);
    /// What a worker hears that answers after the timeout. `Reject` (the default, and AWS's way): that there is no
    /// such invocation, after which AWS's runtimes end. `Accept`: that all is well. The answer counts in no case.
    OnLateAnswer: Shape::Word(&["Reject", "Accept"]);
};
