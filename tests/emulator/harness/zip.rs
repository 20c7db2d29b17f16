//! Just enough of the ZIP format for a function's code: one stored file.

/// An archive that holds one file, uncompressed.
pub(crate) fn stored(name: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
    let crc = crc32(content).to_le_bytes();
    // Shared by both headers: version 2.0, no flags, stored, 1 January 1980, checksum, sizes, length of the name,
    // no extras.
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    common.extend(crc);
    common.extend(size);
    common.extend(size);
    common.extend(name_len);
    common.extend([0, 0]);

    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend(&common);
    archive.extend(name.as_bytes());
    archive.extend(content);

    let directory = u32::try_from(archive.len()).unwrap();
    archive.extend(b"PK\x01\x02\x14\x03");
    archive.extend(&common);
    // No comment, first disk, no internal attributes; a regular file that everybody may read; at offset 0.
    archive.extend([0, 0, 0, 0, 0, 0]);
    archive.extend((0o100_644_u32 << 16).to_le_bytes());
    archive.extend([0, 0, 0, 0]);
    archive.extend(name.as_bytes());

    let directory_len = u32::try_from(archive.len()).unwrap() - directory;
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend(directory_len.to_le_bytes());
    archive.extend(directory.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

/// The CRC-32 of ZIP and Ethernet, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[test]
fn the_checksum_is_the_well_known_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}
