//! What is pulled and pushed: blobs of noise and small images, made from numbers, so that every server gets the same.

use bytes::Bytes;
use serde_json::json;
use transload_oci::{Algorithm, Digest, Hasher};

use crate::corpora::Scale;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// Bytes at the start of a blob that tell it from every other.
const MARK_BYTES: usize = 16;
/// What lies in a registry before anything is timed, under numbers that no push uses.
const STANDING: u64 = 1 << 40;

/// Media type of the small images' manifests.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// How large everything is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) large_bytes: usize,
    pub(super) medium_bytes: usize,
    pub(super) small_bytes: usize,
    pub(super) large: u64,
    pub(super) images: u64,
    pub(super) tags: usize,
}

/// Makes blobs and images.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) sizes: Sizes,
    noise: Bytes,
    /// Large blobs that lie in every registry.
    pub(super) large: Vec<Blob>,
    /// Small images that lie in every registry, each under the tag `t<number>`.
    pub(super) images: Vec<Image>,
}

/// A blob: its mark, then the same noise as every other.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    pub(super) parts: [Bytes; 2],
}

/// An image of one layer.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) config: Blob,
    pub(super) layer: Blob,
    pub(super) manifest: Blob,
}

impl Sizes {
    pub(super) fn of(scale: Scale) -> Self {
        Self {
            large_bytes: scale.pick(3 * MIB + 7, 64 * MIB),
            medium_bytes: scale.pick(MIB + 1, 8 * MIB),
            small_bytes: 16 * KIB,
            large: scale.pick(2, 8),
            images: scale.pick(8, 64),
            tags: scale.pick(120, 1000),
        }
    }
}

impl Content {
    pub(super) fn new(scale: Scale) -> Self {
        let sizes = Sizes::of(scale);
        let mut content = Self { sizes, noise: noise(sizes.large_bytes), large: vec![], images: vec![] };
        content.large = (0..sizes.large).map(|n| content.blob(STANDING + n, sizes.large_bytes)).collect();
        content.images = (0..sizes.images).map(|n| content.image(STANDING + n)).collect();
        content
    }

    /// A blob of `len` bytes, another one for each number.
    pub(super) fn blob(&self, number: u64, len: usize) -> Blob {
        let mut mark = [0x1f; MARK_BYTES];
        mark[..8].copy_from_slice(&number.to_le_bytes());
        Blob::new([Bytes::copy_from_slice(&mark), self.noise.slice(MARK_BYTES..len.max(MARK_BYTES))])
    }

    /// An image with a layer of the small size, another one for each number.
    pub(super) fn image(&self, number: u64) -> Image {
        let layer = self.blob(number, self.sizes.small_bytes);
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
            "config": { "Labels": { "number": number.to_string() } },
            "rootfs": { "type": "layers", "diff_ids": [layer.digest.to_string()] },
        });
        let config = Blob::of(config.to_string());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config.digest.to_string(), "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": layer.digest.to_string(), "size": layer.len(),
            }],
        });
        let manifest = Blob::of(manifest.to_string());
        Image { config, layer, manifest }
    }
}

impl Blob {
    fn new(parts: [Bytes; 2]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        parts.iter().for_each(|part| hasher.update(part));
        Self { digest: hasher.finish(), parts }
    }

    fn of(text: String) -> Self {
        Self::new([Bytes::from(text), Bytes::new()])
    }

    pub(super) fn len(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

/// xorshift64 (Marsaglia, "Xorshift RNGs"): does not compress.
fn noise(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    Bytes::from(bytes)
}
