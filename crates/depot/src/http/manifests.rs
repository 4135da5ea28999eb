//! Manifests and tags.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use transload_oci::{Digest, Manifest, ManifestError};

use super::answer::Answer;
use super::refusal::{Code, Refusal};
use super::route::Reference;
use crate::depot::Depot;
use crate::store::Kept;

/// `GET` and `HEAD /v2/<name>/manifests/<reference>`: the bytes as they were pushed, under the media type they were
/// pushed with. `Accept` is not asked: a manifest is never converted.
pub(super) fn get(
    depot: &Depot,
    repository: &str,
    reference: &Reference,
    head: bool,
) -> Result<Response, Refusal> {
    let kept = {
        let index = depot.index().lock();
        let digest = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => index.tag(repository, tag),
        };
        let kept = digest.and_then(|digest| index.manifest(repository, &digest));
        kept.ok_or_else(|| unknown(index.has_repository(repository)))?
    };
    let manifest = &kept.manifest;
    let answer = Answer::ok()
        .header(header::CONTENT_TYPE, &manifest.media_type)
        .header(header::ETAG, format!("\"{}\"", manifest.digest))
        .extra("docker-content-digest", manifest.digest);
    Ok(if head {
        answer.without_body(manifest.size())
    } else {
        answer.body(manifest.size(), Body::from(manifest.bytes.clone()))
    })
}

/// `PUT /v2/<name>/manifests/<reference>`: refused unless the repository has everything it points at.
pub(super) async fn put(
    depot: &Depot,
    repository: &str,
    reference: &Reference,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let max = depot.limits().manifest_bytes_max;
    let bytes = axum::body::to_bytes(body, max)
        .await
        .map_err(|_| Refusal::new(Code::TooLarge, format!("a manifest may have at most {max} bytes")))?;
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let manifest = parse(media_type, reference, bytes)?;
    let digest = manifest.digest;
    let subject = manifest.view.subject.as_ref().map(|subject| subject.digest);
    let held = depot.budget().take(manifest.size());
    let held = held.ok_or_else(|| Refusal::new(Code::Full, "there is no room left"))?;
    {
        let mut index = depot.index().lock();
        if let Some(missing) = index.missing_child(repository, &manifest) {
            let text = format!("the repository does not have {missing}, which the manifest points at");
            return Err(Refusal::new(Code::ManifestBlobUnknown, text));
        }
        let tag = match reference {
            Reference::Tag(tag) => Some(tag.as_str()),
            Reference::Digest(_) => None,
        };
        index.add_manifest(repository, tag, Kept { manifest, _held: held });
    }
    let answer = Answer::new(StatusCode::CREATED)
        .header(header::LOCATION, format!("/v2/{repository}/manifests/{digest}"))
        .extra("docker-content-digest", digest);
    Ok(match subject {
        None => answer.empty(),
        // says that the referrers API knows it (distribution-spec, "Pushing Manifests with Subject")
        Some(subject) => answer.extra("oci-subject", subject).empty(),
    })
}

/// `DELETE /v2/<name>/manifests/<reference>`: by tag the tag goes, by digest the manifest and all its tags.
pub(super) fn delete(depot: &Depot, repository: &str, reference: &Reference) -> Result<Response, Refusal> {
    let mut index = depot.index().lock();
    let removed = match reference {
        Reference::Tag(tag) => index.remove_tag(repository, tag),
        Reference::Digest(digest) => index.remove_manifest(repository, digest),
    };
    if removed {
        Ok(Answer::new(StatusCode::ACCEPTED).empty())
    } else {
        Err(unknown(index.has_repository(repository)))
    }
}

fn parse(media_type: Option<&str>, reference: &Reference, bytes: Bytes) -> Result<Manifest, Refusal> {
    let expected: Option<&Digest> = match reference {
        Reference::Digest(digest) => Some(digest),
        Reference::Tag(_) => None,
    };
    Manifest::parse(media_type, expected, bytes).map_err(|error| {
        let code = match error {
            ManifestError::Digest { .. } => Code::DigestInvalid,
            _ => Code::ManifestInvalid,
        };
        Refusal::new(code, error.to_string())
    })
}

fn unknown(has_repository: bool) -> Refusal {
    if has_repository {
        Refusal::new(Code::ManifestUnknown, "the repository has no such manifest")
    } else {
        Refusal::new(Code::NameUnknown, "there is no such repository")
    }
}
