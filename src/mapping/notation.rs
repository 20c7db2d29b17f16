//! Numbers, booleans and durations as they may be written.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

/// Why a text is no whole number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotWhole {
    /// It means a number, but not in the one form that is taken: the plain form, where there is one.
    Form(Option<String>),
    /// It is no number at all.
    Other,
}

/// A plain decimal number without sign tricks, leading zeros, fractions or exponents.
pub(crate) fn whole(text: &str) -> Result<i128, NotWhole> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain && (digits == "0" || !digits.starts_with('0')) {
        // Longer than any range: keep the sign, which is all that the message needs.
        return Ok(text.parse().unwrap_or(if text.starts_with('-') { i128::MIN } else { i128::MAX }));
    }
    let meant = meant(text);
    if meant.is_some() || text.parse::<f64>().is_ok_and(f64::is_finite) {
        Err(NotWhole::Form(meant))
    } else {
        Err(NotWhole::Other)
    }
}

/// The plain form of a number that is written in another of YAML's or JSON's ways.
fn meant(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let based = |prefix: &str, base: u32| {
        let digits = unsigned.strip_prefix(prefix)?;
        i64::from_str_radix(digits, base).ok().map(|number| number.to_string())
    };
    if let Some(number) = based("0x", 16).or_else(|| based("0o", 8)) {
        return Some(number);
    }
    let joined = unsigned.replace('_', "");
    if !joined.is_empty() && joined.bytes().all(|byte| byte.is_ascii_digit()) {
        return joined.parse::<u64>().ok().map(|number| number.to_string());
    }
    let number = unsigned.parse::<f64>().ok()?;
    (number.fract() == 0.0 && number.abs() < 1e15).then(|| format!("{number:.0}"))
}

/// `true` or `false`, as YAML 1.2 and JSON write them; otherwise what was likely meant.
pub(crate) fn boolean(text: &str) -> Result<bool, Option<bool>> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "on" | "1" | "true" | "enabled" => Some(true),
            "no" | "n" | "off" | "0" | "false" | "disabled" => Some(false),
            _ => None,
        }),
    }
}

/// A number as JSON writes it.
pub(crate) fn is_json_number(text: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    text.starts_with(|c| c == '-' || digit(c))
        && text.ends_with(digit)
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// A number as YAML 1.2 writes it, JSON's included.
pub(crate) fn is_yaml_number(text: &str) -> bool {
    let digits = |digits: Option<&str>, base: u32| {
        digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_digit(base)))
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    is_decimal(text)
        || digits(text.strip_prefix("0x"), 16)
        || digits(text.strip_prefix("0o"), 8)
        || matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Digits with at most one point among them, and an exponent perhaps.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let all = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let some = number.bytes().any(|byte| byte.is_ascii_digit());
    some && all(whole) && all(fraction) && !exponent.is_empty() && all(exponent)
}

/// `250ms`, `30s`, `5m`, `2h`: a whole number and one unit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let count: u64 = count.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        "m" => count.checked_mul(60).map(Duration::from_secs),
        "h" => count.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

/// A moment since 1970 in milliseconds: a date and time of RFC 3339 with its offset, or a plain decimal number of
/// seconds. What is finer than a millisecond is cut off.
pub(crate) fn time(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let moment: Timestamp = text.parse().ok()?;
        return u64::try_from(moment.as_millisecond()).ok();
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let ms: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(ms)
}

/// A duration in the largest unit that it is a whole number of.
pub(crate) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (duration.subsec_millis(), seconds) {
        (0, 0) => "0s".into(),
        (0, _) if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        (0, _) if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        (0, _) => format!("{seconds}s"),
        _ => format!("{}ms", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_plain_whole_numbers_only() {
        assert_eq!(whole("0"), Ok(0));
        assert_eq!(whole("10000"), Ok(10_000));
        assert_eq!(whole("-1"), Ok(-1));
        assert_eq!(whole(&"9".repeat(60)), Ok(i128::MAX));
        for (text, plain) in [
            ("012", "12"),
            ("+5", "5"),
            ("1_000", "1000"),
            ("0x10", "16"),
            ("0o12", "10"),
            ("10.0", "10"),
            ("1e3", "1000"),
        ] {
            assert_eq!(whole(text), Err(NotWhole::Form(Some(plain.into()))), "{text}");
        }
        assert_eq!(whole("1.5"), Err(NotWhole::Form(None)));
        for text in ["", "-", "ten", "NaN", ".inf", "1 0", "10s", "٣"] {
            assert_eq!(whole(text), Err(NotWhole::Other), "{text}");
        }
    }

    #[test]
    fn takes_true_and_false_only() {
        assert_eq!(boolean("true"), Ok(true));
        assert_eq!(boolean("False"), Ok(false));
        assert_eq!(boolean("yes"), Err(Some(true)));
        assert_eq!(boolean("off"), Err(Some(false)));
        assert_eq!(boolean("maybe"), Err(None));
    }

    #[test]
    fn tells_numbers_of_json_from_those_of_yaml() {
        for text in ["0", "-0", "10", "-1.50", "1e5", "1E+400", "0.1e-7", "12345678901234567890123"] {
            assert!(is_json_number(text) && is_yaml_number(text), "{text}");
            assert!(serde_json::from_str::<&RawValue>(text).is_ok(), "{text}");
        }
        for text in
            ["+1", "010", "00", "-01", "1.", ".5", "-.5", "1.e5", "0x1F", "0o17", ".inf", "-.INF", ".nan", "5.e1"]
        {
            assert!(!is_json_number(text) && is_yaml_number(text), "{text}");
        }
        for text in [
            "", ".", "-", "+", "e5", "1e", "1e+", "1.2.3", "1_000", "0x", "0xg", "0o8", "10s", "1-2", "+-1", "٣", ".e5",
        ] {
            assert!(!is_json_number(text) && !is_yaml_number(text), "{text}");
        }
    }

    #[test]
    fn takes_a_number_with_one_unit() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7200)));
        for text in
            ["", "30", "s", "1m30s", "-1s", "1.5s", "30 s", "30S", "99999999999999999999s", "18446744073709551615h"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn takes_dates_with_offsets_and_seconds() {
        for (text, unix_ms) in [
            ("2026-11-20T08:30:00Z", 1_795_163_400_000),
            ("2026-11-20T09:30:00.123456+01:00", 1_795_163_400_123),
            ("2026-11-20T08:30:00+00:00", 1_795_163_400_000),
            ("1763627400", 1_763_627_400_000),
            ("1763627400.5", 1_763_627_400_500),
            ("1763627400.123456", 1_763_627_400_123),
            ("0", 0),
        ] {
            assert_eq!(time(text), Some(unix_ms), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1.2.3",
            "-1",
            "1e9",
            "yesterday",
            "2026-11-20",
            "2026-11-20T08:30:00",
            "2026-13-20T08:30:00Z",
            "1960-01-01T00:00:00Z",
            "99999999999999999999",
            "18446744073709551615",
            "1.0000000000",
            "٣",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn shows_durations_as_they_are_written() {
        for text in ["250ms", "30s", "5m", "2h", "0s", "90s"] {
            assert_eq!(show(duration(text).unwrap()), text);
        }
    }
}
