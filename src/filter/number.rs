//! Numbers as they are written, compared by value: exact for any length and size.
//!
//! A double would take 12345678901234567890 and 12345678901234567891 for the same, and could not hold 1e400 at all.

use std::cmp::Ordering;

/// A number of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    /// As it is written.
    text: Vec<u8>,
    /// The same where it is a whole number of up to 18 digits.
    small: Option<i64>,
}

impl Number {
    pub(super) fn new(text: &[u8]) -> Self {
        Self { text: text.to_vec(), small: small(text) }
    }

    /// Compares with a number of a record.
    pub(super) fn compare(&self, other: Seen<'_>) -> Ordering {
        match (self.small, other.small) {
            (Some(this), Some(other)) => this.cmp(&other),
            _ => Decimal::new(&self.text).cmp(&other.decimal.unwrap_or_else(|| Decimal::new(other.text))),
        }
    }

    /// The same as if a record had it.
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen::new(&self.text)
    }

    /// Whether a double holds something near it: neither infinite nor, unless it is, zero.
    pub(super) fn is_double(&self) -> bool {
        let text = std::str::from_utf8(&self.text).unwrap_or_default();
        let double: f64 = text.parse().unwrap_or(f64::INFINITY);
        double.is_finite() && (double != 0.0 || Decimal::new(&self.text).is_zero())
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

/// A number of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    text: &'a [u8],
    small: Option<i64>,
    /// Of a long number, which is not to be taken apart for each number of a pattern again.
    decimal: Option<Decimal<'a>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let decimal = (text.len() > 40).then(|| Decimal::new(text));
        Self { text, small: small(text), decimal }
    }

    /// As it is written.
    pub(super) const fn text(self) -> &'a [u8] {
        self.text
    }
}

/// A whole number of few digits, which fits.
fn small(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > 18 {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some(if negative { -value } else { value })
}

/// A number taken apart: 0.digits times ten to the power of `exponent`, where the first and the last digit are not
/// zero.
#[derive(Debug, Clone, Copy)]
struct Decimal<'a> {
    negative: bool,
    exponent: i64,
    /// May have a point among the digits.
    digits: &'a [u8],
}

impl<'a> Decimal<'a> {
    /// Of a number in JSON's grammar.
    fn new(text: &'a [u8]) -> Self {
        let (negative, text) = match text {
            [b'-', text @ ..] => (true, text),
            text => (false, text),
        };
        let mark = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (digits, power) = mark.map_or((text, &[][..]), |mark| (&text[..mark], &text[mark + 1..]));
        let whole = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let zero = |byte: &u8| matches!(byte, b'0' | b'.');
        let Some(first) = digits.iter().position(|byte| !zero(byte)) else {
            return Self { negative: false, exponent: 0, digits: &[] };
        };
        let last = digits.iter().rposition(|byte| !zero(byte)).unwrap_or(first);
        let place = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
        // Digits before the point count up, zeros after it count down.
        let exponent = if first < whole { place(whole - first) } else { -place(first - whole - 1) };
        Self { negative, exponent: exponent.saturating_add(exponent_of(power)), digits: &digits[first..=last] }
    }

    const fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (_, true) => -1,
            _ => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let magnitude = self.exponent.cmp(&other.exponent).then_with(|| {
                let this = self.digits.iter().filter(|byte| **byte != b'.');
                this.cmp(other.digits.iter().filter(|byte| **byte != b'.'))
            });
            if self.negative { magnitude.reverse() } else { magnitude }
        })
    }
}

/// The power that follows the `e`; powers beyond reason are all the same.
fn exponent_of(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // Far from the end of the range, so that the place of the point can be added.
    let power = digits.iter().fold(0_i64, |power, digit| (power * 10 + i64::from(digit - b'0')).min(i64::MAX / 100));
    if negative { -power } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(a: &str, b: &str) -> Ordering {
        Number::new(a.as_bytes()).compare(Seen::new(b.as_bytes()))
    }

    #[test]
    fn compares_by_value() {
        let equal = [
            ("300", "3.0e2"),
            ("300.0", "300"),
            ("0", "-0.0"),
            ("0e9", "0"),
            ("0.5", "5e-1"),
            ("1e400", "10e399"),
            ("0.001", "1E-3"),
            ("-1.50", "-15e-1"),
            ("12345678901234567890", "1.2345678901234567890e19"),
            ("100000000000000000000", "1e+20"),
            ("1e99999999999999999999", "1e99999999999999999999"),
            ("1", "1.00000000000000000000000000000000000000000000000000"),
        ];
        for (a, b) in equal {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        let less = [
            ("-1", "0"),
            ("-2", "-1"),
            ("-1e3", "-999"),
            ("12345678901234567890", "12345678901234567891"),
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.10000000000000001"),
            ("1e308", "1e309"),
            ("1e-400", "1e-399"),
            ("0", "1e-400"),
            ("-1e-400", "0"),
            ("99", "1e2"),
            ("1.5", "1.51"),
            ("999999999999999999", "9999999999999999999"),
        ];
        for (a, b) in less {
            assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
        }
    }

    #[test]
    fn knows_what_a_double_holds() {
        for text in ["0", "-0.0", "0e999", "1e308", "-1.5", "5e-324", "12345678901234567890"] {
            assert!(Number::new(text.as_bytes()).is_double(), "{text}");
        }
        for text in ["1e309", "-2e422", "1e-325"] {
            assert!(!Number::new(text.as_bytes()).is_double(), "{text}");
        }
    }
}
