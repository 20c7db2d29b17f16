//! The variables of `serverless.yml`: `${self:custom.queue}`, `${opt:stage, 'dev'}`, `${env:QUEUE}`.

use super::functions::filled_in;
use super::placeholders::{Part, parts, sources};
use super::resolver::{LONGEST, Resolved, Resolver, dynamic, member, too_long};
use super::value::{Missing, Unknown, Val, ValKind, rendered, spoken};
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};
use crate::mapping::{interpolate, notation};

pub(super) const PACKAGED: &str = "`serverless package` writes \
    `.serverless/cloudformation-template-update-stack.json`, in which everything is \
                        filled in: import that";

/// What one of several sources of a variable says.
enum Said {
    Value(Option<Val>),
    /// It has none, so the next one counts.
    Nothing,
    /// It depends on forebay's environment.
    Environment(String),
}

/// A text with its variables filled in. One that is a variable and nothing else may be any value.
pub(super) fn expand(resolver: &mut Resolver<'_>, text: &str, plain: bool, span: Span) -> Resolved {
    let parts = parts(text).ok_or_else(|| Unknown::new(span, "a `${` has no closing brace", "close it"))?;
    if let [Part::Variable(inner)] = parts.as_slice() {
        return variable(resolver, inner, span);
    }
    let is_literal = parts.iter().all(|part| matches!(part, Part::Literal(_)));
    let (mut words, mut missing) = (Words::default(), Missing::default());
    for part in parts {
        let found = match part {
            Part::Literal(text) => pseudo_parameters(resolver, text, span),
            Part::Variable(inner) => variable(resolver, inner, span).and_then(|value| {
                value.as_ref().and_then(Val::words).cloned().ok_or_else(|| {
                    let why = format!("`${{{}}}` is no text that could stand in another", short(inner));
                    Unknown::new(span, why, "write the text itself")
                })
            }),
        };
        words.push(missing.note(found).unwrap_or_default());
        if words.len() > LONGEST {
            return Err(too_long(span));
        }
    }
    let words = missing.or(words)?;
    let words = resolver.bounded(words, span)?;
    Ok(Some(Val { span, kind: ValKind::Text { words, plain: plain && is_literal } }))
}

/// Fills in `#{AWS::Region}` and the like: a plugin of Serverless makes `Sub` of them.
fn pseudo_parameters(resolver: &mut Resolver<'_>, text: &str, span: Span) -> Result<Words, Unknown> {
    dynamic(text, span)?;
    let (mut words, mut missing) = (Words::default(), Missing::default());
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("#{") {
        words.push_literal(before);
        let known = inner.split_once('}').filter(|(name, _)| {
            let id = name.split('.').next().unwrap_or_default();
            name.starts_with("AWS::") || resolver.resource(id).is_some()
        });
        rest = match known {
            Some((name, rest)) => {
                words.push(missing.note(filled_in(resolver, name, &[], span)).unwrap_or_default());
                rest
            }
            None => {
                words.push_literal("#{");
                inner
            }
        };
    }
    words.push_literal(rest);
    missing.or(words)
}

/// The first of a variable's sources that has a value.
fn variable(resolver: &mut Resolver<'_>, inner: &str, span: Span) -> Resolved {
    resolver.step_by(inner.len() / 32, span)?;
    resolver.deeper(span, |resolver| first_of(resolver, inner, span))
}

fn first_of(resolver: &mut Resolver<'_>, inner: &str, span: Span) -> Resolved {
    let sources = sources(inner);
    for (index, source) in sources.iter().enumerate() {
        match of_source(resolver, source, span)? {
            Said::Value(value) => return Ok(value),
            Said::Nothing => {}
            Said::Environment(name) => {
                let rest =
                    &inner[sources[..=index].iter().map(|source| source.len() + 1).sum::<usize>().min(inner.len())..];
                return of_environment(resolver, &name, rest, span).map(Some);
            }
        }
    }
    let why = format!("nothing gives `${{{}}}` a value", short(inner));
    Err(Unknown::new(span, why, give(sources.first().copied().unwrap_or_default())))
}

fn of_source(resolver: &mut Resolver<'_>, source: &str, span: Span) -> Result<Said, Unknown> {
    let source = source.trim();
    let literal = |text: &str, plain| {
        let words = Words::literal(text);
        Said::Value(Some(Val { span, kind: ValKind::Text { words, plain } }))
    };
    for quote in ['\'', '"'] {
        if let Some(text) = source.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return Ok(literal(text, false));
        }
    }
    if let Some(text) = source.strip_prefix("strToBool(").and_then(|rest| rest.strip_suffix(')')) {
        return boolean(resolver, text.trim().trim_matches(['\'', '"']), span);
    }
    // Variables within a source are filled in first.
    let filled = match parts(source).as_deref() {
        Some([Part::Variable(inner)]) => return variable(resolver, inner, span).map(Said::Value),
        Some(parts) if parts.iter().any(|part| matches!(part, Part::Variable(_))) => {
            let value = expand(resolver, source, false, span)?;
            let text = value.as_ref().and_then(Val::as_literal).map(str::to_owned);
            text.ok_or_else(|| {
                let why = format!("`{}` depends on what is not known here", short(source));
                Unknown::new(span, why, PACKAGED)
            })?
        }
        _ => source.to_owned(),
    };
    if notation::is_json_number(&filled) || matches!(filled.as_str(), "true" | "false") {
        return Ok(literal(&filled, true));
    }
    if filled == "null" {
        return Ok(Said::Nothing);
    }
    if let Some(given) = resolver.given(&filled) {
        return Ok(literal(given, false));
    }
    address(resolver, &filled, span)
}

/// `strToBool(…)`
fn boolean(resolver: &mut Resolver<'_>, text: &str, span: Span) -> Result<Said, Unknown> {
    let value = expand(resolver, text, false, span)?;
    let words = match value.as_ref().and_then(Val::words) {
        Some(words) => match words.as_literal().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            Some("true" | "1") => Words::literal("true"),
            Some("false" | "0") => Words::literal("false"),
            Some(_) => {
                return Err(Unknown::new(span, "`strToBool` takes true, false, 1 or 0", "write one of these"));
            }
            // Forebay's environment says it.
            None => words.clone(),
        },
        None => return Err(Unknown::new(span, "`strToBool` needs a text", "write true or false")),
    };
    Ok(Said::Value(Some(Val { span, kind: ValKind::Text { words, plain: true } })))
}

/// `kind:address`
fn address(resolver: &mut Resolver<'_>, source: &str, span: Span) -> Result<Said, Unknown> {
    let words = |words: Words| Said::Value(Some(Val::text(span, words)));
    let (kind, address) = source.split_once(':').unwrap_or((source, ""));
    let address = address.trim();
    Ok(match (kind, address) {
        ("opt", "region") if resolver.options.region.is_some() => words(resolver.region(span)?),
        ("opt" | "param", name) => match resolver.given(name) {
            Some(given) => words(Words::literal(given)),
            None if kind == "param" => service_param(resolver, name, span)?,
            None => Said::Nothing,
        },
        ("env", name) => Said::Environment(name.into()),
        ("sls", "stage") => words(stage(resolver, span)?),
        ("aws", "region") => words(resolver.region(span)?),
        ("aws", "accountId") => words(resolver.account()),
        ("self", path) => own(resolver, path, span)?,
        _ => {
            let why = format!("`${{{}}}` is outside this file", short(source));
            return Err(Unknown::new(span, why, format!("{}; or {PACKAGED}", give(source))));
        }
    })
}

/// A value of the file itself.
fn own(resolver: &mut Resolver<'_>, path: &str, span: Span) -> Result<Said, Unknown> {
    let Some(root) = resolver.service.as_ref().map(|service| service.root) else { return Ok(Said::Nothing) };
    let words = |words: Words| Said::Value(Some(Val::text(span, words)));
    let found = resolver.within(format!("`self:{path}`"), span, |resolver| walk(resolver, root, path))?;
    Ok(match (found, path) {
        (Some(value), _) => Said::Value(Some(value)),
        (None, "provider.stage") => words(stage(resolver, span)?),
        (None, "provider.region") => words(resolver.region(span)?),
        (None, _) => Said::Nothing,
    })
}

/// Goes down a path of names and places in lists; what stands on the way may itself be a variable.
fn walk<'n>(resolver: &mut Resolver<'n>, root: &'n Node, path: &str) -> Result<Option<Val>, Unknown> {
    let mut node = root;
    let mut names = path.split('.').filter(|name| !name.is_empty());
    while let Some(name) = names.next() {
        resolver.step_by(1, node.span)?;
        let next = match &node.kind {
            NodeKind::Map(entries) => member(entries, name),
            NodeKind::List(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
            NodeKind::Scalar { .. } => {
                let value = resolver.value(node)?;
                let rest: Vec<&str> = std::iter::once(name).chain(names).collect();
                return Ok(value.and_then(|value| inside(&value, &rest)));
            }
        };
        match next {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    if node.is_null() { Ok(None) } else { resolver.value(node) }
}

/// A variable of forebay's environment; `rest` are the sources behind it.
fn of_environment(resolver: &mut Resolver<'_>, name: &str, rest: &str, span: Span) -> Result<Val, Unknown> {
    let unknown = |why: String| Unknown::new(span, why, "write the value into a copy of the file, and import that");
    let written = if rest.trim().is_empty() {
        format!("${{{name}}}")
    } else {
        let spare = variable(resolver, rest, span)?;
        let spare = spare.as_ref().and_then(Val::words).map(|words| rendered(words, span)).transpose()?;
        let Some(spare) = spare.filter(|text| !text.contains(['}', '$'])) else {
            return Err(unknown(format!("what counts where `{}` is not set is no plain text", short(name))));
        };
        format!("${{{name}:-{spare}}}")
    };
    match interpolate::fill(&written, &|_| Some(String::new())) {
        Ok(_) => Ok(Val::text(span, Words::written(written))),
        Err(_) => Err(unknown(format!("no mapping file can name the variable `{}`", short(name)))),
    }
}

/// The stage, by the same rules as Serverless: the option, the file, `dev`.
pub(super) fn stage(resolver: &mut Resolver<'_>, span: Span) -> Result<Words, Unknown> {
    if let Some(stage) = resolver.given("stage").or_else(|| resolver.given("opt:stage")) {
        return Ok(Words::literal(stage));
    }
    let Some(root) = resolver.service.as_ref().map(|service| service.root) else { return Ok(Words::literal("dev")) };
    let stage =
        resolver.within("`self:provider.stage`".into(), span, |resolver| walk(resolver, root, "provider.stage"))?;
    Ok(spoken(stage.as_ref()).cloned().unwrap_or_else(|| Words::literal("dev")))
}

/// The region that the file names, if it is a service's and names one.
pub(super) fn service_region(resolver: &mut Resolver<'_>, span: Span) -> Result<Option<Words>, Unknown> {
    let Some(root) = resolver.service.as_ref().map(|service| service.root) else { return Ok(None) };
    let region =
        resolver.within("`self:provider.region`".into(), span, |resolver| walk(resolver, root, "provider.region"))?;
    Ok(spoken(region.as_ref()).cloned())
}

/// A parameter of the stage, or of all.
fn service_param(resolver: &mut Resolver<'_>, name: &str, span: Span) -> Result<Said, Unknown> {
    let stage = stage(resolver, span)?;
    let Some(root) = resolver.service.as_ref().map(|service| service.root) else { return Ok(Said::Nothing) };
    let stages = [stage.show().into_owned(), "default".into()];
    let paths =
        stages.iter().flat_map(|stage| [format!("params.{stage}.{name}"), format!("stages.{stage}.params.{name}")]);
    for path in paths {
        if let Some(value) = resolver.within(format!("`{path}`"), span, |resolver| walk(resolver, root, &path))? {
            return Ok(Said::Value(Some(value)));
        }
    }
    Ok(Said::Nothing)
}

fn give(source: &str) -> String {
    let name = source.trim().trim_start_matches("opt:").trim_start_matches("param:");
    format!("give it: --parameter '{}=VALUE'", short(name))
}

/// A part of a value that is already resolved.
fn inside(value: &Val, path: &[&str]) -> Option<Val> {
    let [name, rest @ ..] = path else { return Some(value.clone()) };
    match &value.kind {
        ValKind::Map(entries) => inside(&entries.iter().rev().find(|(key, _)| key.name == *name)?.1, rest),
        ValKind::List(items) => inside(items.get(name.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}
