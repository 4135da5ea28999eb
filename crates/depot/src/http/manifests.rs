//! Manifests and tags.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use transload_oci::{Digest, Manifest, ManifestError};

use super::Query;
use super::answer::Answer;
use super::refusal::{Code, Refusal};
use super::route::tag;
use crate::contents::Reference;
use crate::depot::Depot;

/// `GET` and `HEAD /v2/<name>/manifests/<reference>`: the bytes as they were pushed, under the media type they were
/// pushed with. `Accept` is not asked: a manifest is never converted.
pub(super) async fn get(
    depot: &Depot,
    repository: &str,
    reference: &Reference,
    head: bool,
) -> Result<Response, Refusal> {
    let manifest = depot.contents().manifest(repository, reference).await?;
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

/// `PUT /v2/<name>/manifests/<reference>`: refused unless the repository has every blob it points at. One that is named
/// by its digest takes the tags that `tag` names along.
pub(super) async fn put(
    depot: &Depot,
    repository: &str,
    reference: &Reference,
    query: Query<'_>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let folder = super::writable(depot)?;
    let max = depot.limits().manifest_bytes_max;
    let bytes = axum::body::to_bytes(body, max)
        .await
        .map_err(|_| Refusal::new(Code::TooLarge, format!("a manifest may have at most {max} bytes")))?;
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // it is kept in memory: not together with the connection's whole buffer, of which it is a part
    let manifest = parse(media_type, reference, Bytes::copy_from_slice(&bytes))?;
    let digest = manifest.digest;
    let subject = manifest.view.subject.as_ref().map(|subject| subject.digest);
    let tags = tags(reference, query)?;
    folder.put_manifest(repository, &tags, manifest).await?;
    let mut answer = Answer::new(StatusCode::CREATED)
        .header(header::LOCATION, format!("/v2/{repository}/manifests/{digest}"))
        .extra("docker-content-digest", digest);
    if matches!(reference, Reference::Digest(_)) {
        answer = tags.iter().fold(answer, |answer, tag| answer.another("oci-tag", tag));
    }
    Ok(match subject {
        None => answer.empty(),
        // says that the referrers API knows it (distribution-spec, "Pushing Manifests with Subject")
        Some(subject) => answer.extra("oci-subject", subject).empty(),
    })
}

/// `DELETE /v2/<name>/manifests/<reference>`: by tag the tag goes, by digest the manifest and all its tags.
pub(super) async fn delete(
    depot: &Depot,
    repository: &str,
    reference: &Reference,
) -> Result<Response, Refusal> {
    super::writable(depot)?.delete_manifest(repository, reference).await?;
    Ok(Answer::new(StatusCode::ACCEPTED).empty())
}

fn tags(reference: &Reference, query: Query<'_>) -> Result<Vec<String>, Refusal> {
    match reference {
        Reference::Tag(tag) => Ok(vec![tag.clone()]),
        Reference::Digest(_) => query.all("tag").map(tag).collect(),
    }
}

fn parse(media_type: Option<&str>, reference: &Reference, bytes: Bytes) -> Result<Manifest, Refusal> {
    let expected: Option<&Digest> = match reference {
        Reference::Digest(digest) => Some(digest),
        Reference::Tag(_) => None,
    };
    let refusal = |error| {
        let code = match error {
            ManifestError::Digest { .. } => Code::DigestInvalid,
            _ => Code::ManifestInvalid,
        };
        Refusal::new(code, ManifestError::to_string(&error))
    };
    let manifest = Manifest::parse(media_type, expected, bytes).map_err(refusal)?;
    // what the document says of itself is what clients go by
    match manifest.view.media_type.as_deref() {
        Some(inside) if !inside.is_empty() && inside != manifest.media_type => {
            let text = format!("pushed as {}, but its mediaType is {inside}", manifest.media_type);
            Err(Refusal::new(Code::ManifestInvalid, text))
        }
        _ => Ok(manifest),
    }
}
