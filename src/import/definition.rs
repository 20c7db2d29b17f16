//! From a definition of the AWS API to a mapping file.

use serde_json::{Map, Value};

use super::check;
use super::file::mapping_file;

/// A mapping file that says what a definition says, under the same name, and what forebay has against it, if anything.
pub(crate) fn exported(
    uuid: &str,
    parameters: &Map<String, Value>,
    now_unix_ms: u64,
) -> Result<(String, Vec<String>), String> {
    let mut written: Map<String, Value> = parameters.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    written.insert("Name".into(), Value::String(uuid.into()));
    let text = mapping_file(&format!("the AWS API, event source mapping {uuid}"), &written)?;
    let errors = check::check(&format!("{uuid}.yaml"), &text, now_unix_ms).errors;
    Ok((text, errors.into_iter().map(|(why, _)| why).collect()))
}

/// In a definition `${…}` is a text like any other, and numbers may have fractions (`StartingPositionTimestamp`).
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("${", "$${")),
        Value::Number(number) if !number.is_i64() => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::import::{Options, Taken, import};
    use crate::mapping::{of_definition, parse_at};

    const UUID: &str = "5b0f4f5e-2a0b-4a39-9a0c-3d9c6b1f7a10";
    const NOW: u64 = 1_795_163_400_000;

    fn definitions() -> Vec<Map<String, Value>> {
        let all = json!([
            {
                "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders", "Enabled": false, "BatchSize": 50,
                "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",
                "MaximumBatchingWindowInSeconds": 5, "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": { "MaximumConcurrency": 2 },
                "FilterCriteria": { "Filters": [
                    { "Pattern": "{\"body\":{\"a\":[1.0,1e400,\"${X}\",\"$${Y}\"],\"a\":[\"\\u2028\"]}}" },
                    { "Pattern": "{ \"body\" : { \"größe\": [ { \"prefix\": \"it's\" } ] } }" },
                ] },
                "Tags": { "${k}": "${v}", "empty": "", "yes": "no", "1": "0x1", "line": "a\nb" },
                "MetricsConfig": { "Metrics": ["EventCount"] },
            },
            {
                "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
                "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:count",
                "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_700_000_000.5,
                "MaximumRetryAttempts": -1, "ParallelizationFactor": 3, "BisectBatchOnFunctionError": true,
                "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:s3:::failed" } },
            },
        ]);
        let Value::Array(all) = all else { unreachable!() };
        let each = all.into_iter().map(|value| match value {
            Value::Object(parameters) => parameters,
            _ => unreachable!(),
        });
        each.collect()
    }

    #[test]
    fn an_export_is_the_same_mapping() {
        for parameters in definitions() {
            let (text, errors) = exported(UUID, &parameters, NOW).unwrap();
            assert_eq!(errors, Vec::<String>::new());
            let defined = of_definition(UUID, &parameters, NOW).unwrap();
            let file = parse_at(Path::new("f.yaml"), &text, &|_| None, NOW).mappings.remove(0);
            assert_eq!(file.name, UUID);
            assert!(file.runs_like(&crate::mapping::Mapping { uuid: file.uuid.clone(), ..defined.clone() }), "{text}");
            assert_eq!((&file.tags, &file.metrics), (&defined.tags, &defined.metrics));

            let options = Options { now: NOW, ..Options::default() };
            let again = import(Path::new("f.yaml"), &text, &options, &mut Taken::default()).unwrap();
            assert_eq!(again.left, []);
            let imported = parse_at(Path::new("f.yaml"), &again.mappings[0].text, &|_| None, NOW).mappings.remove(0);
            assert_eq!(imported, file, "{text}\n{}", again.mappings[0].text);
        }
    }

    #[test]
    fn what_forebay_no_longer_takes_is_exported_all_the_same() {
        let Value::Object(parameters) = json!({ "EventSourceArn": "arn:aws:sqs:us-east-1:1:q", "BatchSize": 0 }) else {
            unreachable!()
        };
        let (text, errors) = exported(UUID, &parameters, NOW).unwrap();
        assert!(text.contains("BatchSize: 0") && errors.len() >= 2, "{text}\n{errors:?}");
    }
}
