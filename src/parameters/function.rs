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
    /// The role that records of Kinesis show as `invokeIdentityArn`, where the target is none of Lambda's. Default:
    /// `arn:aws:iam::ACCOUNT:role/forebay` with the account of the stream.
    InvokeIdentityArn: text(1, 2048);
    /// An HTTP service that takes the batches, instead of a Lambda function.
    Http: Shape::Map(HTTP);
    /// A URL whose requests are signed for AWS, such as a function URL, instead of a Lambda function.
    FunctionUrl: Shape::Map(FUNCTION_URL);
    /// AWS's runtime interface emulator, as it is in Lambda's base images, instead of a Lambda function.
    Rie: Shape::Map(RIE);
    /// Workers that attach to forebay through Lambda's Runtime API: containers of Lambda images, or any process with a
    /// runtime interface client.
    RuntimeApi: Shape::Map(RUNTIME_API);
};

static HTTP: &[Member] = members! {
    /// Where each event is posted to.
    Url: text(1, 2048);
    /// Where connections go instead of the URL's host: a list of `http://HOST:PORT`, or a name in DNS.
    Endpoints: ENDPOINTS;
    /// The longest that name resolution, TCP and TLS may take together. Default: 2s.
    ConnectTimeout: CONNECT_TIMEOUT;
    /// The most connections to one address, and so the most calls at a time. Default: 64.
    MaxConnections: integer(1, 10_000);
    /// Headers of every request, without secrets.
    Headers: Shape::Texts;
    /// The token of `Authorization: Bearer`. It is read again when it changes.
    Bearer: Shape::Map(SECRET);
    /// How requests are signed.
    Signature: Shape::Map(SIGNATURE);
    /// How certificates are checked and shown.
    Tls: Shape::Map(TLS);
    /// The form of the body: that of a Lambda function's event (the default), or a batch of CloudEvents.
    Envelope: Shape::Word(&["Lambda", "CloudEvents"]);
    /// What statuses mean, where it is not the usual. A status may stand in one list only.
    Statuses: Shape::Map(STATUSES);
    /// The longest pause of a `Retry-After` that is kept. Default: 5m.
    RetryAfterMax: span(Duration::ZERO, HOUR);
    /// How the service is watched. While it is down, nothing is received.
    Health: Shape::Map(HEALTH);
};

static FUNCTION_URL: &[Member] = members! {
    /// The function URL.
    Url: text(1, 2048);
    /// The service that requests are signed for. Default: `lambda`.
    Service: text(1, 64);
    /// The region that requests are signed for. Default: that of the URL's host.
    Region: text(1, 64);
    /// Where connections go instead of the URL's host: a list of `https://HOST:PORT`, or a name in DNS.
    Endpoints: ENDPOINTS;
    /// The longest that name resolution, TCP and TLS may take together. Default: 2s.
    ConnectTimeout: CONNECT_TIMEOUT;
    /// The most connections to one address, and so the most calls at a time. Default: 64.
    MaxConnections: integer(1, 10_000);
    /// How certificates are checked and shown.
    Tls: Shape::Map(TLS);
    /// What statuses mean, where it is not the usual. A status may stand in one list only.
    Statuses: Shape::Map(STATUSES);
    /// The longest pause of a `Retry-After` that is kept. Default: 5m.
    RetryAfterMax: span(Duration::ZERO, HOUR);
    /// How the service is watched. While it is down, nothing is received.
    Health: Shape::Map(HEALTH);
};

const CONNECT_TIMEOUT: Shape = span(Duration::from_millis(10), Duration::from_secs(60));

static SECRET: &[Member] = members! {
    /// The absolute path of a file with the secret.
    File: text(1, 4096);
    /// The name of a variable with the secret.
    Env: text(1, 256);
};

static SIGNATURE: &[Member] = members! {
    /// How: as the specification Standard Webhooks says.
    Scheme: Shape::Word(&["StandardWebhooks"]);
    /// The secrets; each gives a signature, so that an old one and a new one can overlap.
    Secrets: list(&Shape::Map(SECRET), 1, 10);
};

static TLS: &[Member] = members! {
    /// Certificates to trust instead of the system's, as PEM.
    CaFile: text(1, 4096);
    /// The own certificate with its chain, as PEM.
    CertFile: text(1, 4096);
    /// The key of `CertFile`, as PEM.
    KeyFile: text(1, 4096);
    /// The name that the certificate must have instead of the URL's host.
    ServerName: text(1, 253);
};

const STATUS_LIST: Shape = list(&Shape::Status, 0, 100);

static STATUSES: &[Member] = members! {
    /// Success; only from 200 to 299.
    Success: STATUS_LIST;
    /// The service asks for less: the batch is held and retried.
    Throttle: STATUS_LIST;
    /// The service is broken for now: the batch is held and retried.
    Transient: STATUS_LIST;
    /// The function has failed.
    Failed: STATUS_LIST;
    /// The function has failed and always will: the batch goes to the failure destination at once.
    Terminal: STATUS_LIST;
};

static HEALTH: &[Member] = members! {
    /// A path that answers GET with 200 to 299 while the service is up.
    Path: text(1, 2048);
    /// The service is up while it takes TCP connections.
    Tcp: Shape::Boolean;
    /// How often. Default: 5s.
    Every: span(Duration::from_millis(100), HOUR);
    /// The longest that one look may take. Default: 2s.
    Timeout: span(Duration::from_millis(10), Duration::from_secs(60));
    /// So many good looks in a row, and it is up. Default: 1.
    Healthy: integer(1, 100);
    /// So many bad looks in a row, and it is down. Default: 3.
    Unhealthy: integer(1, 100);
};

static RIE: &[Member] = members! {
    /// Where the emulators are: a list of `http://HOST:PORT`, or a name in DNS.
    Endpoints: ENDPOINTS;
    /// How many invocations one emulator takes at a time: above 1 only where its container has
    /// `AWS_LAMBDA_MAX_CONCURRENCY`. Default: 1.
    Concurrency: integer(1, 1000);
    /// Whether a result that looks like the error of a runtime counts as one. Default: true.
    ErrorShape: Shape::Boolean;
    /// Whether no other process invokes these emulators. It only silences a warning. Default: false.
    Exclusive: Shape::Boolean;
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
    /// A program and its arguments: forebay starts the workers itself, watches them, and ends them. Without `Listen`,
    /// no others attach.
    Command: list(&text(0, 4096), 1, 256);
    /// How many workers are started. Default: 1.
    Workers: integer(1, 256);
    /// Variables of the workers. Of forebay's own they get only what a program needs of its host, as `PATH`.
    Environment: Shape::Texts;
    /// The folder in which the workers run. Default: forebay's own.
    WorkingDirectory: text(1, 4096);
    /// The longest that a worker may take until it asks for its first event. Default: 60s.
    InitTimeout: span(SECOND, HOUR);
    /// The longest that a worker may take to end after SIGTERM, before SIGKILL. Default: 2s.
    KillAfter: span(Duration::from_millis(100), HOUR);
    /// The pause before a worker is started again that ended without an event.
    RestartBackoff: Shape::Map(RESTART_BACKOFF);
};

static RESTART_BACKOFF: &[Member] = members! {
    /// The first pause. Default: 1s.
    Initial: span(Duration::from_millis(10), HOUR);
    /// The longest pause. Default: 1m.
    Maximum: span(Duration::from_millis(10), HOUR);
};
