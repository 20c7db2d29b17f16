//! CloudFormation's functions.

use super::conditions::is_true;
use super::resolver::{LONGEST, Resolved, Resolver, dynamic, member, too_long};
use super::value::{Missing, Unknown, Val, ValKind, both, rendered};
use super::words::Words;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

/// What a function gives; none is `AWS::NoValue`.
pub(super) fn call<'n>(resolver: &mut Resolver<'n>, name: &str, argument: &'n Node, span: Span) -> Resolved {
    match name {
        "Ref" => {
            let id = literal(resolver, argument, "Ref")?;
            resolver.reference(&id, span)
        }
        "Fn::GetAtt" => {
            let (id, attribute) = attribute_name(resolver, argument)?;
            resolver.attribute(&id, &attribute, span).map(Some)
        }
        "Fn::Sub" => substitute(resolver, argument, span).map(Some),
        "Fn::Join" => join(resolver, argument, span).map(Some),
        "Fn::Select" => select(resolver, argument, span),
        "Fn::Split" => split(resolver, argument, span).map(Some),
        "Fn::FindInMap" => find_in_map(resolver, argument, span),
        "Fn::If" => choose(resolver, argument, span),
        "Fn::ImportValue" => {
            let name = literal(resolver, argument, name)?;
            let given = resolver.given(&name).ok_or_else(|| {
                let why = format!("another stack exports {:?}, and this file does not say its value", short(&name));
                let help = format!("give it: --parameter '{name}=VALUE' (`aws cloudformation list-exports` shows it)");
                Unknown::new(span, why, help)
            })?;
            Ok(Some(Val::text(span, Words::literal(given))))
        }
        "Fn::ToJsonString" => {
            let value = resolver.needed(argument)?;
            Ok(Some(Val::text(span, Words::written(value.json()?))))
        }
        _ => {
            let why = format!("`{}` is not resolved here", short(name));
            Err(Unknown::new(span, why, "write its value into a copy of the file, and import that"))
        }
    }
}

/// `ID.Attribute`, or the two in a list.
fn attribute_name<'n>(resolver: &mut Resolver<'n>, argument: &'n Node) -> Result<(String, String), Unknown> {
    let wrong = || {
        let why = "`GetAtt` needs a resource and an attribute";
        Unknown::new(argument.span, why, "write `!GetAtt RESOURCE.ATTRIBUTE`")
    };
    match &argument.kind {
        NodeKind::List(parts) => {
            let [id, rest @ ..] = parts.as_slice() else { return Err(wrong()) };
            if rest.is_empty() {
                return Err(wrong());
            }
            let id = literal(resolver, id, "GetAtt");
            both(id, literals(resolver, rest, "GetAtt").map(|rest| rest.join(".")))
        }
        _ => {
            let text = literal(resolver, argument, "GetAtt")?;
            let (id, attribute) = text.split_once('.').ok_or_else(wrong)?;
            Ok((id.into(), attribute.into()))
        }
    }
}

fn substitute<'n>(resolver: &mut Resolver<'n>, argument: &'n Node, span: Span) -> Result<Val, Unknown> {
    let wrong = || Unknown::new(span, "`Sub` needs a text, and may have a map of values", "write `!Sub TEXT`");
    let (text, values) = match &argument.kind {
        NodeKind::List(parts) => match parts.as_slice() {
            [text] => (text, None),
            [text, values] => (text, Some(values)),
            _ => return Err(wrong()),
        },
        _ => (argument, None),
    };
    let values = match values.map(|values| values.as_map().ok_or_else(wrong)).transpose()? {
        Some(values) => values,
        None => &[],
    };
    let template = resolver.needed(text)?;
    let template = template.words().ok_or_else(wrong)?;
    let mut missing = Missing::default();
    let filled = template.map_literals(|text| missing.note(fill(resolver, text, values, span)).unwrap_or_default());
    resolver.bounded(missing.or(filled)?, span).map(|words| Val::text(span, words))
}

/// Fills in `${NAME}`, `${ID.Attribute}` and `${!literal}`.
fn fill<'n>(resolver: &mut Resolver<'n>, text: &str, values: &'n [(Node, Node)], span: Span) -> Result<Words, Unknown> {
    let (mut filled, mut missing) = (Words::default(), Missing::default());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        filled.push_literal(&rest[..at]);
        let inner = &rest[at + 2..];
        let Some(end) = inner.find('}') else {
            return Err(Unknown::new(span, "a `${` of `Sub` has no closing brace", "close it"));
        };
        let name = inner[..end].trim();
        if let Some(literal) = name.strip_prefix('!') {
            filled.push_literal(&format!("${{{literal}}}"));
        } else {
            filled.push(missing.note(filled_in(resolver, name, values, span)).unwrap_or_default());
        }
        resolver.bounded(Words::default(), span)?;
        if filled.len() > LONGEST {
            return Err(too_long(span));
        }
        rest = &inner[end + 1..];
    }
    filled.push_literal(rest);
    missing.or(filled)
}

/// What a name within a text stands for: one of these values, a parameter, or a resource or an attribute of one.
pub(super) fn filled_in<'n>(
    resolver: &mut Resolver<'n>,
    name: &str,
    values: &'n [(Node, Node)],
    span: Span,
) -> Result<Words, Unknown> {
    let value = match (member(values, name), name.split_once('.')) {
        (Some(value), _) => resolver.value(value)?,
        (None, Some((id, attribute))) => Some(resolver.attribute(id, attribute, span)?),
        (None, None) => resolver.reference(name, span)?,
    };
    let words = value.as_ref().and_then(Val::words).cloned();
    words.ok_or_else(|| {
        let why = format!("`{}` is no text that could stand in another", short(name));
        Unknown::new(span, why, "write the text itself")
    })
}

fn join<'n>(resolver: &mut Resolver<'n>, argument: &'n Node, span: Span) -> Result<Val, Unknown> {
    let wrong = || Unknown::new(span, "`Join` needs a delimiter and a list of texts", "write `!Join [':', [A, B]]`");
    let NodeKind::List(parts) = &argument.kind else { return Err(wrong()) };
    let [delimiter, items] = parts.as_slice() else { return Err(wrong()) };
    let (delimiter, items) = both(literal(resolver, delimiter, "Join"), resolver.needed(items))?;
    let ValKind::List(items) = items.kind else { return Err(wrong()) };
    let mut joined = Words::default();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_literal(&delimiter);
        }
        joined.push(item.words().ok_or_else(wrong)?.clone());
        joined = resolver.bounded(joined, span)?;
    }
    Ok(Val::text(span, joined))
}

fn split<'n>(resolver: &mut Resolver<'n>, argument: &'n Node, span: Span) -> Result<Val, Unknown> {
    let wrong = || Unknown::new(span, "`Split` needs a delimiter and a text", "write `!Split [':', TEXT]`");
    let NodeKind::List(parts) = &argument.kind else { return Err(wrong()) };
    let [delimiter, text] = parts.as_slice() else { return Err(wrong()) };
    let (delimiter, text) = both(literal(resolver, delimiter, "Split"), resolver.needed(text))?;
    let parts = text.words().ok_or_else(wrong)?.split(&delimiter);
    resolver.step_by(parts.len(), span)?;
    let items = parts.into_iter().map(|part| Val::text(span, part)).collect();
    Ok(Val { span, kind: ValKind::List(items) })
}

fn select<'n>(resolver: &mut Resolver<'n>, argument: &'n Node, span: Span) -> Resolved {
    let wrong = || Unknown::new(span, "`Select` needs an index and a list that has it", "write `!Select [0, LIST]`");
    let NodeKind::List(parts) = &argument.kind else { return Err(wrong()) };
    let [index, items] = parts.as_slice() else { return Err(wrong()) };
    let (index, items) = both(literal(resolver, index, "Select"), resolver.needed(items))?;
    let index: usize = index.parse().map_err(|_| wrong())?;
    let ValKind::List(items) = items.kind else { return Err(wrong()) };
    items.into_iter().nth(index).map(Some).ok_or_else(wrong)
}

fn find_in_map<'n>(resolver: &mut Resolver<'n>, argument: &'n Node, span: Span) -> Resolved {
    let wrong = || {
        let why = "`FindInMap` needs a map's name and two keys";
        Unknown::new(span, why, "write `!FindInMap [MAP, KEY, KEY]`")
    };
    let NodeKind::List(parts) = &argument.kind else { return Err(wrong()) };
    let (names, rest) = parts.split_at_checked(3).ok_or_else(wrong)?;
    let names = literals(resolver, names, "FindInMap")?;
    let [map, first, second] = names.as_slice() else { return Err(wrong()) };
    let found = resolver.mapped(map, first, second);
    if let Some(found) = found {
        return resolver.value(found);
    }
    let spare = rest.first().and_then(Node::as_map).and_then(|entries| member(entries, "DefaultValue"));
    match spare {
        Some(spare) => resolver.value(spare),
        None => {
            let why = format!("the file's `Mappings` have no `{}`", short(&format!("{map}.{first}.{second}")));
            Err(Unknown::new(
                span,
                why,
                "check the keys, and give those that depend on it with --parameter or --region",
            ))
        }
    }
}

fn choose<'n>(resolver: &mut Resolver<'n>, argument: &'n Node, span: Span) -> Resolved {
    let wrong = || Unknown::new(span, "`If` needs a condition and two values", "write `!If [CONDITION, A, B]`");
    let NodeKind::List(parts) = &argument.kind else { return Err(wrong()) };
    let [condition, yes, no] = parts.as_slice() else { return Err(wrong()) };
    let condition = literal(resolver, condition, "If")?;
    match is_true(resolver, &condition, span) {
        Ok(holds) => resolver.value(if holds { yes } else { no }),
        // What either value would need is asked for in the same run.
        Err(unknown) => both(Err(unknown), both(resolver.value(yes), resolver.value(no))).map(|(value, _)| value),
    }
}

/// Texts that are fully known.
fn literals<'n>(resolver: &mut Resolver<'n>, nodes: &'n [Node], function: &str) -> Result<Vec<String>, Unknown> {
    let mut missing = Missing::default();
    let found = nodes.iter().filter_map(|node| missing.note(literal(resolver, node, function))).collect();
    missing.or(found)
}

/// A text that is fully known.
pub(super) fn literal<'n>(resolver: &mut Resolver<'n>, node: &'n Node, function: &str) -> Result<String, Unknown> {
    let function = function.trim_start_matches("Fn::");
    // A name such as `No` is a name here, and no boolean.
    if let (Some(text), None, None) = (node.as_text(), &resolver.service, &node.tag)
        && !node.is_null()
    {
        return dynamic(text, node.span).map(|()| text.into());
    }
    let value = resolver.needed(node)?;
    let Some(words) = value.words() else {
        let why = format!("`{function}` needs a text, and this is {}", value.describe());
        return Err(Unknown::new(node.span, why, "write a text"));
    };
    if let Some(text) = words.as_literal() {
        return Ok(text.into());
    }
    let written = rendered(words, node.span)?;
    let why = format!("`{function}` depends on `{}`, which is not known here", short(&written));
    Err(Unknown::new(node.span, why, "give it with --region, --account or --parameter"))
}
