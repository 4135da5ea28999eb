//! Which repository has which blobs, manifests, tags and referrers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use transload_oci::{Descriptor, Digest, Manifest};

use super::budget::Held;
use super::content::Content;

/// All repositories. A blob's content is there once, however many repositories have it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    repositories: BTreeMap<String, Repository>,
    contents: HashMap<Digest, Shared>,
}

#[derive(Debug)]
struct Shared {
    content: Arc<Content>,
    repositories: usize,
}

#[derive(Debug, Default)]
struct Repository {
    blobs: HashSet<Digest>,
    manifests: HashMap<Digest, Arc<Kept>>,
    tags: BTreeMap<String, Digest>,
    /// Subject to the manifests about it, oldest first.
    referrers: HashMap<Digest, Vec<Digest>>,
}

/// A manifest, and the memory it takes.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) manifest: Manifest,
    pub(crate) _held: Held,
}

/// Some names in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) names: Vec<String>,
    /// Whether there are more behind the last one.
    pub(crate) more: bool,
}

impl Index {
    /// Whether anything was ever pushed to the repository.
    pub(crate) fn has_repository(&self, repository: &str) -> bool {
        self.repositories.contains_key(repository)
    }

    /// A blob of the repository.
    pub(crate) fn blob(&self, repository: &str, digest: &Digest) -> Option<Arc<Content>> {
        let has = self.repositories.get(repository)?.blobs.contains(digest);
        has.then(|| self.contents.get(digest).map(|shared| Arc::clone(&shared.content))).flatten()
    }

    /// Whether the bytes are in any repository.
    pub(crate) fn has_content(&self, digest: &Digest) -> bool {
        self.contents.contains_key(digest)
    }

    /// Adds a blob to the repository. Where the bytes are known already, `content` is dropped.
    pub(crate) fn add_blob(&mut self, repository: &str, digest: Digest, content: Arc<Content>) {
        let shared = self.contents.entry(digest).or_insert(Shared { content, repositories: 0 });
        if self.repositories.entry(repository.to_owned()).or_default().blobs.insert(digest) {
            shared.repositories += 1;
        }
    }

    /// Takes a blob out of the repository, and the bytes away when it was the last that had them.
    pub(crate) fn remove_blob(&mut self, repository: &str, digest: &Digest) -> bool {
        let had = self.repositories.get_mut(repository).is_some_and(|r| r.blobs.remove(digest));
        if had && let Some(shared) = self.contents.get_mut(digest) {
            shared.repositories -= 1;
            if shared.repositories == 0 {
                shared.content.remove();
                self.contents.remove(digest);
            }
        }
        had
    }

    /// The first thing a manifest points at that the repository lacks. Foreign layers may be elsewhere.
    pub(crate) fn missing_child(&self, repository: &str, manifest: &Manifest) -> Option<Digest> {
        let children = &manifest.view.children;
        let repository = self.repositories.get(repository);
        let has_manifest = |d: &Digest| repository.is_some_and(|r| r.manifests.contains_key(d));
        let has_blob = |d: &Digest| repository.is_some_and(|r| r.blobs.contains(d));
        let foreign =
            |d: &Descriptor| !d.urls.is_empty() || transload_oci::media_type::is_foreign_layer(&d.media_type);
        let manifests = children.manifests.iter().filter(|d| !has_manifest(&d.digest));
        let blobs = children.blobs.iter().filter(|d| !has_blob(&d.digest) && !foreign(d));
        manifests.chain(blobs).map(|d| d.digest).next()
    }

    /// Adds a manifest, under a tag where there is one.
    pub(crate) fn add_manifest(&mut self, repository: &str, tag: Option<&str>, kept: Kept) {
        let repository = self.repositories.entry(repository.to_owned()).or_default();
        let digest = kept.manifest.digest;
        if let Some(subject) = &kept.manifest.view.subject {
            let referrers = repository.referrers.entry(subject.digest).or_default();
            if !referrers.contains(&digest) {
                referrers.push(digest);
            }
        }
        repository.manifests.insert(digest, Arc::new(kept));
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest);
        }
    }

    /// A manifest by its digest.
    pub(crate) fn manifest(&self, repository: &str, digest: &Digest) -> Option<Arc<Kept>> {
        self.repositories.get(repository)?.manifests.get(digest).map(Arc::clone)
    }

    /// What a tag points at.
    pub(crate) fn tag(&self, repository: &str, tag: &str) -> Option<Digest> {
        self.repositories.get(repository)?.tags.get(tag).copied()
    }

    /// Removes a tag; the manifest stays.
    pub(crate) fn remove_tag(&mut self, repository: &str, tag: &str) -> bool {
        self.repositories.get_mut(repository).is_some_and(|r| r.tags.remove(tag).is_some())
    }

    /// Removes a manifest and every tag that points at it.
    pub(crate) fn remove_manifest(&mut self, repository: &str, digest: &Digest) -> bool {
        let Some(repository) = self.repositories.get_mut(repository) else { return false };
        let Some(kept) = repository.manifests.remove(digest) else { return false };
        repository.tags.retain(|_, target| target != digest);
        if let Some(subject) = &kept.manifest.view.subject
            && let Some(referrers) = repository.referrers.get_mut(&subject.digest)
        {
            referrers.retain(|referrer| referrer != digest);
        }
        true
    }

    /// The manifests whose subject is `digest`, as the referrers API describes them.
    pub(crate) fn referrers(&self, repository: &str, digest: &Digest) -> Vec<Descriptor> {
        let Some(repository) = self.repositories.get(repository) else { return Vec::new() };
        let referrers = repository.referrers.get(digest).into_iter().flatten();
        referrers.filter_map(|digest| repository.manifests.get(digest)).map(|kept| describe(kept)).collect()
    }

    /// At most `most` tags behind `last`; `None` without the repository.
    pub(crate) fn tags(&self, repository: &str, last: &str, most: usize) -> Option<Page> {
        self.repositories.get(repository).map(|r| page(&r.tags, last, most))
    }

    /// At most `most` repositories behind `last`.
    pub(crate) fn repositories(&self, last: &str, most: usize) -> Page {
        page(&self.repositories, last, most)
    }
}

fn describe(kept: &Kept) -> Descriptor {
    let mut descriptor = kept.manifest.descriptor();
    descriptor.artifact_type.clone_from(&kept.manifest.view.artifact_type);
    descriptor.annotations.clone_from(&kept.manifest.view.annotations);
    descriptor
}

fn page<T>(all: &BTreeMap<String, T>, last: &str, most: usize) -> Page {
    // no name is empty, so an empty `last` is before the first
    let mut rest = all.range::<str, _>((Bound::Excluded(last), Bound::Unbounded));
    let names: Vec<String> = rest.by_ref().take(most).map(|(name, _)| name.clone()).collect();
    Page { more: !names.is_empty() && rest.next().is_some(), names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_behind_the_last_name() {
        let all: BTreeMap<String, ()> = ["a", "b", "c"].map(|name| (name.to_owned(), ())).into();
        let page = |last, most| {
            let page = page(&all, last, most);
            (page.names.join(""), page.more)
        };
        assert_eq!(page("", 2), ("ab".to_owned(), true));
        assert_eq!(page("b", 2), ("c".to_owned(), false));
        assert_eq!(page("aa", 9), ("bc".to_owned(), false));
        assert_eq!(page("", 0), (String::new(), false));
        assert_eq!(page("z", 5), (String::new(), false));
    }
}
