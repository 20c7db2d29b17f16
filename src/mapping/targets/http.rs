//! HTTP services, and function URLs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::http_options as options;
use super::{Addresses, Health, Secret, Statuses, Target, TlsOptions, addresses, refuse, timeout};
use crate::mapping::build::narrow;
use crate::mapping::code::Code;
use crate::mapping::model::Side;
use crate::mapping::poller::{is_url, side};
use crate::mapping::reader::{Reader, short};
use crate::mapping::text::Span;
use crate::mapping::value::Members;

/// What an HTTP service has unless the mapping says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_CONNECTIONS: u32 = 64;
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// How an HTTP service is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    /// Where each event is posted to: `http://` or `https://`.
    pub url: String,
    /// The longest that a call may take, from the first byte of the request to the last of the answer.
    pub timeout: Duration,
    /// `Endpoints`: where connections go instead of the URL's host.
    pub addresses: Option<Addresses>,
    /// The longest that name resolution, TCP and TLS may take together.
    pub connect_timeout: Duration,
    /// The most connections to one address, and so the most calls at a time.
    pub max_connections: u32,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
    /// How requests show who sends them.
    pub auth: Auth,
    /// The secrets that sign requests as Standard Webhooks says; all of them sign.
    pub signature: Vec<Secret>,
    /// How certificates are checked and shown.
    pub tls: TlsOptions,
    /// The form of the body.
    pub envelope: Envelope,
    /// What statuses mean, where it is not the usual.
    pub statuses: Statuses,
    /// The longest pause of a `Retry-After` that is kept; zero: none is.
    pub retry_after_max: Duration,
    /// How the service is watched; `None`: only its connections are.
    pub health: Option<Health>,
}

/// How requests show who sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// They do not.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// AWS's signature, version 4.
    SigV4 {
        /// The service that is signed for.
        service: String,
        /// The region and the role.
        side: Side,
    },
}

/// The form of a request's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Envelope {
    /// The event that a Lambda function gets.
    #[default]
    Lambda,
    /// A batch of CloudEvents, as JSON.
    CloudEvents,
}

impl HttpTarget {
    /// A service with nothing but a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            timeout: super::TIMEOUT,
            addresses: None,
            connect_timeout: CONNECT_TIMEOUT,
            max_connections: MAX_CONNECTIONS,
            headers: BTreeMap::new(),
            auth: Auth::None,
            signature: Vec::new(),
            tls: TlsOptions::default(),
            envelope: Envelope::Lambda,
            statuses: Statuses::default(),
            retry_after_max: RETRY_AFTER_MAX,
            health: None,
        }
    }

    /// The region and the role of signed requests.
    #[must_use]
    pub const fn side(&self) -> Option<&Side> {
        match &self.auth {
            Auth::SigV4 { side, .. } => Some(side),
            Auth::None | Auth::Bearer(_) => None,
        }
    }
}

/// Reads `Http`.
pub(super) fn read(reader: &mut Reader<'_>, http: &Members, function: &Members) -> Target {
    refuse(reader, function, "Http", &["RoleArn", "Region", "RequireLambdaHeaders"]);
    let mut target = shared(reader, http, function, "Http");
    if let Some(bearer) = http.map("Bearer") {
        let at = http.key("Bearer").unwrap_or_default();
        target.auth = options::secret(reader, bearer, "Bearer", at).map_or(Auth::None, Auth::Bearer);
        if target.url.starts_with("http://") {
            let help = "use https, or keep the connection inside the host or a private network";
            reader.warning(Code::SecretInPlain, at, "the bearer token is sent over plain http", help);
        }
    }
    target.headers = options::headers(reader, http);
    target.signature = options::signature(reader, http);
    if http.text("Envelope").is_some_and(|(word, _)| word == "CloudEvents") {
        target.envelope = Envelope::CloudEvents;
    }
    Target::Http(Box::new(target))
}

/// Reads `FunctionUrl`.
pub(super) fn read_function_url(reader: &mut Reader<'_>, url: &Members, function: &Members) -> Target {
    refuse(reader, function, "FunctionUrl", &["RequireLambdaHeaders"]);
    let mut target = shared(reader, url, function, "FunctionUrl");
    let mut side = side(reader, Some(function));
    if let (Some((_, own)), Some(_)) = (url.text("Region"), &side.region) {
        let help = "remove one of the two";
        reader.error(Code::Conflict, own, "`FunctionUrl.Region` and `Region` are both given", help);
    }
    let region = url.text("Region");
    side.region = self::side(reader, Some(url)).region.or(side.region);
    let of_lambda = lambda_url_region(&target.url);
    if region.is_none() && side.region.is_none() {
        side.region = of_lambda.map(str::to_owned);
    }
    let at = url.key("Url").unwrap_or_default();
    if side.region.is_none() && !url.broken.contains(&"Region") {
        let help = "write `Region: us-east-1`, or the region of the service";
        reader.error(Code::Missing, at, "the host does not show the region, and there is no `Region`", help);
    }
    if of_lambda.is_some() {
        // What the function throws is a 502 there.
        target.statuses.failed_unless_said(502);
        let message = "a function URL wraps each event as an HTTP request, and functions for event sources do not \
            expect that";
        let help = "invoke the function itself: remove `FunctionUrl`, and write its name as `FunctionName`";
        reader.warning(Code::WrappedEvent, at, message, help);
    }
    let service = url.text("Service").map_or("lambda", |(service, _)| service).to_owned();
    target.auth = Auth::SigV4 { service, side };
    Target::Http(Box::new(target))
}

/// The region in the host of a function URL: `ID.lambda-url.REGION.on.aws`.
fn lambda_url_region(url: &str) -> Option<&str> {
    let host = url.split("://").nth(1)?.split(['/', ':', '?']).next()?;
    let (_, rest) = host.split_once(".lambda-url.")?;
    rest.strip_suffix(".on.aws").or_else(|| rest.strip_suffix(".on.aws.cn"))
}

/// Reads what both have.
fn shared(reader: &mut Reader<'_>, http: &Members, function: &Members, name: &'static str) -> HttpTarget {
    let at = function.key(name).unwrap_or_default();
    let mut target = HttpTarget::new(url(reader, http, at, name));
    let scheme = if target.url.starts_with("https://") { "https" } else { "http" };
    target.timeout = timeout(function);
    if http.get("Endpoints").is_some() {
        target.addresses = addresses::read(reader, http, scheme);
    }
    if let Some((connect, _)) = http.duration("ConnectTimeout") {
        target.connect_timeout = connect;
    }
    if let Some((most, _)) = http.integer("MaxConnections") {
        target.max_connections = narrow(most);
    }
    if let Some((longest, _)) = http.duration("RetryAfterMax") {
        target.retry_after_max = longest;
    }
    target.tls = options::tls(reader, http, scheme);
    target.statuses = options::statuses(reader, http);
    target.health = options::health(reader, http);
    target
}

fn url(reader: &mut Reader<'_>, http: &Members, at: Span, target: &str) -> String {
    const HELP: &str = "write `http://HOST:PORT/PATH` or `https://HOST/PATH`";
    match http.text("Url") {
        Some((url, span)) if is_url(url) && url.contains('@') => {
            let help = "remove them from `Url`: it is shown in messages";
            reader.error(Code::Endpoint, span, "`Url` has a user name or a password", help);
        }
        Some((url, span)) if !is_url(url) || url.contains('#') || !url.is_ascii() => {
            reader.error(Code::Endpoint, span, format!("{:?} is not an http or https URL", short(url)), HELP);
        }
        Some((url, _)) => return url.to_owned(),
        None if http.broken.contains(&"Url") => {}
        None => reader.error(Code::Missing, at, format!("`{target}` has no `Url`"), HELP),
    }
    String::new()
}
