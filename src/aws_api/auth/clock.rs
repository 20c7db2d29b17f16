//! When a request was signed, and whether that is now.

use std::time::SystemTime;

use axum::http::HeaderMap;
use axum::http::header::DATE;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::ApiError;

/// The header with the time of signing.
pub(super) const HEADER: &str = "x-amz-date";

/// How far the client's clock may be from ours, and so for how long a signature is good. AWS: "In most cases, a request
/// must reach AWS within five minutes of the time stamp in the request" (IAM User Guide, Signature Version 4).
const WINDOW_S: i64 = 5 * 60;

/// The time of signing, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignedAt(Timestamp);

impl SignedAt {
    /// Reads `X-Amz-Date`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let text = match headers.get_all(HEADER).iter().collect::<Vec<_>>()[..] {
            [value] => match parse(value.as_bytes()) {
                Some(time) => return Ok(Self(time)),
                None => {
                    "Date must be in ISO-8601 'basic format', for example '20150830T123600Z'. See \
                     http://en.wikipedia.org/wiki/ISO_8601"
                }
            },
            [] if headers.contains_key(DATE) => {
                "send the time of signing in the header 'X-Amz-Date': forebay does not take it from 'Date'"
            }
            [] => "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            _ => "there are several 'X-Amz-Date' headers: send one",
        };
        Err(ApiError::IncompleteSignature(text.to_owned()))
    }

    /// Refuses what was signed more than five minutes ago, or will be.
    pub(super) fn check(self, now_unix_s: u64) -> Result<(), ApiError> {
        let (signed, now) = (self.0.as_second(), i64::try_from(now_unix_s).unwrap_or(i64::MAX));
        let (oldest, newest) = (now.saturating_sub(WINDOW_S), now.saturating_add(WINDOW_S));
        let [at, now, earliest, latest] = [signed, now, oldest, newest].map(basic);
        let text = if signed < oldest {
            format!("Signature expired: {at} is now earlier than {earliest} ({now} - 5 min.)")
        } else if signed > newest {
            format!("Signature not yet current: {at} is still later than {latest} ({now} + 5 min.)")
        } else {
            return Ok(());
        };
        Err(ApiError::InvalidSignature(text))
    }

    /// As in `X-Amz-Date`.
    pub(super) fn text(self) -> String {
        basic(self.0.as_second())
    }

    pub(super) fn system(self) -> SystemTime {
        self.0.into()
    }
}

/// `20150830T123600Z`
fn basic(unix_s: i64) -> String {
    let time = Timestamp::from_second(unix_s).unwrap_or(Timestamp::MAX);
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Exactly that form: of any other that a parser would let pass, the client has signed other bytes.
fn parse(text: &[u8]) -> Option<Timestamp> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        let number = |sum: i16, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0'));
        digits.iter().try_fold(0, number)
    };
    let small = |from| number(from, from + 2).and_then(|number| i8::try_from(number).ok());
    if text.len() != 16 || text[8] != b'T' || text[15] != b'Z' {
        return None;
    }
    let time = DateTime::new(number(0, 4)?, small(4)?, small(6)?, small(9)?, small(11)?, small(13)?, 0).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // Before that the arithmetic of the signing library would have to be trusted, and nothing of it can be current.
    (time >= Timestamp::UNIX_EPOCH).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&'static str, &str)]) -> Result<SignedAt, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, value.parse().unwrap());
        }
        SignedAt::of(&headers).map_err(|error| error.to_string())
    }

    #[test]
    fn the_time_has_one_form_only() {
        let time = of(&[("x-amz-date", "20150830T123600Z")]).unwrap();
        assert_eq!((time.0.as_second(), time.text().as_str()), (1_440_938_160, "20150830T123600Z"));
        for wrong in [
            "",
            "20150830",
            "20150830T123600",
            "20150830T123600z",
            "20150830t123600Z",
            "20150830T123660Z",
            "20150830T246000Z",
            "20151330T123600Z",
            "20150230T123600Z",
            "2015-08-30T12:36:00Z",
            "20150830T12360ZZ",
            "+0150830T123600Z",
            "20150830T1236 0Z",
            "19691231T235959Z",
            "Sun, 30 Aug 2015 12:36:00 GMT",
        ] {
            let error = of(&[("x-amz-date", wrong)]).unwrap_err();
            assert!(error.starts_with("Date must be in ISO-8601 'basic format'"), "{wrong}: {error}");
        }
    }

    #[test]
    fn there_is_one_time() {
        let date = ("date", "Sun, 30 Aug 2015 12:36:00 GMT");
        assert!(of(&[]).unwrap_err().contains("requires existence of either a 'X-Amz-Date'"));
        assert!(of(&[date]).unwrap_err().starts_with("send the time of signing in the header 'X-Amz-Date'"));
        let twice = [("x-amz-date", "20150830T123600Z"), ("x-amz-date", "20150830T123600Z")];
        assert!(of(&twice).unwrap_err().starts_with("there are several 'X-Amz-Date' headers"));
        assert!(of(&[date, ("x-amz-date", "20150830T123600Z")]).is_ok());
    }

    #[test]
    fn five_minutes_both_ways_and_not_a_second_more() {
        let time = of(&[("x-amz-date", "20150830T123600Z")]).unwrap();
        let text = |now: u64| time.check(now).map_err(|error| error.to_string());
        let at = 1_440_938_160;
        for now in [at - 300, at - 240, at, at + 240, at + 300] {
            assert_eq!(text(now), Ok(()));
        }
        assert_eq!(
            text(at + 301).unwrap_err(),
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)"
        );
        assert_eq!(
            text(at - 301).unwrap_err(),
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 \
             min.)"
        );
        assert!(text(0).is_err() && text(u64::MAX).is_err());
    }
}
