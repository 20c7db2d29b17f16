//! The regular expressions of the API's model, as its refusals quote them.

use std::sync::OnceLock;

use regex_lite::Regex;

/// A form that a text must have as a whole.
pub(crate) struct Form {
    /// As refusals quote it.
    pub(crate) pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Form {
    const fn new(pattern: &'static str) -> Self {
        Self { pattern, compiled: OnceLock::new() }
    }

    /// Whether a whole text has the form: Java's `matches`, which AWS uses, is about whole texts.
    pub(crate) fn fits(&self, text: &str) -> bool {
        self.regex().is_none_or(|regex| regex.is_match(text))
    }

    /// That every form compiles is tested.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&format!("^(?:{})$", self.pattern)).ok()).as_ref()
    }
}

/// A source's ARN.
pub(crate) static ARN: Form = Form::new(
    r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
);
/// A function's name, partial ARN or ARN.
pub(crate) static FUNCTION: Form = Form::new(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
);
/// The ARN of a KMS key, or nothing.
pub(super) static KEY: Form = Form::new(r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()");
/// Nothing, a Kafka topic, or the ARN of a destination.
pub(super) static DESTINATION: Form = Form::new(
    r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
);
/// A Kafka topic.
pub(super) static TOPIC: Form = Form::new(r"[^.]([a-zA-Z0-9\-_.]+)");
/// A group of provisioned pollers.
pub(super) static GROUP: Form = Form::new(r"[a-zA-Z0-9-_]*");
/// Anything.
pub(super) static ANY_TEXT: Form = Form::new(r"[\s\S]*");
/// The ARN of what can have tags.
pub(crate) static TAGGABLE: Form = Form::new(
    r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})",
);
/// A tag's key or value, for quoting: [`is_tag`] reads it.
pub(crate) static TAG: Form = Form::new(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)");

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`; vowel signs, which Unicode counts as alphabetic and not as letters, pass, too.
pub(crate) fn is_tag(text: &str) -> bool {
    text.chars().all(|letter| {
        letter.is_alphanumeric()
            || (letter.is_whitespace() && !letter.is_control())
            || matches!(letter, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for form in [&ARN, &FUNCTION, &KEY, &DESTINATION, &TOPIC, &GROUP, &ANY_TEXT, &TAGGABLE] {
            assert!(form.regex().is_some(), "{}", form.pattern);
        }
    }

    #[test]
    fn texts_fit_as_a_whole() {
        let uuid = "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f";
        let table: &[(&Form, &str, bool)] = &[
            (&ARN, "arn:aws:sqs:us-east-1:123456789012:orders", true),
            (&ARN, "arn:aws-us-gov:kinesis:us-gov-west-1:123456789012:stream/a", true),
            (&ARN, "arn:aws:s3:::bucket", true),
            (&ARN, "arn:aws:sqs:elasticmq:000000000000:q", false),
            (&ARN, "https://sqs.us-east-1.amazonaws.com/1/q", false),
            (&ARN, " arn:aws:sqs:us-east-1:123456789012:orders", false),
            (&ARN, "arn:aws:sqs:us-east-1:123456789012:a\nb", false),
            (&ARN, "", false),
            (&FUNCTION, "f", true),
            (&FUNCTION, "f.x-1_2", true),
            (&FUNCTION, "f:$LATEST", true),
            (&FUNCTION, "f:$LATEST.PUBLISHED", true),
            (&FUNCTION, "f:$LATES", false),
            (&FUNCTION, "123456789012:function:f:live", true),
            (&FUNCTION, "arn:aws:lambda:eu-west-3:123456789012:function:f:1", true),
            (&FUNCTION, "arn:aws:lambda:eu-west-3::function:f", false),
            (&FUNCTION, "f g", false),
            (&FUNCTION, "f:", false),
            (&FUNCTION, "é", false),
            (&DESTINATION, "", true),
            (&DESTINATION, "kafka://topic", true),
            (&DESTINATION, "kafka://.topic", false),
            (&DESTINATION, "arn:aws:sns:us-east-1:123456789012:t", true),
            (&DESTINATION, "queue", false),
            (&KEY, "", true),
            (&KEY, "arn:aws:kms:us-east-1:123456789012:key/a", true),
            (&KEY, "key", false),
            (&TOPIC, "ab", true),
            (&TOPIC, "a", false),
            (&GROUP, "a_b-1", true),
            (&GROUP, "a b", false),
            (&TAGGABLE, "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:x", false),
            (&ANY_TEXT, "\u{0}\n", true),
        ];
        for (form, text, fits) in table {
            assert_eq!(form.fits(text), *fits, "{} {text:?}", form.pattern);
        }
        assert!(TAGGABLE.fits(&format!("arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{uuid}")));
        assert!(TAGGABLE.fits("arn:aws:lambda:us-east-1:123456789012:function:f"));
        for (text, fits) in [("team-é_1 @:/=+.", true), ("", true), ("a\tb", false), ("a*b", false)] {
            assert_eq!(is_tag(text), fits, "{text:?}");
        }
    }
}
