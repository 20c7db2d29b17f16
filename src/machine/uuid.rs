//! UUIDs: random ones from a machine's own dice, those that follow from a hash, and their text.

/// A random UUID (version 4).
pub(crate) fn random(rng: &mut fastrand::Rng) -> u128 {
    of_version(rng.u128(..), 4)
}

/// What looks like a random UUID (version 4) and follows from a hash: runtimes of Lambda expect nothing else.
pub(crate) const fn as_random(hash: u128) -> u128 {
    of_version(hash, 4)
}

/// The UUID of a hash (version 8).
pub(crate) const fn of_hash(hash: u128) -> u128 {
    of_version(hash, 8)
}

const fn of_version(bits: u128, version: u128) -> u128 {
    bits & !(0xf << 76) & !(0x3 << 62) | (version << 76) | (0x2 << 62)
}

/// A UUID in its usual form.
pub(crate) fn hyphenated(uuid: u128) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (at, byte) in uuid.to_be_bytes().into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 0xf].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_uuids_show_their_version_and_follow_the_seed() {
        for seed in 0..100 {
            let uuid = random(&mut fastrand::Rng::with_seed(seed));
            let text = hyphenated(uuid);
            let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
            assert_eq!((text.len(), dashes), (36, vec![8, 13, 18, 23]), "{text}");
            assert_eq!(text.as_bytes()[14], b'4', "{text}");
            assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
            assert_eq!(uuid, random(&mut fastrand::Rng::with_seed(seed)));
        }
        assert_eq!(hyphenated(0xf), "00000000-0000-0000-0000-00000000000f");
        assert_eq!(hyphenated(u128::MAX), "ffffffff-ffff-ffff-ffff-ffffffffffff");
    }
}
