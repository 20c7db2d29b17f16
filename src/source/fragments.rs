//! Encodes the records of one answer into a few shared buffers.

use bytes::Bytes;

use crate::machine::StreamRecord;

/// About how large a shared buffer becomes. A record keeps the whole buffer of its fragment in memory until it is
/// finished, so one that is retried for long must not hold a whole answer of 10 MiB. A buffer for each record would
/// cost an allocation each.
const BUFFER: usize = 64 * 1024;

/// Encodes `items` in their order.
///
/// `size` guesses the bytes that an item takes; a guess that is too small costs a copy, nothing else. `encode` writes
/// an item's fragment to the end of the buffer and gives the record, whose fragment is filled in here.
///
/// # Errors
/// The first error of `encode`.
pub(super) fn encode_all<T, E>(
    items: &[T],
    size: impl Fn(&T) -> usize,
    mut encode: impl FnMut(&T, &mut Vec<u8>) -> Result<StreamRecord, E>,
) -> Result<Vec<StreamRecord>, E> {
    let mut records = Vec::with_capacity(items.len());
    let mut ends = Vec::new();
    let mut rest = items;
    while !rest.is_empty() {
        let (count, bytes) = fitting(rest, &size);
        let (now, later) = rest.split_at(count);
        let mut buffer = Vec::with_capacity(bytes);
        ends.clear();
        for item in now {
            records.push(encode(item, &mut buffer)?);
            ends.push(buffer.len());
        }
        let first = records.len() - count;
        let shared = Bytes::from(buffer);
        let mut start = 0;
        for (record, &end) in records[first..].iter_mut().zip(&ends) {
            record.record.fragment = shared.slice(start..end);
            start = end;
        }
        rest = later;
    }
    Ok(records)
}

/// How many of the first items share a buffer, and its size: at least one, however large.
fn fitting<T>(items: &[T], size: impl Fn(&T) -> usize) -> (usize, usize) {
    let mut total = 0;
    for (index, item) in items.iter().enumerate() {
        let with = total + size(item);
        if index > 0 && with > BUFFER {
            return (index, total);
        }
        total = with;
    }
    (items.len(), total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Record, Screening};

    fn encoded(sizes: &[usize]) -> Vec<StreamRecord> {
        let encode = |size: &usize, out: &mut Vec<u8>| {
            out.resize(out.len() + size, b'x');
            let record = Record {
                id: size.to_string().into(),
                fragment: Bytes::new(),
                arrived_unix_ms: 0,
                screening: Screening::Passes,
            };
            Ok::<_, ()>(StreamRecord { record, key_hash: 0 })
        };
        encode_all(sizes, |size| *size, encode).unwrap()
    }

    /// How many buffers the fragments stand in: in one buffer they follow each other without a gap.
    fn buffers(records: &[StreamRecord]) -> usize {
        let end = |read: &StreamRecord| read.record.fragment.as_ptr() as usize + read.record.fragment.len();
        1 + records.windows(2).filter(|pair| end(&pair[0]) != pair[1].record.fragment.as_ptr() as usize).count()
    }

    #[test]
    fn every_record_has_its_own_part_in_order() {
        let sizes = [1, 0, 40_000, 30_000, 200_000, 2, 65_536, 65_535, 1, 1];
        let records = encoded(&sizes);
        let lengths: Vec<usize> = records.iter().map(|read| read.record.fragment.len()).collect();
        assert_eq!(lengths, sizes);
        assert!(records.iter().all(|read| *read.record.id == read.record.fragment.len().to_string()));
    }

    #[test]
    fn small_records_share_and_a_large_one_pins_no_other() {
        assert!(encoded(&[]).is_empty());
        assert_eq!(buffers(&encoded(&[300; 200])), 1);
        assert_eq!(buffers(&encoded(&[32_768; 4])), 2);
        let alone = encoded(&[10, 1_000_000, 10]);
        assert!(alone[1].record.fragment.is_unique(), "no one else holds the large record's buffer");
    }

    #[test]
    fn an_error_ends_it() {
        let all = encode_all(&[1, 2], |_| 0, |item, _| Err::<StreamRecord, _>(*item));
        assert_eq!(all.unwrap_err(), 1);
    }
}
