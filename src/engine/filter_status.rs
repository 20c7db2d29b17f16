//! `FilterCriteria` as AWS's answers show it.

use serde::{Deserialize, Serialize};

/// `FilterCriteria`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FilterCriteria {
    /// The filters; a record passes when one of them matches.
    pub filters: Vec<Filter>,
}

/// One of `FilterCriteria.Filters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filter {
    /// The pattern's JSON as text.
    pub pattern: String,
}

impl FilterCriteria {
    /// None where there are no filters: AWS leaves the member out then.
    pub(crate) fn new(patterns: &[String]) -> Option<Self> {
        let filters: Vec<_> = patterns.iter().map(|pattern| Filter { pattern: pattern.clone() }).collect();
        (!filters.is_empty()).then_some(Self { filters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_texts_within_the_json() {
        let some = FilterCriteria::new(&[r#"{"body":{"a":[1.0]}}"#.into()]).unwrap();
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"{"Filters":[{"Pattern":"{\"body\":{\"a\":[1.0]}}"}]}"#);
        assert_eq!(serde_json::from_str::<FilterCriteria>(&text).unwrap(), some);
        assert_eq!(FilterCriteria::new(&[]), None);
    }
}
