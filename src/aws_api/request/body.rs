//! From the bytes of a request to values of the types that the model says.
//!
//! The texts of `SerializationException` are those that AWS's request parser is known by.

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

use crate::aws_api::ApiError;
use crate::parameters::{Member, Shape, of_the_api};

/// What a request holds of a table's members: typed, without nulls, under the model's names.
pub(crate) type Members = Map<String, Value>;

/// Reads a body. An empty one is an empty structure; of a name that stands twice the last counts.
pub(crate) fn read(body: &[u8], table: &'static [Member], updates_only: bool) -> Result<Members, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|error| refused(&format!("the body is not JSON: {error}")))?;
    match value {
        Value::Object(members) => structure(&members, table, updates_only),
        Value::Array(_) => Err(refused(LIST)),
        _ => Err(refused("the body is not a JSON object: write {\"FunctionName\": …}")),
    }
}

fn structure(given: &Members, table: &'static [Member], updates_only: bool) -> Result<Members, ApiError> {
    let mut members = Map::new();
    for member in of_the_api(table).into_iter().filter(|member| !(updates_only && member.fixed)) {
        if let Some(value) = given.get(member.name)
            && let Some(value) = typed(value, &member.shape)?
        {
            members.insert(member.name.into(), value);
        }
    }
    Ok(members)
}

/// A value of a shape; none for null, which is as good as absent.
fn typed(value: &Value, shape: &Shape) -> Result<Option<Value>, ApiError> {
    let typed = match (shape, value) {
        (_, Value::Null) => return Ok(None),
        (Shape::Map(table), Value::Object(members)) => Value::Object(structure(members, table, false)?),
        (Shape::Tags, Value::Object(tags)) => Value::Object(texts(tags)?),
        // Whether it says something is all that matters.
        (Shape::Any, Value::Object(members)) => Value::Object(members.clone()),
        (Shape::List { of, .. }, Value::Array(values)) => {
            let values: Result<Vec<Option<Value>>, ApiError> = values.iter().map(|value| typed(value, of)).collect();
            Value::Array(values?.into_iter().flatten().collect())
        }
        (Shape::List { .. }, Value::Object(_)) => return Err(refused(MAP)),
        (Shape::List { .. }, _) => return Err(refused("Expected list or null")),
        (_, Value::Array(_)) => return Err(refused(LIST)),
        (Shape::Map(_) | Shape::Tags | Shape::Any, _) => return Err(refused("Expected null")),
        (_, Value::Object(_)) => return Err(refused(MAP)),
        (Shape::Boolean, Value::Bool(_)) => value.clone(),
        (Shape::Boolean, other) => return Err(converted(other, "a Boolean")),
        (Shape::Integer { .. }, Value::Number(number)) => Value::Number(whole(number)?),
        (Shape::Integer { .. }, other) => return Err(converted(other, "an Integer")),
        (Shape::Time, Value::Number(number)) => Value::Number(time(number)),
        (Shape::Time, Value::String(text)) => Value::Number(moment(text)?),
        (Shape::Time, other) => return Err(converted(other, "a Date")),
        (_, Value::String(_)) => value.clone(),
        (_, other) => return Err(converted(other, "a String")),
    };
    Ok(Some(typed))
}

const MAP: &str = "Start of structure or map found where not expected.";
const LIST: &str = "Start of list found where not expected";

/// A tag without a value is null in some clients; it says nothing, so it is not there.
fn texts(tags: &Members) -> Result<Members, ApiError> {
    let text = Shape::Text { min: 0, max: usize::MAX, form: None };
    let read = |(key, value): (&String, &Value)| typed(value, &text).map(|value| Some((key.clone(), value?)));
    tags.iter().filter_map(|tag| read(tag).transpose()).collect()
}

/// A number without a fraction, however it is written. AWS cuts fractions off; here they are refused.
fn whole(number: &Number) -> Result<Number, ApiError> {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) if float.fract() != 0.0 => Err(refused("DECIMAL_VALUE can not be converted to an Integer")),
        Some(float) => Ok(cut(float).into()),
        None => Ok(number.clone()),
    }
}

/// A number of seconds, to the millisecond.
fn time(number: &Number) -> Number {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) if float.abs() < 1e15 => seconds(cut((float * 1000.0).round())),
        Some(float) => cut(float).into(),
        None => number.clone(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "no range reaches beyond the ends of the type, to which this keeps"
)]
const fn cut(float: f64) -> i64 {
    float as i64
}

/// A time of RFC 3339 as seconds since the Unix epoch.
fn moment(text: &str) -> Result<Number, ApiError> {
    let moment: Timestamp = text.parse().map_err(|_| {
        refused("STRING_VALUE can not be converted to a Date: write seconds since 1970, or 2026-11-20T08:30:00Z")
    })?;
    Ok(seconds(moment.as_millisecond()))
}

/// Milliseconds as seconds: whole ones without a fraction.
#[expect(clippy::cast_precision_loss, reason = "a double has more digits than the milliseconds of any date")]
fn seconds(ms: i64) -> Number {
    let fraction = (ms % 1000 != 0).then(|| Number::from_f64(ms as f64 / 1000.0)).flatten();
    fraction.unwrap_or_else(|| Number::from(ms / 1000))
}

fn converted(value: &Value, into: &str) -> ApiError {
    let token = match value {
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        _ => "STRING_VALUE",
    };
    refused(&format!("{token} can not be converted to {into}"))
}

fn refused(why: &str) -> ApiError {
    ApiError::Serialization(why.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parameters::MAPPING;

    fn members(body: &str) -> Value {
        Value::Object(read(body.as_bytes(), MAPPING, false).unwrap())
    }

    fn text(body: &[u8]) -> String {
        match read(body, MAPPING, false) {
            Err(error @ ApiError::Serialization(_)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_empty_body_is_an_empty_structure() {
        for body in ["", " \n", "{}"] {
            assert_eq!(members(body), json!({}), "{body:?}");
        }
    }

    #[test]
    fn takes_what_the_model_has() {
        assert_eq!(
            members(r#"{"BatchSize":5,"batchSize":6,"Unknown":{"a":[]},"Enabled":null,"BATCHSIZE":1}"#),
            json!({"BatchSize": 5})
        );
        // Of a name that stands twice the last counts.
        assert_eq!(members(r#"{"BatchSize":5,"BatchSize":7}"#), json!({"BatchSize": 7}));
        // Structures keep what they know, lists lose their nulls.
        assert_eq!(
            members(r#"{"FilterCriteria":{"Filters":[null,{"Pattern":"{}","X":1},{}],"Y":2}}"#),
            json!({"FilterCriteria": {"Filters": [{"Pattern": "{}"}, {}]}})
        );
        assert_eq!(members(r#"{"Tags":{"a":"1","b":null}}"#), json!({"Tags": {"a": "1"}}));
        assert_eq!(members(r#"{"ScalingConfig":{"MaximumConcurrency":null}}"#), json!({"ScalingConfig": {}}));
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        for (written, number) in [
            ("10.0", json!(10)),
            ("1e3", json!(1000)),
            ("-0", json!(0)),
            ("-1.0", json!(-1)),
            ("99999999999", json!(99_999_999_999_i64)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1e30", json!(i64::MAX)),
            ("-1e30", json!(i64::MIN)),
        ] {
            assert_eq!(members(&format!(r#"{{"BatchSize":{written}}}"#)), json!({"BatchSize": number}), "{written}");
        }
    }

    #[test]
    fn times_are_seconds_whichever_way_they_are_written() {
        for (written, number) in [
            ("1732090200", json!(1_732_090_200)),
            ("1732090200.0", json!(1_732_090_200)),
            ("1.7320902E9", json!(1_732_090_200)),
            ("1732090200.25", json!(1_732_090_200.25)),
            ("1732090200.1239999", json!(1_732_090_200.124)),
            (r#""2024-11-20T08:10:00Z""#, json!(1_732_090_200)),
            (r#""2024-11-20T09:10:00.250+01:00""#, json!(1_732_090_200.25)),
            ("-5", json!(-5)),
            ("1e300", json!(i64::MAX)),
        ] {
            let body = format!(r#"{{"StartingPositionTimestamp":{written}}}"#);
            assert_eq!(members(&body), json!({"StartingPositionTimestamp": number}), "{written}");
        }
        for written in [r#""yesterday""#, r#""1732090200""#, r#""2024-11-20T08:10:00""#, r#""""#] {
            let body = format!(r#"{{"StartingPositionTimestamp":{written}}}"#);
            let text = text(body.as_bytes());
            assert!(text.starts_with("STRING_VALUE can not be converted to a Date"), "{text}");
        }
    }

    #[test]
    fn other_types_are_refused_in_the_words_of_the_request_parser() {
        for (body, expected) in [
            (r#"{"BatchSize":"10"}"#, "STRING_VALUE can not be converted to an Integer"),
            (r#"{"BatchSize":true}"#, "TRUE_VALUE can not be converted to an Integer"),
            (r#"{"BatchSize":false}"#, "FALSE_VALUE can not be converted to an Integer"),
            (r#"{"BatchSize":10.5}"#, "DECIMAL_VALUE can not be converted to an Integer"),
            (r#"{"BatchSize":[1]}"#, "Start of list found where not expected"),
            (r#"{"BatchSize":{}}"#, "Start of structure or map found where not expected."),
            (r#"{"FunctionName":1}"#, "NUMBER_VALUE can not be converted to a String"),
            (r#"{"FunctionName":true}"#, "TRUE_VALUE can not be converted to a String"),
            (r#"{"FunctionName":[]}"#, "Start of list found where not expected"),
            (r#"{"Enabled":"true"}"#, "STRING_VALUE can not be converted to a Boolean"),
            (r#"{"Enabled":1}"#, "NUMBER_VALUE can not be converted to a Boolean"),
            (r#"{"StartingPosition":0}"#, "NUMBER_VALUE can not be converted to a String"),
            (r#"{"StartingPositionTimestamp":true}"#, "TRUE_VALUE can not be converted to a Date"),
            (r#"{"FunctionResponseTypes":"x"}"#, "Expected list or null"),
            (r#"{"FunctionResponseTypes":{}}"#, "Start of structure or map found where not expected."),
            (r#"{"FunctionResponseTypes":[1]}"#, "NUMBER_VALUE can not be converted to a String"),
            (r#"{"ScalingConfig":5}"#, "Expected null"),
            (r#"{"ScalingConfig":[]}"#, "Start of list found where not expected"),
            (r#"{"ScalingConfig":{"MaximumConcurrency":"2"}}"#, "STRING_VALUE can not be converted to an Integer"),
            (r#"{"FilterCriteria":{"Filters":[5]}}"#, "Expected null"),
            (
                r#"{"FilterCriteria":{"Filters":[{"Pattern":{}}]}}"#,
                "Start of structure or map found where not expected.",
            ),
            (r#"{"Tags":{"a":1}}"#, "NUMBER_VALUE can not be converted to a String"),
            (r#"{"Tags":{"a":[]}}"#, "Start of list found where not expected"),
            (r#"{"Tags":[]}"#, "Start of list found where not expected"),
            (r#"{"SelfManagedEventSource":"x"}"#, "Expected null"),
            ("[]", "Start of list found where not expected"),
        ] {
            assert_eq!(text(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = "[".repeat(100_000);
        let bodies: [&[u8]; 12] = [
            b"{",
            b"{\"a\":1,}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":1e400}",
            b"{\"a\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b"NaN",
            b"{'a':1}",
            b"{\"a\":01}",
            b"{\"a\":\"\n\"}",
            deep.as_bytes(),
        ];
        for body in bodies {
            let text = text(body);
            assert!(text.starts_with("the body is not JSON: "), "{text}");
        }
        for body in ["null", "5", "true", "\"x\""] {
            let text = text(body.as_bytes());
            assert!(text.starts_with("the body is not a JSON object"), "{text}");
        }
    }

    #[test]
    fn update_ignores_what_it_lacks_whatever_it_holds() {
        let body = br#"{"EventSourceArn":5,"StartingPosition":{},"Tags":1,"Topics":"x","BatchSize":5}"#;
        assert_eq!(Value::Object(read(body, MAPPING, true).unwrap()), json!({"BatchSize": 5}));
    }
}
