//! A manifest with everything that belongs to it.

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::Value;
use transload_oci::{Digest, Manifest, Verifier};
use transload_registry::{Error, Source, Target};

use super::blob::Blob;

/// A manifest or index, its blobs and children, and the artifacts that are about it.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The manifest, as it is pushed byte for byte.
    pub manifest: Manifest,
    /// Config and layers.
    pub blobs: Vec<Blob>,
    /// Manifests that an index points at.
    pub children: Vec<Self>,
    /// Artifacts with this one as their subject; pushed by digest.
    pub referrers: Vec<Self>,
    /// Artifacts that belong to it by their tag alone (cosign's); pushed under that tag.
    pub tagged: Vec<(String, Self)>,
}

impl Artifact {
    /// Of a document. It is printed with white space that no serializer would write: whoever writes the manifest anew
    /// changes its digest.
    pub(super) fn new(document: &Value, blobs: Vec<Blob>, children: Vec<Self>) -> Self {
        let text = serde_json::to_string_pretty(document).expect("a JSON value can be printed");
        let bytes = Bytes::from(text.replacen("{\n", "{ \n", 1) + "\n");
        let manifest = Manifest::parse(None, None, bytes).expect("a sample is a manifest");
        Self { manifest, blobs, children, referrers: Vec::new(), tagged: Vec::new() }
    }

    /// Digest of the manifest.
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// With an artifact that is made about it.
    #[must_use]
    pub fn with_referrer(mut self, about: impl FnOnce(&Self) -> Self) -> Self {
        let referrer = about(&self);
        self.referrers.push(referrer);
        self
    }

    /// With an artifact under cosign's tag: `sha256-<hex>.<suffix>`, suffix `sig`, `att` or `sbom`.
    #[must_use]
    pub fn with_tagged(mut self, suffix: &str, about: impl FnOnce(&Self) -> Self) -> Self {
        let tagged = about(&self);
        self.tagged.push((format!("{}.{suffix}", self.digest().referrers_tag()), tagged));
        self
    }

    /// Itself and everything that belongs to it, in an order in which a registry takes it: each with the tag it has
    /// to have of its own.
    pub fn in_push_order(&self) -> Vec<(&Self, Option<&str>)> {
        let mut order = Vec::new();
        self.collect(None, &mut order);
        order
    }

    fn collect<'a>(&'a self, tag: Option<&'a str>, order: &mut Vec<(&'a Self, Option<&'a str>)>) {
        for child in &self.children {
            child.collect(None, order);
        }
        order.push((self, tag));
        for referrer in &self.referrers {
            referrer.collect(None, order);
        }
        for (tag, tagged) in &self.tagged {
            tagged.collect(Some(tag), order);
        }
    }

    /// Every blob that a registry has to have, with those of children and referrers; a blob that is shared comes
    /// several times.
    pub fn all_blobs(&self) -> impl Iterator<Item = &Blob> {
        let order = self.in_push_order();
        order.into_iter().flat_map(|(artifact, _)| &artifact.blobs).filter(|blob| !blob.is_foreign())
    }

    /// Pushes it with everything that belongs to it, under a tag or by digest.
    ///
    /// # Errors
    /// The target's.
    pub async fn push(&self, target: &dyn Target, repository: &str, tag: Option<&str>) -> Result<(), Error> {
        self.push_mounting(target, repository, tag, &[]).await
    }

    /// As [`push`](Self::push), with repositories to mount blobs from.
    ///
    /// # Errors
    /// The target's.
    pub async fn push_mounting(
        &self,
        target: &dyn Target,
        repository: &str,
        tag: Option<&str>,
        mount_from: &[String],
    ) -> Result<(), Error> {
        for blob in self.all_blobs() {
            target.push_blob(repository, &blob.descriptor, mount_from, blob).await?;
        }
        for (artifact, own_tag) in self.in_push_order() {
            let tag = own_tag.or(tag.filter(|_| std::ptr::eq(artifact, self)));
            let reference = tag.map_or_else(|| artifact.digest().to_string(), str::to_owned);
            target.push_manifest(repository, &reference, &artifact.manifest).await?;
        }
        Ok(())
    }

    /// Whether a registry has it whole: every manifest byte for byte, every tag, every referrer, every byte of every
    /// blob. The error says what is not so.
    ///
    /// # Errors
    /// A text.
    pub async fn check(
        &self,
        source: &dyn Source,
        repository: &str,
        tag: Option<&str>,
    ) -> Result<(), String> {
        for (artifact, own_tag) in self.in_push_order() {
            let tag = own_tag.or(tag.filter(|_| std::ptr::eq(artifact, self)));
            artifact.check_manifest(source, repository, tag).await?;
            artifact.check_referrers(source, repository).await?;
            for blob in artifact.blobs.iter().filter(|blob| !blob.is_foreign()) {
                check_blob(source, repository, blob).await?;
            }
        }
        Ok(())
    }

    async fn check_manifest(
        &self,
        source: &dyn Source,
        repository: &str,
        tag: Option<&str>,
    ) -> Result<(), String> {
        for reference in [Some(self.digest().to_string()), tag.map(str::to_owned)].into_iter().flatten() {
            let found = source.manifest(repository, &reference).await;
            let found = found.map_err(|e| format!("{repository} {reference}: {e}"))?;
            if found.bytes != self.manifest.bytes {
                return Err(format!("{repository} {reference}: {} and not {}", found.digest, self.digest()));
            }
            if found.media_type != self.manifest.media_type {
                return Err(format!("{repository} {reference}: media type {}", found.media_type));
            }
        }
        Ok(())
    }

    async fn check_referrers(&self, source: &dyn Source, repository: &str) -> Result<(), String> {
        if self.referrers.is_empty() {
            return Ok(());
        }
        let found = source.referrers(repository, &self.digest()).await.map_err(|e| e.to_string())?;
        let missing = self.referrers.iter().find(|r| found.iter().all(|d| d.digest != r.digest()));
        missing.map_or(Ok(()), |r| {
            Err(format!("{repository}: {} is not among the referrers of {}", r.digest(), self.digest()))
        })
    }
}

async fn check_blob(source: &dyn Source, repository: &str, blob: &Blob) -> Result<(), String> {
    let descriptor = &blob.descriptor;
    let fail = |why: String| format!("{repository} blob {}: {why}", descriptor.digest);
    let mut verifier = Verifier::new(descriptor.digest, descriptor.size);
    let mut stream = source.blob(repository, descriptor, 0).await.map_err(|e| fail(e.to_string()))?;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|e| fail(e.to_string()))?;
        verifier.update(&piece).map_err(|e| fail(e.to_string()))?;
    }
    verifier.finish().map_err(|e| fail(e.to_string()))
}
