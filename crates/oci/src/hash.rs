//! Incremental hashing with a midstate that can be kept, and the verifier that every byte passes.

use sha2::Digest as _;
use sha2::block_api::compress256;

use crate::digest::{Algorithm, Digest};

/// SHA-256 initial state (FIPS 180-4, 5.3.3).
const SHA256_INIT: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const SHA256_BLOCK_BYTES: usize = 64;

/// The state of a SHA-256 at a multiple of 64 bytes: 32 bytes that are enough to go on hashing elsewhere.
///
/// It is what makes a transfer resumable in the middle of a blob with the whole blob still verified: the
/// state after a staged block is kept in that block's id.
pub type Midstate = [u8; 32];

/// An incremental hash.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Box<sha2::Sha512>),
}

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Box::default()),
        })
    }

    /// A SHA-256 that goes on behind `len` bytes. `None` unless `len` is a multiple of 64.
    pub fn resume(midstate: &Midstate, len: u64) -> Option<Self> {
        len.is_multiple_of(SHA256_BLOCK_BYTES as u64)
            .then(|| Self(State::Sha256(Sha256::resume(midstate, len))))
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(h) => h.update(bytes),
            State::Sha512(h) => h.update(bytes),
        }
    }

    /// The state so far. `None` for SHA-512 and away from a multiple of 64 bytes.
    pub fn midstate(&self) -> Option<Midstate> {
        match &self.0 {
            State::Sha256(h) => h.midstate(),
            State::Sha512(_) => None,
        }
    }

    /// The digest of all that was taken.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(h) => Digest::from_hash(Algorithm::Sha256, &h.finish()),
            State::Sha512(h) => Digest::from_hash(Algorithm::Sha512, &h.finalize()),
        }
    }
}

/// SHA-256 over the library's compression function. The library's own hasher keeps its state to itself.
#[derive(Clone)]
struct Sha256 {
    state: [u32; 8],
    len: u64,
    pending: [u8; SHA256_BLOCK_BYTES],
}

impl Sha256 {
    fn new() -> Self {
        Self { state: SHA256_INIT, len: 0, pending: [0; SHA256_BLOCK_BYTES] }
    }

    fn resume(midstate: &Midstate, len: u64) -> Self {
        let mut state = [0; 8];
        for (word, bytes) in state.iter_mut().zip(midstate.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Self { state, len, pending: [0; SHA256_BLOCK_BYTES] }
    }

    fn pending_len(&self) -> usize {
        (self.len % SHA256_BLOCK_BYTES as u64) as usize
    }

    fn update(&mut self, mut bytes: &[u8]) {
        let pending = self.pending_len();
        self.len += bytes.len() as u64;
        if pending > 0 {
            let take = bytes.len().min(SHA256_BLOCK_BYTES - pending);
            self.pending[pending..pending + take].copy_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if pending + take < SHA256_BLOCK_BYTES {
                return;
            }
            compress256(&mut self.state, &[self.pending]);
        }
        let (blocks, rest) = bytes.as_chunks::<SHA256_BLOCK_BYTES>();
        compress256(&mut self.state, blocks);
        self.pending[..rest.len()].copy_from_slice(rest);
    }

    fn midstate(&self) -> Option<Midstate> {
        (self.pending_len() == 0).then(|| self.state_bytes())
    }

    fn state_bytes(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (bytes, word) in out.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        out
    }

    /// Padding of FIPS 180-4, 5.1.1: a one bit, zeroes, and the length in bits as 64-bit big-endian.
    fn finish(mut self) -> [u8; 32] {
        let pending = self.pending_len();
        let bits = self.len.wrapping_mul(8).to_be_bytes();
        let mut tail = [0; 2 * SHA256_BLOCK_BYTES];
        tail[..pending].copy_from_slice(&self.pending[..pending]);
        tail[pending] = 0x80;
        let blocks = if pending < SHA256_BLOCK_BYTES - 8 { 1 } else { 2 };
        let end = blocks * SHA256_BLOCK_BYTES;
        tail[end - 8..end].copy_from_slice(&bits);
        let (chunks, _) = tail[..end].as_chunks::<SHA256_BLOCK_BYTES>();
        compress256(&mut self.state, chunks);
        self.state_bytes()
    }
}

/// What arrived is not what the descriptor promised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// More or fewer bytes than the descriptor says.
    #[error("expected {expected} bytes, got {actual}{}", if *.more { " or more" } else { "" })]
    Size {
        /// Bytes promised.
        expected: u64,
        /// Bytes seen.
        actual: u64,
        /// Whether the stream was given up before its end because it had already passed the promise.
        more: bool,
    },
    /// The right number of bytes with another digest.
    #[error("expected digest {expected}, got {actual}")]
    Digest {
        /// Digest promised.
        expected: Box<Digest>,
        /// Digest of the bytes seen.
        actual: Box<Digest>,
    },
}

/// Checks a stream of bytes against a digest and a size as it passes.
#[derive(Clone)]
pub struct Verifier {
    expected: Digest,
    size: u64,
    seen: u64,
    hasher: Hasher,
}

impl Verifier {
    /// A verifier of a whole blob of `size` bytes.
    pub fn new(expected: Digest, size: u64) -> Self {
        Self { expected, size, seen: 0, hasher: Hasher::new(expected.algorithm()) }
    }

    /// A verifier that goes on behind `seen` bytes, of which only the midstate is known.
    /// `None` when `seen` is no multiple of 64, passes the size, or the digest is not SHA-256.
    pub fn resume(expected: Digest, size: u64, midstate: &Midstate, seen: u64) -> Option<Self> {
        if expected.algorithm() != Algorithm::Sha256 || seen > size {
            return None;
        }
        Some(Self { expected, size, seen, hasher: Hasher::resume(midstate, seen)? })
    }

    /// Takes more bytes.
    ///
    /// # Errors
    /// [`Mismatch::Size`] as soon as more than the promised bytes came.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        let seen = self.seen.saturating_add(bytes.len() as u64);
        if seen > self.size {
            return Err(Mismatch::Size { expected: self.size, actual: seen, more: true });
        }
        self.seen = seen;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Bytes taken so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Bytes still to come.
    pub fn remaining(&self) -> u64 {
        self.size - self.seen
    }

    /// The hash state so far, where there is one to be had (see [`Hasher::midstate`]).
    pub fn midstate(&self) -> Option<Midstate> {
        self.hasher.midstate()
    }

    /// Says whether all that came is what was promised.
    ///
    /// # Errors
    /// [`Mismatch`] when bytes are missing or the digest is another.
    pub fn finish(self) -> Result<(), Mismatch> {
        if self.seen != self.size {
            return Err(Mismatch::Size { expected: self.size, actual: self.seen, more: false });
        }
        let actual = self.hasher.finish();
        if actual == self.expected {
            Ok(())
        } else {
            Err(Mismatch::Digest { expected: Box::new(self.expected), actual: Box::new(actual) })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn library(bytes: &[u8]) -> Vec<u8> {
        sha2::Sha256::digest(bytes).to_vec()
    }

    proptest! {
        #[test]
        fn hashes_as_the_library_does(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
            let cut = cut.min(bytes.len());
            let mut hasher = Hasher::new(Algorithm::Sha256);
            hasher.update(&bytes[..cut]);
            hasher.update(&bytes[cut..]);
            prop_assert_eq!(hasher.finish().hash().to_vec(), library(&bytes));
        }

        #[test]
        fn goes_on_from_a_midstate(blocks in 0usize..6, rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut all = vec![7u8; blocks * 64];
            let mut first = Hasher::new(Algorithm::Sha256);
            first.update(&all);
            let mut second = Hasher::resume(&first.midstate().unwrap(), all.len() as u64).unwrap();
            second.update(&rest);
            all.extend_from_slice(&rest);
            prop_assert_eq!(second.finish(), Digest::sha256(&all));
        }
    }

    #[test]
    fn a_verifier_refuses_other_bytes_and_other_lengths() {
        let digest = Digest::sha256(b"hello");
        let run = |size, parts: &[&[u8]]| {
            let mut verifier = Verifier::new(digest, size);
            for part in parts {
                verifier.update(part)?;
            }
            verifier.finish()
        };
        assert_eq!(run(5, &[b"he", b"llo"]), Ok(()));
        assert!(matches!(run(5, &[b"hellO"]), Err(Mismatch::Digest { .. })));
        assert!(matches!(run(5, &[b"hell"]), Err(Mismatch::Size { more: false, .. })));
        assert!(matches!(run(5, &[b"hello!"]), Err(Mismatch::Size { more: true, .. })));
        assert!(Verifier::resume(digest, 5, &[0; 32], 64).is_none());
    }
}
