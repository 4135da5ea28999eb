//! Where the bytes of a blob come from, and reading them from there.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use transload_bundle::Extent;
use transload_oci::Descriptor;
use transload_registry::{self as registry, BlobReader, ByteStream, Source};

use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::stream::Tape;

/// Where a blob's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Where the walk found it.
    Source,
    /// At hand.
    Whole(Bytes),
    /// In a pipe, which passes it once.
    Tape(Arc<Tape>, Extent),
}

/// Reads a blob from its source and tells how far it is.
pub(super) struct Reader {
    pub(super) source: Arc<dyn Source>,
    pub(super) repository: String,
    pub(super) blob: Descriptor,
    pub(super) origin: Origin,
    pub(super) engine: Engine,
}

impl Origin {
    /// The same for a blob that was pushed once: a pipe is not asked again.
    pub(super) fn unless_passed(&self) -> Self {
        match self {
            Self::Tape(..) => Self::Source,
            other => other.clone(),
        }
    }

    /// The bytes from `offset` on; `None` when the source has them.
    fn bytes(&self, offset: u64) -> Option<ByteStream> {
        match self {
            Self::Source => None,
            Self::Whole(bytes) => {
                let rest = bytes.slice(bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX))..);
                Some(stream::once(async { Ok(rest) }).boxed())
            }
            Self::Tape(tape, extent) => {
                let range = extent.range();
                Some(tape.stream(range.start.saturating_add(offset).min(range.end)..range.end))
            }
        }
    }
}

#[async_trait]
impl BlobReader for Reader {
    async fn open(&self, offset: u64) -> Result<ByteStream, registry::Error> {
        let opened = match self.origin.bytes(offset) {
            Some(stream) => Ok(self.engine.paced(stream)),
            None => self.engine.blob(&self.source, &self.repository, &self.blob, offset).await,
        };
        // an error of the source must not look like one of the target
        let wrap = |error: registry::Error| Error::from(error).into_reader();
        let stream = opened.map_err(wrap)?;
        let events = self.engine.events.clone();
        let digest = self.blob.digest;
        let told = stream.map(move |chunk| {
            let chunk = chunk.map_err(wrap)?;
            events.send(&Event::BlobProgress { digest, bytes: chunk.len() as u64 });
            Ok(chunk)
        });
        Ok(told.boxed())
    }
}
