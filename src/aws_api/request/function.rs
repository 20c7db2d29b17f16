//! Functions as requests name them.

use crate::parameters::FUNCTION;

/// A function as a request names it, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionParts {
    pub(crate) region: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) name: String,
    /// A version or an alias.
    pub(crate) qualifier: Option<String>,
}

impl FunctionParts {
    /// Takes a name, partial ARN or ARN apart by the groups of the model's pattern.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let found = FUNCTION.regex()?.captures(text)?;
        let part = |group: usize| found.get(group).map(|part| part.as_str().trim_end_matches(':').to_owned());
        Some(Self { region: part(3), account: part(9), name: part(11)?, qualifier: part(13) })
    }

    /// The form in which definitions keep a name, a partial ARN or an ARN: `function:f` and `123456789012:f` are short
    /// for others, and would be read as a qualifier's otherwise. None for a region without its ARN, which can be kept
    /// in no form.
    pub(crate) fn plain(text: &str) -> Option<String> {
        if text.starts_with("arn:") {
            return Some(text.to_owned());
        }
        let Self { region: None, account, name, qualifier } = Self::read(text)? else { return None };
        let name = account.map_or_else(|| name.clone(), |account| format!("{account}:function:{name}"));
        Some(qualifier.map_or_else(|| name.clone(), |qualifier| format!("{name}:{qualifier}")))
    }

    /// Whether a function's full ARN is what is meant: the same qualifier, or none in both; region and account where
    /// they are given.
    pub(crate) fn names(&self, arn: &str) -> bool {
        let Some(other) = Self::read(arn) else { return false };
        let agrees = |asked: &Option<String>, found: &Option<String>| asked.is_none() || asked == found;
        self.name == other.name
            && self.qualifier == other.qualifier
            && agrees(&self.region, &other.region)
            && agrees(&self.account, &other.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_taken_apart() {
        let some = |text: &str| Some(text.to_owned());
        let read = |text: &str| {
            FunctionParts::read(text).map(|parts| (parts.region, parts.account, parts.name, parts.qualifier))
        };
        let account = "123456789012";
        assert_eq!(read("f"), Some((None, None, "f".into(), None)));
        assert_eq!(read("f:live"), Some((None, None, "f".into(), some("live"))));
        assert_eq!(read("f:$LATEST.PUBLISHED"), Some((None, None, "f".into(), some("$LATEST.PUBLISHED"))));
        assert_eq!(read("123456789012:function:f:1"), Some((None, some(account), "f".into(), some("1"))));
        assert_eq!(
            read("arn:aws:lambda:eu-west-1:123456789012:function:f"),
            Some((some("eu-west-1"), some(account), "f".into(), None))
        );
        assert_eq!(read("f g"), None);
    }

    #[test]
    fn a_function_is_named_with_its_very_qualifier() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
        let names = |asked: &str, arn: &str| FunctionParts::read(asked).unwrap().names(arn);
        for asked in ["f", "123456789012:function:f", "function:f", "123456789012:f", arn] {
            assert!(names(asked, arn), "{asked}");
            assert!(!names(asked, &format!("{arn}:live")), "{asked}");
            assert!(names(&format!("{asked}:live"), &format!("{arn}:live")), "{asked}");
            assert!(!names(&format!("{asked}:live"), arn), "{asked}");
        }
        assert!(!names("g", arn));
        assert!(!names("000000000000:function:f", arn));
        assert!(!names("arn:aws:lambda:eu-west-2:123456789012:function:f", arn));
        assert!(!names("f", "no function"));
    }

    #[test]
    fn short_forms_are_written_out() {
        for (text, plain) in [
            ("f", "f"),
            ("f:1", "f:1"),
            ("function:f", "f"),
            ("function:f:live", "f:live"),
            ("123456789012:f", "123456789012:function:f"),
            ("123456789012:function:f:$LATEST", "123456789012:function:f:$LATEST"),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:f:1",
                "arn:aws:lambda:eu-west-1:123456789012:function:f:1",
            ),
        ] {
            assert_eq!(FunctionParts::plain(text).as_deref(), Some(plain));
            assert_eq!(FunctionParts::plain(plain).as_deref(), Some(plain));
        }
        for text in ["eu-west-1:f", "eu-west-1:123456789012:function:f", "f g", ""] {
            assert_eq!(FunctionParts::plain(text), None, "{text}");
        }
    }
}
