//! What two contents have in common, and what not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use transload_oci::Digest;

use crate::contents::{Content, Contents};
use crate::walk::total;

/// How the second of two contents differs from the first. Artifacts are the same when repository and tag are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Only in the second.
    pub new: Vec<Difference>,
    /// Only in the first.
    pub gone: Vec<Difference>,
    /// In both, with another digest.
    pub moved: Vec<Difference>,
    /// In both, with the same digest.
    pub same: Vec<Difference>,
    /// Sums over manifests and blobs, each once.
    pub totals: DiffTotals,
}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `repository:tag`, or `repository@digest`.
    pub name: String,
    /// Its digest in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    /// Its digest in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Digest>,
    /// Bytes of all that it consists of, in the second if it is there.
    pub bytes: u64,
    /// Of these, bytes that nothing in the first has.
    pub bytes_new: u64,
    /// Referrers that only the second has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrers_new: Vec<Digest>,
    /// Referrers that only the first has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrers_gone: Vec<Digest>,
}

/// Sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DiffTotals {
    /// Bytes of the first.
    pub bytes_before: u64,
    /// Bytes of the second.
    pub bytes_after: u64,
    /// Bytes only in the second.
    pub bytes_new: u64,
    /// Bytes only in the first.
    pub bytes_gone: u64,
    /// Bytes in both.
    pub bytes_same: u64,
}

impl Diff {
    /// Compares.
    pub fn of(before: &Contents, after: &Contents) -> Self {
        let names = |contents: &Contents| -> BTreeMap<String, Content> {
            contents.artifacts.iter().map(|content| (content.name(), content.clone())).collect()
        };
        let (old, new) = (names(before), names(after));
        let mut diff = Self {
            new: Vec::new(),
            gone: Vec::new(),
            moved: Vec::new(),
            same: Vec::new(),
            totals: DiffTotals::of(before, after),
        };
        let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in all {
            let difference = Difference::of(name, old.get(name), new.get(name), before, after);
            let list = match (difference.before, difference.after) {
                (None, _) => &mut diff.new,
                (_, None) => &mut diff.gone,
                (before, after) if before == after => &mut diff.same,
                _ => &mut diff.moved,
            };
            list.push(difference);
        }
        diff
    }

    /// Whether there is no difference at all: the same artifacts with the same referrers.
    pub fn is_empty(&self) -> bool {
        let referrers = |same: &Difference| same.referrers_new.is_empty() && same.referrers_gone.is_empty();
        self.new.is_empty()
            && self.gone.is_empty()
            && self.moved.is_empty()
            && self.same.iter().all(referrers)
    }
}

impl Difference {
    fn of(
        name: &str,
        old: Option<&Content>,
        new: Option<&Content>,
        before: &Contents,
        after: &Contents,
    ) -> Self {
        let referrers = |content: Option<&Content>| -> BTreeSet<Digest> {
            content.into_iter().flat_map(|content| content.referrers.iter().copied()).collect()
        };
        let (had, has) = (referrers(old), referrers(new));
        let digests: BTreeSet<&Digest> = new.into_iter().flat_map(Content::digests).collect();
        let unknown = digests.into_iter().filter(|digest| !before.sizes.contains_key(digest));
        Self {
            name: name.to_owned(),
            before: old.map(|content| content.digest),
            after: new.map(|content| content.digest),
            bytes: new.or(old).map_or(0, |content| content.bytes),
            bytes_new: total(unknown.filter_map(|digest| after.sizes.get(digest).copied())),
            referrers_new: has.difference(&had).copied().collect(),
            referrers_gone: had.difference(&has).copied().collect(),
        }
    }
}

impl DiffTotals {
    fn of(before: &Contents, after: &Contents) -> Self {
        let only = |ours: &Contents, theirs: &Contents| -> u64 {
            let only = ours.sizes.iter().filter(|(digest, _)| !theirs.sizes.contains_key(*digest));
            total(only.map(|(_, size)| *size))
        };
        let (bytes_before, bytes_after) =
            (total(before.sizes.values().copied()), total(after.sizes.values().copied()));
        let bytes_new = only(after, before);
        Self {
            bytes_before,
            bytes_after,
            bytes_new,
            bytes_gone: only(before, after),
            bytes_same: bytes_after - bytes_new,
        }
    }
}
