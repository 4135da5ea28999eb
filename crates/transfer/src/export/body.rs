//! One blob as it comes from its source.

use bytes::Bytes;
use futures_util::StreamExt;
use transload_bundle::Entry;
use transload_oci::{Digest, Mismatch, Verifier};
use transload_registry::ByteStream;

use super::fetch::{Fault, Run};
use crate::code::Code;
use crate::error::Error;
use crate::walk::place_text;

/// The bytes of one blob as the source sends them, handed out in pieces of a wanted length at most.
pub(super) struct Body {
    digest: Digest,
    place: String,
    stream: ByteStream,
    left: Bytes,
}

impl Body {
    pub(super) async fn open(run: &Run, entry: Entry, offset: u64) -> Result<Self, Fault> {
        let fault = |error| Fault::Blob(entry.digest, error);
        let internal = || {
            Error::new(Code::Internal, entry.digest.to_string(), "a blob of the layout is not in the walk")
        };
        let blob = run.blobs.get(&entry.digest).ok_or_else(|| fault(internal()))?;
        let (registry, repository) = blob.places.first().ok_or_else(|| fault(internal()))?;
        let source = run.sources.get(registry).ok_or_else(|| fault(internal()))?;
        let opened = run.engine.blob(source, repository, &blob.descriptor, offset).await;
        let stream = opened.map_err(|error| fault(error.into()))?;
        let place = place_text(registry, repository, &entry.digest);
        Ok(Self { digest: entry.digest, place, stream, left: Bytes::new() })
    }

    /// The next bytes, `most` of them at most. The end of the stream is a mismatch: it is asked only when more is due.
    pub(super) async fn next(&mut self, most: u64) -> Result<Bytes, Fault> {
        while self.left.is_empty() {
            match self.stream.next().await {
                Some(Ok(chunk)) => self.left = chunk,
                Some(Err(error)) => return Err(Fault::Blob(self.digest, error.into())),
                None => {
                    let detail = format!("the registry sent too few bytes: {most} are missing");
                    return Err(Fault::Blob(
                        self.digest,
                        Error::new(Code::DigestMismatch, self.place.clone(), detail),
                    ));
                }
            }
        }
        let take = self.left.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(self.left.split_to(take))
    }

    /// Whatever comes behind the last byte is too much.
    pub(super) async fn end(&mut self, verifier: &mut Verifier) -> Result<(), Fault> {
        loop {
            if !self.left.is_empty() {
                let extra = std::mem::take(&mut self.left);
                verifier.update(&extra).map_err(|mismatch| self.mismatch(&mismatch))?;
            }
            match self.stream.next().await {
                Some(Ok(chunk)) => self.left = chunk,
                Some(Err(error)) => return Err(Fault::Blob(self.digest, error.into())),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn mismatch(&self, mismatch: &Mismatch) -> Fault {
        Fault::Blob(self.digest, Error::new(Code::DigestMismatch, self.place.clone(), mismatch.to_string()))
    }
}
