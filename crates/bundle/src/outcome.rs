//! What became of a bundle that was written as a stream.
//!
//! The head of such a bundle was written first, as if nothing would fail. When something does, an entry `.outcome`
//! behind the data says which artifacts it cost and which blobs are not what their names say. Readers of image layouts
//! pass over it. When nothing failed there is none, and the bundle is the same as one that was written to a file.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transload_oci::Digest;

use crate::error::{Error, ErrorKind};
use crate::layout::TRAILER_LEN;
use crate::tar::{RECORD_BYTES, padded, read, write};
use crate::transfer_manifest::{SCHEMA_VERSION, Status, TransferManifest};

/// Name of the entry.
pub(crate) const NAME: &str = ".outcome";

/// The entry's content, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamOutcome {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The artifacts that failed.
    pub failed: Vec<FailedArtifact>,
    /// Blobs whose bytes in this bundle mean nothing.
    pub bad: Vec<Digest>,
}

/// An artifact that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedArtifact {
    /// Its name in the transfer manifest ([`Artifact::source`](crate::Artifact::source)).
    pub source: String,
    /// The stable name of the failure.
    pub code: Option<String>,
    /// The failure in words.
    pub text: Option<String>,
}

impl StreamOutcome {
    /// The failures of a transfer manifest, and the blobs that they left behind.
    pub fn of(transfer: &TransferManifest, bad: Vec<Digest>) -> Self {
        let failed = transfer.artifacts.iter().filter(|artifact| artifact.status == Status::Failed);
        let failed = failed.map(|artifact| FailedArtifact {
            source: artifact.source.clone(),
            code: artifact.code.clone(),
            text: artifact.text.clone(),
        });
        Self { schema_version: SCHEMA_VERSION, failed: failed.collect(), bad }
    }

    /// The entry: header, JSON, padding.
    pub fn entry(&self) -> Bytes {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut out = write::file_header(NAME, json.len() as u64);
        out.extend_from_slice(&json);
        out.resize(out.len().next_multiple_of(RECORD_BYTES as usize), 0);
        Bytes::from(out)
    }

    /// What stands behind the data of a bundle: `None` for just the end of a tar.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] for anything but this entry and the end, or the end alone.
    pub fn parse_tail(tail: &[u8]) -> Result<Option<Self>, Error> {
        let damaged = |detail: &str| Error::new(ErrorKind::Damaged, "end of the bundle", detail);
        let ends = |rest: &[u8]| rest.len() as u64 == TRAILER_LEN && rest.iter().all(|byte| *byte == 0);
        if ends(tail) {
            return Ok(None);
        }
        let record = tail.first_chunk().ok_or_else(|| damaged("it is cut off"))?;
        let header = read::header(record).ok().flatten();
        let header = header.ok_or_else(|| damaged("there is something that does not belong there"))?;
        if write::file_header(NAME, header.size) != record {
            return Err(damaged("there is an entry that does not belong there"));
        }
        let start = RECORD_BYTES as usize;
        let end = usize::try_from(header.size).ok().and_then(|size| start.checked_add(size));
        let json = end.and_then(|end| tail.get(start..end)).ok_or_else(|| damaged("it is cut off"))?;
        let behind = usize::try_from(RECORD_BYTES + padded(header.size)).unwrap_or(usize::MAX);
        if !tail.get(behind..).is_some_and(ends) {
            return Err(damaged("there is something behind the outcome"));
        }
        Self::parse(json).map(Some)
    }

    /// Reads the entry's content.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json).map_err(|error| Error::new(ErrorKind::Damaged, NAME, error.to_string()))
    }

    /// Brings a transfer manifest up to date.
    pub fn apply(&self, transfer: &mut TransferManifest) {
        for failed in &self.failed {
            for artifact in transfer.artifacts.iter_mut().filter(|a| a.source == failed.source) {
                artifact.status = Status::Failed;
                artifact.code.clone_from(&failed.code);
                artifact.text.clone_from(&failed.text);
            }
        }
        transfer.blobs.retain(|blob| !self.bad.contains(&blob.digest));
    }
}
