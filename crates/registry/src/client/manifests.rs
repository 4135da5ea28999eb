//! Manifests (distribution-spec, "Pulling manifests", "Pushing Manifests").

use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use transload_oci::{Descriptor, Digest, Manifest, ManifestError, media_type};

use super::base::{Base, subject};
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Reply, Want, What};

const CONTENT_DIGEST: &str = "docker-content-digest";
const SUBJECT: &str = "oci-subject";

impl Base {
    pub(super) async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest, Error> {
        let subject = subject(self.host(), repository, reference);
        let scope = Scope::pull(repository);
        let call = self.manifest_call(Method::GET, repository, reference).await?;
        let reply = self.call(&call, &scope, &subject).await?;
        if reply.status != StatusCode::OK {
            return Err(self.refusal(&reply, &scope, &subject, What::MANIFEST_READ));
        }
        let said = reply.header(&CONTENT_TYPE).map(str::to_owned);
        // Docker's digest of schema 1 leaves the signatures out, so that checking it would tell the wrong story.
        let schema1 =
            said.as_deref().is_some_and(|m| media_type::is_schema1(m.split(';').next().unwrap_or(m).trim()));
        let asked = reference.parse::<Digest>().ok().filter(|_| !schema1);
        let announced = reply.named(CONTENT_DIGEST).and_then(|d| d.parse::<Digest>().ok());
        let manifest = Manifest::parse(said.as_deref(), asked.as_ref(), reply.body)
            .map_err(|error| unfit(&error, &subject))?;
        match announced.filter(|_| asked.is_none()) {
            Some(announced) if Digest::of(announced.algorithm(), &manifest.bytes) != announced => Err(unfit(
                &ManifestError::Digest { expected: announced.into(), actual: manifest.digest.into() },
                &subject,
            )),
            _ => Ok(manifest),
        }
    }

    pub(super) async fn manifest_stat(
        &self,
        repository: &str,
        reference: &str,
    ) -> Result<Option<Descriptor>, Error> {
        let subject = subject(self.host(), repository, reference);
        let scope = Scope::pull(repository);
        let call = self.manifest_call(Method::HEAD, repository, reference).await?;
        let reply = self.call(&call, &scope, &subject).await?;
        match reply.status {
            StatusCode::OK => {
                if let Some(descriptor) = described(&reply, reference) {
                    return Ok(Some(descriptor));
                }
            }
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {}
            _ => return Err(self.refusal(&reply, &scope, &subject, What::MANIFEST_READ)),
        }
        // The registry answers HEAD with less than the specification asks for: the document tells.
        match self.manifest(repository, reference).await {
            Ok(manifest) => Ok(Some(manifest.descriptor())),
            Err(error)
                if matches!(error.kind(), ErrorKind::ManifestNotFound | ErrorKind::RepositoryNotFound) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), Error> {
        let subject = subject(self.host(), repository, reference);
        if let Ok(digest) = reference.parse::<Digest>() {
            let actual = Digest::of(digest.algorithm(), &manifest.bytes);
            if actual != digest {
                return Err(unfit(
                    &ManifestError::Digest { expected: digest.into(), actual: actual.into() },
                    &subject,
                ));
            }
        }
        let reply = self.put_manifest(repository, reference, manifest, &subject).await?;
        match &manifest.view.subject {
            Some(about) if reply.named(SUBJECT).is_none() => {
                self.add_to_fallback(repository, &about.digest, manifest).await
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
        subject: &str,
    ) -> Result<Reply, Error> {
        let scope = Scope::push(repository);
        let url = self.repository_url(repository, &format!("manifests/{reference}")).await?;
        let call = Call::new(Method::PUT, url, Want::Whole(self.limits().error_body_bytes_max))
            .header(CONTENT_TYPE, &manifest.media_type)
            .body(manifest.bytes.clone());
        let reply = self.call(&call, &scope, subject).await?;
        if !reply.status.is_success() {
            return Err(self.refusal(&reply, &scope, subject, What::MANIFEST_WRITE));
        }
        match reply.named(CONTENT_DIGEST).and_then(|d| d.parse::<Digest>().ok()) {
            Some(stored) if Digest::of(stored.algorithm(), &manifest.bytes) != stored => {
                let detail = format!("the registry stored it as {stored} instead of {}", manifest.digest);
                Err(Error::new(ErrorKind::DigestMismatch, subject, detail))
            }
            _ => Ok(reply),
        }
    }

    async fn manifest_call(&self, method: Method, repository: &str, reference: &str) -> Result<Call, Error> {
        let url = self.repository_url(repository, &format!("manifests/{reference}")).await?;
        let call = Call::new(method, url, Want::Manifest(self.limits().manifest_bytes_max));
        Ok(call.header(ACCEPT, &media_type::MANIFESTS.join(", ")))
    }
}

/// What the headers say of a manifest; `None` when they say too little.
fn described(reply: &Reply, reference: &str) -> Option<Descriptor> {
    let digest = match reply.named(CONTENT_DIGEST) {
        Some(digest) => digest.parse().ok()?,
        None => reference.parse().ok()?,
    };
    let media_type = reply.header(&CONTENT_TYPE)?.split(';').next()?.trim();
    let size = reply.header(&CONTENT_LENGTH)?.parse().ok()?;
    media_type::is_manifest(media_type).then(|| Descriptor::new(media_type, digest, size))
}

fn unfit(error: &ManifestError, subject: &str) -> Error {
    let kind = match error {
        ManifestError::Digest { .. } => ErrorKind::DigestMismatch,
        _ => ErrorKind::ManifestInvalid,
    };
    Error::new(kind, subject, error.to_string())
}
