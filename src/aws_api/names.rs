//! The ARNs of functions and mappings.

use crate::mapping::{Arn, FunctionRef, Mapping};

/// The function's whole ARN, with the qualifier that the mapping names. What a file leaves out is that of the source:
/// AWS wants both in one region, and mostly they are of one account.
pub(crate) fn function_arn(mapping: &Mapping) -> String {
    function_at(&place(mapping), &mapping.function)
}

/// The ARN of a function at a place (`arn:aws:lambda:REGION:ACCOUNT`), with its qualifier.
pub(crate) fn function_at(place: &str, function: &FunctionRef) -> String {
    let name = &function.name;
    match &function.qualifier {
        Some(qualifier) => format!("{place}:function:{name}:{qualifier}"),
        None => format!("{place}:function:{name}"),
    }
}

/// The mapping's own ARN: it lives where its function does.
pub(crate) fn mapping_arn(mapping: &Mapping) -> String {
    format!("{}:event-source-mapping:{}", place(mapping), mapping.uuid)
}

/// `arn:aws:lambda:REGION:ACCOUNT`.
fn place(mapping: &Mapping) -> String {
    let (function, source) = (&mapping.function, mapping.source.arn());
    let written = Arn::parse(&function.text);
    let partition = written.as_ref().map_or(&source.partition, |arn| &arn.partition);
    let region = function.region.as_deref().or(mapping.target.region()).unwrap_or(&source.region);
    let account = function.account.as_ref().unwrap_or(&source.account);
    format!("arn:{partition}:lambda:{region}:{account}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn mapping(function: &str, more: &str) -> Mapping {
        let text = format!(
            "Name: m\nEventSourceArn: arn:aws-cn:sqs:cn-north-1:111111111111:q\nFunctionName: {function}\n{more}"
        );
        crate::mapping::parse(Path::new("m.yaml"), &text, &|_| None).mappings.remove(0)
    }

    #[test]
    fn what_is_not_written_is_that_of_the_source() {
        let china = "arn:aws-cn:lambda:cn-north-1:111111111111:function";
        let elsewhere = "Poller: { Function: { Region: cn-northwest-1 } }\n";
        let table = [
            ("f", "", format!("{china}:f")),
            ("f:live", "", format!("{china}:f:live")),
            ("f:$LATEST", "", format!("{china}:f:$LATEST")),
            ("222222222222:function:f", "", "arn:aws-cn:lambda:cn-north-1:222222222222:function:f".into()),
            ("f", elsewhere, "arn:aws-cn:lambda:cn-northwest-1:111111111111:function:f".into()),
            (
                "arn:aws:lambda:eu-west-1:333333333333:function:f:7",
                elsewhere,
                "arn:aws:lambda:eu-west-1:333333333333:function:f:7".into(),
            ),
        ];
        for (function, more, arn) in table {
            let mapping = mapping(function, more);
            assert_eq!(function_arn(&mapping), arn);
            let (place, _) = arn.split_once(":function:").unwrap();
            assert_eq!(mapping_arn(&mapping), format!("{place}:event-source-mapping:{}", mapping.uuid));
        }
    }
}
