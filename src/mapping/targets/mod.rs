//! What takes a mapping's batches: one file a target, with what belongs to it alone and how it is read.

mod addresses;
mod check;
mod command;
mod http;
mod http_options;
mod lambda;
mod rie;
mod runtime_api;

use std::time::Duration;

pub use addresses::{Addresses, Dns, TlsOptions};
pub use command::CommandSpec;
pub use http::{Auth, Envelope, HttpTarget};
pub use http_options::{Health, Secret, StatusMeaning, Statuses};
pub use lambda::LambdaTarget;
pub use rie::RieTarget;
pub use runtime_api::{LateAnswers, RuntimeApiTarget};

use super::code::Code;
use super::reader::Reader;
use super::text::Span;
use super::value::Members;

/// How a mapping's function is invoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Lambda function.
    Lambda(LambdaTarget),
    /// `Poller.Function.Http`: an HTTP service.
    Http(Box<HttpTarget>),
    /// `Poller.Function.Rie`: AWS's runtime interface emulators.
    Rie(RieTarget),
    /// `Poller.Function.RuntimeApi`: workers that attach to forebay.
    RuntimeApi(RuntimeApiTarget),
}

impl Target {
    /// `Poller.Function.Timeout`, or the default of the target where it has one.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Lambda(lambda) => lambda.timeout,
            Self::Http(http) => Some(http.timeout),
            Self::Rie(rie) => Some(rie.timeout),
            Self::RuntimeApi(api) => Some(api.timeout),
        }
    }

    /// `Poller.Function.Region`.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::Lambda(lambda) => lambda.side.region.as_deref(),
            Self::Http(http) => http.side()?.region.as_deref(),
            Self::Rie(_) | Self::RuntimeApi(_) => None,
        }
    }

    /// `Poller.Function.RoleArn`.
    #[must_use]
    pub fn role_arn(&self) -> Option<&str> {
        match self {
            Self::Lambda(lambda) => lambda.side.role_arn.as_deref(),
            Self::Http(http) => http.side()?.role_arn.as_deref(),
            Self::Rie(_) | Self::RuntimeApi(_) => None,
        }
    }

    /// The member of `Poller.Function` that names it, and where it is: a URL, a name and port, or where workers attach.
    /// `None` for a Lambda function.
    pub(crate) fn place(&self) -> Option<(&'static str, String)> {
        Some(match self {
            Self::Lambda(_) => return None,
            Self::Http(http) if matches!(http.auth, Auth::SigV4 { .. }) => ("FunctionUrl", http.url.clone()),
            Self::Http(http) => ("Http", http.url.clone()),
            Self::Rie(rie) => ("Rie", rie.addresses.to_string()),
            Self::RuntimeApi(api) => {
                let command = api.command.as_ref().map(|command| command.command.join(" "));
                let places = api.listen.map(|address| address.to_string()).into_iter().chain(command);
                ("RuntimeApi", places.collect::<Vec<_>>().join(", "))
            }
        })
    }

    /// Where its workers attach, and where a file says so.
    pub(super) fn listener(&self, mapping: &Members) -> Option<(&RuntimeApiTarget, Span)> {
        let Self::RuntimeApi(api) = self else { return None };
        let options = mapping.map("Poller")?.map("Function")?;
        let own = options.map("RuntimeApi")?;
        let span = own.text("Listen").map(|(_, span)| span).or_else(|| own.key("Command"));
        span.map(|span| (api, span))
    }

    /// How a Lambda function is invoked, to change it; `None` for other targets.
    pub const fn lambda_mut(&mut self) -> Option<&mut LambdaTarget> {
        match self {
            Self::Lambda(lambda) => Some(lambda),
            Self::Http(_) | Self::Rie(_) | Self::RuntimeApi(_) => None,
        }
    }
}

/// Reads one target from its own members and from `Poller.Function`, where they stand.
type Read = fn(&mut Reader<'_>, &Members, &Members) -> Target;

/// The targets other than Lambda functions, by their members of `Poller.Function`.
const OTHERS: &[(&str, Read)] = &[
    ("Http", http::read),
    ("FunctionUrl", http::read_function_url),
    ("Rie", rie::read),
    ("RuntimeApi", runtime_api::read),
];

/// Reads the target; everything wrong with it is reported.
pub(super) fn read(reader: &mut Reader<'_>, members: &Members) -> Target {
    let Some(options) = members.map("Poller").and_then(|poller| poller.map("Function")) else {
        return Target::Lambda(LambdaTarget::default());
    };
    let mut written = OTHERS.iter().filter_map(|(name, read)| Some((*name, options.map(name)?, read)));
    let Some((name, own, read)) = written.next() else { return lambda::read(reader, options) };
    for (other, ..) in written {
        let message = format!("a mapping has one target, and `{name}` is another than `{other}`");
        let at = options.key(other).unwrap_or_default();
        reader.error(Code::Conflict, at, message, format!("remove `{name}` or `{other}`"));
    }
    let target = read(reader, own, options);
    check::check(reader, members, &target);
    target
}

/// The longest that a call takes unless the mapping says otherwise, where no configuration of AWS's says it.
const TIMEOUT: Duration = Duration::from_secs(60);

fn timeout(options: &Members) -> Duration {
    options.duration("Timeout").map_or(TIMEOUT, |(timeout, _)| timeout)
}

/// Reports members of `Poller.Function` that do not go together with the target `name`.
fn refuse(reader: &mut Reader<'_>, options: &Members, name: &str, others: &[&str]) {
    for other in others {
        if let Some(value) = options.get(other) {
            let message = format!("`{other}` is for Lambda functions, and `{name}` is another target");
            reader.error(Code::Conflict, value.span, message, format!("remove `{other}` or `{name}`"));
        }
    }
}
