//! Sample artifacts: a multi-arch image, signed and with an SBOM, an image that shares its base, a chart.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use transload_oci::{Descriptor, Manifest, media_type};
use transload_registry::{self as registry, BlobReader, ByteStream, Target};
use transload_transfer::{Code, Error};

const BASE_BYTES: usize = 6 << 20;
const APP_BYTES: usize = 2 << 20;
const CHART_BYTES: usize = 12 << 10;

/// A sample as it stands in the registry.
pub(super) struct Sample {
    /// `repository:tag`.
    pub(super) name: &'static str,
    pub(super) what: &'static str,
}

/// Fills a registry with the samples.
pub(super) async fn fill(target: &dyn Target) -> Result<Vec<Sample>, Error> {
    let filler = Filler { target };
    filler.app().await?;
    filler.web().await?;
    filler.chart().await?;
    Ok(vec![
        Sample {
            name: "demo/app:1.0",
            what: "an image for linux/amd64 and linux/arm64, signed, with an SBOM",
        },
        Sample { name: "demo/web:2.1", what: "an image that shares its base layer with the first" },
        Sample { name: "charts/demo:0.3.0", what: "a Helm chart" },
    ])
}

struct Filler<'a> {
    target: &'a dyn Target,
}

impl Filler<'_> {
    /// A multi-arch image; a signature as cosign keeps it, under a tag; an SBOM as a referrer.
    async fn app(&self) -> Result<(), Error> {
        const REPOSITORY: &str = "demo/app";
        let mut children = Vec::new();
        for (architecture, seed) in [("amd64", 1), ("arm64", 2)] {
            let base = layer(seed, BASE_BYTES, "usr/lib/base.bin")?;
            let own = layer(seed + 10, APP_BYTES, "usr/bin/app")?;
            let image = self.image(REPOSITORY, architecture, &[base, own]).await?;
            let mut child = serde_json::to_value(image.descriptor()).map_err(|e| defect(&e))?;
            child["platform"] = json!({"os": "linux", "architecture": architecture});
            children.push(child);
        }
        let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children});
        let index = manifest(&index)?;
        self.push(REPOSITORY, "1.0", &index).await?;

        let signature = json!({
            "critical": {"identity": {"docker-reference": REPOSITORY}, "type": "cosign container image signature",
                         "image": {"docker-manifest-digest": index.digest.to_string()}},
            "optional": null,
        });
        let payload = bytes(&signature)?;
        let signed = self.artifact(
            REPOSITORY,
            media_type::OCI_CONFIG,
            "application/vnd.dev.cosign.simplesigning.v1+json",
            payload,
            None,
        );
        let tag = format!("{}.sig", index.digest.referrers_tag());
        self.push(REPOSITORY, &tag, &signed.await?).await?;

        let sbom = bytes(&json!({"spdxVersion": "SPDX-2.3", "name": REPOSITORY, "packages": []}))?;
        let sbom = self
            .artifact(REPOSITORY, media_type::OCI_EMPTY, "application/spdx+json", sbom, Some(&index))
            .await?;
        self.push(REPOSITORY, &sbom.digest.to_string(), &sbom).await
    }

    async fn web(&self) -> Result<(), Error> {
        let layers = [layer(1, BASE_BYTES, "usr/lib/base.bin")?, layer(30, APP_BYTES, "srv/web.bin")?];
        let image = self.image("demo/web", "amd64", &layers).await?;
        self.push("demo/web", "2.1", &image).await
    }

    async fn chart(&self) -> Result<(), Error> {
        let config = bytes(&json!({"name": "demo", "version": "0.3.0", "apiVersion": "v2"}))?;
        let config = self.blob("charts/demo", "application/vnd.cncf.helm.config.v1+json", config).await?;
        let content = layer(40, CHART_BYTES, "demo/Chart.yaml")?;
        let content =
            self.blob("charts/demo", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", content).await?;
        let chart = manifest(&image_json(&config, &[content]))?;
        self.push("charts/demo", "0.3.0", &chart).await
    }

    async fn image(&self, repository: &str, architecture: &str, layers: &[Bytes]) -> Result<Manifest, Error> {
        let mut descriptors = Vec::new();
        for layer in layers {
            descriptors.push(self.blob(repository, media_type::OCI_LAYER, layer.clone()).await?);
        }
        let diff_ids: Vec<String> = descriptors.iter().map(|layer| layer.digest.to_string()).collect();
        let config = bytes(&json!({
            "architecture": architecture, "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }))?;
        let config = self.blob(repository, media_type::OCI_CONFIG, config).await?;
        let image = manifest(&image_json(&config, &descriptors))?;
        self.push(repository, &image.digest.to_string(), &image).await?;
        Ok(image)
    }

    /// An artifact of one blob, which may be about a manifest.
    async fn artifact(
        &self,
        repository: &str,
        config_type: &str,
        blob_type: &str,
        content: Bytes,
        subject: Option<&Manifest>,
    ) -> Result<Manifest, Error> {
        let config = self.blob(repository, config_type, Bytes::from_static(b"{}")).await?;
        let layer = self.blob(repository, blob_type, content).await?;
        let mut document = image_json(&config, &[layer]);
        if let Some(subject) = subject {
            document["artifactType"] = json!(blob_type);
            document["subject"] = serde_json::to_value(subject.descriptor()).map_err(|e| defect(&e))?;
        }
        manifest(&document)
    }

    async fn blob(&self, repository: &str, media_type: &str, content: Bytes) -> Result<Descriptor, Error> {
        let descriptor = Descriptor::of(media_type, &content);
        self.target.push_blob(repository, &descriptor, &[], &InMemory(content)).await?;
        Ok(descriptor)
    }

    async fn push(&self, repository: &str, reference: &str, manifest: &Manifest) -> Result<(), Error> {
        Ok(self.target.push_manifest(repository, reference, manifest).await?)
    }
}

fn image_json(config: &Descriptor, layers: &[Descriptor]) -> Value {
    json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers})
}

fn manifest(document: &Value) -> Result<Manifest, Error> {
    Manifest::parse(None, None, bytes(document)?).map_err(|error| defect(&error))
}

fn bytes(document: &Value) -> Result<Bytes, Error> {
    serde_json::to_vec(document).map(Bytes::from).map_err(|error| defect(&error))
}

fn defect(error: &dyn std::error::Error) -> Error {
    Error::new(Code::Internal, "quickstart", error.to_string())
}

/// A layer with one file of bytes that do not compress, the same for the same seed.
fn layer(seed: u64, len: usize, path: &str) -> Result<Bytes, Error> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut content = Vec::with_capacity(len + 8);
    while content.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend_from_slice(&state.to_le_bytes());
    }
    content.truncate(len);
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, path, content.as_slice()).map_err(|error| defect(&error))?;
    archive.into_inner().map(Bytes::from).map_err(|error| defect(&error))
}

struct InMemory(Bytes);

#[async_trait]
impl BlobReader for InMemory {
    async fn open(&self, offset: u64) -> Result<ByteStream, registry::Error> {
        let rest = self.0.slice(usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len())..);
        Ok(Box::pin(futures_util::stream::once(async move { Ok(rest) })))
    }
}
