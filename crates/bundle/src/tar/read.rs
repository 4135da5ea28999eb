//! Headers as others write them: V7, ustar, GNU and PAX.

use super::RECORD_BYTES;

/// One header record.
pub(crate) type Record = [u8; RECORD_BYTES as usize];

/// What a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// GNU `L`: the content is the next entry's name.
    LongName,
    /// GNU `K`: the content is the next entry's link target.
    LongLink,
    /// PAX `x`: the content is attributes of the next entry.
    Pax,
    /// PAX `g`: the content is attributes of all that follows.
    PaxGlobal,
    /// Links, devices, sparse files and whatever else.
    Other(u8),
}

/// A header that was checked for form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The name as it is written, with ustar's prefix in front.
    pub(crate) name: Vec<u8>,
    /// What it announces.
    pub(crate) kind: Kind,
    /// Bytes of content that follow.
    pub(crate) size: u64,
    /// The link's target as it is written; empty for what is no link.
    pub(crate) link: Vec<u8>,
}

/// Sum of all bytes with the checksum field taken as spaces.
pub(crate) fn checksum(record: &Record) -> u32 {
    let all: u32 = record.iter().map(|b| u32::from(*b)).sum();
    let field: u32 = record[148..156].iter().map(|b| u32::from(*b)).sum();
    all - field + 8 * u32::from(b' ')
}

/// The same over signed bytes, as some old writers summed.
fn checksum_signed(record: &Record) -> i64 {
    let signed = |bytes: &[u8]| bytes.iter().map(|b| i64::from(b.cast_signed())).sum::<i64>();
    signed(record) - signed(&record[148..156]) + 8 * i64::from(b' ')
}

/// Reads one header record. `None` is a record of zeroes. The error says what is wrong with it.
pub(crate) fn header(record: &Record) -> Result<Option<Header>, &'static str> {
    if record.iter().all(|b| *b == 0) {
        return Ok(None);
    }
    let sum = octal(&record[148..156]).ok_or("its tar header has no checksum")?;
    if sum != u64::from(checksum(record)) && i64::try_from(sum) != Ok(checksum_signed(record)) {
        return Err("the checksum of its tar header is wrong");
    }
    let size = number(&record[124..136]).ok_or("the size in its tar header is no number")?;
    let mut name = Vec::new();
    // GNU's own magic is "ustar " and uses the prefix field for other things
    if &record[257..263] == b"ustar\0" && record[345] != 0 {
        name.extend_from_slice(text(&record[345..500]));
        name.push(b'/');
    }
    name.extend_from_slice(text(&record[..100]));
    let link = text(&record[157..257]).to_vec();
    Ok(Some(Header { kind: kind(record[156], &name), name, size, link }))
}

fn kind(flag: u8, name: &[u8]) -> Kind {
    match flag {
        // before ustar a directory was a file with a slash at the end
        0 | b'0' | b'7' if name.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' => Kind::File,
        b'5' => Kind::Directory,
        b'L' => Kind::LongName,
        b'K' => Kind::LongLink,
        b'x' | b'X' => Kind::Pax,
        b'g' => Kind::PaxGlobal,
        other => Kind::Other(other),
    }
}

/// A field up to its first NUL.
pub(crate) fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// Octal digits between spaces and NULs; an empty field is zero.
fn octal(field: &[u8]) -> Option<u64> {
    let blank = |b: &u8| matches!(b, b' ' | 0);
    let start = field.iter().position(|b| !blank(b)).unwrap_or(field.len());
    let rest = &field[start..];
    let end = rest.iter().position(blank).unwrap_or(rest.len());
    if !rest[end..].iter().all(blank) {
        return None;
    }
    rest[..end].iter().try_fold(0_u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|d| *d < 8)?;
        value.checked_mul(8)?.checked_add(u64::from(digit))
    })
}

/// Octal, or base-256 when the top bit of the first byte is set. Negative and above 64 bits: `None`.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 == 0 {
        return octal(field);
    }
    let mut value = u64::from(first & 0x7f);
    for byte in rest {
        value = value.checked_mul(256)?.checked_add(u64::from(*byte))?;
    }
    Some(value)
}

/// The attributes that change how the next entry is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pax {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) linkpath: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    /// A sparse file of GNU tar: the content is not the file.
    pub(crate) sparse: bool,
}

/// Reads the content of a PAX header: records of `<length> <key>=<value>\n`. `None` when it is malformed.
pub(crate) fn pax(mut content: &[u8]) -> Option<Pax> {
    let mut pax = Pax::default();
    while !content.is_empty() {
        let space = content.iter().position(|b| *b == b' ')?;
        let len: usize = std::str::from_utf8(&content[..space]).ok()?.parse().ok()?;
        let record = content.get(space + 1..len)?.strip_suffix(b"\n")?;
        content = &content[len..];
        let equals = record.iter().position(|b| *b == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => pax.path = Some(value.to_vec()),
            b"linkpath" => pax.linkpath = Some(value.to_vec()),
            b"size" => pax.size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            _ if key.starts_with(b"GNU.sparse") => pax.sparse = true,
            _ => {}
        }
    }
    Some(pax)
}

#[cfg(test)]
mod tests {
    use super::super::write::file_header;
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Header>, &'static str> {
        header(bytes.try_into().unwrap())
    }

    #[test]
    fn reads_the_sizes_it_writes() {
        for size in [0, 1, 511, (1 << 33) - 1, 1 << 33, 1 << 40, u64::MAX] {
            let parsed = read(&file_header("a", size)).unwrap().unwrap();
            assert_eq!(parsed, Header { name: b"a".to_vec(), kind: Kind::File, size, link: Vec::new() });
        }
    }

    #[test]
    fn a_flipped_bit_in_a_header_is_seen() {
        let good = file_header("oci-layout", 30);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_ne!(read(&bad), read(&good), "byte {at}");
        }
    }

    #[test]
    fn numbers_in_every_dress() {
        assert_eq!(octal(b"  17 \0  "), Some(15));
        assert_eq!(octal(b"\0\0\0"), Some(0));
        assert_eq!(octal(b"18"), None);
        assert_eq!(octal(b"1 1"), None);
        assert_eq!(number(&[0xff; 12]), None, "negative");
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]), Some(256));
    }

    #[test]
    fn pax_records() {
        let parsed = pax(b"12 path=a/b\n20 size=10000000000\n10 other=\n").unwrap();
        assert_eq!(parsed.path.as_deref(), Some(b"a/b".as_slice()));
        assert_eq!(parsed.size, Some(10_000_000_000));
        assert!(pax(b"22 GNU.sparse.major=1\n").unwrap().sparse);
        for bad in
            [&b"12 path=a/b"[..], b"0 a=b\n", b"2 \n", b"x a=b\n", b"99 path=a\n", b"7 size=\n", b"5 ab\n"]
        {
            assert_eq!(pax(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
