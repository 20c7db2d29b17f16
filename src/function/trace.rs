//! The trace of an invocation: that of the event's first record where SQS has one, else a new one.

use memchr::memmem;

/// Where SQS's trace header stands in an event. Within a string the quotes would be escaped.
const OF_SQS: &[u8] = br#""AWSTraceHeader":""#;
/// The longest trace header that is passed on.
const LONGEST: usize = 1024;

/// One trace in two notations, with the same ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trace {
    /// The value of `X-Amzn-Trace-Id`.
    pub(super) aws: String,
    /// The value of `traceparent`.
    pub(super) w3c: String,
}

impl Trace {
    /// The trace of an event; a new one is not sampled.
    pub(super) fn of(event: &[u8], now_unix_s: u64) -> Self {
        if let Some(own) = written(event).and_then(Self::read) {
            return own;
        }
        let mut rng = fastrand::Rng::new();
        let (time, root, parent) = (now_unix_s & 0xffff_ffff, rng.u128(..) >> 32, rng.u64(1..));
        Self {
            aws: format!("Root=1-{time:08x}-{root:024x};Parent={parent:016x};Sampled=0"),
            w3c: format!("00-{time:08x}{root:024x}-{parent:016x}-00"),
        }
    }

    fn read(aws: &str) -> Option<Self> {
        let member = |name: &str| aws.split(';').find_map(|member| member.trim().strip_prefix(name)?.strip_prefix('='));
        let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (time, root) = member("Root")?.strip_prefix("1-")?.split_once('-')?;
        if !is_hex(time, 8) || !is_hex(root, 24) || !aws.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        let parent = member("Parent").filter(|parent| is_hex(parent, 16)).map(str::to_ascii_lowercase);
        let parent = parent.unwrap_or_else(|| format!("{:016x}", fastrand::u64(1..)));
        let sampled = if member("Sampled") == Some("1") { "01" } else { "00" };
        let root = format!("{time}{root}").to_ascii_lowercase();
        Some(Self { aws: aws.to_owned(), w3c: format!("00-{root}-{parent}-{sampled}") })
    }
}

/// The trace header of the first record that has one.
fn written(event: &[u8]) -> Option<&str> {
    let rest = &event[memmem::find(event, OF_SQS)? + OF_SQS.len()..];
    let length = memchr::memchr(b'"', &rest[..rest.len().min(LONGEST)])?;
    std::str::from_utf8(&rest[..length]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_that_of_the_record_or_a_new_one() {
        let own = r#"{"Records":[{"body":"\"AWSTraceHeader\":\"no\"","attributes":{"AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}}]}"#;
        let trace = Trace::of(own.as_bytes(), 0);
        assert_eq!(trace.aws, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
        assert_eq!(trace.w3c, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
        for event in ["{}", r#"{"AWSTraceHeader":"Self=x"}"#, r#"{"AWSTraceHeader":"Root=1-5759e988-"#] {
            let Trace { aws, w3c } = Trace::of(event.as_bytes(), 0x6a1b_2c3d);
            assert!(aws.starts_with("Root=1-6a1b2c3d-") && aws.ends_with(";Sampled=0"), "{aws}");
            assert_eq!(Trace::read(&aws), Some(Trace { aws: aws.clone(), w3c }), "{event}");
        }
        let parentless = Trace::read("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert!(parentless.w3c.starts_with("00-5759e988bd862e3fe1be46a994272793-"), "{parentless:?}");
        assert_eq!(parentless.w3c.len(), 55);
    }
}
