//! Pushing blobs (distribution-spec, "Pushing blobs", "Mounting a blob from another repository").

mod feed;
mod run;

use reqwest::{Method, StatusCode};
use transload_oci::{Descriptor, Digest};
use url::Url;

use super::base::{Base, subject};
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Reply, Want, What};
use crate::seam::{BlobReader, Pushed};
use run::Upload;

/// The smallest chunk that a registry takes, where it takes a blob in chunks.
const CHUNK_MIN: &str = "oci-chunk-min-length";

/// An upload that the registry has opened.
#[derive(Debug, Clone)]
struct Session {
    location: Url,
    /// The registry wants chunks, and none but the last smaller than this.
    chunk_min: Option<u64>,
}

/// What became of a mount.
enum Mount {
    Done,
    /// The registry would rather have the bytes, and has opened an upload for them.
    Upload(Session),
    /// Neither.
    Declined,
}

impl Base {
    pub(super) async fn push_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        mount_from: &[String],
        reader: &dyn BlobReader,
    ) -> Result<Pushed, Error> {
        let scope = Scope::push(repository);
        if self.blob_size_as(repository, &blob.digest, &scope).await?.is_some() {
            return Ok(Pushed::Existed);
        }
        self.push_missing_blob(repository, blob, mount_from, reader).await
    }

    /// The same for a blob that is known not to be there.
    pub(super) async fn push_missing_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        mount_from: &[String],
        reader: &dyn BlobReader,
    ) -> Result<Pushed, Error> {
        let scope = Scope::push(repository);
        let mut session = None;
        for from in mount_from.iter().filter(|from| *from != repository) {
            match self.try_mount(repository, &blob.digest, from).await? {
                Mount::Done => {
                    self.cancel(session, &scope).await;
                    return Ok(Pushed::Mounted);
                }
                Mount::Upload(opened) => self.cancel(session.replace(opened), &scope).await,
                Mount::Declined => {}
            }
        }
        Upload::new(self, repository, blob, reader, session).run().await
    }

    pub(super) async fn mount_blob(
        &self,
        repository: &str,
        digest: &Digest,
        from: &str,
    ) -> Result<bool, Error> {
        match self.try_mount(repository, digest, from).await? {
            Mount::Done => Ok(true),
            Mount::Declined => Ok(false),
            Mount::Upload(session) => {
                self.cancel(Some(session), &Scope::push(repository)).await;
                Ok(false)
            }
        }
    }

    async fn try_mount(&self, repository: &str, digest: &Digest, from: &str) -> Result<Mount, Error> {
        let subject = subject(self.host(), repository, &digest.to_string());
        let scope = Scope::mount(repository, from);
        let mut url = self.repository_url(repository, "blobs/uploads/").await?;
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        let call = Call::new(Method::POST, url, Want::Whole(self.limits().error_body_bytes_max));
        match self.call(&call, &scope, &subject).await {
            Ok(reply) if reply.status == StatusCode::CREATED => Ok(Mount::Done),
            Ok(reply) if reply.status == StatusCode::ACCEPTED => {
                Ok(self.session(&reply, &subject).await.map_or(Mount::Declined, Mount::Upload))
            }
            // A mount is a shortcut: what stands in its way (no right to read there, nothing there) shows, if it
            // matters, when the bytes are pushed.
            Ok(reply) if reply.status.is_client_error() => Ok(Mount::Declined),
            Ok(reply) => Err(self.refusal(&reply, &scope, &subject, What::BLOB_WRITE)),
            Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied) => {
                Ok(Mount::Declined)
            }
            Err(error) => Err(error),
        }
    }

    async fn open_session(&self, repository: &str, scope: &Scope, subject: &str) -> Result<Session, Error> {
        let url = self.repository_url(repository, "blobs/uploads/").await?;
        let call = Call::new(Method::POST, url, Want::Whole(self.limits().error_body_bytes_max));
        let reply = self.call(&call, scope, subject).await?;
        if reply.status != StatusCode::ACCEPTED {
            return Err(self.refusal(&reply, scope, subject, What::BLOB_WRITE));
        }
        self.session(&reply, subject).await
    }

    async fn session(&self, reply: &Reply, subject: &str) -> Result<Session, Error> {
        let location = self.location(reply, subject).await?.ok_or_else(|| {
            Error::new(ErrorKind::Failed, subject, "the registry opened an upload without saying where")
        })?;
        Ok(Session { location, chunk_min: reply.named(CHUNK_MIN).and_then(|min| min.parse().ok()) })
    }

    /// Gives an upload up, as far as the registry lets itself be told. It expires by itself otherwise.
    async fn cancel(&self, session: Option<Session>, scope: &Scope) {
        let Some(session) = session else { return };
        let call =
            Call::new(Method::DELETE, session.location, Want::Whole(self.limits().error_body_bytes_max));
        if let Err(error) = self.call(&call, scope, self.host()).await {
            tracing::debug!(host = self.host(), reason = error.detail(), "an upload could not be cancelled");
        }
    }
}
