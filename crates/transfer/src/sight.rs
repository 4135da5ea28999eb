//! Telling bundles from other blobs while they arrive: by their first bytes, and by the length that stands there.

use std::sync::Arc;

use transload_blobstore::{BlobStat, BlobStore};
use transload_bundle::{self as bundle, Compression, OpenBundle, Opener};
use transload_oci::Digest;

use crate::engine::Engine;
use crate::error::Error;
use crate::open::{self, Pieces};

/// A blob, or a row of parts, that may be a bundle.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name; of a row of parts the first one's.
    pub name: String,
    /// Length in bytes, of all its parts.
    pub bytes: u64,
    /// Changes whenever it does.
    pub etag: String,
    /// When it was last written, in seconds since 1970.
    pub modified: Option<i64>,
    pieces: Pieces,
}

/// What a candidate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// A bundle, all of it there as far as lengths tell.
    Bundle {
        /// The same for the same content: the transfer manifest's digest, or `layout:` and the digest of its roots.
        id: String,
        /// Digest of its transfer manifest; none where another tool wrote it.
        catalog_digest: Option<Digest>,
    },
    /// It ends before its content does: it is still being copied, or the copy broke.
    Partial {
        /// How far it is, in words.
        detail: String,
    },
    /// Something else.
    Other {
        /// What, in words.
        detail: String,
    },
}

/// What in a list of blobs may be a bundle, in the order of names: blobs and rows of parts. Folders that are image layouts
/// are not among them: nobody can tell when the last file of one is there.
pub fn candidates(store: &Arc<dyn BlobStore>, listed: Vec<BlobStat>) -> Vec<Candidate> {
    let found = open::among(store, listed).into_iter().filter(|(_, pieces)| !pieces.is_folder());
    found
        .map(|(name, pieces)| Candidate {
            name,
            bytes: pieces.len(),
            etag: pieces.etag(),
            modified: pieces.modified(),
            pieces,
        })
        .collect()
}

impl Candidate {
    /// 64 characters that are the same for the same name, etag and bundle, and no others.
    pub fn fingerprint(&self, bundle_id: &str) -> String {
        // lengths in front: no two rows of texts look alike
        let texts = [self.name.as_str(), &self.etag, bundle_id];
        let text: String = texts.iter().map(|text| format!("{} {text}\n", text.len())).collect();
        Digest::sha256(text.as_bytes()).hex()
    }
}

/// Reads as much of a candidate as it takes to tell: of most one stretch at its front.
///
/// # Errors
/// What the store fails with; that the blob is gone or another by now is among it.
pub async fn sight(engine: &Engine, candidate: &Candidate) -> Result<Sight, Error> {
    engine.until_cancelled(look(engine, candidate)).await
}

async fn look(engine: &Engine, candidate: &Candidate) -> Result<Sight, Error> {
    if candidate.bytes == 0 {
        return Ok(Sight::Partial { detail: "it is empty so far".to_owned() });
    }
    let mut opener = Opener::new(candidate.bytes, bundle::Limits::default());
    while let Some(range) = opener.want() {
        let start = range.start;
        let bytes = engine.request(candidate.pieces.read_all(range)).await?;
        if let Some(compression) = Compression::of(&bytes).filter(|_| start == 0) {
            let detail =
                format!("it is compressed with {}: import it by a run of its own", compression.as_str());
            return Ok(Sight::Other { detail });
        }
        if let Err(error) = opener.feed(&bytes) {
            return Ok(no_bundle(&error));
        }
    }
    Ok(match opener.finish() {
        Ok(open) => Sight::Bundle { id: id(&open), catalog_digest: open.transfer_digest },
        Err(error) => no_bundle(&error),
    })
}

fn no_bundle(error: &bundle::Error) -> Sight {
    let detail = error.to_string();
    match error.kind() {
        bundle::ErrorKind::Truncated => Sight::Partial { detail },
        _ => Sight::Other { detail },
    }
}

/// Names the content: by the transfer manifest, else by the roots and their names.
fn id(open: &OpenBundle) -> String {
    if let Some(digest) = &open.transfer_digest {
        return digest.to_string();
    }
    let mut text = String::from("transload layout 1\n");
    for root in &open.roots {
        let repository = root.repository.as_deref().unwrap_or("-");
        let tag = root.tag.as_deref().unwrap_or("-");
        text.push_str(&format!("{} {repository} {tag}\n", root.descriptor.digest));
    }
    format!("layout:{}", Digest::sha256(text.as_bytes()).hex())
}
