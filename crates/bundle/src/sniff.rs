//! What a file is when it is no bundle, told from its first bytes.

use crate::error::{Error, ErrorKind};
use crate::head::LAYOUT_NAME;
use crate::tar::{RECORD_BYTES, read};

/// Magic numbers, what they stand for, and the command that undoes a compression.
const MAGICS: [(&[u8], &str, Option<&str>); 6] = [
    (b"\x1f\x8b", "gzip", Some("gunzip")),
    (b"\x28\xb5\x2f\xfd", "zstd", Some("zstd -d")),
    (b"\xfd7zXZ\0", "xz", Some("unxz")),
    (b"BZh", "bzip2", Some("bunzip2")),
    (b"PK\x03\x04", "zip", Some("unzip")),
    (b"\x04\x22\x4d\x18", "lz4", Some("lz4 -d")),
];

/// The error for an empty file.
pub(crate) fn empty() -> Error {
    not_a_bundle("it is empty (0 bytes)")
        .with_hint("the copy that made it may not have finished: copy it again")
}

/// Lets a tar pass. `first` is the file's beginning, at least a record of it if the file is as long.
pub(crate) fn check(first: &[u8]) -> Result<(), Error> {
    for (magic, name, command) in MAGICS {
        if first.starts_with(magic) {
            let error = not_a_bundle(format!("it is {name}-compressed, a bundle is an uncompressed tar"));
            let hint = command.map(|command| format!("decompress it first: {command} FILE"));
            return Err(hint.into_iter().fold(error, Error::with_hint));
        }
    }
    let Some(record) = first.first_chunk::<{ RECORD_BYTES as usize }>() else {
        return Err(if first.starts_with(LAYOUT_NAME.as_bytes()) {
            Error::new(ErrorKind::Truncated, "", format!("it ends after {} bytes", first.len()))
        } else {
            text(first).unwrap_or_else(|| not_a_bundle("it is not a tar"))
        });
    };
    match read::header(record) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            Err(not_a_bundle("it begins with zeroes: an empty tar, or an export that never finished")
                .with_hint("run the export again, it goes on where it stopped"))
        }
        Err(detail) if record[257..].starts_with(b"ustar") => {
            Err(Error::new(ErrorKind::Damaged, "first entry", detail))
        }
        Err(_) => Err(text(first).unwrap_or_else(|| not_a_bundle("it is not a tar"))),
    }
}

/// The error for documents that servers and proxies hand out in place of a file.
fn text(first: &[u8]) -> Option<Error> {
    let start = first.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let what = match start.first()? {
        b'<' if start.len() > 1 => {
            let lower = start[..start.len().min(64)].to_ascii_lowercase();
            if lower.starts_with(b"<?xml") { "an XML document" } else { "an HTML or XML document" }
        }
        b'{' | b'[' => "a JSON document",
        _ => return None,
    };
    Some(
        not_a_bundle(format!("it is {what}, not a tar"))
            .with_hint("it may be an error page that was saved under the bundle's name: look at it, and fetch the bundle again"),
    )
}

fn not_a_bundle(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotABundle, "", detail)
}
