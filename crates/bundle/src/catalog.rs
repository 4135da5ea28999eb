//! The catalog: where in the tar each blob's content lies.
//!
//! A text of lines of fixed width, so that its length is known before any offset is:
//! `<digest> <offset, 20 digits> <length, 20 digits>`. It lists every manifest, every blob of the head and every
//! blob of the data section. It does not list what is read before it: `oci-layout`, `index.json`, the three blobs of
//! the transfer manifest, and itself; and not what is no content (`.pad`, `.void`). The empty config `{}` of the
//! transfer manifest is listed when an artifact has the same one.

use std::collections::BTreeMap;

use transload_oci::Digest;

use crate::error::{Error, ErrorKind};
use crate::open::Extent;

const FORMAT_LINE: &str = "transload-catalog 1\n";
const NAME: &str = "catalog";

/// Length in bytes of the line for a digest.
fn line_len(digest: &Digest) -> u64 {
    let digest_len = digest.algorithm().as_str().len() + 1 + 2 * digest.algorithm().hash_len();
    (digest_len + 1 + 20 + 1 + 20 + 1) as u64
}

/// Length in bytes of a catalog of these digests.
pub(crate) fn len<'a>(digests: impl Iterator<Item = &'a Digest>) -> u64 {
    FORMAT_LINE.len() as u64 + digests.map(line_len).sum::<u64>()
}

/// Writes a catalog, in the order given.
pub(crate) fn render(lines: &[(Digest, Extent)]) -> Vec<u8> {
    let mut out = String::from(FORMAT_LINE);
    for (digest, Extent { offset, len }) in lines {
        out.push_str(&format!("{digest} {offset:020} {len:020}\n"));
    }
    out.into_bytes()
}

/// Reads a catalog.
pub(crate) fn parse(bytes: &[u8], entries_max: usize) -> Result<BTreeMap<Digest, Extent>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
    let lines = text.strip_prefix(FORMAT_LINE).ok_or_else(|| damaged("its first line is unknown"))?;
    if !lines.is_empty() && !lines.ends_with('\n') {
        return Err(damaged("its last line is cut off"));
    }
    let mut catalog = BTreeMap::new();
    for line in lines.lines() {
        let (digest, extent) = parse_line(line).ok_or_else(|| damaged("a line of it is malformed"))?;
        if catalog.len() >= entries_max {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                NAME,
                format!("it lists more than {entries_max} blobs"),
            ));
        }
        if catalog.insert(digest, extent).is_some() {
            return Err(damaged(&format!("it lists {digest} twice")));
        }
    }
    Ok(catalog)
}

fn parse_line(line: &str) -> Option<(Digest, Extent)> {
    let (digest, numbers) = line.split_once(' ')?;
    let (offset, len) = numbers.split_once(' ')?;
    Some((digest.parse().ok()?, Extent { offset: fixed(offset)?, len: fixed(len)? }))
}

/// A number of exactly twenty digits.
pub(crate) fn fixed(text: &str) -> Option<u64> {
    (text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn damaged(detail: &str) -> Error {
    Error::new(ErrorKind::Damaged, NAME, detail)
}
