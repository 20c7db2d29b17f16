//! Internet addresses: equal although written differently, and in blocks.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An address by its number; the two families never equal each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    V4(u32),
    V6(u128),
}

impl Address {
    /// Reads an address as event-ruler does: decimal octets that may have leading zeros, or hexadecimal groups with
    /// colons. IPv4 inside of IPv6 (`::ffff:a00:1`) is the IPv4 address.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        // Almost every string is none, and shows it at its first byte.
        let first = *text.first()?;
        if !(first.is_ascii_hexdigit() || first == b':') {
            return None;
        }
        if !text.contains(&b':') {
            return v4(text);
        }
        if !text.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b':') {
            return None;
        }
        let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
        Some(address.to_ipv4_mapped().map_or_else(|| Self::V6(address.to_bits()), |v4| Self::V4(v4.to_bits())))
    }
}

fn v4(text: &[u8]) -> Option<Address> {
    let mut octets = [0; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() {
            return None;
        }
        let value = part.iter().try_fold(0_u32, |value, digit| {
            let value = value * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
            (value < 256).then_some(value)
        })?;
        *octet = value.to_le_bytes()[0];
    }
    parts.next().is_none().then(|| Address::V4(Ipv4Addr::from(octets).to_bits()))
}

/// A block of addresses: those whose first bits are its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cidr {
    base: Address,
    /// How many bits are free.
    free: u32,
    text: String,
}

impl Cidr {
    /// Reads `base/bits`. Blocks of one address are refused as AWS does: `/32`, and `/128` for IPv6.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let mut parts = text.split(|byte| *byte == b'/');
        let (Some(base), Some(bits), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err("it has no single `/`");
        };
        let base = Address::parse(base).ok_or("there is no address before the `/`")?;
        let bits: u32 = std::str::from_utf8(bits)
            .ok()
            .filter(|bits| !bits.starts_with('+'))
            .and_then(|bits| bits.parse().ok())
            .ok_or("there is no whole number after the `/`")?;
        let free = match base {
            Address::V4(_) if bits < 32 => 32 - bits,
            Address::V6(_) if bits < 128 => 128 - bits,
            Address::V4(_) => return Err("at most 31 bits; write a single address as a plain string"),
            Address::V6(_) => return Err("at most 127 bits; write a single address as a plain string"),
        };
        Ok(Self { base, free, text: String::from_utf8_lossy(text).into_owned() })
    }

    pub(super) fn contains(&self, text: &[u8]) -> bool {
        let shift = |bits: u128| bits.checked_shr(self.free).unwrap_or(0);
        match (self.base, Address::parse(text)) {
            (Address::V4(base), Some(Address::V4(address))) => shift(base.into()) == shift(address.into()),
            (Address::V6(base), Some(Address::V6(address))) => shift(base) == shift(address),
            _ => false,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses() {
        let same = [
            ("::1", "0:0:0:0:0:0:0:1"),
            ("2001:db8::", "2001:0DB8:0:0:0:0:0:0"),
            ("10.0.0.1", "010.0.00.1"),
            ("::ffff:a00:1", "10.0.0.1"),
        ];
        for (a, b) in same {
            assert!(Address::parse(a.as_bytes()).is_some(), "{a}");
            assert_eq!(Address::parse(a.as_bytes()), Address::parse(b.as_bytes()), "{a} {b}");
        }
        for text in [
            "",
            "10.0.0",
            "10.0.0.256",
            "10.0.0.1.2",
            "1.2.3.",
            "a.b.c.d",
            "::ffff:10.0.0.1",
            "1::2::3",
            "host",
            ":",
            "fe80::1%1",
        ] {
            assert_eq!(Address::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn blocks_hold_their_own_family() {
        let cases = [
            ("10.0.0.0/24", "10.0.0.255", true),
            ("10.0.0.77/24", "10.0.0.1", true),
            ("10.0.0.0/24", "10.0.1.0", false),
            ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "::2", false),
            ("::/0", "ffff::", true),
            ("::/0", "1.2.3.4", false),
            ("2001:db8::/32", "2001:db8:1::", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("10.0.0.0/31", "10.0.0.1", true),
            ("10.0.0.0/24", "x", false),
        ];
        for (block, address, expected) in cases {
            assert_eq!(
                Cidr::parse(block.as_bytes()).expect(block).contains(address.as_bytes()),
                expected,
                "{block} {address}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_block() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/8/8",
            "10.0.0.0/x",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/32",
            "::/128",
            "10.0.0/8",
            "/8",
        ] {
            assert!(Cidr::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
