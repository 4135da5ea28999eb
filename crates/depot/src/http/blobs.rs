//! Blobs that are there.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use transload_oci::Digest;

use super::answer::Answer;
use super::range::{Wanted, wanted};
use super::refusal::{Code, Refusal};
use crate::depot::Depot;

/// `GET /v2/<name>/blobs/<digest>`, whole or a range.
pub(super) async fn get(
    depot: &Depot,
    repository: &str,
    digest: &Digest,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let blob = depot.contents().blob(repository, digest).await?;
    let len = blob.len();
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
    let stream = blob.read(start..end).await?;
    Ok(describe(answer, digest).body(end - start, Body::from_stream(stream)))
}

/// `HEAD /v2/<name>/blobs/<digest>`.
pub(super) async fn head(depot: &Depot, repository: &str, digest: &Digest) -> Result<Response, Refusal> {
    let blob = depot.contents().blob(repository, digest).await?;
    Ok(describe(Answer::ok(), digest).without_body(blob.len()))
}

/// `DELETE /v2/<name>/blobs/<digest>`. Manifests that point at it stay, as with other registries.
pub(super) async fn delete(depot: &Depot, repository: &str, digest: &Digest) -> Result<Response, Refusal> {
    super::writable(depot)?.delete_blob(repository, digest).await?;
    Ok(Answer::new(StatusCode::ACCEPTED).empty())
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
