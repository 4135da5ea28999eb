//! Many artifacts at once.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use transload_oci::Digest;
use transload_registry::{Error, Source, Target};

use super::artifact::Artifact;
use super::blob::Blob;
use super::kinds;

/// Artifacts pushed at a time.
const PUSHES: usize = 4;

/// Artifacts with the names they have.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// In the order of their making.
    pub entries: Vec<Entry>,
}

/// An artifact under its name.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Repository.
    pub repository: String,
    /// Tag.
    pub tag: String,
    /// What is there.
    pub artifact: Artifact,
}

/// Images over repositories that share base layers.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Number of images; they go round the repositories.
    pub images: u64,
    /// Number of repositories.
    pub repositories: u64,
    /// Number of bases; images go round them too.
    pub bases: u64,
    /// Layers of a base.
    pub base_layers: u64,
    /// Bytes of each layer of a base.
    pub base_layer_bytes: u64,
    /// Bytes of the one layer that only this image has.
    pub own_layer_bytes: u64,
    /// Added to every seed: two corpora with different seeds share nothing.
    pub seed: u64,
}

impl Corpus {
    /// Images that share base layers, also across repositories: `team-0/app:v0`, `team-1/app:v1`, …
    pub fn shared_bases(shape: &Shape) -> Self {
        let start = shape.seed.wrapping_mul(1_000_003);
        let base = |n: u64| -> Vec<Blob> {
            let seeds = (0..shape.base_layers).map(|l| start + 100_000 + n * 1_000 + l);
            seeds.map(|seed| kinds::layer(seed, shape.base_layer_bytes)).collect()
        };
        let bases: Vec<Vec<Blob>> = (0..shape.bases).map(base).collect();
        let mut corpus = Self::default();
        for n in 0..shape.images {
            let mut layers = bases.get((n % shape.bases.max(1)) as usize).cloned().unwrap_or_default();
            layers.push(kinds::layer(start + 500_000 + n, shape.own_layer_bytes));
            let repository = format!("team-{}/app", n % shape.repositories.max(1));
            corpus.add(&repository, &format!("v{n}"), kinds::image(&layers));
        }
        corpus
    }

    /// `count` images of one layer of `layer_bytes` each in one repository, nothing shared but the repository.
    pub fn small(count: u64, layer_bytes: u64) -> Self {
        let mut corpus = Self::default();
        for n in 0..count {
            let image = kinds::image(&[kinds::layer(900_000 + n, layer_bytes)]);
            corpus.add("small/many", &format!("t{n:04}"), image);
        }
        corpus
    }

    /// One of every kind, with layers of `layer_bytes`: plain, multi-arch with attestations, Docker schema 2 and
    /// list, Helm chart, signed by tag, SBOM and signature as referrers (one of them signed in its turn), an index
    /// in an index, a foreign layer, an empty layer.
    pub fn every_kind(layer_bytes: u64) -> Self {
        let layer = |seed: u64| kinds::layer(700_000 + seed, layer_bytes);
        let mut corpus = Self::default();
        corpus.add("kinds/plain", "v1", kinds::image(&[layer(1), layer(2)]));
        corpus.add("kinds/multi-arch", "v1", kinds::multi_arch(70_001, layer_bytes));
        corpus.add("kinds/docker", "v1", kinds::docker_image(&[layer(3)]));
        corpus.add("kinds/docker-list", "v1", kinds::docker_list(70_002, layer_bytes));
        corpus.add("charts/web", "1.2.3", kinds::helm_chart("web", "1.2.3", layer_bytes));
        let signed = kinds::image(&[layer(1), layer(4)]).with_tagged("sig", kinds::cosign_signature);
        corpus.add("kinds/signed", "v1", signed);
        let with_sbom = kinds::image(&[layer(5)])
            .with_referrer(|about| kinds::sbom(about).with_referrer(kinds::signature))
            .with_referrer(kinds::signature);
        corpus.add("kinds/sbom", "v1", with_sbom);
        let inner = kinds::multi_arch(70_003, layer_bytes);
        corpus.add("kinds/nested", "v1", kinds::index(vec![(inner, None)]));
        let url = "https://layers.example/foreign";
        let foreign = kinds::image(&[kinds::foreign_layer(700_006, layer_bytes, url), layer(7)]);
        corpus.add("kinds/foreign", "v1", foreign);
        corpus.add("kinds/empty", "v1", kinds::image(&[kinds::layer(700_008, 0)]));
        corpus
    }

    /// Adds an artifact.
    pub fn add(&mut self, repository: &str, tag: &str, artifact: Artifact) {
        self.entries.push(Entry { repository: repository.to_owned(), tag: tag.to_owned(), artifact });
    }

    /// `host/repository:tag` of every artifact.
    pub fn references(&self, host: &str) -> Vec<String> {
        self.entries.iter().map(|entry| format!("{host}/{}:{}", entry.repository, entry.tag)).collect()
    }

    /// Every blob that a registry has to have, each once.
    pub fn unique_blobs(&self) -> Vec<&Blob> {
        let all = self.entries.iter().flat_map(|entry| entry.artifact.all_blobs());
        all.map(|blob| (blob.descriptor.digest, blob))
            .collect::<BTreeMap<Digest, _>>()
            .into_values()
            .collect()
    }

    /// Bytes of all those.
    pub fn unique_blob_bytes(&self) -> u64 {
        self.unique_blobs().iter().map(|blob| blob.descriptor.size).sum()
    }

    /// Pushes everything, a few artifacts at a time.
    ///
    /// # Errors
    /// The target's first.
    pub async fn push(&self, target: &dyn Target) -> Result<(), Error> {
        stream::iter(&self.entries)
            .map(Ok)
            .try_for_each_concurrent(PUSHES, |entry| {
                entry.artifact.push(target, &entry.repository, Some(&entry.tag))
            })
            .await
    }

    /// Whether a registry has everything whole, with `prefix` in front of each repository (empty, or ending in
    /// `/`). The error lists what is not so, a line for each artifact.
    ///
    /// # Errors
    /// A text.
    pub async fn check(&self, source: &dyn Source, prefix: &str) -> Result<(), String> {
        let mut faults = Vec::new();
        for entry in &self.entries {
            let repository = format!("{prefix}{}", entry.repository);
            if let Err(fault) = entry.artifact.check(source, &repository, Some(&entry.tag)).await {
                faults.push(fault);
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }
}
