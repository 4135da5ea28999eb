//! Things to push.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use transload_oci::{Descriptor, Digest, Manifest, media_type};

use super::done;
use crate::error::Error;
use crate::seam::{BlobReader, ByteStream, Target};

/// Pieces in which a sample is read: no divisor of anything.
const PIECE_BYTES: usize = 10_007;

/// Bytes that can be pushed as a blob.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The bytes.
    pub bytes: Bytes,
    /// Their description.
    pub descriptor: Descriptor,
}

impl Sample {
    /// These bytes, as a layer.
    pub fn of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { descriptor: Descriptor::of(media_type::OCI_LAYER, &bytes), bytes }
    }

    /// `len` bytes that no other sample has.
    pub fn random(len: usize) -> Self {
        let mut state = rand::random::<u64>() | 1;
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(len);
        Self::of(bytes)
    }

    /// An image of this config and these layers, unparsed white space and all.
    pub fn image(config: &Self, layers: &[&Self], more: Value) -> Manifest {
        let layers: Vec<&Descriptor> = layers.iter().map(|l| &l.descriptor).collect();
        let mut document = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": Descriptor { media_type: media_type::OCI_CONFIG.to_owned(), ..config.descriptor.clone() },
            "layers": layers,
        });
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
            document.extend(more);
        }
        Self::manifest(media_type::OCI_MANIFEST, document.to_string())
    }

    /// A manifest of these very bytes.
    pub fn manifest(media_type: &str, text: String) -> Manifest {
        match Manifest::parse(Some(media_type), None, Bytes::from(text)) {
            Ok(manifest) => manifest,
            Err(error) => panic!("a sample manifest: {error}"),
        }
    }

    /// Pushes it.
    pub(super) async fn push(&self, target: &dyn Target, repository: &str) {
        done(target.push_blob(repository, &self.descriptor, &[], self).await, "pushing a blob");
    }

    /// An image of one layer, pushed under a tag.
    pub(super) async fn push_image(
        target: &dyn Target,
        repository: &str,
        tag: &str,
        more: Value,
    ) -> Manifest {
        let (config, layer) = (Self::of(json!({"os": "linux", "tag": tag}).to_string()), Self::random(3000));
        config.push(target, repository).await;
        layer.push(target, repository).await;
        let image = Self::image(&config, &[&layer], more);
        done(target.push_manifest(repository, tag, &image).await, "pushing an image");
        image
    }
}

#[async_trait]
impl BlobReader for Sample {
    async fn open(&self, offset: u64) -> Result<ByteStream, Error> {
        let rest = self.bytes.slice(offset as usize..);
        let pieces = stream::unfold(rest, |mut rest| async move {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            (!piece.is_empty()).then_some((Ok(piece), rest))
        });
        Ok(pieces.boxed())
    }
}

/// A repository that nobody used before.
pub(super) fn repository(what: &str) -> String {
    format!("conformance/{what}-{:016x}", rand::random::<u64>())
}

/// All of a blob from `offset` on.
pub(super) async fn read(target: &dyn Target, repository: &str, blob: &Descriptor, offset: u64) -> Vec<u8> {
    let mut stream = done(target.blob(repository, blob, offset).await, "opening a blob");
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&done(chunk, "reading a blob"));
    }
    bytes
}

/// A digest that nothing has.
pub(super) fn nowhere() -> Digest {
    Digest::sha256(&rand::random::<[u8; 16]>())
}
