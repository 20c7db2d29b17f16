//! The trace of an invocation: that of the event's first record where SQS has one, else a new one.

use memchr::memmem;

/// Where SQS's trace header stands in an event. Within a string the quotes would be escaped.
const OF_SQS: &[u8] = br#""AWSTraceHeader":""#;
/// The longest trace header that is passed on.
const LONGEST: usize = 1024;

/// One trace in two notations, with the same ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trace<'e> {
    /// What the event has.
    written: Option<&'e str>,
    /// The time and the rest of the root: 32 digits.
    root: u128,
    parent: u64,
    sampled: bool,
}

impl<'e> Trace<'e> {
    /// The trace of an event; a new one is not sampled.
    pub(super) fn of(event: &'e [u8], now_unix_s: u64) -> Self {
        if let Some(own) = written(event).and_then(Self::read) {
            return own;
        }
        let mut rng = fastrand::Rng::new();
        let root = u128::from(now_unix_s) << 96 | rng.u128(..) >> 32;
        Self { written: None, root, parent: rng.u64(1..), sampled: false }
    }

    fn read(aws: &'e str) -> Option<Self> {
        let member = |name: &str| aws.split(';').find_map(|member| member.trim().strip_prefix(name)?.strip_prefix('='));
        let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (time, root) = member("Root")?.strip_prefix("1-")?.split_once('-')?;
        if !is_hex(time, 8) || !is_hex(root, 24) || !aws.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return None;
        }
        let parent = member("Parent").filter(|parent| is_hex(parent, 16));
        Some(Self {
            written: Some(aws),
            root: u128::from_str_radix(time, 16).ok()? << 96 | u128::from_str_radix(root, 16).ok()?,
            parent: parent
                .and_then(|parent| u64::from_str_radix(parent, 16).ok())
                .unwrap_or_else(|| fastrand::u64(1..)),
            sampled: member("Sampled") == Some("1"),
        })
    }

    /// The value of `X-Amzn-Trace-Id`.
    pub(super) fn aws(&self) -> String {
        let Self { root, parent, sampled, .. } = self;
        let new = || {
            let root = format!("{root:032x}");
            format!("Root=1-{}-{};Parent={parent:016x};Sampled={}", &root[..8], &root[8..], u8::from(*sampled))
        };
        self.written.map_or_else(new, str::to_owned)
    }

    /// The value of `traceparent`.
    pub(super) fn w3c(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.root, self.parent, u8::from(self.sampled))
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
        assert_eq!(trace.aws(), "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
        assert_eq!(trace.w3c(), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
        for event in ["{}", r#"{"AWSTraceHeader":"Self=x"}"#, r#"{"AWSTraceHeader":"Root=1-5759e988-"#] {
            let trace = Trace::of(event.as_bytes(), 0x6a1b_2c3d);
            let (aws, w3c) = (trace.aws(), trace.w3c());
            assert!(aws.starts_with("Root=1-6a1b2c3d-") && aws.ends_with(";Sampled=0"), "{aws}");
            let read = Trace::read(&aws).map(|trace| (trace.aws(), trace.w3c()));
            assert_eq!(read, Some((aws.clone(), w3c)), "{event}");
        }
        let parentless = Trace::read("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert!(parentless.w3c().starts_with("00-5759e988bd862e3fe1be46a994272793-"), "{parentless:?}");
        assert_eq!(parentless.w3c().len(), 55);
    }
}
