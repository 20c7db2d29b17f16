//! What `Poller.Function` says of how the function is invoked.

use std::time::Duration;

use super::code::Code;
use super::poller::{is_url, side};
use super::reader::{Reader, short};
use super::spec::{HttpTarget, LambdaTarget, Target};
use super::text::Span;
use super::value::Members;

/// The longest that a call of an HTTP service takes unless the mapping says otherwise.
const HTTP_TIMEOUT: Duration = Duration::from_secs(60);
/// What only calls of AWS have.
const OF_LAMBDA: [&str; 3] = ["RoleArn", "Region", "RequireLambdaHeaders"];

/// Reads the target; everything wrong with it is reported.
pub(super) fn read(reader: &mut Reader<'_>, members: &Members) -> Target {
    let Some(options) = members.map("Poller").and_then(|poller| poller.map("Function")) else {
        return Target::Lambda(LambdaTarget::default());
    };
    let timeout = options.duration("Timeout").map(|(timeout, _)| timeout);
    match options.map("Http") {
        None => Target::Lambda(LambdaTarget {
            side: side(reader, Some(options)),
            timeout,
            headers_optional: options.boolean("RequireLambdaHeaders") == Some(false),
        }),
        Some(http) => {
            for name in OF_LAMBDA {
                if let Some(value) = options.get(name) {
                    let message = format!("`{name}` is for Lambda functions, and `Http` is another target");
                    reader.error(Code::Conflict, value.span, message, format!("remove `{name}` or `Http`"));
                }
            }
            let at = options.key("Http").unwrap_or_default();
            Target::Http(HttpTarget { url: url(reader, http, at), timeout: timeout.unwrap_or(HTTP_TIMEOUT) })
        }
    }
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
