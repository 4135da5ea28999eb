//! Reading both sides back and comparing them.

use futures_util::StreamExt;
use transload_oci::{Descriptor, Manifest, Reference, Selector, Verifier};
use transload_registry::Source;
use transload_transfer::{Code, Error, Report};

use crate::output::counted;

/// Compares what an export reported with what the other side has. A line for each artifact.
pub(super) async fn compare(
    here: &dyn Source,
    there: &dyn Source,
    report: &Report,
) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    for artifact in &report.artifacts {
        let reference: Reference = artifact
            .source
            .parse()
            .map_err(|e: transload_oci::ReferenceError| differs(&artifact.source, &e.to_string()))?;
        let Selector::Tag(tag) = &reference.selector else { continue };
        let repository = reference.repository.as_str();
        let ours = here.manifest(repository, tag).await?;
        let theirs = there.manifest(repository, tag).await?;
        if ours.bytes != theirs.bytes {
            return Err(differs(&artifact.source, "its manifest differs on the other side"));
        }
        let mut read = Read::default();
        read.manifest(there, repository, theirs).await?;
        for referrer in &artifact.referrers {
            let manifest = there.manifest(repository, &referrer.digest.to_string()).await?;
            read.manifest(there, repository, manifest).await?;
        }
        lines.push(format!(
            "same   {repository}:{tag}  {}  {}, {} read back, {}",
            ours.digest.short(),
            counted(read.manifests, "manifest"),
            counted(read.blobs, "blob"),
            counted(artifact.referrers.len(), "referrer")
        ));
    }
    Ok(lines)
}

#[derive(Default)]
struct Read {
    manifests: usize,
    blobs: usize,
}

impl Read {
    async fn manifest(
        &mut self,
        side: &dyn Source,
        repository: &str,
        manifest: Manifest,
    ) -> Result<(), Error> {
        let mut todo = vec![manifest];
        while let Some(manifest) = todo.pop() {
            self.manifests += 1;
            for child in &manifest.view.children.manifests {
                todo.push(side.manifest(repository, &child.digest.to_string()).await?);
            }
            for blob in &manifest.view.children.blobs {
                self.blob(side, repository, blob).await?;
            }
        }
        Ok(())
    }

    async fn blob(&mut self, side: &dyn Source, repository: &str, blob: &Descriptor) -> Result<(), Error> {
        let mut verifier = Verifier::new(blob.digest, blob.size);
        let mut stream = side.blob(repository, blob, 0).await?;
        let wrong = |reason: String| differs(&format!("{repository}@{}", blob.digest), &reason);
        while let Some(chunk) = stream.next().await {
            verifier.update(&chunk?).map_err(|mismatch| wrong(mismatch.to_string()))?;
        }
        verifier.finish().map_err(|mismatch| wrong(mismatch.to_string()))?;
        self.blobs += 1;
        Ok(())
    }
}

fn differs(subject: &str, detail: &str) -> Error {
    Error::new(Code::DigestMismatch, subject, detail)
}
