//! Asking for every blob by HEAD, so that what is missing is known before a byte is written.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream;
use transload_oci::Digest;
use transload_registry::Web;

use super::{Blob, Sources, Walk};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;

/// Registry and repository, or the web and a URL.
type Place = (String, String);

/// HEADs every blob, puts the place that has it first, and fails the artifacts whose blobs are missing.
pub(super) async fn check(engine: &Engine, sources: &Sources, walk: &mut Walk) {
    let blobs: Vec<Blob> = walk.blobs.values().cloned().collect();
    let checked: Vec<(Digest, Result<Place, Error>)> = stream::iter(blobs)
        .map(|blob| async move { (blob.descriptor.digest, find(engine, sources, &blob).await) })
        .buffer_unordered(engine.limits.requests_at_once)
        .collect()
        .await;
    let mut faults: HashMap<Digest, Error> = HashMap::new();
    for (digest, found) in checked {
        match found {
            Ok(place) => {
                if let Some(blob) = walk.blobs.get_mut(&digest) {
                    blob.places.retain(|other| *other != place);
                    blob.places.insert(0, place);
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
async fn find(engine: &Engine, sources: &Sources, blob: &Blob) -> Result<Place, Error> {
    let descriptor = &blob.descriptor;
    for (registry, repository) in &blob.places {
        let asked = sources[registry].blob_size(repository, &descriptor.digest);
        match engine.request(asked).await? {
            Some(size) if size == descriptor.size => return Ok((registry.clone(), repository.clone())),
            Some(size) => {
                let subject = format!("{registry}/{repository}@{}", descriptor.digest);
                let detail =
                    format!("the registry has {size} bytes of it, its manifest says {}", descriptor.size);
                return Err(Error::new(Code::DigestMismatch, subject, detail));
            }
            None => {}
        }
    }
    if descriptor.is_foreign() {
        return elsewhere(engine, sources, blob).await;
    }
    Err(missing(blob))
}

/// The first of its URLs where a foreign layer can be had.
async fn elsewhere(engine: &Engine, sources: &Sources, blob: &Blob) -> Result<Place, Error> {
    let descriptor = &blob.descriptor;
    let mut reasons = Vec::new();
    for url in &descriptor.urls {
        let Some(web) = sources.get(Web::HOST) else {
            reasons.push(Web::printable(url));
            continue;
        };
        let reason = match engine.request(web.blob_size(url, &descriptor.digest)).await {
            Ok(Some(size)) if size == descriptor.size => return Ok((Web::HOST.to_owned(), url.clone())),
            Ok(Some(size)) => format!("it has {size} bytes there and not {}", descriptor.size),
            Ok(None) => "it is not there".to_owned(),
            Err(error) => error.detail().to_owned(),
        };
        reasons.push(format!("{}: {reason}", Web::printable(url)));
    }
    let (registry, repository) = blob.places.first().cloned().unwrap_or_default();
    let subject = format!("{registry}/{repository}@{}", descriptor.digest);
    let tried = if reasons.is_empty() { "it names no URL".to_owned() } else { reasons.join("; ") };
    let detail = format!("foreign layer that {registry} does not have; {tried}");
    Err(Error::new(Code::ForeignLayerUnavailable, subject, detail))
}

fn missing(blob: &Blob) -> Error {
    let descriptor = &blob.descriptor;
    let (registry, repository) = blob.places.first().cloned().unwrap_or_default();
    let subject = format!("{registry}/{repository}@{}", descriptor.digest);
    let detail = format!(
        "the manifest names this blob ({} bytes), and {repository} does not have it",
        descriptor.size
    );
    Error::new(Code::BlobNotFound, subject, detail)
}
