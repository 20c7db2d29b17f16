//! The JSON Schema of mapping files, made from the table of parameters.

use serde_json::{Map, Value, json};

use super::notation::show;
use crate::parameters::{LONGEST_KEY, LONGEST_PATTERN, LONGEST_TEXT, LONGEST_VALUE, MAPPING, Member, Owner, Shape};

/// `${NAME}` as a whole value may stand for any scalar.
const VARIABLE: &str = r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$";

/// The JSON Schema (draft 2020-12) of a mapping file, for editors. It knows names, types and ranges; the rules across
/// parameters are `validate`'s. Also at `mappings/schema.json`.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "forebay mapping file",
        "description": "One event source mapping, a list of them, or the answer of `aws lambda \
            list-event-source-mappings`.",
        "oneOf": [
            { "$ref": "#/$defs/mapping" },
            { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/mapping" } },
            {
                "type": "object",
                "required": ["EventSourceMappings"],
                "properties": {
                    "EventSourceMappings": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/mapping" } },
                    "NextMarker": {},
                    "ResponseMetadata": {},
                },
                "additionalProperties": false,
            },
        ],
        "$defs": {
            "mapping": mapping(),
            "variable": {
                "type": "string",
                "pattern": VARIABLE,
                "description": "A value from the environment: `${NAME}` or `${NAME:-default}`.",
            },
        },
    })
}

fn mapping() -> Value {
    let mut mapping = object(MAPPING);
    mapping["required"] = json!(["EventSourceArn"]);
    mapping["anyOf"] = json!([{ "required": ["FunctionName"] }, { "required": ["FunctionArn"] }]);
    mapping
}

fn object(table: &'static [Member]) -> Value {
    let properties: Map<String, Value> = table.iter().map(|member| (member.name.into(), property(member))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn property(member: &Member) -> Value {
    match member.owner {
        Owner::Every | Owner::Queues | Owner::FifoQueues | Owner::Streams(_) => {
            let mut schema = or_null(shape(&member.shape));
            schema["description"] = member.about.trim_start().into();
            schema
        }
        Owner::ReadOnly => {
            json!({ "description": "Part of AWS's answers; accepted and not read.", "readOnly": true })
        }
        Owner::Others(sources) => json!({
            "description": format!("Of sources that forebay does not poll: it belongs to {sources}. AWS's answers \
                carry it as null."),
            "enum": [null, [], {}, ""],
            "deprecated": true,
        }),
    }
}

/// Null counts as absent everywhere.
fn or_null(schema: Value) -> Value {
    let mut choices = match schema {
        Value::Object(mut object) if object.len() == 1 && object.contains_key("anyOf") => {
            object.remove("anyOf").and_then(|choices| choices.as_array().cloned()).unwrap_or_default()
        }
        schema => vec![schema],
    };
    choices.push(json!({ "type": "null" }));
    json!({ "anyOf": choices })
}

fn shape(shape: &Shape) -> Value {
    let variable = json!({ "$ref": "#/$defs/variable" });
    match *shape {
        Shape::Text { min, max, .. } => {
            json!({ "type": ["string", "number", "boolean"], "minLength": min, "maxLength": max })
        }
        Shape::Integer { min, max, limit } => {
            let range = json!({ "type": "integer", "minimum": min, "maximum": max });
            let none = limit.then(|| json!({ "const": -1, "title": "No limit." }));
            json!({ "anyOf": none.into_iter().chain([range, variable]).collect::<Vec<_>>() })
        }
        Shape::Time => json!({ "anyOf": [
            { "type": "string", "title": "A date and time with its offset: `2026-11-20T08:30:00Z`." },
            { "type": "number", "minimum": 0, "title": "Seconds since 1970." },
        ] }),
        Shape::Boolean => json!({ "anyOf": [{ "type": "boolean" }, variable] }),
        Shape::Span { min, max } => {
            let about = format!("A duration from {} to {}: `250ms`, `30s`, `5m`, `2h`.", show(min), show(max));
            json!({ "type": "string", "pattern": r"^([0-9]+(ms|s|m|h)|.*\$\{.*\}.*)$", "title": about })
        }
        Shape::Word(words) => json!({ "anyOf": [{ "enum": words }, variable] }),
        Shape::List { of, max, .. } => json!({ "type": "array", "items": self::shape(of), "maxItems": max }),
        Shape::ListOrMap { of, max, map } => {
            json!({ "anyOf": [{ "type": "array", "items": self::shape(of), "maxItems": max }, object(map)] })
        }
        Shape::Map(table) => object(table),
        Shape::WordOrMap(words, table) => json!({ "anyOf": [{ "enum": words }, object(table), variable] }),
        Shape::Texts => json!({ "type": "object", "additionalProperties": {
            "type": ["string", "number", "boolean", "null"], "maxLength": LONGEST_TEXT } }),
        Shape::Status => json!({ "anyOf": [
            { "type": "integer", "minimum": 200, "maximum": 599 },
            { "type": "string", "pattern": r"^[2-5][0-9]{2}(-[2-5][0-9]{2})?$|\$\{" },
        ] }),
        Shape::Tags => json!({ "anyOf": [
            { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"],
                "maxLength": LONGEST_VALUE } },
            { "type": "array", "items": {
                "type": "object",
                "properties": { "Key": { "type": "string", "minLength": 1, "maxLength": LONGEST_KEY },
                "Value": { "type": "string", "maxLength": LONGEST_VALUE } },
                "required": ["Key"],
                "additionalProperties": false,
            } },
        ] }),
        Shape::WordOrArn(words) => json!({ "anyOf": [
            { "enum": words },
            { "type": "string", "pattern": r"^arn:|\$\{", "title": "The ARN of an SQS queue, an SNS topic or an S3 \
                bucket." },
        ] }),
        Shape::Pattern => {
            json!({ "anyOf": [{ "type": "object" }, { "type": "string", "maxLength": LONGEST_PATTERN }] })
        }
        Shape::Any => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::parameters::below;

    #[test]
    fn the_file_is_fresh() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/schema.json");
        if std::env::var_os("FOREBAY_BLESS").is_some() {
            std::fs::write(&file, format!("{:#}\n", schema())).unwrap();
        }
        let found: Value =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap_or_default()).unwrap_or_default();
        assert!(found == schema(), "mappings/schema.json is stale: run the tests once with FOREBAY_BLESS=1");
    }

    #[test]
    fn it_knows_every_parameter_and_range() {
        let schema = schema();
        let mapping = &schema["$defs"]["mapping"];
        for member in MAPPING {
            let property = &mapping["properties"][member.name];
            assert!(property["description"].as_str().is_some_and(|about| !about.is_empty()), "{}", member.name);
        }
        assert_eq!(mapping["properties"]["BatchSize"]["anyOf"][0]["maximum"], 10_000);
        assert_eq!(mapping["additionalProperties"], false);
        let visibility = &mapping["properties"]["Poller"]["anyOf"][0]["properties"]["Visibility"]["anyOf"][0];
        assert_eq!(visibility["properties"]["OnFunctionError"]["anyOf"][0]["enum"][0], "Wait");
    }

    #[test]
    fn the_docs_name_every_parameter() {
        let docs = include_str!("../../docs/mapping-files.md");
        let mut names = Vec::new();
        collect(MAPPING, &mut names);
        let words: Vec<&str> = docs.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        for name in names {
            assert!(words.contains(&name), "docs/mapping-files.md lacks {name}");
        }
    }

    fn collect(table: &'static [Member], names: &mut Vec<&'static str>) {
        for member in table {
            names.push(member.name);
            if let Some(members) = below(&member.shape).filter(|_| member.is_taken()) {
                collect(members, names);
            }
        }
    }

    #[test]
    fn the_docs_tell_the_ranges_words_and_defaults_of_the_table() {
        let docs = include_str!("../../docs/mapping-files.md");
        let rows = docs.lines().filter(|line| line.starts_with("| `"));
        let mut checked = 0;
        for row in rows {
            let cells: Vec<&str> = row.split(" | ").collect();
            // Told in another table.
            if cells[1].starts_with("see [") {
                continue;
            }
            for path in paths(cells[0]) {
                let member = at(&path).unwrap_or_else(|| panic!("the table lacks {path}"));
                for part in shown(&member.shape) {
                    assert!(cells[1].contains(&part), "{path} takes {part}, and the docs say {}", cells[1]);
                    checked += 1;
                }
                let only = match member.owner {
                    Owner::Queues => "only for queues",
                    Owner::FifoQueues => "only for FIFO queues",
                    // The mapping's own stand in a table of streams.
                    Owner::Streams(_) if path.starts_with("Poller.") => "only for streams",
                    _ => "",
                };
                assert!(cells[1] == "only empty" || cells[1].contains(only), "{path} is {only}: {}", cells[1]);
                if let Some(silent) = member.silent {
                    let default = match member.shape {
                        Shape::Boolean => format!("`{}`", silent != 0),
                        _ => silent.to_string(),
                    };
                    assert!(cells[2].starts_with(&default), "{path} has the default {default}: {}", cells[2]);
                }
            }
        }
        assert!(checked > 30, "{checked} parts of the table are in the docs");
    }

    /// The parameters of a row: those that begin with a point stand where the one before does.
    fn paths(cell: &str) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for name in cell.split('`').skip(1).step_by(2) {
            let home = paths.last().filter(|_| name.starts_with('.')).and_then(|last| last.rsplit_once('.'));
            paths.push(format!("{}{name}", home.map_or("", |(home, _)| home)));
        }
        paths
    }

    fn at(path: &str) -> Option<&'static Member> {
        let (home, name) = path.rsplit_once('.').map_or((None, path), |(home, name)| (Some(home), name));
        let table = home.map_or(Some(MAPPING), |home| below(&at(home)?.shape))?;
        table.iter().find(|member| member.name == name)
    }

    /// What the docs must say of a shape.
    fn shown(shape: &Shape) -> Vec<String> {
        let number = |number: i64| match number {
            1_000_000.. => panic!("{number}"),
            10_000.. => format!("{},{:03}", number / 1000, number % 1000),
            _ => number.to_string(),
        };
        match *shape {
            Shape::Integer { min, max, limit } => {
                vec![format!("{}–{}{}", number(min), number(max), if limit { ", or -1" } else { "" })]
            }
            Shape::Span { min, max } => vec![format!("`{}`–`{}`", show(min), show(max))],
            Shape::Boolean => vec!["`true`, `false`".into()],
            Shape::Word(words) | Shape::WordOrMap(words, _) | Shape::WordOrArn(words) => {
                words.iter().map(|word| format!("`{word}`")).collect()
            }
            Shape::List { of: Shape::Word([word]), max: 1, .. } => vec![format!("[{word}]")],
            _ => Vec::new(),
        }
    }
}
