//! The query of `ListEventSourceMappings`.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::constraints::Findings;
use super::function::FunctionParts;
use crate::aws_api::ApiError;
use crate::aws_api::paging::Marker;
use crate::parameters::MAPPING;

/// Which mappings are asked for, and how many at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListQuery {
    /// Those of this source.
    pub(crate) event_source_arn: Option<String>,
    /// Those of this function: [`FunctionParts::names`].
    pub(crate) function: Option<FunctionParts>,
    /// Those behind this place.
    pub(crate) marker: Option<Marker>,
    /// So many a page, 1 to 100.
    pub(crate) max_items: usize,
}

/// The most mappings of a page, as on AWS, even if `MaxItems` asks for more.
const PAGE: usize = 100;

/// The largest `MaxItems` that may be asked for.
const MOST: i64 = 10_000;

/// Reads the query of a URL, without its question mark. Of a name that stands twice the last counts; unknown names are
/// ignored.
pub(crate) fn list(query: &str) -> Result<ListQuery, ApiError> {
    let mut given: Map<String, Value> = pairs(query).map(|(name, value)| (name, value.into())).collect();
    given.retain(|name, _| matches!(name.as_str(), "EventSourceArn" | "FunctionName" | "Marker" | "MaxItems"));
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let items: Option<i64> = match text("MaxItems") {
        Some(text) => Some(
            text.parse()
                .map_err(|_| ApiError::Serialization("STRING_VALUE can not be converted to an Integer".to_owned()))?,
        ),
        None => None,
    };
    let mut findings = Findings::default();
    findings.structure(&given, MAPPING, "");
    if let Some(number) = items {
        findings.integer(&Value::from(number), "maxItems", 1, MOST);
    }
    findings.finish()?;
    Ok(ListQuery {
        event_source_arn: text("EventSourceArn").map(str::to_owned),
        function: text("FunctionName").and_then(FunctionParts::read),
        marker: text("Marker").filter(|text| !text.is_empty()).map(Marker::read).transpose()?,
        max_items: items.and_then(|number| usize::try_from(number).ok()).map_or(PAGE, |number| number.min(PAGE)),
    })
}

/// The names and values of a query, decoded; what is not UTF-8 becomes replacement characters, which fit nothing.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f";

    #[test]
    fn nothing_asks_for_everything() {
        for query in ["", "&", "Unknown=1", "eventSourceArn=x", "Marker="] {
            let all = ListQuery { event_source_arn: None, function: None, marker: None, max_items: 100 };
            assert_eq!(list(query), Ok(all), "{query}");
        }
    }

    #[test]
    fn reads_what_is_asked_for() {
        let marker = Marker::after(UUID);
        let query = format!(
            "EventSourceArn=arn%3Aaws%3Asqs%3Aus-east-1%3A123456789012%3Aorders&FunctionName=f%3Alive&MaxItems=7&Marker={marker}"
        );
        let found = list(&query).unwrap();
        assert_eq!(found.event_source_arn.as_deref(), Some("arn:aws:sqs:us-east-1:123456789012:orders"));
        assert_eq!(found.function, FunctionParts::read("f:live"));
        assert_eq!((found.marker, found.max_items), (Some(marker), 7));
        for (items, page) in [("1", 1), ("100", 100), ("101", 100), ("10000", 100), ("5&MaxItems=6", 6)] {
            assert_eq!(list(&format!("MaxItems={items}")).unwrap().max_items, page, "{items}");
        }
    }

    #[test]
    fn refuses_what_breaks_a_constraint() {
        for (query, code, text) in [
            (
                "MaxItems=0",
                "ValidationException",
                "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have \
                 value greater than or equal to 1",
            ),
            (
                "MaxItems=10001",
                "ValidationException",
                "1 validation error detected: Value '10001' at 'maxItems' failed to satisfy constraint: Member must \
                 have value less than or equal to 10000",
            ),
            ("MaxItems=ten", "SerializationException", "STRING_VALUE can not be converted to an Integer"),
            ("MaxItems=", "SerializationException", "STRING_VALUE can not be converted to an Integer"),
            (
                "MaxItems=99999999999999999999",
                "SerializationException",
                "STRING_VALUE can not be converted to an Integer",
            ),
            ("Marker=x", "InvalidParameterValueException", "Invalid marker: use the NextMarker of an answer."),
        ] {
            let error = list(query).unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), (code, text), "{query}");
        }
        let error = list("EventSourceArn=q&FunctionName=a+b&MaxItems=-1").unwrap_err().to_string();
        assert!(error.starts_with("3 validation errors detected: Value 'q' at 'eventSourceArn' failed"), "{error}");
        assert!(
            error.contains(
                "; Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy \
            regular expression pattern: "
            ),
            "{error}"
        );
        assert!(
            error.ends_with(
                "; Value '-1' at 'maxItems' failed to satisfy constraint: Member must have value \
            greater than or equal to 1"
            ),
            "{error}"
        );
        assert!(list("FunctionName=").unwrap_err().to_string().starts_with("2 validation errors detected"));
        assert!(list("EventSourceArn=%ff").is_err());
    }
}
