//! What stands under `Poller` of every mapping.

use std::num::NonZeroU32;

use super::arn;
use super::build::narrow;
use super::code::Code;
use super::model::{Arn, Poller, Side};
use super::reader::{Reader, short};
use super::value::Members;
use crate::machine::BackoffPolicy;

/// Reads `Poller`; what is missing or wrong has its default.
pub(crate) fn read(reader: &mut Reader<'_>, mapping: &Members) -> Poller {
    let mut poller = Poller::default();
    let Some(members) = mapping.map("Poller") else { return poller };
    if let Some(endpoints) = members.map("Endpoints") {
        for (service, ..) in &endpoints.entries {
            let Some((url, span)) = endpoints.text(service) else { continue };
            if is_url(url) {
                poller.endpoints.insert((*service).into(), url.into());
            } else {
                let message = format!("{:?} is not an http or https URL", short(url));
                reader.error(Code::Endpoint, span, message, "write `http://HOST:PORT` or `https://HOST`");
            }
        }
    }
    poller.source = side(reader, members.map("Source"));
    poller.destination = side(reader, members.map("Destination"));
    poller.retry_backoff = backoff(reader, members.map("RetryBackoff"), BackoffPolicy::default());
    poller.rate_limit = members.integer("RateLimit").and_then(|(number, _)| NonZeroU32::new(narrow(number)));
    poller.on_failure_payload = members.boolean("OnFailurePayload").unwrap_or(false);
    poller.invoke_identity = members.map("Function").and_then(|function| identity(reader, function));
    poller.drain_timeout = members.duration("DrainTimeout").map(|(timeout, _)| timeout);
    poller
}

fn identity(reader: &mut Reader<'_>, function: &Members) -> Option<String> {
    let (text, span) = function.text("InvokeIdentityArn")?;
    if Arn::parse(text).is_some_and(|arn| matches!(arn.service.as_str(), "iam" | "sts")) {
        return Some(text.into());
    }
    let message = format!("{:?} is not the ARN of a role", short(text));
    reader.error(Code::RoleArn, span, message, "write `arn:aws:iam::ACCOUNT:role/NAME`");
    None
}

pub(super) fn side(reader: &mut Reader<'_>, members: Option<&Members>) -> Side {
    let mut side = Side::default();
    let Some(members) = members else { return side };
    if let Some((text, span)) = members.text("RoleArn") {
        let is_role =
            |arn: &Arn| arn.service == "iam" && arn::is_account(&arn.account) && arn.resource.starts_with("role/");
        if Arn::parse(text).as_ref().is_some_and(is_role) {
            side.role_arn = Some(text.into());
        } else {
            let message = format!("{:?} is not the ARN of a role", short(text));
            reader.error(Code::RoleArn, span, message, "write `arn:aws:iam::ACCOUNT:role/NAME`");
        }
    }
    if let Some((text, span)) = members.text("Region") {
        if arn::is_region(text) {
            side.region = Some(text.into());
        } else {
            let message = format!("{:?} is not a region", short(text));
            reader.error(Code::Region, span, message, "write a region's name: `us-east-1`");
        }
    }
    side
}

pub(super) fn backoff(reader: &mut Reader<'_>, members: Option<&Members>, default: BackoffPolicy) -> BackoffPolicy {
    let Some(members) = members else { return default };
    let initial = members.duration("Initial");
    let maximum = members.duration("Maximum");
    match (initial, maximum) {
        (Some((initial, _)), Some((maximum, span))) if maximum < initial => {
            let help = "write a `Maximum` of at least `Initial`";
            reader.error(Code::BackoffOrder, span, "`Maximum` is shorter than `Initial`", help);
            default
        }
        // One of the two given: the other's default gives way to it.
        (Some((initial, _)), None) => BackoffPolicy { initial, maximum: default.maximum.max(initial) },
        (None, Some((maximum, _))) => BackoffPolicy { initial: default.initial.min(maximum), maximum },
        (Some((initial, _)), Some((maximum, _))) => BackoffPolicy { initial, maximum },
        (None, None) => default,
    }
}

pub(super) fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_name = match name.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !name.is_empty() && !name.contains(['[', ']']),
    };
    is_name
        && !text.contains(char::is_whitespace)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_urls() {
        for url in ["http://localhost:4566", "https://sqs.us-east-1.amazonaws.com", "http://[::1]:4566/", "http://h/p"]
        {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "localhost:4566",
            "http://",
            "http://[::1/",
            "http://[::1",
            "http://[h]/",
            "http://h]/",
            "http://:80",
            "ftp://h",
            "http://h:0",
            "http://h:99999",
            "http://h o",
            "http://h:x",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }
}
