//! The regular expressions of the API's model, as its errors quote them.

use std::sync::LazyLock;

use regex_lite::Regex;

/// A form that a text must have as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A source's ARN.
    Arn,
    /// A function's name, partial ARN or ARN.
    Function,
    /// The ARN of a KMS key, or nothing.
    Key,
    /// Nothing, a Kafka topic, or the ARN of a destination.
    Destination,
    /// A Kafka topic.
    Topic,
    /// A group of provisioned pollers.
    Group,
    /// The ARN of what can have tags.
    Taggable,
    /// A tag's key or value.
    Tag,
    /// Anything.
    AnyText,
}

const ARN: &str =
    r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
const FUNCTION: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
const KEY: &str = r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()";
const DESTINATION: &str = r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
const TOPIC: &str = r"[^.]([a-zA-Z0-9\-_.]+)";
const GROUP: &str = r"[a-zA-Z0-9-_]*";
const TAGGABLE: &str = r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})";
const TAG: &str = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)";

impl Form {
    /// As errors quote it.
    pub(crate) const fn pattern(self) -> &'static str {
        match self {
            Self::Arn => ARN,
            Self::Function => FUNCTION,
            Self::Key => KEY,
            Self::Destination => DESTINATION,
            Self::Topic => TOPIC,
            Self::Group => GROUP,
            Self::Taggable => TAGGABLE,
            Self::Tag => TAG,
            Self::AnyText => r"[\s\S]*",
        }
    }

    /// Whether a whole text has the form.
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::Tag => text.chars().all(is_tag_letter),
            Self::AnyText => true,
            _ => self.regex().is_none_or(|regex| regex.is_match(text)),
        }
    }

    /// None for the forms that need none; that the others compile is tested.
    pub(super) fn regex(self) -> Option<&'static Regex> {
        static ALL: [LazyLock<Option<Regex>>; 7] = [
            LazyLock::new(|| whole(ARN)),
            LazyLock::new(|| whole(FUNCTION)),
            LazyLock::new(|| whole(KEY)),
            LazyLock::new(|| whole(DESTINATION)),
            LazyLock::new(|| whole(TOPIC)),
            LazyLock::new(|| whole(GROUP)),
            LazyLock::new(|| whole(TAGGABLE)),
        ];
        let [arn, function, key, destination, topic, group, taggable] = &ALL;
        match self {
            Self::Arn => arn.as_ref(),
            Self::Function => function.as_ref(),
            Self::Key => key.as_ref(),
            Self::Destination => destination.as_ref(),
            Self::Topic => topic.as_ref(),
            Self::Group => group.as_ref(),
            Self::Taggable => taggable.as_ref(),
            Self::Tag | Self::AnyText => None,
        }
    }
}

/// Java's `matches`, which AWS uses, is about whole texts.
fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`; vowel signs, which Unicode counts as alphabetic and not as letters, pass, too.
fn is_tag_letter(letter: char) -> bool {
    letter.is_alphanumeric()
        || (letter.is_whitespace() && !letter.is_control())
        || matches!(letter, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for form in [Form::Arn, Form::Function, Form::Key, Form::Destination, Form::Topic, Form::Group, Form::Taggable]
        {
            assert!(form.regex().is_some(), "{form:?}");
        }
    }

    #[test]
    fn texts_fit_as_a_whole() {
        let uuid = "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f";
        let table: &[(Form, &str, bool)] = &[
            (Form::Arn, "arn:aws:sqs:us-east-1:123456789012:orders", true),
            (Form::Arn, "arn:aws-us-gov:kinesis:us-gov-west-1:123456789012:stream/a", true),
            (Form::Arn, "arn:aws:s3:::bucket", true),
            (Form::Arn, "arn:aws:sqs:elasticmq:000000000000:q", false),
            (Form::Arn, "https://sqs.us-east-1.amazonaws.com/1/q", false),
            (Form::Arn, " arn:aws:sqs:us-east-1:123456789012:orders", false),
            (Form::Arn, "arn:aws:sqs:us-east-1:123456789012:a\nb", false),
            (Form::Arn, "", false),
            (Form::Function, "f", true),
            (Form::Function, "f.x-1_2", true),
            (Form::Function, "f:$LATEST", true),
            (Form::Function, "f:$LATEST.PUBLISHED", true),
            (Form::Function, "f:$LATES", false),
            (Form::Function, "123456789012:function:f:live", true),
            (Form::Function, "arn:aws:lambda:eu-west-3:123456789012:function:f:1", true),
            (Form::Function, "arn:aws:lambda:eu-west-3::function:f", false),
            (Form::Function, "f g", false),
            (Form::Function, "f:", false),
            (Form::Function, "é", false),
            (Form::Destination, "", true),
            (Form::Destination, "kafka://topic", true),
            (Form::Destination, "kafka://.topic", false),
            (Form::Destination, "arn:aws:sns:us-east-1:123456789012:t", true),
            (Form::Destination, "queue", false),
            (Form::Key, "", true),
            (Form::Key, "arn:aws:kms:us-east-1:123456789012:key/a", true),
            (Form::Key, "key", false),
            (Form::Topic, "ab", true),
            (Form::Topic, "a", false),
            (Form::Group, "a_b-1", true),
            (Form::Group, "a b", false),
            (Form::Taggable, "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:x", false),
            (Form::Tag, "team-é_1 @:/=+.", true),
            (Form::Tag, "", true),
            (Form::Tag, "a\tb", false),
            (Form::Tag, "a*b", false),
            (Form::AnyText, "\u{0}", true),
        ];
        for (form, text, fits) in table {
            assert_eq!(form.fits(text), *fits, "{form:?} {text:?}");
        }
        assert!(Form::Taggable.fits(&format!("arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{uuid}")));
        assert!(Form::Taggable.fits("arn:aws:lambda:us-east-1:123456789012:function:f"));
    }
}
