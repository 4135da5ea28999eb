//! One maker for each kind of artifact.

use serde_json::{Value, json};
use transload_oci::{Descriptor, Platform, media_type};

use super::artifact::Artifact;
use super::blob::Blob;

const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const HELM_CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const COSIGN_LAYER: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const SPDX: &str = "application/spdx+json";
const NOTATION: &str = "application/vnd.cncf.notary.signature";

/// A layer: an uncompressed tar with one file of `len` bytes of noise.
pub fn layer(seed: u64, len: u64) -> Blob {
    Blob::tar(media_type::OCI_LAYER, Some(seed), len)
}

/// A layer with one file of `len` zeros. Making one of many GiB takes as long as hashing them.
pub fn zero_layer(len: u64) -> Blob {
    Blob::tar(media_type::OCI_LAYER, None, len)
}

/// A layer of `len` bytes that passes for a compressed one as long as nobody unpacks it.
pub fn gzip_like_layer(seed: u64, len: u64) -> Blob {
    Blob::gzip_like(media_type::OCI_LAYER_GZIP, seed, len)
}

/// A layer that is not in the registry but at a URL.
pub fn foreign_layer(seed: u64, len: u64, url: &str) -> Blob {
    let mut blob = Blob::tar("application/vnd.oci.image.layer.nondistributable.v1.tar", Some(seed), len);
    blob.descriptor.urls.push(url.to_owned());
    blob
}

/// `linux/amd64`, `linux/arm64/v8`.
pub fn platform(text: &str) -> Platform {
    let mut parts = text.split('/').map(str::to_owned);
    let mut next = || parts.next();
    let (os, architecture, variant) = (next(), next(), next());
    Platform {
        os: os.unwrap_or_default(),
        architecture: architecture.unwrap_or_default(),
        variant,
        os_version: None,
    }
}

/// An image for `linux/amd64`.
pub fn image(layers: &[Blob]) -> Artifact {
    image_for(&platform("linux/amd64"), layers)
}

/// An image for this platform.
pub fn image_for(platform: &Platform, layers: &[Blob]) -> Artifact {
    let config = Blob::of(media_type::OCI_CONFIG, config_text(platform, layers));
    manifest(media_type::OCI_MANIFEST, config, layers, &json!({}))
}

/// An image of Docker's manifest schema 2.
pub fn docker_image(layers: &[Blob]) -> Artifact {
    docker_image_for(&platform("linux/amd64"), layers)
}

fn docker_image_for(platform: &Platform, layers: &[Blob]) -> Artifact {
    let config = Blob::of(DOCKER_CONFIG, config_text(platform, layers));
    let mut layers = layers.to_vec();
    for layer in &mut layers {
        DOCKER_LAYER.clone_into(&mut layer.descriptor.media_type);
    }
    manifest(media_type::DOCKER_MANIFEST, config, &layers, &json!({}))
}

/// Docker's manifest list over two platforms.
pub fn docker_list(seed: u64, layer_len: u64) -> Artifact {
    let platforms = ["linux/amd64", "linux/arm64/v8"].map(platform);
    let children = platforms.into_iter().zip(seed * 10..).map(|(platform, seed)| {
        let image = docker_image_for(&platform, &[layer(seed, layer_len)]);
        (image, Some(platform), json!({}))
    });
    index_of(media_type::DOCKER_LIST, children.collect())
}

/// An index over these images.
pub fn index(children: Vec<(Artifact, Option<Platform>)>) -> Artifact {
    let children = children.into_iter().map(|(child, platform)| (child, platform, json!({})));
    index_of(media_type::OCI_INDEX, children.collect())
}

/// An index as build tools make it: three platforms, and an attestation (platform `unknown/unknown`) for each.
pub fn multi_arch(seed: u64, layer_len: u64) -> Artifact {
    let platforms = ["linux/amd64", "linux/arm64/v8", "linux/arm/v7"].map(platform);
    let mut children = Vec::new();
    let mut attestations = Vec::new();
    for (platform, seed) in platforms.into_iter().zip(seed * 10..) {
        let image = image_for(&platform, &[layer(seed, layer_len)]);
        let attested = json!({
            "vnd.docker.reference.digest": image.digest(),
            "vnd.docker.reference.type": "attestation-manifest",
        });
        attestations.push((attestation(&image), Some(unknown()), attested));
        children.push((image, Some(platform), json!({})));
    }
    children.extend(attestations);
    index_of(media_type::OCI_INDEX, children)
}

/// What build tools put beside an image into its index: provenance, as an image for `unknown/unknown`.
pub fn attestation(about: &Artifact) -> Artifact {
    let hex = about.digest().hex();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{ "name": "sample", "digest": { "sha256": hex } }],
        "predicate": {},
    });
    let layers = [Blob::of(IN_TOTO, statement.to_string())];
    let config = Blob::of(media_type::OCI_CONFIG, config_text(&unknown(), &layers));
    manifest(media_type::OCI_MANIFEST, config, &layers, &json!({}))
}

fn unknown() -> Platform {
    platform("unknown/unknown")
}

/// A Helm chart: a config of its own type and one layer.
pub fn helm_chart(name: &str, version: &str, len: u64) -> Artifact {
    let about = json!({ "apiVersion": "v2", "name": name, "version": version, "type": "application" });
    let config = Blob::of(HELM_CONFIG, about.to_string());
    let seed = name.bytes().chain(version.bytes()).fold(7, |sum: u64, b| sum.wrapping_mul(31) + u64::from(b));
    let annotations = json!({ "annotations": {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": version,
    }});
    manifest(media_type::OCI_MANIFEST, config, &[Blob::noise(HELM_CHART, seed, len)], &annotations)
}

/// A signature as cosign writes it, bound to its image by tag alone; see [`Artifact::with_tagged`]. The signature
/// itself is none.
pub fn cosign_signature(about: &Artifact) -> Artifact {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": "" },
            "image": { "docker-manifest-digest": about.digest() },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    let mut layer = Blob::of(COSIGN_LAYER, payload.to_string());
    let signature = ("dev.cosignproject.cosign/signature".to_owned(), "c2FtcGxl".to_owned());
    layer.descriptor.annotations.extend([signature]);
    let config = Blob::of(media_type::OCI_CONFIG, config_text(&platform("/"), std::slice::from_ref(&layer)));
    manifest(media_type::OCI_MANIFEST, config, &[layer], &json!({}))
}

/// An SBOM with its subject in it.
pub fn sbom(about: &Artifact) -> Artifact {
    let document = json!({ "spdxVersion": "SPDX-2.3", "name": about.digest(), "packages": [] });
    referrer(about, SPDX, &Blob::of(SPDX, document.to_string()))
}

/// A signature with its subject in it. The signature itself is none.
pub fn signature(about: &Artifact) -> Artifact {
    let envelope = json!({ "payload": about.digest(), "signature": "c2FtcGxl" });
    referrer(about, NOTATION, &Blob::of("application/jose+json", envelope.to_string()))
}

fn referrer(about: &Artifact, artifact_type: &str, layer: &Blob) -> Artifact {
    let more = json!({
        "artifactType": artifact_type,
        "subject": about.manifest.descriptor(),
        "annotations": { "org.opencontainers.image.created": "2026-01-01T00:00:00Z" },
    });
    let config = Blob::of(media_type::OCI_EMPTY, "{}");
    manifest(media_type::OCI_MANIFEST, config, std::slice::from_ref(layer), &more)
}

fn config_text(platform: &Platform, layers: &[Blob]) -> String {
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.descriptor.digest.to_string()).collect();
    let mut config = json!({
        "config": { "Env": ["PATH=/bin"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    merge(&mut config, serde_json::to_value(platform).expect("a platform is JSON"));
    config.to_string()
}

fn manifest(media_type: &str, config: Blob, layers: &[Blob], more: &Value) -> Artifact {
    let descriptors: Vec<&Descriptor> = layers.iter().map(|layer| &layer.descriptor).collect();
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config.descriptor,
        "layers": descriptors,
    });
    merge(&mut document, more.clone());
    let mut blobs = vec![config];
    blobs.extend_from_slice(layers);
    Artifact::new(&document, blobs, Vec::new())
}

fn index_of(media_type: &str, children: Vec<(Artifact, Option<Platform>, Value)>) -> Artifact {
    let describe = |(child, platform, annotations): &(Artifact, Option<Platform>, Value)| {
        let mut descriptor = child.manifest.descriptor();
        descriptor.platform.clone_from(platform);
        let mut descriptor = serde_json::to_value(descriptor).expect("a descriptor is JSON");
        if annotations.as_object().is_some_and(|map| !map.is_empty()) {
            merge(&mut descriptor, json!({ "annotations": annotations }));
        }
        descriptor
    };
    let manifests: Vec<Value> = children.iter().map(describe).collect();
    let document = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
    Artifact::new(&document, Vec::new(), children.into_iter().map(|(child, ..)| child).collect())
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
