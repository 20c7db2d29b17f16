//! The parameters of a mapping as they are kept: only members that say something.
//!
//! AWS's answers carry a mapping's defaults, and SDKs send empty members; neither is to become part of a definition.

use serde_json::{Map, Value};

use super::body::Members;
use crate::parameters::{MAPPING, find};

/// The parameters of a mapping: AWS's names, only members that say something, plain numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters(pub(crate) Members);

impl Parameters {
    /// Takes out members that say nothing.
    pub(crate) fn of(members: Members) -> Self {
        let silent = |name: &str, value: &Value| {
            let number = value.as_i64().or_else(|| value.as_bool().map(i64::from));
            number.is_some() && number == find(MAPPING, name).and_then(|member| member.silent)
        };
        let says = |(name, value): (String, Value)| match name.as_str() {
            // A tag may be empty, and a filter without a pattern is wrong rather than silent.
            "Tags" => full(Some(&value)).then_some((name, value)),
            "FilterCriteria" => full(value.get("Filters")).then_some((name, value)),
            _ => spoken(value).filter(|value| !silent(&name, value)).map(|value| (name, value)),
        };
        Self(members.into_iter().filter_map(says).collect())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A number; what is beyond `i64` is refused before anything asks for it.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What stands at a path of members.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, name| value.get(*name))
    }
}

/// A value without members that say nothing; none when nothing is left.
fn spoken(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let members: Map<String, Value> =
                members.into_iter().filter_map(|(name, value)| spoken(value).map(|value| (name, value))).collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        Value::Array(values) if values.is_empty() => None,
        Value::String(text) if text.is_empty() => None,
        Value::Null => None,
        other => Some(other),
    }
}

/// Whether there is any element in a list or map.
fn full(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Object(members)) => !members.is_empty(),
        Some(Value::Array(values)) => !values.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical(value: Value) -> Value {
        let Value::Object(members) = value else { panic!("{value}") };
        Value::Object(Parameters::of(members).0)
    }

    #[test]
    fn what_says_nothing_is_not_kept() {
        let silent = json!({
            "KMSKeyArn": "", "ScalingConfig": {}, "FilterCriteria": {"Filters": []}, "FunctionResponseTypes": [],
            "DestinationConfig": {"OnFailure": {"Destination": ""}, "OnSuccess": {}}, "MetricsConfig": {"Metrics": []},
            "Tags": {}, "ProvisionedPollerConfig": {}, "MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1,
            "BisectBatchOnFunctionError": false, "ParallelizationFactor": 1, "TumblingWindowInSeconds": 0,
            "MaximumBatchingWindowInSeconds": 0, "LoggingConfig": {}, "SelfManagedEventSource": {"Endpoints": {}},
        });
        assert_eq!(canonical(silent), json!({}));
        for silent in [json!({"DestinationConfig": {}}), json!({"FilterCriteria": {}})] {
            assert_eq!(canonical(silent), json!({}));
        }
    }

    #[test]
    fn what_says_something_is_kept_as_it_is() {
        for spoken in [
            json!({"MaximumRetryAttempts": 0}),
            json!({"MaximumRecordAgeInSeconds": 60}),
            json!({"BisectBatchOnFunctionError": true}),
            json!({"ParallelizationFactor": 2}),
            json!({"TumblingWindowInSeconds": 1}),
            json!({"Enabled": false}),
            json!({"Enabled": true}),
            json!({"BatchSize": 10}),
            json!({"Tags": {"a": ""}}),
            json!({"FilterCriteria": {"Filters": [{}]}}),
            json!({"FilterCriteria": {"Filters": [{"Pattern": ""}]}}),
            json!({"StartingPositionTimestamp": 0}),
        ] {
            assert_eq!(canonical(spoken.clone()), spoken);
        }
    }
}
