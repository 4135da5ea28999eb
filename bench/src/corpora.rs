//! What is moved: corpora made from seeds, so that every run on every machine moves the same bytes.
//!
//! Layers are noise that begins like gzip: as incompressible as real layers, and left alone by tools that would
//! compress a plain tar.

use clap::ValueEnum;
use serde::Serialize;
use transload_testkit::images::{
    Artifact, Blob, Corpus, gzip_like_layer, image, index, platform, sbom, signature,
};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

const REPOSITORIES: u64 = 6;
const BASES: u64 = 3;
const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64/v8", "linux/arm/v7"];

/// A corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CorpusName {
    /// 24 images over 6 repositories that share base layers, 2 GiB unique.
    Images,
    /// One image with a layer of 3 GiB.
    Large,
    /// 400 artifacts of 20 KiB.
    Small,
    /// 12 multi-arch images with an SBOM and signatures as referrers, 288 MiB.
    Multi,
}

/// How large a corpus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scale {
    /// Of some MiB, for correctness.
    Smoke,
    /// What figures are made of.
    Full,
}

impl Scale {
    /// The value for this scale.
    pub(crate) fn pick<T>(self, smoke: T, full: T) -> T {
        match self {
            Self::Smoke => smoke,
            Self::Full => full,
        }
    }
}

/// Makes a corpus. Nothing is held in memory but recipes; hashing them takes a second for each 1.5 GB.
pub(crate) fn make(name: CorpusName, scale: Scale) -> Corpus {
    match name {
        CorpusName::Images => images(scale),
        CorpusName::Large => {
            let layers = [gzip_like_layer(31, scale.pick(24 * MIB, 3 * KIB * MIB)), gzip_like_layer(32, MIB)];
            one("large/model", "v1", image(&layers))
        }
        CorpusName::Small => small(scale.pick(40, 400)),
        CorpusName::Multi => multi(scale.pick(3, 12), scale.pick(200 * KIB, 8 * MIB)),
    }
}

fn one(repository: &str, tag: &str, artifact: Artifact) -> Corpus {
    let mut corpus = Corpus::default();
    corpus.add(repository, tag, artifact);
    corpus
}

/// Three bases of three layers (864 MiB) and one layer for each image (24 × 49 MiB): images of one base lie in
/// several repositories.
fn images(scale: Scale) -> Corpus {
    let base_bytes =
        [scale.pick(700 * KIB, 128 * MIB), scale.pick(300 * KIB, 96 * MIB), scale.pick(90 * KIB, 64 * MIB)];
    let own_bytes = scale.pick(200 * KIB, 49 * MIB);
    let base = |base: u64| -> Vec<Blob> {
        base_bytes
            .iter()
            .zip(1_000 + base * 10..)
            .map(|(bytes, seed)| gzip_like_layer(seed, *bytes))
            .collect()
    };
    let bases: Vec<Vec<Blob>> = (0..BASES).map(base).collect();
    let mut corpus = Corpus::default();
    for (n, base) in (0..24u64).zip(bases.iter().cycle()) {
        let mut layers = base.clone();
        layers.push(gzip_like_layer(2_000 + n, own_bytes));
        corpus.add(&format!("team-{}/app", n % REPOSITORIES), &format!("v{n}"), image(&layers));
    }
    corpus
}

fn small(count: u64) -> Corpus {
    let mut corpus = Corpus::default();
    for n in 0..count {
        let artifact = image(&[gzip_like_layer(40_000 + n, 20 * KIB)]);
        corpus.add("small/many", &format!("t{n:04}"), artifact);
    }
    corpus
}

fn multi(count: u64, layer_bytes: u64) -> Corpus {
    let mut corpus = Corpus::default();
    for n in 0..count {
        let child = |(text, seed): (&&str, u64)| {
            let platform = platform(text);
            let layer = gzip_like_layer(seed, layer_bytes);
            (transload_testkit::images::image_for(&platform, &[layer]), Some(platform))
        };
        let children = PLATFORMS.iter().zip(50_000 + n * 10..).map(child).collect();
        let artifact = index(children)
            .with_referrer(|about| sbom(about).with_referrer(signature))
            .with_referrer(signature);
        corpus.add(&format!("multi/app-{}", n % REPOSITORIES), &format!("v{n}"), artifact);
    }
    corpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corpora_have_the_shape_they_are_said_to_have() {
        let images = images(Scale::Smoke);
        assert_eq!(images.entries.len(), 24);
        // 3 bases of 3 layers, 24 layers and 24 configs
        assert_eq!(images.unique_blobs().len(), 9 + 24 + 24);
        assert_eq!(small(5).entries.len(), 5);
        assert!(small(5).unique_blob_bytes() > 5 * 20 * KIB);
        assert_eq!(multi(2, 1000).entries[0].artifact.referrers.len(), 2);
    }
}
