//! Uploads: in one request, in chunks, or by mounting (distribution-spec, "Pushing blobs").

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use transload_oci::{Algorithm, Digest, is_repository};

use super::Query;
use super::answer::Answer;
use super::range::chunk;
use super::refusal::{Code, Refusal};
use super::route::digest;
use crate::access::{Action, Caller, Grant};
use crate::depot::Depot;
use crate::folder::WriteError;
use crate::upload::{BodyError, BodyLimits, Session, Turn};

/// `POST /v2/<name>/blobs/uploads/`: opens a session, or with `digest` takes the blob at once, or with `mount` shares
/// one that the repository `from` has, or any repository without `from`. A mount that cannot be done opens a session.
pub(super) async fn start(
    depot: &Depot,
    caller: &Caller,
    repository: &str,
    query: Query<'_>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let folder = super::writable(depot)?;
    if let Some(mount) = query.get("mount") {
        let mount = digest(&mount)?;
        if may_mount(caller, query) && folder.mount(repository, &mount, mounts_from(query).as_deref()).await?
        {
            return Ok(created(repository, &mount));
        }
    }
    let wanted = query.get("digest").map(|text| digest(&text)).transpose()?;
    let algorithm = wanted.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let session = depot.uploads().open(folder, repository, algorithm).await?;
    match wanted {
        None => Ok(progress(StatusCode::ACCEPTED, &session)),
        Some(wanted) => {
            let result = complete(depot, &session, wanted, headers, body).await;
            // nobody was told of this session
            if result.is_err() {
                depot.uploads().close(&session.id);
                session.remove().await;
            }
            result
        }
    }
}

/// The repository that a request to mount wants to have a blob from.
pub(super) fn mounts_from(query: Query<'_>) -> Option<String> {
    query.get("mount").and(query.get("from")).filter(|from| is_repository(from))
}

/// Whether the caller may have what would be mounted. From where they may not pull, nothing is there; a name that is none
/// has nothing; without a name it is anybody's.
fn may_mount(caller: &Caller, query: Query<'_>) -> bool {
    match mounts_from(query) {
        Some(from) => caller.may(&Grant::to(Action::Pull, &from)),
        None => query.get("from").is_none() && caller.pulls_everything(),
    }
}

/// `GET …/<id>`: how far it is.
pub(super) async fn status(depot: &Depot, repository: &str, id: &str) -> Result<Response, Refusal> {
    let session = find(depot, repository, id).await?;
    session.settle().await;
    Ok(progress(StatusCode::NO_CONTENT, &session))
}

/// `PATCH …/<id>`: takes more bytes. With a `Content-Range` they have to start where the last ones ended.
pub(super) async fn append(
    depot: &Depot,
    repository: &str,
    id: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let session = find(depot, repository, id).await?;
    let turn = take_turn(&session).await?;
    take_body(depot, &session, turn, headers, body).await?;
    Ok(progress(StatusCode::ACCEPTED, &session))
}

/// `PUT …/<id>?digest=…`: takes the last bytes, if there are any, and makes a blob of them all. Bytes with another
/// digest end the session.
pub(super) async fn finish(
    depot: &Depot,
    repository: &str,
    id: &str,
    query: Query<'_>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let session = find(depot, repository, id).await?;
    let wanted = query.get("digest").ok_or_else(|| Refusal::new(Code::DigestInvalid, "no digest given"))?;
    complete(depot, &session, digest(&wanted)?, headers, body).await
}

/// `DELETE …/<id>`.
pub(super) async fn cancel(depot: &Depot, repository: &str, id: &str) -> Result<Response, Refusal> {
    let session = find(depot, repository, id).await?;
    depot.uploads().close(&session.id);
    session.remove().await;
    Ok(Answer::new(StatusCode::NO_CONTENT).empty())
}

async fn complete(
    depot: &Depot,
    session: &Arc<Session>,
    digest: Digest,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let turn = take_turn(session).await?;
    let turn = take_body(depot, session, turn, headers, body).await?;
    let finished = turn.finish(digest).await;
    depot.uploads().close(&session.id);
    // a full disk may have room again: then the session is taken up from what lies there
    if matches!(finished, Err(BodyError::Write(WriteError::Digest(_)) | BodyError::Gone)) {
        session.remove().await;
    }
    finished?;
    Ok(created(&session.repository, &digest))
}

async fn take_body(
    depot: &Depot,
    session: &Session,
    turn: Turn,
    headers: &HeaderMap,
    body: Body,
) -> Result<Turn, Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let mut announced = text(header::CONTENT_LENGTH).and_then(|len| len.parse().ok());
    if let Some(range) = text(header::CONTENT_RANGE) {
        let (first, len) = chunk(range)
            .filter(|(_, len)| announced.is_none_or(|announced| announced == *len))
            .ok_or_else(|| Refusal::new(Code::BlobUploadInvalid, "Content-Range does not fit the body"))?;
        if first != session.received() {
            return Err(out_of_order(session, first, len));
        }
        // a stream that says its range keeps to it
        announced = Some(len);
    }
    let limits = depot.limits();
    let blob_bytes_max = limits.blob_bytes_max;
    if announced.is_some_and(|len: u64| session.received().saturating_add(len) > blob_bytes_max) {
        let text = format!("a blob may have at most {blob_bytes_max} bytes");
        return Err(Refusal::new(Code::TooLarge, text));
    }
    let (turn, taken) =
        turn.receive(body, BodyLimits { announced, blob_bytes_max, idle: limits.body_idle }).await;
    taken?;
    Ok(turn)
}

fn out_of_order(session: &Session, first: u64, len: u64) -> Refusal {
    let received = session.received();
    let text = format!("{len} bytes from {first} on, where {received} have been received");
    Refusal::new(Code::RangeInvalid, text)
        .header(header::RANGE, range_text(received))
        .header(header::LOCATION, location(session))
}

async fn find(depot: &Depot, repository: &str, id: &str) -> Result<Arc<Session>, Refusal> {
    let found = depot.uploads().find(super::writable(depot)?, repository, id).await?;
    found.ok_or_else(|| {
        let text = "there is no such upload session in this repository: it was finished, cancelled or has expired; \
                    begin a new one";
        Refusal::new(Code::BlobUploadUnknown, text)
    })
}

async fn take_turn(session: &Arc<Session>) -> Result<Turn, Refusal> {
    let text = "another request is writing to this upload session";
    session.turn().await.ok_or_else(|| Refusal::new(Code::Conflict, text))
}

fn progress(status: StatusCode, session: &Session) -> Response {
    Answer::new(status)
        .header(header::LOCATION, location(session))
        .header(header::RANGE, range_text(session.received()))
        .extra("docker-upload-uuid", &session.id)
        .empty()
}

fn created(repository: &str, digest: &Digest) -> Response {
    Answer::new(StatusCode::CREATED)
        .header(header::LOCATION, format!("/v2/{repository}/blobs/{digest}"))
        .extra("docker-content-digest", digest)
        .empty()
}

fn location(session: &Session) -> String {
    format!("/v2/{}/blobs/uploads/{}", session.repository, session.id)
}

/// The last position is inclusive, so nothing and one byte look the same: registries have always done so.
fn range_text(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}
