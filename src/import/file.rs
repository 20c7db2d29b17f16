//! A mapping as the text of a mapping file.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use serde_saphyr::SingleQuoted;

use crate::mapping::events::documents;
use crate::mapping::tree::{Node, NodeKind};
use crate::parameters::MAPPING;

/// The parameters of a mapping, in the order in which the documentation has them.
struct Ordered<'a>(&'a Map<String, Value>);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in MAPPING.iter().filter_map(|member| self.0.get_key_value(member.name)) {
            map.serialize_entry(name, &Shown(value))?;
        }
        map.end()
    }
}

/// A value; JSON text stands in single quotes, where nothing of it needs a backslash.
struct Shown<'a>(&'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if text.contains(['"', '\\']) && !text.chars().any(is_awkward) => {
                SingleQuoted(text).serialize(serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Shown)),
            Value::Object(members) => serializer.collect_map(members.iter().map(|(name, value)| (name, Shown(value)))),
            value => value.serialize(serializer),
        }
    }
}

/// The mapping file: a line that says where the mapping came from, and the mapping as YAML.
pub(super) fn mapping_file(origin: &str, parameters: &Map<String, Value>) -> Result<String, String> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let yaml = serde_saphyr::to_string_with_options(&Ordered(parameters), options)
        .map_err(|error| format!("it cannot be written as YAML: {error}"))?;
    // A reader of YAML that is not the writer's own decides what was written.
    let (found, flaw) = documents(&yaml);
    match (found.as_slice(), flaw) {
        ([node], None) if is(node, &Value::Object(parameters.clone())) => {}
        _ => return Err("it has a text that YAML cannot hold".into()),
    }
    let origin: String = origin.chars().map(|c| if is_awkward(c) { ' ' } else { c }).collect();
    Ok(format!("# From {}.\n{yaml}", origin.trim()))
}

/// Control characters, line breaks of YAML 1.1, and what turns the direction of text.
fn is_awkward(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a tree says just this.
fn is(node: &Node, value: &Value) -> bool {
    if node.tag.is_some() {
        return false;
    }
    match (&node.kind, value) {
        (_, Value::Null) => node.is_null(),
        (NodeKind::Scalar { text, plain: true }, Value::Bool(wanted)) => text.parse() == Ok(*wanted),
        (NodeKind::Scalar { text, plain: true }, Value::Number(wanted)) => text.parse().ok() == wanted.as_i64(),
        (NodeKind::Scalar { text, .. }, Value::String(wanted)) => {
            text == wanted && (wanted.is_empty() || !node.is_null())
        }
        (NodeKind::List(items), Value::Array(wanted)) => {
            items.len() == wanted.len() && items.iter().zip(wanted).all(|(item, value)| is(item, value))
        }
        (NodeKind::Map(entries), Value::Object(wanted)) => {
            let same = |(key, node): &(Node, Node)| {
                key.as_text().and_then(|name| wanted.get(name)).is_some_and(|value| is(node, value))
            };
            entries.len() == wanted.len() && entries.iter().all(same)
        }
        _ => false,
    }
}

/// A name that mappings and their files can have, from a text that is one or nearly so.
pub(super) fn sound_name(text: &str) -> String {
    const LONGEST: usize = 64;
    let mut name = String::new();
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_start_matches(['-', '.', '_']).trim_end_matches('-');
    if name.is_empty() {
        return "mapping".into();
    }
    if name.len() <= LONGEST {
        return name.into();
    }
    // Two long names that begin alike stay two.
    let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    format!("{}-{:08x}", &name[..LONGEST - 9], hash >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_sound() {
        for (text, name) in [
            ("orders", "orders"),
            ("a b/c", "a-b-c"),
            ("${AWS_REGION:-us-east-1}x", "AWS_REGION-us-east-1-x"),
            (".hidden", "hidden"),
            ("", "mapping"),
            ("é", "mapping"),
        ] {
            assert_eq!(sound_name(text), name, "{text}");
        }
        let long = sound_name(&"a".repeat(80));
        assert_eq!(long.len(), 64);
        assert_ne!(long, sound_name(&"a".repeat(81)));
    }

    #[test]
    fn parameters_stand_in_their_usual_order() {
        let parameters = json!({
            "BatchSize": 10, "EventSourceArn": "arn", "Name": "orders", "Tags": { "b": "", "a": "yes" },
            "Enabled": true,
        });
        let Value::Object(parameters) = parameters else { unreachable!() };
        let text = mapping_file("a.yaml:1,\n`Orders`", &parameters).unwrap();
        insta::assert_snapshot!(text);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_written_so_that_it_is_read_again(name in ".{0,20}",
            text in r#"(?s)(.|[-:?,\[\]{}#&*!|>'"%@`~$ \n\t\r\u{85}]|: |null|yes|0x1|1e3){0,30}"#,
            origin in "(?s).{0,30}") {
            let parameters = json!({ "FunctionName": text, "Tags": { name: text } });
            let Value::Object(parameters) = parameters else { unreachable!() };
            let file = mapping_file(&origin, &parameters).unwrap();
            let (found, flaw) = documents(&file);
            prop_assert!(flaw.is_none());
            prop_assert!(is(&found[0], &Value::Object(parameters)), "{file}");
        }
    }
}
