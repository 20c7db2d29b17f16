//! Times of records, in milliseconds since the Unix epoch.

use aws_smithy_types::DateTime;

/// The nearest millisecond: services write milliseconds as a decimal fraction, which a float does not hold exactly, so
/// that cutting the rest off would lose one now and then. Times before 1970 count as none.
pub(super) fn unix_ms(time: DateTime) -> Option<u64> {
    let nanos = u64::from(time.subsec_nanos());
    u64::try_from(time.secs()).ok()?.checked_mul(1000)?.checked_add((nanos + 500_000) / 1_000_000)
}

/// The SDK's form of a time, exact to the millisecond.
pub(super) fn date_time(unix_ms: u64) -> DateTime {
    DateTime::from_millis(i64::try_from(unix_ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_of_seconds_keep_their_millisecond() {
        for unix_ms_exact in (1_545_084_650_000..1_545_084_652_000).chain([0, 1, 999, 4_102_444_800_999]) {
            let seconds = unix_ms_exact as f64 / 1000.0;
            assert_eq!(unix_ms(DateTime::from_secs_f64(seconds)), Some(unix_ms_exact));
            assert_eq!(unix_ms(date_time(unix_ms_exact)), Some(unix_ms_exact));
        }
    }

    #[test]
    fn times_that_are_none_are_reported() {
        assert_eq!(unix_ms(DateTime::from_secs(-1)), None);
        assert_eq!(unix_ms(DateTime::from_secs(i64::MAX)), None);
        assert_eq!(unix_ms(DateTime::from_secs_and_nanos(0, 999_999_999)), Some(1_000));
    }
}
