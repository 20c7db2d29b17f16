//! HTTP services.

use std::time::Duration;

use super::{Target, refuse, timeout};
use crate::mapping::code::Code;
use crate::mapping::poller::is_url;
use crate::mapping::reader::{Reader, short};
use crate::mapping::text::Span;
use crate::mapping::value::Members;

/// How an HTTP service is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    /// Where each event is posted to: `http://` or `https://`.
    pub url: String,
    /// The longest that a call may take.
    pub timeout: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>, http: &Members, options: &Members) -> Target {
    refuse(reader, options, "Http", &["RoleArn", "Region", "RequireLambdaHeaders"]);
    let at = options.key("Http").unwrap_or_default();
    Target::Http(HttpTarget { url: url(reader, http, at), timeout: timeout(options) })
}

fn url(reader: &mut Reader<'_>, http: &Members, at: Span) -> String {
    const HELP: &str = "write `http://HOST:PORT/PATH` or `https://HOST/PATH`";
    match http.text("Url") {
        Some((url, span)) if is_url(url) && url.contains('@') => {
            let help = "remove them from `Url`: it is shown in messages";
            reader.error(Code::Endpoint, span, "`Url` has a user name or a password", help);
        }
        Some((url, span)) if !is_url(url) => {
            reader.error(Code::Endpoint, span, format!("{:?} is not an http or https URL", short(url)), HELP);
        }
        Some((url, _)) => return url.to_owned(),
        None if http.broken.contains(&"Url") => {}
        None => reader.error(Code::Missing, at, "`Http` has no `Url`", HELP),
    }
    String::new()
}
