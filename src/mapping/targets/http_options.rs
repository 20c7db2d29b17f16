//! What can be said of an HTTP service beyond its URL.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::TlsOptions;
use crate::mapping::build::narrow;
use crate::mapping::code::Code;
use crate::mapping::reader::{Reader, short};
use crate::mapping::text::Span;
use crate::mapping::value::{Kind, Members, Named};

/// Where a secret stands. It is read when it is needed, and again when it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The text of a file, without the white space around it.
    File(PathBuf),
    /// The value of a variable of the environment.
    Env(String),
}

/// What statuses mean, where it is not the usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses(Vec<(RangeInclusive<u16>, StatusMeaning)>);

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusMeaning {
    /// The function has succeeded. Only a status from 200 to 299 can mean this.
    Success,
    /// The service asks for less.
    Throttle,
    /// The service is broken for now.
    Transient,
    /// The function has failed.
    Failed,
    /// The function has failed, and always will.
    Terminal,
}

impl Statuses {
    /// What the mapping says of a status.
    #[must_use]
    pub fn meaning(&self, status: u16) -> Option<StatusMeaning> {
        self.0.iter().find(|(range, _)| range.contains(&status)).map(|(_, meaning)| *meaning)
    }

    /// Whether a status ends a batch at once.
    pub(super) fn have_terminal(&self) -> bool {
        self.0.iter().any(|(_, meaning)| *meaning == StatusMeaning::Terminal)
    }

    /// With this status the function has failed, unless the mapping says otherwise.
    pub(super) fn failed_unless_said(&mut self, status: u16) {
        self.0.push((status..=status, StatusMeaning::Failed));
    }
}

/// How a service is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is asked by GET; `None`: whether it takes TCP connections.
    pub path: Option<String>,
    /// How often.
    pub every: Duration,
    /// The longest that one look may take.
    pub timeout: Duration,
    /// So many good looks in a row, and it is up.
    pub healthy: u32,
    /// So many bad looks in a row, and it is down.
    pub unhealthy: u32,
}

/// What is set for each request by forebay itself, or by the protocol.
const OWN_HEADERS: [&str; 17] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amz-request-id",
    "x-amzn-trace-id",
];
/// Parts of names of headers that carry secrets.
const SECRET_HEADERS: [&str; 9] =
    ["authorization", "cookie", "api-key", "apikey", "token", "secret", "password", "credential", "signature"];

/// Reads `Headers`.
pub(super) fn headers(reader: &mut Reader<'_>, http: &Members) -> BTreeMap<String, String> {
    let headers = http.texts("Headers");
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    for (name, Named { text, span: at, .. }) in &headers {
        let lower = name.to_ascii_lowercase();
        let shown = short(name);
        if !name.chars().all(is_token) {
            let help = "write letters, digits and hyphens";
            reader.error(Code::Header, *at, format!("{shown:?} is not the name of a header"), help);
        } else if SECRET_HEADERS.iter().any(|part| lower.contains(part)) {
            let message = format!("`{shown}` would be a secret in a mapping file");
            let help = "write `Bearer: { File: /run/secrets/token }`, which sets `Authorization`";
            reader.error(Code::InlineSecret, *at, message, help);
        } else if OWN_HEADERS.contains(&&*lower) || lower.starts_with("forebay-") || lower.starts_with("webhook-") {
            let message = format!("`{shown}` is set for each request");
            reader.error(Code::Header, *at, message, "remove it, or write another name");
        } else if !text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            let message = format!("the value of `{shown}` is not plain ASCII");
            reader.error(Code::Header, *at, message, "write printable ASCII characters");
        }
    }
    headers.into_iter().map(|(name, named)| (name, named.text)).collect()
}

/// Reads `File` or `Env`: exactly one.
pub(super) fn secret(reader: &mut Reader<'_>, secret: &Members, name: &str, at: Span) -> Option<Secret> {
    const HELP: &str = "write `{ File: /run/secrets/NAME }` or `{ Env: NAME }`";
    match (secret.text("File"), secret.text("Env")) {
        (Some((file, span)), None) => path(reader, file, span).map(Secret::File),
        (None, Some((env, span))) => {
            if reader.env.is_some_and(|env_of| env_of(env).is_some_and(|value| !value.trim().is_empty())) {
                return Some(Secret::Env(env.to_owned()));
            }
            let message = format!("the environment has no variable `{}`", short(env));
            reader.error(Code::UndefinedVariable, span, message, "set it before forebay starts, or write a `File`");
            None
        }
        (Some(_), Some((_, span))) => {
            reader.error(Code::Conflict, span, format!("`{name}` has a `File` and an `Env`"), HELP);
            None
        }
        (None, None) => {
            if secret.broken.is_empty() {
                reader.error(Code::Missing, at, format!("`{name}` has neither `File` nor `Env`"), HELP);
            }
            None
        }
    }
}

fn path(reader: &mut Reader<'_>, file: &str, span: Span) -> Option<PathBuf> {
    if file.starts_with('/') {
        return Some(file.into());
    }
    let message = format!("{:?} is not an absolute path", short(file));
    reader.error(Code::FilePath, span, message, "begin it with `/`: it does not depend on where forebay starts");
    None
}

/// Reads `Signature`.
pub(super) fn signature(reader: &mut Reader<'_>, http: &Members) -> Vec<Secret> {
    let Some(signature) = http.map("Signature") else { return Vec::new() };
    let at = http.key("Signature").unwrap_or_default();
    for name in ["Scheme", "Secrets"] {
        let empty = name == "Secrets" && signature.get(name).is_some_and(|value| !value.says());
        if (signature.get(name).is_none() || empty) && !signature.broken.contains(&name) {
            let help = "write `{ Scheme: StandardWebhooks, Secrets: [{ File: /run/secrets/NAME }] }`";
            reader.error(Code::Missing, at, format!("`Signature` has no `{name}`"), help);
        }
    }
    let mut secrets = Vec::new();
    for item in signature.list("Secrets") {
        if let Kind::Map(members) = &item.kind {
            secrets.extend(secret(reader, members, "Secrets", item.span));
        }
    }
    secrets
}

/// Reads `Tls`.
pub(super) fn tls(reader: &mut Reader<'_>, http: &Members, scheme: &str) -> TlsOptions {
    let Some(tls) = http.map("Tls") else { return TlsOptions::default() };
    let at = http.key("Tls").unwrap_or_default();
    if scheme == "http" && http.get("Url").is_some() {
        reader.error(Code::Conflict, at, "`Tls` is for https, and `Url` is http", "write `https://`, or remove `Tls`");
    }
    for (own, other) in [("CertFile", "KeyFile"), ("KeyFile", "CertFile")] {
        if let (Some(span), None) = (tls.key(own), tls.get(other))
            && !tls.broken.contains(&other)
        {
            let help = "a client certificate needs both: write the other, too";
            reader.error(Code::Missing, span, format!("`{own}` stands without `{other}`"), help);
        }
    }
    let mut file = |name| {
        let (text, span) = tls.text(name)?;
        path(reader, text, span)
    };
    let (ca_file, cert_file, key_file) = (file("CaFile"), file("CertFile"), file("KeyFile"));
    let server_name = tls.text("ServerName").map(|(name, span)| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if !name.chars().all(is_name) {
            let message = format!("{:?} is not a name that a certificate can have", short(name));
            reader.error(Code::Endpoint, span, message, "write a host name: `orders.internal`");
        }
        name.to_owned()
    });
    TlsOptions { ca_file, cert_file, key_file, server_name }
}

/// Reads `Statuses`.
pub(super) fn statuses(reader: &mut Reader<'_>, http: &Members) -> Statuses {
    let mut statuses = Statuses::default();
    let Some(lists) = http.map("Statuses") else { return statuses };
    let meanings = [
        ("Success", StatusMeaning::Success),
        ("Throttle", StatusMeaning::Throttle),
        ("Transient", StatusMeaning::Transient),
        ("Failed", StatusMeaning::Failed),
        ("Terminal", StatusMeaning::Terminal),
    ];
    for (name, meaning) in meanings {
        for item in lists.list(name) {
            let Kind::Text(text) = &item.kind else { continue };
            let Some(range) = range(text) else {
                let message = format!("{:?} is neither a status nor a range of them", short(text));
                reader.error(Code::StatusCode, item.span, message, "write `410`, or `\"500-504\"`");
                continue;
            };
            if meaning == StatusMeaning::Success && (*range.start() < 200 || *range.end() > 299) {
                let message = format!("{text} cannot mean success");
                reader.error(Code::StatusCode, item.span, message, "write statuses from 200 to 299");
            }
            if let Some((other, _)) = statuses.0.iter().find(|(other, _)| overlap(other, &range)) {
                let message = format!("{text} is in two lists, or twice in one: as {}", written(other));
                reader.error(Code::StatusCode, item.span, message, "write each status once");
            }
            statuses.0.push((range, meaning));
        }
    }
    // A 2xx may mean a failure, as 202 of a service that has done nothing yet; but not all of them.
    let succeeds = |status| matches!(statuses.meaning(status), None | Some(StatusMeaning::Success));
    if let Some(span) = http.key("Statuses")
        && !(200..=299).any(succeeds)
    {
        let help = "leave at least one status from 200 to 299 out of the other lists: `Failed: [202]`";
        reader.error(Code::StatusCode, span, "no status is left that means success", help);
    }
    statuses
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = |text: &str| text.trim().parse().ok().filter(|status| (200..=599).contains(status));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some(first..=last)
}

fn overlap(a: &RangeInclusive<u16>, b: &RangeInclusive<u16>) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}

fn written(range: &RangeInclusive<u16>) -> String {
    if range.start() == range.end() { range.start().to_string() } else { format!("{}-{}", range.start(), range.end()) }
}

/// Reads `Health`.
pub(super) fn health(reader: &mut Reader<'_>, http: &Members) -> Option<Health> {
    let health = http.map("Health")?;
    let at = http.key("Health").unwrap_or_default();
    let by_tcp = health.boolean("Tcp");
    match (health.text("Path"), by_tcp) {
        (Some((_, span)), Some(true)) => {
            reader.error(Code::Conflict, span, "`Health` has a `Path` and `Tcp: true`", "remove one of the two");
        }
        (Some((path, span)), _) if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) => {
            let message = format!("{:?} is not a path", short(path));
            reader.error(Code::Endpoint, span, message, "begin it with `/`: `/healthz`");
        }
        (None, None | Some(false)) if health.broken.is_empty() => {
            let help = "write `{ Path: /healthz }` or `{ Tcp: true }`";
            reader.error(Code::Missing, at, "`Health` has neither `Path` nor `Tcp: true`", help);
        }
        _ => {}
    }
    let span = |name, default| health.duration(name).map_or(Duration::from_secs(default), |(span, _)| span);
    let count = |name, default| health.integer(name).map_or(default, |(number, _)| narrow(number));
    Some(Health {
        path: health.text("Path").map(|(path, _)| path.to_owned()),
        every: span("Every", 5),
        timeout: span("Timeout", 2),
        healthy: count("Healthy", 1),
        unhealthy: count("Unhealthy", 3),
    })
}
