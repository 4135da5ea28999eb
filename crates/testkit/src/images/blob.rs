//! Bytes that are made when they are read.

use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt as _};
use transload_oci::{Algorithm, Descriptor, Hasher};
use transload_registry::{BlobReader, ByteStream, Error};

/// Size of a piece of a stream, and the period of the noise.
const PIECE_BYTES: u64 = 256 * 1024;

/// A blob: its descriptor, and a recipe for its bytes.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Media type, digest and size.
    pub descriptor: Descriptor,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Bytes(Bytes),
    Zeros(u64),
    Noise { seed: u64, len: u64, base: Bytes },
}

impl Blob {
    /// These bytes.
    pub fn of(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self::new(media_type, vec![Part::Bytes(bytes.into())])
    }

    /// `len` bytes that do not compress, different for each seed.
    pub fn noise(media_type: &str, seed: u64, len: u64) -> Self {
        Self::new(media_type, vec![noise(seed, len)])
    }

    /// What begins like gzip and goes on as noise, `len` bytes with the beginning: tools that look at a layer's first
    /// bytes take it for compressed and leave it as it is. It cannot be unpacked.
    pub fn gzip_like(media_type: &str, seed: u64, len: u64) -> Self {
        let magic = Bytes::from_static(&[0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff]);
        let rest = noise(seed, len.saturating_sub(magic.len() as u64));
        Self::new(media_type, vec![Part::Bytes(magic), rest])
    }

    /// A tar with one file of `len` bytes, of noise or, without a seed, of zeros.
    pub(super) fn tar(media_type: &str, seed: Option<u64>, len: u64) -> Self {
        let mut header = tar::Header::new_ustar();
        let name = seed.map_or_else(|| format!("zeros-{len}"), |seed| format!("noise-{seed}"));
        header.set_path(name).expect("a short name fits a header");
        header.set_size(len);
        header.set_mode(0o644);
        header.set_cksum();
        let content = seed.map_or(Part::Zeros(len), |seed| noise(seed, len));
        // up to the next record, and the two zero records at the end
        let padding = len.next_multiple_of(512) - len + 1024;
        let head = Bytes::copy_from_slice(header.as_bytes());
        Self::new(media_type, vec![Part::Bytes(head), content, Part::Zeros(padding)])
    }

    fn new(media_type: &str, parts: Vec<Part>) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut size = 0;
        for piece in pieces(&parts, 0) {
            size += piece.len() as u64;
            hasher.update(&piece);
        }
        Self { descriptor: Descriptor::new(media_type, hasher.finish(), size), parts }
    }

    /// The bytes from `offset` on, in pieces.
    pub fn pieces(&self, offset: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
        pieces(&self.parts, offset)
    }

    /// All bytes. For small blobs.
    pub fn bytes(&self) -> Vec<u8> {
        self.pieces(0).flatten().collect()
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_to(&self, writer: &mut impl io::Write) -> io::Result<()> {
        self.pieces(0).try_for_each(|piece| writer.write_all(&piece))
    }

    /// Whether it is not expected to be in a registry.
    pub(super) fn is_foreign(&self) -> bool {
        !self.descriptor.urls.is_empty()
    }
}

#[async_trait]
impl BlobReader for Blob {
    async fn open(&self, offset: u64) -> Result<ByteStream, Error> {
        Ok(stream::iter(self.pieces(offset)).map(Ok).boxed())
    }
}

fn noise(seed: u64, len: u64) -> Part {
    Part::Noise { seed, len, base: noise_base(seed, len.min(PIECE_BYTES)) }
}

/// xorshift64 (Marsaglia, "Xorshift RNGs").
fn noise_base(seed: u64, len: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = BytesMut::with_capacity(len as usize + 8);
    while (bytes.len() as u64) < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len as usize);
    bytes.freeze()
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(len) | Self::Noise { len, .. } => *len,
        }
    }

    /// The piece that lies at `offset`, which is inside.
    fn piece(&self, offset: u64) -> Bytes {
        let within = offset % PIECE_BYTES;
        let len = (PIECE_BYTES - within).min(self.len() - offset) as usize;
        match self {
            Self::Bytes(bytes) => bytes.slice(offset as usize..offset as usize + len),
            Self::Zeros(_) => Bytes::from(vec![0; len]),
            Self::Noise { seed, base, .. } => {
                let period = offset / PIECE_BYTES;
                if period == 0 {
                    return base.slice(offset as usize..offset as usize + len);
                }
                // each period differs in its first bytes, so that no two pieces of a blob are alike
                let mut bytes = base.to_vec();
                for (byte, mark) in bytes.iter_mut().zip((seed ^ period).to_le_bytes()) {
                    *byte ^= mark;
                }
                Bytes::from(bytes).slice(within as usize..within as usize + len)
            }
        }
    }
}

fn pieces(parts: &[Part], offset: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut parts: Vec<Part> = parts.iter().rev().filter(|part| part.len() > 0).cloned().collect();
    let mut offset = offset;
    std::iter::from_fn(move || {
        while parts.last().is_some_and(|part| offset >= part.len()) {
            offset -= parts.pop().map_or(0, |part| part.len());
        }
        let piece = parts.last()?.piece(offset);
        offset += piece.len() as u64;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_gives_the_same_bytes() {
        let blob = Blob::tar("t", Some(7), 700_001);
        let all = blob.bytes();
        assert_eq!(blob.descriptor.size, all.len() as u64);
        assert_eq!(blob.descriptor, Descriptor::of("t", &all));
        for offset in [0, 1, 511, 512, 513, 262_143, 262_656, 500_000, 700_512, all.len() - 1, all.len()] {
            let rest: Vec<u8> = blob.pieces(offset as u64).flatten().collect();
            assert!(rest == all[offset..], "{offset}");
        }
        let mut archive = tar::Archive::new(all.as_slice());
        let sizes: Vec<u64> = archive.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
        assert_eq!(sizes, [700_001]);
    }

    #[test]
    fn seeds_differ_and_repeat() {
        let digest = |seed| Blob::noise("t", seed, 1000).descriptor.digest;
        assert_eq!(digest(1), digest(1));
        assert_ne!(digest(1), digest(2));
        assert_ne!(digest(2), digest(3));
    }
}
