//! The JSON Schema of mapping files, made from the table of parameters.

use serde_json::{Map, Value, json};

use super::notation::show;
use super::parameters::{MAPPING, Member, Shape, Taken};

/// `${NAME}` as a whole value may stand for any scalar.
const VARIABLE: &str = r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$";

/// The JSON Schema (draft 2020-12) of a mapping file, for editors. It knows names, types and ranges; the rules across
/// parameters are `validate`'s. Also at `mappings/schema.json`.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "forebay mapping file",
        "description": "One event source mapping, a list of them, or the answer of `aws lambda list-event-source-mappings`.",
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
    match member.taken {
        Taken::Yes | Taken::Queues | Taken::FifoQueues | Taken::Streams(_) => {
            let mut schema = or_null(shape(&member.shape));
            schema["description"] = member.about.into();
            schema
        }
        Taken::ReadOnly => json!({ "description": member.about, "readOnly": true }),
        Taken::By(sources) => json!({
            "description": format!("Of sources that forebay does not poll: it belongs to {sources}. AWS's answers carry it as null."),
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
        Shape::Text { min, max } => {
            json!({ "type": ["string", "number", "boolean"], "minLength": min, "maxLength": max })
        }
        Shape::Integer { min, max } => {
            json!({ "anyOf": [{ "type": "integer", "minimum": min, "maximum": max }, variable] })
        }
        Shape::Limit { min, max } => json!({ "anyOf": [
            { "const": -1, "title": "No limit." },
            { "type": "integer", "minimum": min, "maximum": max },
            variable,
        ] }),
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
        Shape::List { of, max } => json!({ "type": "array", "items": self::shape(of), "maxItems": max }),
        Shape::Map(table) => object(table),
        Shape::WordOrMap(words, table) => json!({ "anyOf": [{ "enum": words }, object(table), variable] }),
        Shape::Tags => json!({ "anyOf": [
            { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"], "maxLength": 256 } },
            { "type": "array", "items": {
                "type": "object",
                "properties": { "Key": { "type": "string", "minLength": 1, "maxLength": 128 }, "Value": { "type": "string", "maxLength": 256 } },
                "required": ["Key"],
                "additionalProperties": false,
            } },
        ] }),
        Shape::WordOrArn(words) => json!({ "anyOf": [
            { "enum": words },
            { "type": "string", "pattern": r"^arn:|\$\{", "title": "The ARN of an SQS queue, an SNS topic or an S3 bucket." },
        ] }),
        Shape::Pattern => json!({ "anyOf": [{ "type": "object" }, { "type": "string", "maxLength": 4096 }] }),
        Shape::Any => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

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
            match member.shape {
                Shape::Map(below) | Shape::WordOrMap(_, below) => collect(below, names),
                Shape::List { of: Shape::Map(below), .. } => collect(below, names),
                _ => {}
            }
        }
    }
}
