//! ARNs of sources and names of functions.

use super::model::{Arn, FunctionRef};

impl Arn {
    /// Takes an ARN apart; none when it has not all six parts, or a part has characters that none can have.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        if next()? != "arn" {
            return None;
        }
        let arn = Self {
            text: text.into(),
            partition: next()?.into(),
            service: next()?.into(),
            region: next()?.into(),
            account: next()?.into(),
            resource: next()?.into(),
        };
        let partition = arn.partition == "aws" || arn.partition.starts_with("aws-");
        let word =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let sound = partition
            && word(&arn.partition)
            && !arn.service.is_empty()
            && word(&arn.service)
            && word(&arn.region)
            && (arn.account.is_empty() || is_account(&arn.account))
            && !arn.resource.is_empty();
        sound.then_some(arn)
    }
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case letters, digits and hyphens: emulators have regions of their own making.
pub(crate) fn is_region(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(sound) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// `[A-Za-z0-9_-]{1,80}`, with an optional `.fifo`.
pub(crate) fn is_queue_name(text: &str) -> bool {
    let stem = text.strip_suffix(".fifo").unwrap_or(text);
    !stem.is_empty() && text.len() <= 80 && stem.bytes().all(is_name_byte)
}

/// The name of a Kinesis stream or of a DynamoDB table: `[A-Za-z0-9_.-]`, 255 at most.
pub(crate) fn is_stream_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| is_name_byte(byte) || byte == b'.')
}

/// What follows `stream/` in the ARN of a DynamoDB stream: `2026-11-20T08:30:00.000`, or what an emulator writes.
pub(crate) fn is_stream_label(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `[A-Za-z0-9_-]{1,256}`, with an optional `.fifo`.
pub(crate) fn is_topic_name(text: &str) -> bool {
    let stem = text.strip_suffix(".fifo").unwrap_or(text);
    !stem.is_empty() && text.len() <= 256 && stem.bytes().all(is_name_byte)
}

/// 3 to 63 lower-case letters, digits, `.` and `-`, with a letter or digit first and last.
pub(crate) fn is_bucket_name(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()].into_iter().flatten().all(|byte| alphanumeric(*byte));
    (3..=63).contains(&text.len())
        && ends
        && bytes.iter().all(|byte| alphanumeric(*byte) || matches!(byte, b'.' | b'-'))
}

/// The ARN of a queue whose URL was given.
pub(crate) fn of_queue_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let mut parts = rest.trim_end_matches('/').split('/');
    let host = parts.next()?;
    let (account, queue) = (parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_account(account) || !is_queue_name(queue) {
        return None;
    }
    let region =
        host.split('.').find(|label| label.matches('-').count() >= 2 && is_region(label)).unwrap_or("us-east-1");
    let partition = partition_of(region);
    Some(format!("arn:{partition}:sqs:{region}:{account}:{queue}"))
}

/// The partition that a region is in.
pub(crate) fn partition_of(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Why a text names no function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotAFunction {
    /// An ARN, but not a function's.
    OtherArn,
    /// A bare name of more than 64 characters.
    TooLong,
    /// None of the forms.
    Form,
}

impl FunctionRef {
    /// Reads a name, a partial ARN or an ARN, each with an optional version or alias.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAFunction> {
        let parts: Vec<&str> = text.split(':').collect();
        let (region, account, name, qualifier) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", name, rest @ ..] if rest.len() <= 1 => {
                let partition = *partition == "aws" || partition.starts_with("aws-");
                if !partition || !is_region(region) || !is_account(account) {
                    return Err(NotAFunction::Form);
                }
                (Some(*region), Some(*account), *name, rest.first())
            }
            ["arn", ..] => return Err(NotAFunction::OtherArn),
            [account, "function", name, rest @ ..] if rest.len() <= 1 && is_account(account) => {
                (None, Some(*account), *name, rest.first())
            }
            [name, rest @ ..] if rest.len() <= 1 => (None, None, *name, rest.first()),
            _ => return Err(NotAFunction::Form),
        };
        if name.is_empty() || !name.bytes().all(is_name_byte) || !qualifier.is_none_or(|it| is_qualifier(it)) {
            return Err(NotAFunction::Form);
        }
        if name.len() > 64 {
            return Err(NotAFunction::TooLong);
        }
        Ok(Self {
            text: text.into(),
            name: name.into(),
            qualifier: qualifier.map(|it| (*it).into()),
            region: region.map(Into::into),
            account: account.map(Into::into),
        })
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn is_qualifier(text: &str) -> bool {
    matches!(text, "$LATEST" | "$LATEST.PUBLISHED")
        || (!text.is_empty() && text.len() <= 128 && text.bytes().all(is_name_byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_arns_apart() {
        let arn = Arn::parse("arn:aws-cn:sqs:cn-north-1:123456789012:orders").unwrap();
        assert_eq!(
            (arn.partition.as_str(), arn.service.as_str(), arn.region.as_str()),
            ("aws-cn", "sqs", "cn-north-1")
        );
        assert_eq!((arn.account.as_str(), arn.resource.as_str()), ("123456789012", "orders"));
        assert_eq!(Arn::parse("arn:aws:lambda:r:123456789012:function:f:1").unwrap().resource, "function:f:1");
        for text in [
            "",
            "arn",
            "arn:aws:sqs:us-east-1:1:q",
            "arn:aws:sqs:us-east-1:123456789012",
            "arn:aws:sqs:us-east-1:123456789012:",
            "arn:x:sqs:r:123456789012:q",
            "arn:aws:SQS:r:123456789012:q",
            "arn:aws::r:123456789012:q",
            "ARN:aws:sqs:r:123456789012:q",
        ] {
            assert!(Arn::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn knows_the_forms_of_a_function() {
        let read = |text: &str| {
            let found = FunctionRef::parse(text).unwrap();
            (found.name, found.qualifier, found.region, found.account)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("f-1_A"), ("f-1_A".into(), None, None, None));
        assert_eq!(read("f:$LATEST"), ("f".into(), some("$LATEST"), None, None));
        assert_eq!(read("f:7"), ("f".into(), some("7"), None, None));
        assert_eq!(read("123456789012:function:f:live"), ("f".into(), some("live"), None, some("123456789012")));
        assert_eq!(
            read("arn:aws:lambda:eu-west-1:123456789012:function:f"),
            ("f".into(), None, some("eu-west-1"), some("123456789012"))
        );
    }

    #[test]
    fn refuses_what_names_no_function() {
        for text in [
            "",
            ":",
            "f:",
            "f o",
            "f:a:b",
            "f:$X",
            "12:function:f",
            "arn:aws:lambda:r:1:function:f",
            "arn:aws:lambda:r:123456789012:function:",
            "é",
        ] {
            assert_eq!(FunctionRef::parse(text), Err(NotAFunction::Form), "{text}");
        }
        assert_eq!(FunctionRef::parse("arn:aws:sqs:us-east-1:123456789012:f"), Err(NotAFunction::OtherArn));
        assert_eq!(FunctionRef::parse("arn:aws:lambda:us-east-1:123456789012:layer:f"), Err(NotAFunction::OtherArn));
        assert_eq!(FunctionRef::parse(&"f".repeat(65)), Err(NotAFunction::TooLong));
        assert!(FunctionRef::parse(&"f".repeat(64)).is_ok());
    }

    #[test]
    fn knows_names_of_streams_topics_and_buckets() {
        assert!(is_stream_name("clicks.v2_x-1") && !is_stream_name("") && !is_stream_name("a b"));
        assert!(!is_stream_name(&"s".repeat(256)));
        assert!(is_stream_label("2026-11-20T08:30:00.000") && !is_stream_label("") && !is_stream_label("a b"));
        assert!(is_topic_name("failed") && is_topic_name("failed.fifo"));
        for text in ["", ".fifo", "a.b", "a:b", "é"] {
            assert!(!is_topic_name(text), "{text}");
        }
        assert!(is_bucket_name("failed-records.example") && is_bucket_name("a1b"));
        for text in ["", "ab", "Failed", "-abc", "abc.", "a/b", "a_b", &"b".repeat(64)] {
            assert!(!is_bucket_name(text), "{text}");
        }
    }

    #[test]
    fn turns_queue_urls_into_arns() {
        let arn = |url: &str| of_queue_url(url);
        assert_eq!(
            arn("https://sqs.eu-west-1.amazonaws.com/123456789012/orders").unwrap(),
            "arn:aws:sqs:eu-west-1:123456789012:orders"
        );
        assert_eq!(
            arn("http://localhost:4566/000000000000/a.fifo").unwrap(),
            "arn:aws:sqs:us-east-1:000000000000:a.fifo"
        );
        assert!(arn("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/o").unwrap().starts_with("arn:aws-cn:"));
        for text in ["orders", "https://example.com", "https://example.com/1/orders", "https://x/123456789012/a/b"] {
            assert_eq!(arn(text), None, "{text}");
        }
    }
}
