//! The variables of `serverless.yml`: `${self:custom.queue}`, `${opt:stage, 'dev'}`, `${env:QUEUE}`.

use super::resolver::{LONGEST, Resolved, Resolver, dynamic, member, too_long};
use super::value::{Missing, Unknown, Val, ValKind, rendered};
use super::words::Words;
use crate::mapping::interpolate;
use crate::mapping::notation;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

pub(super) const PACKAGED: &str = "`serverless package` writes `.serverless/cloudformation-template-update-stack.json`, in which everything is \
                        filled in: import that";

/// What one of several sources of a variable says.
enum Said {
    Value(Option<Val>),
    /// It has none, so the next one counts.
    Nothing,
    /// It depends on forebay's environment.
    Environment(String),
}

/// A part of a text.
enum Part<'a> {
    Literal(&'a str),
    /// What stands between `${` and `}`.
    Variable(&'a str),
}

impl<'n> Resolver<'n> {
    /// A text with its variables filled in. One that is a variable and nothing else may be any value.
    pub(super) fn expand(&mut self, text: &str, plain: bool, span: Span) -> Resolved {
        let parts = parts(text).ok_or_else(|| Unknown::new(span, "a `${` has no closing brace", "close it"))?;
        if let [Part::Variable(inner)] = parts.as_slice() {
            return self.variable(inner, span);
        }
        let is_literal = parts.iter().all(|part| matches!(part, Part::Literal(_)));
        let (mut words, mut missing) = (Words::default(), Missing::default());
        for part in parts {
            let found = match part {
                Part::Literal(text) => self.pseudo_parameters(text, span),
                Part::Variable(inner) => self.variable(inner, span).and_then(|value| {
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
        let words = self.bounded(words, span)?;
        Ok(Some(Val { span, kind: ValKind::Text { words, plain: plain && is_literal } }))
    }

    /// Fills in `#{AWS::Region}` and the like: a plugin of Serverless makes `Sub` of them.
    fn pseudo_parameters(&mut self, text: &str, span: Span) -> Result<Words, Unknown> {
        dynamic(text, span)?;
        let (mut words, mut missing) = (Words::default(), Missing::default());
        let mut rest = text;
        while let Some((before, inner)) = rest.split_once("#{") {
            words.push_literal(before);
            let known = inner.split_once('}').filter(|(name, _)| {
                let id = name.split('.').next().unwrap_or_default();
                name.starts_with("AWS::") || self.resource(id).is_some()
            });
            rest = match known {
                Some((name, rest)) => {
                    words.push(missing.note(self.filled(name, &[], span)).unwrap_or_default());
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
    fn variable(&mut self, inner: &str, span: Span) -> Resolved {
        self.step_by(inner.len() / 32, span)?;
        self.deeper(span, |resolver| resolver.first(inner, span))
    }

    fn first(&mut self, inner: &str, span: Span) -> Resolved {
        let sources = sources(inner);
        for (index, source) in sources.iter().enumerate() {
            match self.source(source, span)? {
                Said::Value(value) => return Ok(value),
                Said::Nothing => {}
                Said::Environment(name) => {
                    let rest = &inner
                        [sources[..=index].iter().map(|source| source.len() + 1).sum::<usize>().min(inner.len())..];
                    return self.of_environment(&name, rest, span).map(Some);
                }
            }
        }
        let why = format!("nothing gives `${{{}}}` a value", short(inner));
        Err(Unknown::new(span, why, give(sources.first().copied().unwrap_or_default())))
    }

    fn source(&mut self, source: &str, span: Span) -> Result<Said, Unknown> {
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
            return self.boolean(text.trim().trim_matches(['\'', '"']), span);
        }
        // Variables within a source are filled in first.
        let filled = match parts(source).as_deref() {
            Some([Part::Variable(inner)]) => return self.variable(inner, span).map(Said::Value),
            Some(parts) if parts.iter().any(|part| matches!(part, Part::Variable(_))) => {
                let value = self.expand(source, false, span)?;
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
        if let Some(given) = self.given(&filled) {
            return Ok(literal(given, false));
        }
        self.address(&filled, span)
    }

    /// `strToBool(…)`
    fn boolean(&mut self, text: &str, span: Span) -> Result<Said, Unknown> {
        let value = self.expand(text, false, span)?;
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
    fn address(&mut self, source: &str, span: Span) -> Result<Said, Unknown> {
        let words = |words: Words| Said::Value(Some(Val::text(span, words)));
        let (kind, address) = source.split_once(':').unwrap_or((source, ""));
        let address = address.trim();
        Ok(match (kind, address) {
            ("opt", "region") if self.options.region.is_some() => words(self.region(span)?),
            ("opt" | "param", name) => match self.given(name) {
                Some(given) => words(Words::literal(given)),
                None if kind == "param" => self.service_param(name, span)?,
                None => Said::Nothing,
            },
            ("env", name) => Said::Environment(name.into()),
            ("sls", "stage") => words(self.stage(span)?),
            ("aws", "region") => words(self.region(span)?),
            ("aws", "accountId") => words(self.account()),
            ("self", path) => self.own(path, span)?,
            _ => {
                let why = format!("`${{{}}}` is outside this file", short(source));
                return Err(Unknown::new(span, why, format!("{}; or {PACKAGED}", give(source))));
            }
        })
    }

    /// A value of the file itself.
    fn own(&mut self, path: &str, span: Span) -> Result<Said, Unknown> {
        let Some(root) = self.service.as_ref().map(|service| service.root) else { return Ok(Said::Nothing) };
        let words = |words: Words| Said::Value(Some(Val::text(span, words)));
        let found = self.within(format!("`self:{path}`"), span, |resolver| resolver.walk(root, path))?;
        Ok(match (found, path) {
            (Some(value), _) => Said::Value(Some(value)),
            (None, "provider.stage") => words(self.stage(span)?),
            (None, "provider.region") => words(self.region(span)?),
            (None, _) => Said::Nothing,
        })
    }

    /// Goes down a path of names and places in lists; what stands on the way may itself be a variable.
    fn walk(&mut self, root: &'n Node, path: &str) -> Result<Option<Val>, Unknown> {
        let mut node = root;
        let mut names = path.split('.').filter(|name| !name.is_empty());
        while let Some(name) = names.next() {
            self.step_by(1, node.span)?;
            let next = match &node.kind {
                NodeKind::Map(entries) => member(entries, name),
                NodeKind::List(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
                NodeKind::Scalar { .. } => {
                    let value = self.value(node)?;
                    let rest: Vec<&str> = std::iter::once(name).chain(names).collect();
                    return Ok(value.and_then(|value| inside(&value, &rest)));
                }
            };
            match next {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        if node.is_null() { Ok(None) } else { self.value(node) }
    }

    /// A variable of forebay's environment; `rest` are the sources behind it.
    fn of_environment(&mut self, name: &str, rest: &str, span: Span) -> Result<Val, Unknown> {
        let told = |why: String| Unknown::new(span, why, "write the value into a copy of the file, and import that");
        let written = if rest.trim().is_empty() {
            format!("${{{name}}}")
        } else {
            let spare = self.variable(rest, span)?;
            let spare = spare.as_ref().and_then(Val::words).map(|words| rendered(words, span)).transpose()?;
            let Some(spare) = spare.filter(|text| !text.contains(['}', '$'])) else {
                return Err(told(format!("what counts where `{}` is not set is no plain text", short(name))));
            };
            format!("${{{name}:-{spare}}}")
        };
        match interpolate::fill(&written, &|_| Some(String::new())) {
            Ok(_) => Ok(Val::text(span, Words::written(written))),
            Err(_) => Err(told(format!("no mapping file can name the variable `{}`", short(name)))),
        }
    }

    /// The stage, by the same rules as Serverless: the option, the file, `dev`.
    pub(super) fn stage(&mut self, span: Span) -> Result<Words, Unknown> {
        if let Some(stage) = self.given("stage").or_else(|| self.given("opt:stage")) {
            return Ok(Words::literal(stage));
        }
        let Some(root) = self.service.as_ref().map(|service| service.root) else { return Ok(Words::literal("dev")) };
        let stage =
            self.within("`self:provider.stage`".into(), span, |resolver| resolver.walk(root, "provider.stage"))?;
        let words = stage.as_ref().and_then(Val::words).filter(|words| !words.is_empty());
        Ok(words.cloned().unwrap_or_else(|| Words::literal("dev")))
    }

    /// The region that the file names, if it is a service's and names one.
    pub(super) fn service_region(&mut self, span: Span) -> Result<Option<Words>, Unknown> {
        let Some(root) = self.service.as_ref().map(|service| service.root) else { return Ok(None) };
        let region =
            self.within("`self:provider.region`".into(), span, |resolver| resolver.walk(root, "provider.region"))?;
        Ok(region.as_ref().and_then(Val::words).filter(|words| !words.is_empty()).cloned())
    }

    /// A parameter of the stage, or of all.
    fn service_param(&mut self, name: &str, span: Span) -> Result<Said, Unknown> {
        let stage = self.stage(span)?;
        let Some(root) = self.service.as_ref().map(|service| service.root) else { return Ok(Said::Nothing) };
        let stages = [stage.show().into_owned(), "default".into()];
        let paths =
            stages.iter().flat_map(|stage| [format!("params.{stage}.{name}"), format!("stages.{stage}.params.{name}")]);
        for path in paths {
            if let Some(value) = self.within(format!("`{path}`"), span, |resolver| resolver.walk(root, &path))? {
                return Ok(Said::Value(Some(value)));
            }
        }
        Ok(Said::Nothing)
    }
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

/// Whether what follows a `${` is a variable of Serverless's: `kind:…` or `kind(…`, and not `AWS::…` or a name for `Sub`.
fn is_variable(inner: &str) -> bool {
    let inner = inner.trim_start();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(inner.len());
    let after = &inner[end..];
    end > 0 && (after.starts_with('(') || (after.starts_with(':') && !after.starts_with("::")))
}

/// The parts of a text; none where a variable does not end.
fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(next) = text[at..].find("${") {
        let start = at + next;
        let inner = &text[start + 2..];
        // Nested variables may come first: `${${self:kind}:…}`.
        if !is_variable(inner) && !inner.starts_with("${") {
            at = start + 2;
            continue;
        }
        let end = closing(inner)?;
        if start > from {
            found.push(Part::Literal(&text[from..start]));
        }
        found.push(Part::Variable(&inner[..end]));
        from = start + 2 + end + 1;
        at = from;
    }
    if from < text.len() || found.is_empty() {
        found.push(Part::Literal(&text[from..]));
    }
    Some(found)
}

/// Where the brace is that closes a variable.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in inner.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            ('{', None) => depth += 1,
            ('}', None) if depth == 0 => return Some(at),
            ('}', None) => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The sources of a variable: they stand between commas, but for those in quotes, braces and parentheses.
fn sources(inner: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut from, mut depth, mut quote) = (0, 0_usize, None);
    for (at, c) in inner.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            ('{' | '(', None) => depth += 1,
            ('}' | ')', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                found.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inner[from..]);
    found
}
