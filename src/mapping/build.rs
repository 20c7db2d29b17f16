//! From what was read to a mapping: required parameters, forms of names and ARNs, defaults.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use xxhash_rust::xxh3::xxh3_128;

use super::arn::NotAFunction;
use super::code::Code;
use super::layout::Candidate;
use super::model::{FunctionRef, Mapping, Origin, Poller};
use super::reader::{Reader, short};
use super::sources::Source;
use super::spec::SourceSpec;
use super::targets::{CommandSpec, Target};
use super::text::Span;
use super::value::{Kind, Members};
use super::{destination, filters, poller, rules, sources, targets};
use crate::machine::uuid::{hyphenated, of_hash};
use crate::parameters::MAPPING;

/// A mapping as far as it could be read; kept also for broken ones, so that names and pairs can be compared.
pub(crate) struct Built {
    pub(crate) name: Option<(String, Span)>,
    pub(crate) pair: Option<Pair>,
    pub(crate) listener: Option<Listener>,
    pub(crate) mapping: Option<Mapping>,
}

/// What must be unique: a source and a function.
pub(crate) struct Pair {
    pub(crate) source: String,
    /// What a user calls it: a queue, a stream.
    pub(crate) noun: &'static str,
    pub(crate) source_region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) function: FunctionRef,
    pub(crate) span: Span,
}

/// Where the workers of a function attach.
pub(crate) struct Listener {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) allow_from: Vec<IpNet>,
    pub(crate) function: FunctionRef,
    pub(crate) command: Option<CommandSpec>,
    pub(crate) span: Span,
}

/// Builds one mapping; everything wrong with it is reported under its name.
pub(crate) fn build(reader: &mut Reader<'_>, candidate: &Candidate) -> Built {
    let (before, errors) = (reader.diagnostics.len(), reader.errors);
    reader.mapping = None;
    let members = reader.members(&candidate.entries, MAPPING, "");
    let name = name(reader, &members, candidate);
    let source = sources::read(reader, &members, candidate.span);
    let function = function(reader, &members, candidate.span);
    let target = targets::read(reader, &members);
    let mut poller = poller::read(reader, &members);
    let source = source.map(|Source { arn, kind, span }| {
        rules::check(reader, &members, kind.rules());
        let source = sources::spec(reader, &members, kind, arn, candidate.span);
        let on_failure = destination::read(reader, &members, &source);
        let filtering = filters::read(reader, &members, &source, on_failure.as_ref());
        if let Some((function, at)) = &function {
            regions(reader, &source, (function, *at), &target, &poller);
        }
        poller.screening = filtering.screening;
        (source, span, on_failure, filtering)
    });
    let sound = reader.errors == errors;
    reader.mapping = name.as_ref().map(|(name, _)| name.clone());
    for diagnostic in &mut reader.diagnostics[before..] {
        diagnostic.mapping.clone_from(&reader.mapping);
    }
    let pair = source.as_ref().zip(function.as_ref()).map(|((source, span, ..), (function, _))| Pair {
        source: source.id().to_owned(),
        noun: source.rules().noun,
        source_region: poller.source.region.clone(),
        endpoint: poller.endpoints.get(source.rules().endpoint).cloned(),
        function: function.clone(),
        span: *span,
    });
    let listener = function.as_ref().and_then(|(function, _)| {
        let (api, span) = target.listener(&members)?;
        Some(Listener {
            address: api.listen,
            allow_from: api.allow_from.clone(),
            function: function.clone(),
            command: api.command.clone(),
            span,
        })
    });
    let origin = origin(reader);
    let mapping = match (&name, source, function) {
        (Some((name, _)), Some((source, _, on_failure, filtering)), Some((function, _))) if sound => Some(Mapping {
            name: name.clone(),
            uuid: if origin == Origin::Api { name.clone() } else { uuid(name) },
            origin,
            enabled: enabled(&members),
            batch_size: members
                .integer("BatchSize")
                .map_or(source.rules().batch_size.default, |(number, _)| narrow(number)),
            window: Duration::from_secs(
                members.integer("MaximumBatchingWindowInSeconds").map_or(0, |(seconds, _)| narrow(seconds).into()),
            ),
            source,
            function,
            target,
            report_batch_item_failures: !members.list("FunctionResponseTypes").is_empty(),
            filters: filtering.patterns,
            filtered_to: filtering.filtered_to,
            on_failure,
            poller,
            tags: members.tags("Tags"),
            metrics: metrics(&members),
        }),
        _ => None,
    };
    Built { name, pair, listener, mapping }
}

/// The table of parameters keeps every number below this, and those that mean no limit are taken out before.
pub(crate) fn narrow(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// A file has variables, a definition of the API has none.
fn origin(reader: &Reader<'_>) -> Origin {
    if reader.env.is_some() { Origin::File(reader.text.file.clone()) } else { Origin::Api }
}

fn name(reader: &mut Reader<'_>, members: &Members, candidate: &Candidate) -> Option<(String, Span)> {
    if let (Origin::Api, Some(span)) = (origin(reader), members.key("Name")) {
        let help = "remove it: a mapping that was made through the API is named by its UUID";
        reader.error(Code::UnknownKey, span, "unknown parameter `Name`", help);
        return None;
    }
    if members.broken.contains(&"Name") {
        return None;
    }
    let (name, span, written) = match members.text("Name") {
        Some((name, span)) => (name.to_owned(), span, true),
        None => (candidate.name.clone().unwrap_or_default(), candidate.span, false),
    };
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(sound) {
        return Some((name, span));
    }
    let message = if written {
        format!("{name:?} cannot be a name")
    } else {
        format!("the mapping has no `Name`, and {:?} cannot be one", short(&name))
    };
    let help = "write a `Name` of at most 64 letters, digits, `.`, `_` and `-`, with a letter or digit first";
    reader.error(Code::Name, span, message, help);
    None
}

/// The UUID of a name: a hash of it in the form of a version 8 UUID, so it is the same in every process.
fn uuid(name: &str) -> String {
    hyphenated(of_hash(xxh3_128(name.as_bytes())))
}

/// `Enabled`; in an answer of AWS's, which has none, the `State`.
fn enabled(members: &Members) -> bool {
    let by_state = || !members.text("State").is_some_and(|(state, _)| matches!(state, "Disabled" | "Disabling"));
    members.boolean("Enabled").unwrap_or_else(by_state)
}

/// `MetricsConfig.Metrics`.
fn metrics(members: &Members) -> Vec<String> {
    let groups = members.map("MetricsConfig").map(|config| config.list("Metrics")).unwrap_or_default();
    let words = groups.iter().filter_map(|group| match &group.kind {
        Kind::Text(word) => Some(word.clone()),
        _ => None,
    });
    words.collect()
}

/// Reports a required parameter that is not there, unless it is there and was reported as wrong.
pub(crate) fn missing(reader: &mut Reader<'_>, members: &Members, name: &'static str, span: Span, help: &str) {
    if members.broken.contains(&name) {
        return;
    }
    let at = members.nulls.iter().find(|(null, _)| *null == name).map_or(span, |(_, key)| *key);
    reader.error_of(name, Code::Missing, at, format!("the mapping has no `{name}`"), help);
}

fn function(reader: &mut Reader<'_>, members: &Members, span: Span) -> Option<(FunctionRef, Span)> {
    const FORM: &str =
        "write the function's name, its ARN, or `ACCOUNT:function:NAME`, each with an optional `:version` or `:alias`";
    let found = members.text("FunctionName").or_else(|| {
        let spare = !members.broken.contains(&"FunctionName");
        members.text("FunctionArn").filter(|(arn, _)| spare && !arn.is_empty())
    });
    let Some((text, span)) = found else {
        missing(reader, members, "FunctionName", span, FORM);
        return None;
    };
    match FunctionRef::parse(text) {
        Ok(function) => return Some((function, span)),
        Err(NotAFunction::OtherArn) => {
            reader.error(Code::FunctionName, span, format!("{:?} is not a function's ARN", short(text)), FORM);
        }
        Err(NotAFunction::TooLong) => {
            reader.error(Code::FunctionName, span, "the function's name has more than 64 characters", FORM);
        }
        Err(NotAFunction::Form) => {
            reader.error(Code::FunctionName, span, format!("{:?} names no function", short(text)), FORM);
        }
    }
    None
}

/// AWS asks for one region; forebay can cross, but that is seldom meant.
fn regions(
    reader: &mut Reader<'_>,
    source: &SourceSpec,
    (function, span): (&FunctionRef, Span),
    target: &Target,
    poller: &Poller,
) {
    let (Some(region), own) = (&function.region, &source.arn().region) else { return };
    if poller.source.region.is_some() || target.region().is_some() || region == own {
        return;
    }
    let noun = source.rules().noun;
    let message = format!("the function is in {region}, and the {noun} is in {own}");
    let help = format!(
        "map a function of the {noun}'s region, or write the regions under `Poller.Source.Region` and \
         `Poller.Function.Region` if this is meant"
    );
    reader.warning(Code::RegionsDiffer, span, message, help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_stable_and_of_version_8() {
        assert_eq!(uuid("orders"), uuid("orders"));
        assert_ne!(uuid("orders"), uuid("orders2"));
        assert_eq!(uuid("orders"), "b47e5f27-8b02-8151-9304-7ab9cc789b9d");
        for name in ["a", "b", "orders", "x.y"] {
            let uuid = uuid(name);
            assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'8'));
            assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{uuid}");
        }
    }
}
