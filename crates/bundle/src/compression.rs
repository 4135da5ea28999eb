//! What a stream is compressed with, told from its first bytes.

/// A compression that is undone on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// First bytes of a stream that [`of`](Self::of) needs.
    pub const MAGIC_BYTES: usize = 4;

    /// The compression that a stream with this beginning has; `None` for any other stream.
    pub fn of(first: &[u8]) -> Option<Self> {
        if first.starts_with(b"\x1f\x8b") {
            Some(Self::Gzip)
        } else if first.starts_with(b"\x28\xb5\x2f\xfd") {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// What people call it, and media types too (`…tar+gzip`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}
