//! The kinds of load, and how much there is of each.

use clap::ValueEnum;
use serde::Serialize;

use super::content::{Blob, Content, Image};
use crate::corpora::Scale;

/// Where everything lies but the many tags.
pub(super) const REPOSITORY: &str = "load/app";
/// The repository with many tags.
pub(super) const MANY: &str = "load/many";
/// Numbers that one phase may give to what it pushes.
const NUMBERS: u64 = 1 << 24;
/// Operations of phases that end by the clock.
const PLENTY: u64 = 60_000;

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// Large blobs are pulled.
    PullLarge,
    /// Large blobs are pushed: POST, PUT with the whole body.
    PushWhole,
    /// Large blobs are pushed: POST, PATCH with a body of untold length, PUT.
    PushChunked,
    /// Blobs of 16 KiB are pulled.
    PullSmall,
    /// Images of two small blobs are pushed: 5 requests each.
    PushImages,
    /// Manifests are asked for by tag.
    GetByTag,
    /// Manifests are asked for by digest.
    GetByDigest,
    /// Manifests are looked for by tag.
    HeadByTag,
    /// Manifests are looked for by digest.
    HeadByDigest,
    /// A bit of everything; only the GETs of manifests are timed.
    Mixed,
    /// All tags of a repository with many are listed.
    Tags,
}

/// One kind of load over so many connections.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) work: Work,
    pub(super) connections: usize,
    /// No operation begins after so many seconds.
    pub(super) seconds: f64,
    pub(super) operations: Vec<Operation>,
}

/// What one connection does at a time.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    PullLarge(usize),
    PullSmall(usize),
    HeadSmall(usize),
    Push { blob: Blob, chunked: bool },
    PushImage { image: Box<Image>, tag: u64 },
    Manifest { image: usize, by: By, head: bool },
    Tags,
}

/// How a manifest is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Tag,
    Digest,
}

impl Work {
    /// As tables have it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::PullLarge => "pull large blobs",
            Self::PushWhole => "push large blobs (PUT)",
            Self::PushChunked => "push large blobs (PATCH, PUT)",
            Self::PullSmall => "pull small blobs",
            Self::PushImages => "push small images",
            Self::GetByTag => "GET manifest by tag",
            Self::GetByDigest => "GET manifest by digest",
            Self::HeadByTag => "HEAD manifest by tag",
            Self::HeadByDigest => "HEAD manifest by digest",
            Self::Mixed => "mixed",
            Self::Tags => "list many tags",
        }
    }

    /// Whether bytes are what counts, and not operations.
    pub(super) fn is_bytes(self) -> bool {
        matches!(self, Self::PullLarge | Self::PushWhole | Self::PushChunked)
    }

    /// Whether the time of this operation counts.
    pub(super) fn times(self, operation: &Operation) -> bool {
        self != Self::Mixed || matches!(operation, Operation::Manifest { head: false, .. })
    }

    /// Connections, and operations at most.
    fn shape(self, scale: Scale) -> &'static [(usize, u64)] {
        let full: &[_] = match self {
            Self::PullLarge => &[(1, 8), (4, 24), (16, 48), (64, 128)],
            // the 64 push medium blobs, so that a run stays within some GiB
            Self::PushWhole => &[(1, 3), (4, 8), (16, 16), (64, 64)],
            Self::PushChunked => &[(1, 3), (16, 16)],
            Self::PushImages => &[(1, 1000), (16, 4000), (64, 4000)],
            Self::PullSmall | Self::GetByTag => &[(1, PLENTY), (16, PLENTY), (64, PLENTY)],
            Self::GetByDigest => &[(16, PLENTY), (64, PLENTY)],
            Self::HeadByTag | Self::HeadByDigest => &[(16, PLENTY)],
            Self::Mixed => &[(32, 4000)],
            Self::Tags => &[(16, PLENTY)],
        };
        let smoke: &[_] = match self {
            Self::PullLarge | Self::PushWhole | Self::PushChunked => &[(3, 6)],
            _ => &[(8, 40)],
        };
        scale.pick(smoke, full)
    }

    /// What makes every kind of blob and image of a run different is its number.
    fn operation(self, content: &Content, connections: usize, number: u64) -> Operation {
        let dice = scatter(number);
        let (large, image) = ((dice % content.sizes.large) as usize, (dice % content.sizes.images) as usize);
        let sizes = content.sizes;
        let len = if connections > 16 { sizes.medium_bytes } else { sizes.large_bytes };
        let push_image = || Operation::PushImage { image: Box::new(content.image(number)), tag: number };
        match self {
            Self::PullLarge => Operation::PullLarge(large),
            Self::PushWhole => Operation::Push { blob: content.blob(number, len), chunked: false },
            Self::PushChunked => Operation::Push { blob: content.blob(number, len), chunked: true },
            Self::PullSmall => Operation::PullSmall(image),
            Self::PushImages => push_image(),
            Self::GetByTag => Operation::Manifest { image, by: By::Tag, head: false },
            Self::GetByDigest => Operation::Manifest { image, by: By::Digest, head: false },
            Self::HeadByTag => Operation::Manifest { image, by: By::Tag, head: true },
            Self::HeadByDigest => Operation::Manifest { image, by: By::Digest, head: true },
            Self::Tags => Operation::Tags,
            Self::Mixed => match (dice >> 32) % 200 {
                0..120 => Operation::Manifest { image, by: By::Tag, head: false },
                120..150 => Operation::HeadSmall(image),
                150..188 => Operation::PullSmall(image),
                188..197 => push_image(),
                197 => Operation::PullLarge(large),
                n => Operation::Push { blob: content.blob(number, sizes.medium_bytes), chunked: n == 198 },
            },
        }
    }
}

/// Every phase of a run, with what it pushes made.
pub(super) fn phases(content: &Content, scale: Scale, only: &[Work]) -> Vec<Phase> {
    let seconds = scale.pick(30.0, 2.0);
    let works = Work::value_variants().iter().filter(|work| only.is_empty() || only.contains(work));
    let shapes = works.flat_map(|work| work.shape(scale).iter().map(|shape| (*work, *shape)));
    let phase = |(n, (work, (connections, most))): (u64, (Work, (usize, u64)))| {
        let operations = (0..most).map(|i| work.operation(content, connections, n * NUMBERS + i)).collect();
        let seconds = if work.is_bytes() || work == Work::Mixed { f64::MAX } else { seconds };
        Phase { work, connections, seconds, operations }
    };
    (1..).zip(shapes).map(phase).collect()
}

/// splitmix64 (Steele, Lea, Flood): the same numbers on every machine, without order.
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_new_each_time() {
        let content = Content::new(Scale::Smoke);
        let mut seen = std::collections::HashSet::new();
        let phases = phases(&content, Scale::Smoke, &[]);
        assert_eq!(phases.len(), Work::value_variants().len());
        for operation in phases.iter().flat_map(|phase| &phase.operations) {
            match operation {
                Operation::Push { blob, .. } => assert!(seen.insert(blob.digest)),
                Operation::PushImage { image, .. } => assert!(seen.insert(image.manifest.digest)),
                _ => {}
            }
        }
        assert!(seen.len() >= 52, "{}", seen.len());
        assert!(content.large.iter().all(|blob| !seen.contains(&blob.digest)));
    }
}
