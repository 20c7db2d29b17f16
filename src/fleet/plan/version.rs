//! The order of versions.

use std::cmp::Ordering;

/// Compares versions: numbers between dots by value, the rest as text. A pre-release stands before its release.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let parts = |version: &str| -> (Vec<u64>, bool, String) {
        let version = version.split('+').next().unwrap_or_default();
        let (numbers, pre) = version.split_once('-').map_or((version, None), |(numbers, pre)| (numbers, Some(pre)));
        let numbers = numbers.split('.').map(|part| part.parse().unwrap_or_default()).collect();
        (numbers, pre.is_none(), pre.unwrap_or_default().to_owned())
    };
    parts(one).cmp(&parts(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_stand_last() {
        let sorted = ["", "0.1.0", "0.2.0-rc1", "0.2.0", "0.10.0", "1.0.0"];
        for (at, one) in sorted.iter().enumerate() {
            for (other_at, other) in sorted.iter().enumerate() {
                assert_eq!(compare(one, other), at.cmp(&other_at), "{one} and {other}");
            }
        }
    }
}
