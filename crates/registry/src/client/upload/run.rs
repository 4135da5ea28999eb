//! One upload, from the first byte to the registry's word that it has the blob, over cuts and refusals.
//!
//! The blob goes in one request where the registry lets it. After a cut the registry says how much it has, and
//! the rest follows. Where it wants chunks, or finds the blob too large for one request, it gets chunks.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, StatusCode};
use transload_oci::{Descriptor, Digest, Mismatch};
use url::Url;

use super::super::base::{Base, authorize, subject};
use super::Session;
use super::feed::{Failure, Feed};
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Fault, Reply, Retry, Want, What};
use crate::seam::{BlobReader, Pushed};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(super) struct Upload<'a> {
    base: &'a Base,
    repository: &'a str,
    blob: &'a Descriptor,
    reader: &'a dyn BlobReader,
    subject: String,
    scope: Scope,
    feed: Feed,
    session: Option<Session>,
    /// Bytes that the registry has.
    offset: u64,
    /// The most that it ever had. Getting there again is no progress: a registry that refuses the whole at its end
    /// would be sent it for ever.
    furthest: u64,
    /// Size of chunks, once chunks it has to be.
    chunk: Option<u64>,
    retry: Retry,
}

/// What keeps a step from being done.
enum Setback {
    /// Go on from what the registry has, after a pause.
    Fault(Fault),
    /// Go on at once, in another way.
    Change,
    /// That is all.
    End(Error),
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self::End(error)
    }
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        base: &'a Base,
        repository: &'a str,
        blob: &'a Descriptor,
        reader: &'a dyn BlobReader,
        session: Option<Session>,
    ) -> Self {
        Self {
            base,
            repository,
            blob,
            reader,
            subject: subject(base.host(), repository, &blob.digest.to_string()),
            scope: Scope::push(repository),
            feed: Feed::new(blob),
            session,
            offset: 0,
            furthest: 0,
            chunk: None,
            retry: Retry::new(base.limits()),
        }
    }

    pub(super) async fn run(mut self) -> Result<Pushed, Error> {
        loop {
            let fault = match self.step().await {
                Ok(()) => return Ok(Pushed::Uploaded { sent: self.feed.sent() }),
                Err(Setback::End(error)) => return Err(self.give_up(error).await),
                Err(Setback::Change) => None,
                Err(Setback::Fault(fault)) => Some(fault),
            };
            self.feed.interrupt();
            if let Some(fault) = fault {
                let url = self.base.url("").await?;
                if let Err(error) = self.base.http().pause(&mut self.retry, fault, &url, &self.subject).await
                {
                    return Err(self.give_up(error).await);
                }
                // The connection may have broken behind the registry's decision.
                let size = self.base.blob_size_as(self.repository, &self.blob.digest, &self.scope).await?;
                if size.is_some() {
                    return Ok(Pushed::Uploaded { sent: self.feed.sent() });
                }
            }
            self.recover().await?;
        }
    }

    /// From where the upload stands to its end.
    async fn step(&mut self) -> Result<(), Setback> {
        if self.blob.size == 0 {
            return self.empty().await;
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                self.offset = 0;
                self.base.open_session(self.repository, &self.scope, &self.subject).await?
            }
        };
        if let Some(min) = session.chunk_min {
            let size = self.chunk.unwrap_or(self.base.limits().chunk_bytes);
            self.chunk = Some(size.max(min));
        }
        self.session = Some(session);
        if self.chunk.is_none() && self.offset == 0 {
            let url = closing(&self.location()?, &self.blob.digest);
            return self.send(Method::PUT, url, self.blob.size).await.map(|_| ());
        }
        while self.offset < self.blob.size {
            self.patch().await?;
        }
        self.close().await
    }

    async fn patch(&mut self) -> Result<(), Setback> {
        let rest = self.blob.size - self.offset;
        let len = self.chunk.map_or(rest, |chunk| chunk.min(rest));
        let url = self.location()?;
        let reply = self.send(Method::PATCH, url, len).await?;
        let end = self.offset + len;
        // The registry's own word counts, when it is one that can be.
        self.offset = match received(&reply) {
            Some(has) if has > self.offset && has < end => has,
            _ => end,
        };
        if let Some(location) = self.base.location(&reply, &self.subject).await? {
            self.move_to(location);
        }
        self.note_progress();
        Ok(())
    }

    /// More than ever before: what was tried until here counts no more.
    fn note_progress(&mut self) {
        if self.offset > self.furthest {
            self.furthest = self.offset;
            self.retry.reset(self.base.limits());
        }
    }

    /// Sends the next `len` bytes.
    async fn send(&mut self, method: Method, url: Url, len: u64) -> Result<Reply, Setback> {
        self.feed.seek(self.offset, self.reader).await.map_err(|error| self.unread(error))?;
        let ticket = self.base.ticket(&url, &self.scope, &self.subject).await?;
        let mut headers = HeaderMap::new();
        authorize(&mut headers, ticket.header.clone());
        headers.insert(CONTENT_TYPE, OCTETS);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
        if method == Method::PATCH {
            let range = format!("{}-{}", self.offset, self.offset + len - 1);
            headers.extend(HeaderValue::from_str(&range).ok().map(|range| (CONTENT_RANGE, range)));
        }
        let target = self.offset + len;
        let turn = self.base.http().wait(&url).await;
        let request = self.base.http().push(method, url, headers, self.feed.body(len), turn);
        let reply = tokio::select! {
            reply = request => reply,
            stalled = self.watch(target) => Err(stalled),
        };
        if let Some(failure) = self.feed.take_failure() {
            return Err(Setback::End(match failure {
                Failure::Mismatch(mismatch) => self.mismatch(mismatch),
                Failure::Reader(error) => self.unread(error),
            }));
        }
        let reply = reply.map_err(Setback::Fault)?;
        if reply.status == StatusCode::UNAUTHORIZED {
            let mut scope = self.scope.clone();
            self.base.refused(&ticket, &reply, &mut scope, &self.subject)?;
            self.scope = scope;
        }
        if reply.status.is_success() { Ok(reply) } else { Err(self.setback(&reply)) }
    }

    /// Ends when nothing has moved for too long: no byte, or no answer once the last byte is gone.
    async fn watch(&self, target: u64) -> Fault {
        let limits = self.base.limits();
        let tick = (limits.read_idle_timeout / 8).clamp(Duration::from_millis(10), Duration::from_secs(1));
        loop {
            tokio::time::sleep(tick).await;
            let all_gone = self.feed.furthest() >= target;
            let bound = if all_gone { limits.commit_timeout } else { limits.read_idle_timeout };
            if self.feed.idle() > bound {
                return Fault::stalled(bound);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Setback> {
        let url = closing(&self.location()?, &self.blob.digest);
        let mut call = Call::new(Method::PUT, url, Want::Whole(self.base.limits().error_body_bytes_max))
            .header(CONTENT_TYPE, "application/octet-stream");
        call.patience = Some(self.base.limits().commit_timeout);
        let reply = self.base.call(&call, &self.scope, &self.subject).await?;
        if reply.status.is_success() { Ok(()) } else { Err(self.setback(&reply)) }
    }

    /// A blob of no bytes has no body to hold back: its digest alone says whether it is right.
    async fn empty(&mut self) -> Result<(), Setback> {
        let nothing = Digest::of(self.blob.digest.algorithm(), b"");
        if nothing != self.blob.digest {
            let mismatch = Mismatch::Digest { expected: self.blob.digest.into(), actual: nothing.into() };
            return Err(Setback::End(self.mismatch(mismatch.to_string())));
        }
        if self.session.is_none() {
            let session = self.base.open_session(self.repository, &self.scope, &self.subject).await?;
            self.session = Some(session);
        }
        self.close().await
    }

    /// What a refusal means for the upload.
    fn setback(&mut self, reply: &Reply) -> Setback {
        let error = || self.base.refusal(reply, &self.scope, &self.subject, What::BLOB_WRITE);
        if let Some(fault) = Fault::of_status(reply, self.base.limits()) {
            return Setback::Fault(fault);
        }
        let again = |error: &Error| Setback::Fault(Fault::passing(error.kind(), error.detail().to_owned()));
        match reply.status {
            StatusCode::UNAUTHORIZED => again(&error()),
            StatusCode::PAYLOAD_TOO_LARGE => {
                match self.smaller() {
                    Some(size) => {
                        self.chunk = Some(size);
                        Setback::Change
                    }
                    None => Setback::End(error().with_hint(
                        "raise the body size that the registry, or the proxy in front of it, takes",
                    )),
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE => again(&error()),
            // The session is gone, or what went on in it after a cut is not what the registry expects there.
            status
                if status.is_client_error()
                    && (status == StatusCode::NOT_FOUND || self.offset > 0)
                    && status != StatusCode::FORBIDDEN =>
            {
                let fault = again(&error());
                self.session = None;
                fault
            }
            _ => Setback::End(error()),
        }
    }

    /// The next smaller size of chunk, unless it is the smallest already.
    fn smaller(&self) -> Option<u64> {
        let limits = self.base.limits();
        let least = self.session.as_ref().and_then(|s| s.chunk_min).unwrap_or(0).max(limits.chunk_bytes_min);
        let next = match self.chunk {
            // A blob smaller than a chunk is halved like a chunk of its size.
            None if self.blob.size > limits.chunk_bytes => limits.chunk_bytes,
            None => self.blob.size.div_ceil(2).max(least),
            Some(size) => (size.min(self.blob.size) / 2).max(least),
        };
        (next < self.chunk.unwrap_or(self.blob.size)).then_some(next)
    }

    /// Asks the registry how much it has; begins anew when it does not know.
    async fn recover(&mut self) -> Result<(), Error> {
        self.offset = 0;
        let Some(mut session) = self.session.take() else { return Ok(()) };
        let call = Call::new(
            Method::GET,
            session.location.clone(),
            Want::Whole(self.base.limits().error_body_bytes_max),
        );
        let reply = match self.base.call(&call, &self.scope, &self.subject).await {
            Ok(reply) if reply.status.is_success() => reply,
            Ok(_) => return Ok(()),
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(error),
        };
        let has = received(&reply).unwrap_or(0);
        if has > self.feed.furthest() || has > self.blob.size {
            // Not ours: what was never sent cannot be there.
            self.base.cancel(Some(session), &self.scope).await;
            return Ok(());
        }
        self.offset = has;
        self.note_progress();
        if let Some(location) = self.base.location(&reply, &self.subject).await? {
            session.location = location;
        }
        self.session = Some(session);
        Ok(())
    }

    async fn give_up(&mut self, error: Error) -> Error {
        self.feed.interrupt();
        self.base.cancel(self.session.take(), &self.scope).await;
        error
    }

    fn location(&self) -> Result<Url, Error> {
        let session = self.session.as_ref().map(|session| session.location.clone());
        session.ok_or_else(|| Error::new(ErrorKind::Failed, self.subject.clone(), "the upload is not open"))
    }

    fn move_to(&mut self, location: Url) {
        if let Some(session) = &mut self.session {
            session.location = location;
        }
    }

    fn mismatch(&self, mismatch: String) -> Error {
        Error::new(ErrorKind::DigestMismatch, self.subject.clone(), mismatch)
    }

    fn unread(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Reader {
            return error;
        }
        let detail = format!("its bytes could not be read: {error}");
        Error::new(ErrorKind::Reader, self.subject.clone(), detail).with_source(error)
    }
}

/// Where an upload is closed.
fn closing(location: &Url, digest: &Digest) -> Url {
    let mut url = location.clone();
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    url
}

/// How many bytes the registry has, by its `Range: 0-LAST`. Of nothing and of one byte it says the same; taken for
/// nothing, that costs one byte.
fn received(reply: &Reply) -> Option<u64> {
    let text = reply.header(&RANGE)?.trim();
    let (first, last) = text.strip_prefix("bytes=").unwrap_or(text).split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    (first.trim() == "0").then(|| if last == 0 { 0 } else { last + 1 })
}
