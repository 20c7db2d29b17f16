//! The variables of a worker: those of Lambda, what a program needs of its host, and what the mapping says.
//!
//! Nothing else of forebay's own: its credentials are for its own calls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;

use super::Start;

/// What a program needs of its host.
const OF_THE_HOST: [&str; 10] =
    ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The variables of a worker that attaches at this address.
pub(super) fn environment(
    start: &Start,
    function: &str,
    address: SocketAddr,
    now_unix_ms: u64,
    host: &dyn Fn(&str) -> Option<OsString>,
) -> BTreeMap<String, OsString> {
    let mut all: BTreeMap<String, OsString> =
        OF_THE_HOST.iter().filter_map(|name| Some(((*name).to_owned(), host(name)?))).collect();
    let ms = i64::try_from(now_unix_ms).unwrap_or(i64::MAX);
    let date = jiff::Timestamp::from_millisecond(ms).map(|at| at.strftime("%Y/%m/%d").to_string()).unwrap_or_default();
    let folder = start.spec.working_directory.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let handler = start.spec.command.last().cloned().unwrap_or_default();
    let lambda = [
        ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{function}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("{date}/[$LATEST]{:032x}", fastrand::u128(..))),
        ("AWS_REGION", start.region.as_ref().into()),
        ("AWS_DEFAULT_REGION", start.region.as_ref().into()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".into()),
        ("TZ", ":UTC".into()),
        ("PYTHONUNBUFFERED", "1".into()),
        ("_HANDLER", handler),
    ];
    all.extend(lambda.map(|(name, value)| (name.to_owned(), value.into())));
    all.insert("LAMBDA_TASK_ROOT".into(), folder.into());
    all.extend(start.spec.environment.iter().map(|(name, value)| (name.clone(), value.into())));
    // No other port and no other way to start would work.
    all.insert("AWS_LAMBDA_RUNTIME_API".into(), address.to_string().into());
    all.insert("AWS_LAMBDA_INITIALIZATION_TYPE".into(), "on-demand".into());
    all
}
