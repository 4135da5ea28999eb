//! Asking for every blob by HEAD, so that what is missing is known before a byte is written.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream;
use transload_oci::{Digest, media_type};

use super::{Blob, Sources, Walk};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;

/// HEADs every blob, puts the place that has it first, and fails the artifacts whose blobs are missing.
pub(super) async fn check(engine: &Engine, sources: &Sources, walk: &mut Walk) {
    let blobs: Vec<Blob> = walk.blobs.values().cloned().collect();
    let checked: Vec<(Digest, Result<usize, Error>)> = stream::iter(blobs)
        .map(|blob| async move { (blob.descriptor.digest, find(engine, sources, &blob).await) })
        .buffer_unordered(engine.limits.requests_at_once)
        .collect()
        .await;
    let mut faults: HashMap<Digest, Error> = HashMap::new();
    for (digest, found) in checked {
        match found {
            Ok(place) => {
                if let Some(blob) = walk.blobs.get_mut(&digest) {
                    blob.places.swap(0, place);
                }
            }
            Err(error) => {
                faults.insert(digest, error);
            }
        }
    }
    walk.fail_where(|digest| faults.get(digest).cloned());
}

/// The first place that has the blob, with the size its descriptor promises.
async fn find(engine: &Engine, sources: &Sources, blob: &Blob) -> Result<usize, Error> {
    let descriptor = &blob.descriptor;
    for (index, (registry, repository)) in blob.places.iter().enumerate() {
        let asked = sources[registry].blob_size(repository, &descriptor.digest);
        match engine.request(asked).await? {
            Some(size) if size == descriptor.size => return Ok(index),
            Some(size) => {
                let subject = format!("{registry}/{repository}@{}", descriptor.digest);
                let detail =
                    format!("the registry has {size} bytes of it, its manifest says {}", descriptor.size);
                return Err(Error::new(Code::DigestMismatch, subject, detail));
            }
            None => {}
        }
    }
    Err(missing(blob))
}

fn missing(blob: &Blob) -> Error {
    let descriptor = &blob.descriptor;
    let (registry, repository) = blob.places.first().cloned().unwrap_or_default();
    let subject = format!("{registry}/{repository}@{}", descriptor.digest);
    if media_type::is_foreign_layer(&descriptor.media_type) || !descriptor.urls.is_empty() {
        let urls = if descriptor.urls.is_empty() { "no URL".to_owned() } else { descriptor.urls.join(", ") };
        let detail = format!("foreign layer that {registry} does not have (its manifest names {urls})");
        return Error::new(Code::ForeignLayerUnavailable, subject, detail);
    }
    let detail = format!(
        "the manifest names this blob ({} bytes), and {repository} does not have it",
        descriptor.size
    );
    Error::new(Code::BlobNotFound, subject, detail)
}
