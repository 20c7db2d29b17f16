//! CloudFormation's conditions.

use super::functions::literal;
use super::prepare::function;
use super::resolver::{Resolver, member};
use super::value::{Missing, Unknown, both, rendered};
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

/// Whether a condition holds, by its name.
pub(super) fn is_true(resolver: &mut Resolver<'_>, name: &str, span: Span) -> Result<bool, Unknown> {
    let Some(condition) = resolver.conditions.get(name).copied() else {
        let why = format!("this file has no condition `{}`", short(name));
        return Err(Unknown::new(span, why, "correct its name"));
    };
    resolver.within(format!("the condition `{name}`"), span, |resolver| holds(resolver, condition))
}

fn holds<'n>(resolver: &mut Resolver<'n>, node: &'n Node) -> Result<bool, Unknown> {
    resolver.step_by(1, node.span)?;
    let wrong = || Unknown::new(node.span, "this is no condition", "write `!Equals [A, B]`, `!And`, `!Or` or `!Not`");
    if let Some([(key, name)]) = node.as_map()
        && key.as_text() == Some("Condition")
    {
        let name = literal(resolver, name, "Condition")?;
        return is_true(resolver, &name, node.span);
    }
    let (name, argument) = function(node).ok_or_else(wrong)?;
    let NodeKind::List(parts) = &argument.kind else { return Err(wrong()) };
    match (name, parts.as_slice()) {
        ("Fn::Equals", [a, b]) => equal(resolver, a, b, node.span),
        ("Fn::Not", [part]) => Ok(!nested(resolver, part)?),
        ("Fn::And", parts) => decide(resolver, parts, false),
        ("Fn::Or", parts) => decide(resolver, parts, true),
        _ => Err(wrong()),
    }
}

fn nested<'n>(resolver: &mut Resolver<'n>, node: &'n Node) -> Result<bool, Unknown> {
    resolver.within(format!("the condition at byte {}", node.span.start), node.span, |resolver| holds(resolver, node))
}

/// Any part that is `decisive` decides, also where others are not known.
fn decide<'n>(resolver: &mut Resolver<'n>, parts: &'n [Node], decisive: bool) -> Result<bool, Unknown> {
    let mut missing = Missing::default();
    for part in parts {
        if missing.note(nested(resolver, part)) == Some(decisive) {
            return Ok(decisive);
        }
    }
    missing.or(!decisive)
}

fn equal<'n>(resolver: &mut Resolver<'n>, a: &'n Node, b: &'n Node, span: Span) -> Result<bool, Unknown> {
    let (a, b) = both(resolver.needed(a), resolver.needed(b))?;
    match (a.words(), b.words()) {
        (Some(a), Some(b)) if a == b => Ok(true),
        (Some(a), Some(b)) => match (a.as_literal(), b.as_literal()) {
            (Some(_), Some(_)) => Ok(false),
            _ => {
                let unknown = if a.as_literal().is_none() { a } else { b };
                let why = format!("a condition depends on `{}`", short(&rendered(unknown, span)?));
                Err(Unknown::new(span, why, "give it with --region, --account or --parameter"))
            }
        },
        _ => Err(Unknown::new(span, "only texts can be compared here", "write texts")),
    }
}

/// Whether a resource is made; those without a condition are.
pub(super) fn is_made<'n>(
    resolver: &mut Resolver<'n>,
    resource: &'n Node,
    key: &str,
) -> Result<Result<(), String>, Unknown> {
    let Some(condition) = resource.as_map().and_then(|entries| member(entries, key)) else { return Ok(Ok(())) };
    let name = literal(resolver, condition, "Condition")?;
    Ok(if is_true(resolver, &name, condition.span)? { Ok(()) } else { Err(name) })
}
