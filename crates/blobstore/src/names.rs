//! What a blob may be called.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::error::{Error, ErrorKind};

/// What stays as it is in a value of a URL's query.
pub(crate) const KEPT_IN_QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What stays as it is in a blob's name within a URL; `/` separates segments.
pub(crate) const KEPT_IN_PATH: &AsciiSet = &KEPT_IN_QUERY.remove(b'/');

/// Longest name, in characters: Azure's bound, kept by every store so that a name can travel.
pub const NAME_CHARS_MAX: usize = 1024;

/// Refuses a name that could leave its place or that no store would take: empty, absolute, with an empty, `.` or
/// `..` segment, with a control character, or too long.
///
/// # Errors
/// `LocationInvalid`, with the reason.
pub fn check_name(name: &str) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "a blob name cannot be empty"
    } else if name.starts_with('/') {
        "a blob name cannot start with '/'"
    } else if name.ends_with('/') {
        "a blob name cannot end with '/'"
    } else if name.split('/').any(str::is_empty) {
        "a blob name cannot hold '//'"
    } else if name.split('/').any(|s| s == "." || s == "..") {
        "a blob name cannot hold '.' or '..' as a segment"
    } else if name.chars().any(char::is_control) {
        "a blob name cannot hold control characters"
    } else if name.chars().count() > NAME_CHARS_MAX {
        "a blob name cannot have more than 1024 characters"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::LocationInvalid, format!("{name:?}"), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass_and_escapes_do_not() {
        for good in ["a", "a/b.tar", "..a", "a..b/c", "ä ö.tar", "%2e%2e/x"] {
            check_name(good).unwrap();
        }
        let long = "x".repeat(NAME_CHARS_MAX + 1);
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\0b", "a\nb", long.as_str()] {
            assert_eq!(check_name(bad).unwrap_err().kind(), ErrorKind::LocationInvalid, "{bad:?}");
        }
    }
}
