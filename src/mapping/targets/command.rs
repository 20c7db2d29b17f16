//! Workers that forebay starts itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::machine::BackoffPolicy;
use crate::mapping::build::narrow;
use crate::mapping::code::Code;
use crate::mapping::poller::backoff;
use crate::mapping::reader::{Reader, short};
use crate::mapping::value::{Kind, Members, Named};

/// What a worker may take for its start unless the mapping says otherwise.
const INIT_TIMEOUT: Duration = Duration::from_secs(60);
/// What a worker may take for its end.
const KILL_AFTER: Duration = Duration::from_secs(2);
/// The pauses between starts of a worker that does not come up.
const RESTART: BackoffPolicy = BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(60) };
/// The variables that say to a worker where forebay is.
const OURS: [&str; 2] = ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_INITIALIZATION_TYPE"];

/// Variables of AWS's that are secrets.
const SECRETS: [&str; 5] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
];

/// Processes that forebay starts, watches and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// How many of them.
    pub workers: u32,
    /// Variables of theirs.
    pub environment: BTreeMap<String, String>,
    /// The folder in which they run; forebay's own where none is named.
    pub working_directory: Option<PathBuf>,
    /// The longest that a worker may take until it asks for its first event.
    pub init_timeout: Duration,
    /// The longest that a worker may take to end when it is asked to.
    pub kill_after: Duration,
    /// The pauses before a worker is started again that has ended without an event.
    pub restart: BackoffPolicy,
}

/// The members that say nothing without `Command`.
const SETTINGS: [&str; 6] =
    ["Workers", "Environment", "WorkingDirectory", "InitTimeout", "KillAfter", "RestartBackoff"];

pub(super) fn read(reader: &mut Reader<'_>, api: &Members) -> Option<CommandSpec> {
    if api.get("Command").is_none() {
        for name in SETTINGS.iter().filter(|_| !api.broken.contains(&"Command")) {
            if let Some(span) = api.key(name) {
                let message = format!("`{name}` has no effect without `Command`");
                reader.warning(Code::CommandMissing, span, message, format!("write a `Command`, or remove `{name}`"));
            }
        }
        return None;
    }
    let command = api.list("Command").iter().filter_map(|part| match &part.kind {
        Kind::Text(text) => Some(text.clone()),
        _ => None,
    });
    let command: Vec<_> = command.collect();
    if command.first().is_none_or(String::is_empty)
        && let Some(span) = api.key("Command")
    {
        let help = "write the program and its arguments: `[python3, -m, awslambdaric, app.handler]`";
        reader.error(Code::Missing, span, "`Command` names no program", help);
    }
    if command.iter().any(|part| part.contains('\0'))
        && let Some(span) = api.key("Command")
    {
        reader.error(Code::NotAllowed, span, "`Command` holds a NUL character", "remove it: no program can get it");
    }
    if let Some((path, span)) = api.text("WorkingDirectory")
        && path.contains('\0')
    {
        reader.error(Code::NotAllowed, span, "`WorkingDirectory` holds a NUL character", "write a path without it");
    }
    let environment = api.texts("Environment");
    for (name, Named { text, span, literal }) in &environment {
        let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            let message = format!("{:?} is not the name of a variable", short(name));
            reader.error(Code::Variable, *span, message, "write letters, digits and `_`, and no digit first");
        } else if OURS.contains(&name.as_str()) {
            let message = format!("the variable {name} is set by forebay");
            reader.error(Code::Variable, *span, message, format!("remove `{name}`"));
        } else if text.contains('\0') {
            let message = format!("the variable {name} holds a NUL character");
            reader.error(Code::Variable, *span, message, "remove it: no program can get it");
        } else if *literal && !text.is_empty() && SECRETS.contains(&name.as_str()) {
            let message = format!("`{name}` would be a secret in a mapping file");
            let help = format!("set a variable before forebay starts, and write `{name}: \"${{{name}}}\"`");
            reader.error(Code::InlineSecret, *span, message, help);
        }
    }
    let number = |name, default| api.integer(name).map_or(default, |(number, _)| narrow(number));
    let span = |name, default| api.duration(name).map_or(default, |(span, _)| span);
    Some(CommandSpec {
        command,
        workers: number("Workers", 1),
        environment: environment.into_iter().map(|(name, named)| (name, named.text)).collect(),
        working_directory: api.text("WorkingDirectory").map(|(path, _)| path.into()),
        init_timeout: span("InitTimeout", INIT_TIMEOUT),
        kill_after: span("KillAfter", KILL_AFTER),
        restart: backoff(reader, api.map("RestartBackoff"), RESTART),
    })
}
