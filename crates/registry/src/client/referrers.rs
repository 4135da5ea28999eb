//! What refers to a manifest: the referrers API, and the tag that stands in for it
//! (distribution-spec, "Listing Referrers", "Referrers Tag Schema").

use std::collections::HashSet;

use bytes::Bytes;
use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use transload_oci::{Descriptor, Digest, Manifest, media_type};

use super::base::{Base, subject};
use super::listing::Pages;
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Want, What};

impl Base {
    pub(super) async fn referrers(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        let by_api = match self.has_referrers_api() {
            true => self.referrers_by_api(repository, digest).await?,
            false => None,
        };
        let found = match by_api {
            Some(found) => found,
            None => self
                .fallback(repository, digest)
                .await?
                .map(|m| m.view.children.manifests)
                .unwrap_or_default(),
        };
        let mut known = HashSet::new();
        Ok(found.into_iter().filter(|referrer| known.insert(referrer.digest)).collect())
    }

    /// `None` when the registry has no such API.
    async fn referrers_by_api(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let subject = subject(self.host(), repository, &digest.to_string());
        let scope = Scope::pull(repository);
        let mut found: Vec<Descriptor> = Vec::new();
        let mut pages = Pages::new(self.repository_url(repository, &format!("referrers/{digest}")).await?);
        while let Some(url) = pages.next.take() {
            let call = Call::new(Method::GET, url, Want::Whole(self.limits().list_bytes_max));
            let reply = self.call(&call.header(ACCEPT, media_type::OCI_INDEX), &scope, &subject).await?;
            match reply.status {
                StatusCode::OK => self.note_referrers_api(true),
                // A page that is not even an error of a registry: no path of this registry begins like that.
                StatusCode::NOT_FOUND if serde_json::from_slice::<Value>(&reply.body).is_err() => {
                    self.note_referrers_api(false);
                    return Ok(None);
                }
                // What registries without the API answer to a path they do not know.
                StatusCode::NOT_FOUND
                | StatusCode::BAD_REQUEST
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::NOT_IMPLEMENTED => return Ok(None),
                _ => return Err(self.refusal(&reply, &scope, &subject, What::MANIFEST_READ)),
            }
            // A page for people, or anything else that is no index, is no answer of this API either.
            let Ok(page) = Manifest::parse(Some(media_type::OCI_INDEX), None, reply.body.clone()) else {
                return Ok(None);
            };
            found.extend(page.view.children.manifests);
            if found.len() > self.limits().list_names_max {
                let detail = format!("there are more than {} referrers", self.limits().list_names_max);
                return Err(Error::new(ErrorKind::Failed, subject, detail));
            }
            pages.turn(&reply, &subject)?;
        }
        Ok(Some(found))
    }

    /// The index under the fallback tag, if there is one.
    async fn fallback(&self, repository: &str, digest: &Digest) -> Result<Option<Manifest>, Error> {
        match self.manifest(repository, &digest.referrers_tag()).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error)
                if matches!(error.kind(), ErrorKind::ManifestNotFound | ErrorKind::RepositoryNotFound) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Adds a manifest to the index under its subject's fallback tag. One at a time per subject: reading,
    /// adding and writing is no single step, and two of them at once would lose one.
    pub(super) async fn add_to_fallback(
        &self,
        repository: &str,
        about: &Digest,
        referrer: &Manifest,
    ) -> Result<(), Error> {
        let lock = self.fallback_lock(repository, about);
        let _held = lock.lock().await;
        let tag = about.referrers_tag();
        let subject = subject(self.host(), repository, &tag);
        let old = self.fallback(repository, about).await?;
        if old.as_ref().is_some_and(|m| m.view.children.manifests.iter().any(|d| d.digest == referrer.digest))
        {
            return Ok(());
        }
        if old.as_ref().is_some_and(|m| !m.is_index()) {
            return Err(Error::new(
                ErrorKind::ManifestRefused,
                subject,
                "the tag that lists referrers is no index",
            ));
        }
        let bytes = with_referrer(old.as_ref().map(|m| &m.bytes), referrer);
        let index = Manifest::parse(Some(media_type::OCI_INDEX), None, bytes)
            .map_err(|error| Error::new(ErrorKind::ManifestInvalid, subject.clone(), error.to_string()))?;
        self.put_manifest(repository, &tag, &index, &subject).await.map(|_| ())
    }
}

/// The index with one more entry; everything else in it stays.
fn with_referrer(old: Option<&Bytes>, referrer: &Manifest) -> Bytes {
    let mut entry = json!({
        "mediaType": referrer.media_type,
        "digest": referrer.digest.to_string(),
        "size": referrer.size(),
    });
    if let Some(artifact_type) = &referrer.view.artifact_type {
        entry["artifactType"] = json!(artifact_type);
    }
    if !referrer.view.annotations.is_empty() {
        entry["annotations"] = json!(referrer.view.annotations);
    }
    let old = old.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()).filter(Value::is_object);
    let mut index = old.unwrap_or_else(|| json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX}));
    match index.get_mut("manifests").and_then(Value::as_array_mut) {
        Some(manifests) => manifests.push(entry),
        None => index["manifests"] = json!([entry]),
    }
    Bytes::from(index.to_string())
}
