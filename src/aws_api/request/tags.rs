//! `TagResource`, `UntagResource`, `ListTags`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::body;
use super::canonical::Parameters;
use super::constraints::Findings;
use super::list::pairs;
use crate::aws_api::ApiError;
use crate::parameters::{MOST_TAGS, TAGGABLE, TAGGING};

/// The mapping that a tagging request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaggedMapping {
    pub(crate) arn: String,
    pub(crate) uuid: String,
}

/// Reads the ARN in the path of a tagging request, percent-encoded or not. Only mappings have tags here.
pub(crate) fn tag_resource(segment: &str) -> Result<TaggedMapping, ApiError> {
    let arn = percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let mut findings = Findings::default();
    findings.text(&arn, "resource", (1, 10_000), Some(&TAGGABLE));
    findings.finish()?;
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match resource.split_once(':') {
        Some(("event-source-mapping", uuid)) => Ok(TaggedMapping { uuid: uuid.to_owned(), arn }),
        Some(("function", _)) => Err(ApiError::ResourceNotFound(format!("Function not found: {arn}"))),
        _ => Err(ApiError::no_such_mapping()),
    }
}

/// Reads the body of `TagResource`.
pub(crate) fn tags_to_add(body: &[u8]) -> Result<BTreeMap<String, String>, ApiError> {
    let members = body::read(body, TAGGING, false)?;
    let mut findings = Findings::default();
    if !members.contains_key("Tags") {
        findings.missing("tags");
    }
    findings.structure(&members, TAGGING, "");
    findings.finish()?;
    let tags = members.get("Tags").and_then(Value::as_object);
    let Some(tags) = tags.filter(|tags| !tags.is_empty()) else {
        return Err(ApiError::InvalidParameterValue(
            "An error occurred and the request cannot be processed.".to_owned(),
        ));
    };
    check(tags)?;
    Ok(tags.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

/// Reads the query of `UntagResource`: `tagKeys`, once for each.
pub(crate) fn tag_keys(query: &str) -> Result<Vec<String>, ApiError> {
    let keys: Vec<String> = pairs(query).filter(|(name, _)| name == "tagKeys").map(|(_, key)| key).collect();
    let mut findings = Findings::default();
    if keys.is_empty() {
        findings.missing("tagKeys");
    }
    findings.tag_keys(&keys, "tagKeys");
    findings.finish()?;
    Ok(keys)
}

/// A definition with more tags; those of the same key are replaced.
pub(crate) fn add_tags(parameters: &Parameters, tags: BTreeMap<String, String>) -> Result<Parameters, ApiError> {
    let mut all = parameters.at(&["Tags"]).and_then(Value::as_object).cloned().unwrap_or_default();
    all.extend(tags.into_iter().map(|(key, value)| (key, Value::String(value))));
    check(&all)?;
    Ok(with_tags(parameters, all))
}

/// A definition without the tags of some keys; keys that it does not have are as good as removed.
pub(crate) fn remove_tags(parameters: &Parameters, keys: &[String]) -> Parameters {
    let mut all = parameters.at(&["Tags"]).and_then(Value::as_object).cloned().unwrap_or_default();
    all.retain(|key, _| !keys.contains(key));
    with_tags(parameters, all)
}

fn with_tags(parameters: &Parameters, tags: Map<String, Value>) -> Parameters {
    let mut members = parameters.0.clone();
    members.insert("Tags".to_owned(), Value::Object(tags));
    Parameters::of(members)
}

/// What AWS asks of a definition's tags beyond the model's constraints.
pub(crate) fn check_tags(parameters: &Parameters) -> Result<(), ApiError> {
    parameters.at(&["Tags"]).and_then(Value::as_object).map_or(Ok(()), check)
}

fn check(tags: &Map<String, Value>) -> Result<(), ApiError> {
    let reserved = |key: &String| key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if tags.keys().any(reserved) {
        return Err(ApiError::InvalidParameterValue(
            "aws: prefixed tag key names are not allowed for external use.".to_owned(),
        ));
    }
    if tags.len() > MOST_TAGS {
        return Err(ApiError::InvalidParameterValue("Number of tags exceeds resource tag limit.".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f";

    fn refusal<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (&'static str, String) {
        let error = result.unwrap_err();
        (error.code(), error.to_string())
    }

    fn tagged(tags: &Value) -> Parameters {
        let Value::Object(members) = json!({ "BatchSize": 1, "Tags": tags }) else { panic!() };
        Parameters(members)
    }

    fn many(count: usize) -> Value {
        (0..count).map(|index| (format!("k{index}"), Value::from("v"))).collect::<Map<_, _>>().into()
    }

    #[test]
    fn finds_the_mapping_of_a_path() {
        let encoded = ARN.replace(':', "%3A");
        for segment in [ARN, &encoded] {
            let found = tag_resource(segment).unwrap();
            assert_eq!((found.arn.as_str(), found.uuid.as_str()), (ARN, "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f"));
        }
        let function = "arn:aws:lambda:us-east-1:123456789012:function:f";
        assert_eq!(
            refusal(tag_resource(function)),
            ("ResourceNotFoundException", format!("Function not found: {function}"))
        );
        let group = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:c";
        assert_eq!(refusal(tag_resource(group)).0, "ResourceNotFoundException");
        for segment in
            ["x", "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:1", "arn:aws:sqs:us-east-1:1:q"]
        {
            let expected = format!(
                "1 validation error detected: Value '{segment}' at 'resource' failed to satisfy constraint: Member \
                 must satisfy regular expression pattern: {}",
                TAGGABLE.pattern
            );
            assert_eq!(refusal(tag_resource(segment)), ("ValidationException", expected));
        }
        assert!(refusal(tag_resource("")).1.starts_with("2 validation errors detected: "));
    }

    #[test]
    fn reads_tags() {
        let tags = tags_to_add(r#"{"Tags":{"team":"é","empty":""},"X":1}"#.as_bytes()).unwrap();
        assert_eq!(tags, BTreeMap::from([("team".into(), "é".into()), ("empty".into(), String::new())]));
        let missing =
            "1 validation error detected: Value null at 'tags' failed to satisfy constraint: Member must not be null";
        for body in ["", "{}", r#"{"Tags":null}"#] {
            assert_eq!(refusal(tags_to_add(body.as_bytes())), ("ValidationException", missing.into()), "{body}");
        }
        assert_eq!(
            refusal(tags_to_add(br#"{"Tags":{}}"#)),
            ("InvalidParameterValueException", "An error occurred and the request cannot be processed.".into())
        );
        assert_eq!(refusal(tags_to_add(br#"{"Tags":{"a":1}}"#)).0, "SerializationException");
        for key in ["aws:x", "AWS:x", "Aws:"] {
            let body = json!({"Tags": {key: "v"}}).to_string();
            assert_eq!(
                refusal(tags_to_add(body.as_bytes())).1,
                "aws: prefixed tag key names are not allowed for external use."
            );
        }
        assert!(tags_to_add(br#"{"Tags":{"awsx":"v","aw":"aws:v"}}"#).is_ok());
    }

    #[test]
    fn keys_and_values_have_their_constraints() {
        let pattern = crate::parameters::TAG.pattern;
        assert_eq!(
            refusal(tags_to_add(br#"{"Tags":{"a*":"1","b":"2"}}"#)).1,
            format!(
                "1 validation error detected: Value '{{a*=1, b=2}}' at 'tags' failed to satisfy constraint: Map keys \
                 must satisfy constraint: [Member must have length less than or equal to 128, Member must have length \
                  greater than or equal to 1, Member must satisfy regular expression pattern: {pattern}]"
            )
        );
        assert_eq!(
            refusal(tags_to_add(br#"{"Tags":{"a":"1,"}}"#)).1,
            format!(
                "1 validation error detected: Value '{{a=1,}}' at 'tags' failed to satisfy constraint: Map value must \
                 satisfy constraint: [Member must have length less than or equal to 256, Member must have length \
                  greater than or equal to 0, Member must satisfy regular expression pattern: {pattern}]"
            )
        );
        for (key, value, errors) in [(128, 256, 0), (129, 0, 1), (1, 257, 1), (0, 257, 2)] {
            let body = json!({"Tags": {"k".repeat(key): "v".repeat(value)}}).to_string();
            match tags_to_add(body.as_bytes()) {
                Ok(_) => assert_eq!(errors, 0),
                Err(error) => assert!(error.to_string().starts_with(&format!("{errors} validation error")), "{error}"),
            }
        }
    }

    #[test]
    fn a_mapping_has_fifty_tags_at_most() {
        let body = |count: usize| json!({ "Tags": many(count) }).to_string();
        assert_eq!(tags_to_add(body(50).as_bytes()).unwrap().len(), 50);
        let limit = ("InvalidParameterValueException", "Number of tags exceeds resource tag limit.".to_owned());
        assert_eq!(refusal(tags_to_add(body(51).as_bytes())), limit);
        let full = tagged(&many(50));
        assert_eq!(refusal(add_tags(&full, BTreeMap::from([("new".into(), "v".into())]))), limit);
        let replaced = add_tags(&full, BTreeMap::from([("k7".into(), "w".into())])).unwrap();
        let tags = replaced.at(&["Tags"]).and_then(Value::as_object).unwrap();
        assert_eq!((tags.len(), &tags["k7"]), (50, &json!("w")));
    }

    #[test]
    fn tags_come_and_go() {
        let none = Parameters(Map::new());
        let one = add_tags(&none, BTreeMap::from([("a".into(), "1".into())])).unwrap();
        assert_eq!(Value::Object(one.0.clone()), json!({"Tags": {"a": "1"}}));
        assert_eq!(remove_tags(&one, &["b".into()]), one);
        assert_eq!(remove_tags(&one, &["a".into()]), none);
        assert_eq!(remove_tags(&tagged(&json!({"a": "1"})), &["a".into()]).0.len(), 1);
    }

    #[test]
    fn reads_the_keys_to_remove() {
        assert_eq!(
            tag_keys("tagKeys=a&tagKeys=b%20c&x=1&tagKeys=d+e"),
            Ok(vec!["a".into(), "b c".into(), "d e".into()])
        );
        assert_eq!(
            refusal(tag_keys("TagKeys=a")),
            (
                "ValidationException",
                "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be \
                 null".into()
            )
        );
        let (code, text) = refusal(tag_keys("tagKeys=a&tagKeys=b*"));
        assert_eq!(code, "ValidationException");
        assert!(
            text.starts_with(
                "1 validation error detected: Value '[a, b*]' at 'tagKeys' failed to satisfy \
            constraint: Member must satisfy constraint: [Member must have length less than or equal to \
             128, "
            ),
            "{text}"
        );
        assert!(tag_keys("tagKeys=").is_err());
    }
}
