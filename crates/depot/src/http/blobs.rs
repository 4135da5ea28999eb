//! Blobs that are there.

use std::io::ErrorKind;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use transload_oci::Digest;

use super::answer::Answer;
use super::range::{Wanted, wanted};
use super::refusal::{Code, Refusal};
use crate::depot::Depot;
use crate::store::Content;

/// `GET /v2/<name>/blobs/<digest>`, whole or a range.
pub(super) async fn get(
    depot: &Depot,
    repository: &str,
    digest: &Digest,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let content = find(depot, repository, digest)?;
    let len = content.len();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // the content of a digest never changes, so any other tag is another content's
    let other = text(header::IF_RANGE).is_some_and(|tag| tag != etag(digest));
    let range = if other { Wanted::All } else { wanted(text(header::RANGE), len) };
    let (answer, start, end) = match range {
        Wanted::All => (Answer::ok(), 0, len),
        Wanted::Part(start, end) => {
            let answer = Answer::new(StatusCode::PARTIAL_CONTENT);
            (answer.header(header::CONTENT_RANGE, format!("bytes {start}-{}/{len}", end - 1)), start, end)
        }
        Wanted::Unsatisfiable => {
            return Err(Refusal::new(Code::RangeInvalid, format!("the blob has {len} bytes"))
                .header(header::CONTENT_RANGE, format!("bytes */{len}")));
        }
    };
    let stream = content.read(start, end).await.map_err(|error| match error.kind() {
        // deleted since it was looked up
        ErrorKind::NotFound => unknown(digest),
        _ => Refusal::new(Code::Failed, error.to_string()),
    })?;
    Ok(describe(answer, digest).body(end - start, Body::from_stream(stream)))
}

/// `HEAD /v2/<name>/blobs/<digest>`.
pub(super) fn head(depot: &Depot, repository: &str, digest: &Digest) -> Result<Response, Refusal> {
    let content = find(depot, repository, digest)?;
    Ok(describe(Answer::ok(), digest).without_body(content.len()))
}

/// `DELETE /v2/<name>/blobs/<digest>`. Manifests that point at it stay, as with other registries.
pub(super) async fn delete(depot: &Depot, repository: String, digest: Digest) -> Result<Response, Refusal> {
    let depot = depot.clone();
    // a file may have to be removed
    let removed =
        tokio::task::spawn_blocking(move || depot.index().lock().remove_blob(&repository, &digest)).await;
    if removed.map_err(|e| Refusal::new(Code::Failed, e.to_string()))? {
        Ok(Answer::new(StatusCode::ACCEPTED).empty())
    } else {
        Err(unknown(&digest))
    }
}

fn find(depot: &Depot, repository: &str, digest: &Digest) -> Result<Arc<Content>, Refusal> {
    depot.index().lock().blob(repository, digest).ok_or_else(|| unknown(digest))
}

fn unknown(digest: &Digest) -> Refusal {
    Refusal::new(Code::BlobUnknown, format!("the repository has no blob {digest}"))
}

fn describe(answer: Answer, digest: &Digest) -> Answer {
    answer
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, etag(digest))
        .extra("docker-content-digest", digest)
}

fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}
