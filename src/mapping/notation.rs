//! Numbers, booleans and durations as they may be written.

use std::time::Duration;

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
    fn shows_durations_as_they_are_written() {
        for text in ["250ms", "30s", "5m", "2h", "0s", "90s"] {
            assert_eq!(show(duration(text).unwrap()), text);
        }
    }
}
