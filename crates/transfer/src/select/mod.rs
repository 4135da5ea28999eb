//! What is to be moved: references, patterns, exclusions, and what they come to.

mod bundle;
mod expand;
mod listing;
mod lists;
mod referrer_tags;

pub use lists::{List, ListError, Listed, find_references};

pub(crate) use bundle::of_bundle;
pub(crate) use expand::expand;
pub(crate) use listing::{Tags, repository_missing};
pub(crate) use referrer_tags::is_referrer_tag;

use std::collections::HashSet;

use serde::Serialize;
use transload_oci::{Digest, Pattern, PlatformPattern, Reference};

use crate::error::Error;

/// What is to be moved.
#[derive(Debug, Clone)]
pub struct Selection {
    /// References and patterns, each with its registry.
    pub wanted: Vec<Wanted>,
    /// What is left out of it. A pattern without a registry means every registry.
    pub excluded: Vec<Pattern>,
    /// Of everything but single tags and digests, the newest so many versions of each repository.
    pub latest: Option<usize>,
    /// The platforms of images that travel.
    pub platforms: Platforms,
    /// Whether layers travel that need not be in a registry.
    pub foreign_layers: ForeignLayers,
    /// Whether signatures, SBOMs and attestations travel with what they are about.
    pub referrers: bool,
}

/// What becomes of layers that need not be in a registry (image-spec, "Non-Distributable Layers").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForeignLayers {
    /// They travel: from the source where it has them, else from their URLs, which takes a source under
    /// [`Web::HOST`](transload_registry::Web::HOST).
    #[default]
    Carry,
    /// They stay behind. Whoever runs the image has to get them from their URLs.
    Omit,
}

/// Which platforms of images travel.
#[derive(Debug, Clone, Default)]
pub struct Platforms {
    /// These; empty for all. An image that has none of them fails.
    pub wanted: Vec<PlatformPattern>,
    /// Write indexes anew so that they list only what travels. Their digest changes by it. Without it they stay as they
    /// are, and a registry has to take an index of which it does not have everything.
    pub rewrite: bool,
}

/// A reference or pattern, and where it was read.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is meant.
    pub pattern: Pattern,
    /// File and line, when it comes from a file.
    pub origin: Option<String>,
}

/// What became of one reference or pattern of a selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// As it was asked for.
    pub asked: String,
    /// File and line, when it comes from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How many artifacts it stands for.
    pub count: usize,
    /// Their names, unless it is just one's name itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

impl<P: Into<Pattern>> From<P> for Wanted {
    fn from(pattern: P) -> Self {
        Self { pattern: pattern.into(), origin: None }
    }
}

impl Selection {
    /// Just these, with their referrers.
    pub fn of(references: impl IntoIterator<Item = Reference>) -> Self {
        let wanted = references.into_iter().map(Wanted::from).collect();
        Self {
            wanted,
            excluded: Vec::new(),
            latest: None,
            platforms: Platforms::default(),
            foreign_layers: ForeignLayers::Carry,
            referrers: true,
        }
    }

    /// What was asked for, one text each, exclusions with `!` in front.
    pub(crate) fn texts(&self) -> Vec<String> {
        let wanted = self.wanted.iter().map(|wanted| wanted.pattern.to_string());
        let mut texts: Vec<String> = wanted.chain(self.excluded.iter().map(|p| format!("!{p}"))).collect();
        texts.extend(self.latest.map(|count| format!("--latest {count}")));
        texts.extend(self.platforms.wanted.iter().map(|platform| format!("--platform {platform}")));
        texts
    }
}

/// One artifact to be walked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// As it is shown to people.
    pub(crate) name: String,
    /// The key of its source.
    pub(crate) registry: String,
    /// The registry it came from at first, as far as that is known.
    pub(crate) origin: Option<String>,
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<Digest>,
    /// Manifests of it that are in the bundle without what they point at.
    pub(crate) dropped: HashSet<Digest>,
    /// The digest that it had before its index was written anew.
    pub(crate) original: Option<Digest>,
    /// It is a referrer's tag that came along with "every tag".
    pub(crate) implied: bool,
    /// File and line that it was named in.
    pub(crate) named_in: Option<String>,
    /// It failed before it began.
    pub(crate) error: Option<Error>,
}

impl Request {
    /// What to ask the registry for.
    pub(crate) fn reference(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => String::new(),
        }
    }
}
