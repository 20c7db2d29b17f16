//! A checksum for each row: what the file gives back is what was written, under the same name, in the same table.

use xxhash_rust::xxh3::Xxh3Default;

/// The bytes that a checksum takes behind a row.
const LENGTH: usize = size_of::<u64>();

/// A row with its checksum.
pub(super) fn seal(table: &str, key: &[&str], row: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(row.len() + LENGTH);
    sealed.extend_from_slice(row);
    sealed.extend_from_slice(&checksum(table, key, row).to_le_bytes());
    sealed
}

/// The row, if it is the one that was sealed for that table and key.
pub(super) fn unseal<'a>(table: &str, key: &[&str], sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (row, told) = sealed.split_last_chunk::<LENGTH>()?;
    (checksum(table, key, row) == u64::from_le_bytes(*told)).then_some(row)
}

fn checksum(table: &str, key: &[&str], row: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    for part in std::iter::once(&table).chain(key) {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(row);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_only_as_it_was_written_and_where_it_was_written() {
        let sealed = seal("marks", &["orders", "shard-0"], b"AFTER:5");
        assert_eq!(unseal("marks", &["orders", "shard-0"], &sealed), Some(&b"AFTER:5"[..]));
        for (table, key) in [
            ("streams", &["orders", "shard-0"][..]),
            ("marks", &["orders", "shard-1"]),
            ("marks", &["order", "sshard-0"]),
            ("marks", &["orders"]),
        ] {
            assert_eq!(unseal(table, key, &sealed), None, "{table} {key:?}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal("marks", &["orders", "shard-0"], &flipped), None, "bit {bit}");
        }
        assert_eq!(unseal("marks", &["orders", "shard-0"], &sealed[1..]), None);
        assert_eq!(unseal("marks", &["orders", "shard-0"], b"short"), None);
        assert!(unseal("a", &[], &seal("a", &[], b"")).is_some_and(<[u8]>::is_empty));
    }
}
