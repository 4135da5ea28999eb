//! Checks a bundle's contents as its bytes pass from front to back.

use transload_bundle::{Extent, OpenBundle};
use transload_oci::{Digest, Midstate, Verifier};

use crate::engine::Engine;
use crate::event::{BlobOutcome, Event};

/// Hashes every content that the catalog names. What lies between contents is passed over.
pub(crate) struct Check {
    engine: Engine,
    extents: Vec<(Digest, Extent)>,
    /// Index of the first content that is not over.
    next: usize,
    at: u64,
    current: Option<Verifier>,
}

/// A content whose bytes are others.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) digest: Digest,
    pub(crate) at: Extent,
    pub(crate) reason: String,
}

impl Check {
    /// At byte 0.
    pub(crate) fn new(engine: &Engine, index: &OpenBundle) -> Self {
        let mut extents: Vec<(Digest, Extent)> = index.catalog.iter().map(|(d, e)| (*d, *e)).collect();
        extents.sort_by_key(|(_, extent)| extent.offset);
        Self { engine: engine.clone(), extents, next: 0, at: 0, current: None }
    }

    /// Goes on at byte `at`, all before it having been checked. `midstate` is that of the content which that byte is
    /// in; without one nothing is known of such a content. `false`, and nothing changed, when that will not do.
    pub(super) fn resume(&mut self, at: u64, midstate: Option<&Midstate>) -> bool {
        let next = self.extents.partition_point(|(_, extent)| extent.range().end <= at);
        let within = self.extents.get(next).filter(|(_, extent)| extent.offset < at);
        let current = match within {
            None => None,
            Some((digest, extent)) => {
                let seen = at - extent.offset;
                match midstate.and_then(|state| Verifier::resume(*digest, extent.len, state, seen)) {
                    Some(verifier) => Some(verifier),
                    None => return false,
                }
            }
        };
        (self.at, self.next, self.current) = (at, next, current);
        true
    }

    /// The state behind the last byte that passed, where it can be taken up again: inside a content that of its hash.
    pub(super) fn midstate(&self) -> Option<Midstate> {
        self.current.as_ref().and_then(Verifier::midstate)
    }

    /// Takes the next bytes.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Bad> {
        while let Some((digest, extent)) = self.extents.get(self.next).copied() {
            let skipped = extent.offset.saturating_sub(self.at);
            if skipped >= bytes.len() as u64 && !(skipped == 0 && extent.len == 0) {
                break;
            }
            bytes = &bytes[usize::try_from(skipped).unwrap_or(bytes.len())..];
            self.at += skipped;
            let bad = |reason: String| Bad { digest, at: extent, reason };
            let mut verifier = self.current.take().unwrap_or_else(|| self.begin(digest, extent));
            let due = usize::try_from(verifier.remaining()).unwrap_or(usize::MAX).min(bytes.len());
            let (ours, rest) = bytes.split_at(due);
            verifier.update(ours).map_err(|mismatch| bad(mismatch.to_string()))?;
            self.engine.events.send(&Event::BlobProgress { digest, bytes: due as u64 });
            self.at += due as u64;
            bytes = rest;
            if verifier.remaining() > 0 {
                self.current = Some(verifier);
                return Ok(());
            }
            let verified = verifier.finish();
            let outcome = if verified.is_ok() { BlobOutcome::Moved } else { BlobOutcome::Failed };
            self.engine.events.send(&Event::BlobFinished { digest, size: extent.len, outcome });
            verified.map_err(|mismatch| bad(mismatch.to_string()))?;
            self.next += 1;
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn begin(&self, digest: Digest, extent: Extent) -> Verifier {
        self.engine.events.send(&Event::BlobStarted { digest, size: extent.len, offset: 0 });
        Verifier::new(digest, extent.len)
    }

    /// Whether every content has passed.
    pub(crate) fn is_over(&self) -> bool {
        self.extents[self.next..].iter().all(|(_, extent)| extent.len == 0)
    }
}
