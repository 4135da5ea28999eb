//! Ranges: RFC 9110's of downloads, and those of uploads.

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything: no range, several, or one that cannot be read (RFC 9110, 14.2: to be ignored).
    All,
    /// From the first position up to and without the second.
    Part(u64, u64),
    /// Nothing that is there, or a range that ends before it starts.
    Unsatisfiable,
}

/// Reads `Range: bytes=…` for a body of `len` bytes.
pub(super) fn wanted(header: Option<&str>, len: u64) -> Wanted {
    let Some((first, last)) = header
        .and_then(|value| value.trim().strip_prefix("bytes="))
        .filter(|spec| !spec.contains(','))
        .and_then(|spec| spec.split_once('-'))
    else {
        return Wanted::All;
    };
    let (start, end) = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(start), "") => (start, len),
        (Ok(start), last) => match last.parse::<u64>() {
            // one that ends before it starts may be ignored or refused (14.2): registries refuse it
            Ok(last) => (start, last.saturating_add(1).min(len)),
            Err(_) => return Wanted::All,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(count) => (len.saturating_sub(count), len),
            Err(_) => return Wanted::All,
        },
        _ => return Wanted::All,
    };
    if start < end { Wanted::Part(start, end) } else { Wanted::Unsatisfiable }
}

/// Reads `Content-Range: <first>-<last>` of a chunk of an upload (distribution-spec, "Pushing a blob in chunks").
/// A unit in front (`bytes `) and a total behind (`/…`) are let pass. Gives the first position and the length.
pub(super) fn chunk(value: &str) -> Option<(u64, u64)> {
    let value = value.trim();
    let value = value.strip_prefix("bytes").map_or(value, |rest| rest.trim_start_matches([' ', '=']));
    let (first, last) = value.split('/').next()?.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    Some((first, last.checked_sub(first)?.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn download_ranges() {
        let cases = [
            (None, Wanted::All),
            (Some("bytes=0-"), Wanted::Part(0, 10)),
            (Some("bytes=3-5"), Wanted::Part(3, 6)),
            (Some("bytes=9-99"), Wanted::Part(9, 10)),
            (Some("bytes=-4"), Wanted::Part(6, 10)),
            (Some("bytes=-40"), Wanted::Part(0, 10)),
            (Some("bytes=10-"), Wanted::Unsatisfiable),
            (Some("bytes=-0"), Wanted::Unsatisfiable),
            (Some("bytes=5-3"), Wanted::Unsatisfiable),
            (Some("bytes=0-1,3-4"), Wanted::All),
            (Some("pages=1-2"), Wanted::All),
            (Some("bytes=x-"), Wanted::All),
        ];
        for (header, expected) in cases {
            assert_eq!(wanted(header, 10), expected, "{header:?}");
        }
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn upload_ranges() {
        assert_eq!(chunk("0-9"), Some((0, 10)));
        assert_eq!(chunk("bytes 10-19/*"), Some((10, 10)));
        for bad in ["", "5", "9-3", "a-b", "0-18446744073709551615"] {
            assert_eq!(chunk(bad), None, "{bad}");
        }
    }
}
