//! Headers as this format writes them: ustar, times and owners zero, mode 0644, never PAX.

use super::{RECORD_BYTES, padded};

/// Bytes of the name field; a longer name gets a GNU `L` record in front.
const NAME_BYTES: usize = 100;
/// From here on a size does not fit eleven octal digits and is written in base-256, which Go, GNU tar,
/// Python, libarchive and Rust all read. (PAX sizes are not read by all: one well-known reader gives no bytes
/// and no error.)
const OCTAL_SIZE_END: u64 = 1 << 33;

/// Length of [`file_header`] for a name of that many bytes.
pub(crate) fn file_header_len(name_bytes: usize) -> u64 {
    if name_bytes > NAME_BYTES { 2 * RECORD_BYTES + padded(name_bytes as u64 + 1) } else { RECORD_BYTES }
}

/// All that stands in front of the content of a regular file.
pub(crate) fn file_header(name: &str, size: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(RECORD_BYTES as usize);
    if name.len() > NAME_BYTES {
        let len = name.len() as u64 + 1;
        out.extend_from_slice(&record("././@LongLink", len, b'L'));
        out.extend_from_slice(name.as_bytes());
        out.resize((RECORD_BYTES + padded(len)) as usize, 0);
    }
    out.extend_from_slice(&record(name, size, b'0'));
    out
}

fn record(name: &str, size: u64, kind: u8) -> [u8; RECORD_BYTES as usize] {
    let mut header = [0; RECORD_BYTES as usize];
    let name = &name.as_bytes()[..name.len().min(NAME_BYTES)];
    header[..name.len()].copy_from_slice(name);
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0"); // uid
    header[116..124].copy_from_slice(b"0000000\0"); // gid
    header[124..136].copy_from_slice(&size_field(size));
    header[136..148].copy_from_slice(b"00000000000\0"); // mtime
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[329..337].copy_from_slice(b"0000000\0"); // device numbers
    header[337..345].copy_from_slice(b"0000000\0");
    let sum = super::read::checksum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn size_field(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    if size < OCTAL_SIZE_END {
        field.copy_from_slice(format!("{size:011o}\0").as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&size.to_be_bytes());
    }
    field
}
