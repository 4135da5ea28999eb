//! What undoes a compression while bytes stream through.

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, BufReader};
use transload_bundle::Compression;

/// What is read of a compressed stream at once.
const READ_BYTES: usize = 128 << 10;

/// A reader of bytes.
pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// What is inside of a compressed stream, of every one of its members.
pub(crate) fn unpacked(
    compression: Compression,
    packed: impl AsyncBufRead + Send + Unpin + 'static,
) -> Reader {
    match compression {
        Compression::Gzip => {
            let mut decoder = GzipDecoder::new(packed);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Compression::Zstd => {
            let mut decoder = ZstdDecoder::new(packed);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
    }
}

/// What is inside of a stream that may be compressed: found out from its first bytes.
pub(crate) async fn unpacked_if_packed(mut reader: Reader) -> std::io::Result<Reader> {
    let mut first = Vec::with_capacity(Compression::MAGIC_BYTES);
    while first.len() < Compression::MAGIC_BYTES {
        let most = (Compression::MAGIC_BYTES - first.len()) as u64;
        if (&mut reader).take(most).read_buf(&mut first).await? == 0 {
            break;
        }
    }
    let compression = Compression::of(&first);
    let whole = std::io::Cursor::new(first).chain(reader);
    Ok(match compression {
        Some(compression) => unpacked(compression, BufReader::with_capacity(READ_BYTES, whole)),
        None => Box::new(whole),
    })
}
