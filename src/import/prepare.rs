//! Two spellings become one: `!Ref X` is `{Ref: X}`, and merge keys are followed.

use crate::mapping::tree::{Node, NodeKind};

/// The tree with functions in their long spelling, and with what merge keys bring.
pub(super) fn prepare(node: Node) -> Node {
    let Node { span, tag, kind } = node;
    let kind = match kind {
        NodeKind::List(items) => NodeKind::List(items.into_iter().map(prepare).collect()),
        NodeKind::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (key, prepare(value))).collect();
            NodeKind::Map(merged(entries))
        }
        scalar @ NodeKind::Scalar { .. } => scalar,
    };
    match tag.as_ref().and_then(|(tag, at)| Some((long(tag)?, *at))) {
        Some((name, at)) => {
            let key = Node { span: at, tag: None, kind: NodeKind::Scalar { text: name, plain: false } };
            let argument = Node { span, tag: None, kind };
            Node { span, tag: None, kind: NodeKind::Map(vec![(key, argument)]) }
        }
        None => Node { span, tag, kind },
    }
}

/// The function that a value calls, and its argument.
pub(super) fn function(node: &Node) -> Option<(&str, &Node)> {
    let [(key, argument)] = node.as_map()? else { return None };
    let name = key.as_text()?;
    (node.tag.is_none() && (name == "Ref" || (name.starts_with("Fn::") && !name.starts_with("Fn::ForEach"))))
        .then_some((name, argument))
}

/// The long spelling of a tag of CloudFormation's.
fn long(tag: &str) -> Option<String> {
    const FUNCTIONS: &[&str] = &[
        "And",
        "Base64",
        "Cidr",
        "Equals",
        "FindInMap",
        "GetAtt",
        "GetAZs",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
        "Transform",
    ];
    let name = tag.strip_prefix('!')?;
    match name {
        "Ref" | "Condition" => Some(name.into()),
        _ if FUNCTIONS.contains(&name) => Some(format!("Fn::{name}")),
        _ => None,
    }
}

/// What stands in a map itself wins over what `<<` brings, and of several maps the first wins.
fn merged(entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let is_merge = |(key, value): &(Node, Node)| {
        let maps = match &value.kind {
            NodeKind::Map(_) => true,
            NodeKind::List(items) => items.iter().all(|item| item.as_map().is_some()),
            NodeKind::Scalar { .. } => false,
        };
        matches!(&key.kind, NodeKind::Scalar { text, plain: true } if text == "<<") && maps
    };
    if !entries.iter().any(is_merge) {
        return entries;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_merge);
    let mut names: std::collections::BTreeSet<String> =
        own.iter().filter_map(|(key, _)| key.as_text().map(Into::into)).collect();
    let mut brought = |kind: NodeKind| {
        let NodeKind::Map(entries) = kind else { return };
        for (key, value) in entries {
            if key.as_text().is_none_or(|name| names.insert(name.into())) {
                own.push((key, value));
            }
        }
    };
    for (_, value) in merges {
        match value.kind {
            NodeKind::List(items) => items.into_iter().for_each(|item| brought(item.kind)),
            kind => brought(kind),
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::events::documents;

    fn show(node: &Node) -> String {
        match &node.kind {
            NodeKind::Scalar { text, .. } => text.clone(),
            NodeKind::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            NodeKind::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{}={}", show(key), show(value))).collect();
                format!("{{{}}}", entries.join(" "))
            }
        }
    }

    fn prepared(text: &str) -> String {
        show(&prepare(documents(text).0.remove(0)))
    }

    #[test]
    fn tags_become_long_functions() {
        assert_eq!(
            prepared("a: !GetAtt Q.Arn\nb: !Sub [x, {y: !Ref Z}]\nc: !Condition D\n"),
            "{a={Fn::GetAtt=Q.Arn} b={Fn::Sub=[x {y={Ref=Z}}]} c={Condition=D}}"
        );
        let own = prepare(documents("a: !Mine b").0.remove(0));
        assert!(own.as_map().unwrap()[0].1.tag.is_some());
    }

    #[test]
    fn merge_keys_bring_what_is_not_there() {
        assert_eq!(prepared("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n"), "{x={a=1 b=2} y={b=3 a=1}}");
        assert_eq!(prepared("y: {<<: [{a: 1}, {a: 2, c: 3}]}\n"), "{y={a=1 c=3}}");
        assert_eq!(prepared("y: {<<: 5}\nz: {'<<': {a: 1}}\n"), "{y={<<=5} z={<<={a=1}}}");
    }
}
