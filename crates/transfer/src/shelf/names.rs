//! Which repositories and tags the bundles make, one lying over the other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::OnceCell;
use transload_bundle::Root;
use transload_oci::{Digest, is_repository, is_tag};

use super::ShelfOptions;
use super::notes::Notes;
use super::reach::Reach;
use crate::open::{Opened, whole_name};

/// The tag of an image that has none, where it is all that a bundle has.
const ONLY_TAG: &str = "latest";
/// A repository that no better name was found for.
const NAMELESS: &str = "bundle";

/// A manifest that somebody named, and the media type under which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Named {
    pub(super) digest: Digest,
    pub(super) media_type: Arc<str>,
}

/// One repository.
#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) tags: BTreeMap<String, Named>,
    /// Everything that is named in it, tagged or not, each once.
    pub(super) roots: Vec<Named>,
    /// What can be reached from those, once it was asked for.
    pub(super) reach: OnceCell<Arc<Reach>>,
}

/// What all bundles name.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) repositories: BTreeMap<String, Repository>,
    /// Roots without any name: if they are about another manifest, they are in its repository.
    pub(super) floating: Vec<Named>,
}

/// Names while they are gathered.
struct Gathering<'a> {
    options: &'a ShelfOptions,
    names: Names,
    seen: HashMap<String, HashSet<Digest>>,
    media_types: HashSet<Arc<str>>,
    /// Which bundle has the tag that counts.
    from: HashMap<(String, String), String>,
    moved: Vec<String>,
    refused: Vec<String>,
    unnamed: Vec<String>,
}

impl Names {
    /// Gathers the names of bundles; what a later one says counts.
    pub(super) fn of(opened: &[Opened], options: &ShelfOptions, notes: &mut Notes) -> Self {
        let mut gathering = Gathering {
            options,
            names: Self::default(),
            seen: HashMap::new(),
            media_types: HashSet::new(),
            from: HashMap::new(),
            moved: Vec::new(),
            refused: Vec::new(),
            unnamed: Vec::new(),
        };
        for bundle in opened {
            gathering.take(bundle);
        }
        let most = options.limits.notes_max;
        notes.tell_some(gathering.unnamed, most, "images without a name are served by their digests");
        notes.tell_some(gathering.moved, most, "tags are in several bundles");
        notes.tell_some(gathering.refused, most, "names cannot be those of repositories or tags");
        gathering.names
    }
}

impl Gathering<'_> {
    fn take(&mut self, bundle: &Opened) {
        let roots = &bundle.index.roots;
        for root in roots {
            let named = self.named(root);
            if root.repository.is_none() && root.tag.is_none() && roots.len() > 1 {
                self.names.floating.push(named.clone());
            }
            let repository = self.repository_of(root, bundle);
            if !is_repository(&repository) {
                self.refused.push(format!(
                    "{}: '{repository}' cannot be the name of a repository and is not served; --map gives it another",
                    bundle.location
                ));
                continue;
            }
            let tag = root.tag.clone().or_else(|| {
                let only = roots.len() == 1 && root.repository.is_none();
                only.then(|| ONLY_TAG.to_owned())
            });
            if root.repository.is_none() {
                let by = tag.as_ref().map_or_else(|| format!("@{}", named.digest), |tag| format!(":{tag}"));
                self.unnamed.push(format!(
                    "{} does not say which repository it is: served as {repository}{by}; --repository gives another name",
                    bundle.location
                ));
            }
            self.add(repository, tag, &named, &bundle.location);
        }
    }

    fn add(&mut self, repository: String, tag: Option<String>, named: &Named, location: &str) {
        let there = self.names.repositories.entry(repository.clone()).or_default();
        if self.seen.entry(repository.clone()).or_default().insert(named.digest) {
            there.roots.push(named.clone());
        }
        let Some(tag) = tag else { return };
        if !is_tag(&tag) {
            self.refused.push(format!("{location}: '{tag}' cannot be a tag: {repository}@{}", named.digest));
            return;
        }
        let before = there.tags.insert(tag.clone(), named.clone());
        let name = (repository, tag);
        if let Some(before) = before.filter(|before| before.digest != named.digest) {
            let (repository, tag) = &name;
            let other = self.from.get(&name).map_or("another bundle", String::as_str);
            self.moved.push(format!(
                "{repository}:{tag} is {} in {other} and {} in {location}: the latter is served",
                before.digest.short(),
                named.digest.short()
            ));
        }
        self.from.insert(name, location.to_owned());
    }

    fn named(&mut self, root: &Root) -> Named {
        let media_type = root.descriptor.media_type.as_str();
        let kept = self.media_types.get(media_type).cloned();
        let media_type = kept.unwrap_or_else(|| {
            let media_type: Arc<str> = media_type.into();
            self.media_types.insert(Arc::clone(&media_type));
            media_type
        });
        Named { digest: root.descriptor.digest, media_type }
    }

    fn repository_of(&self, root: &Root, bundle: &Opened) -> String {
        let Some(repository) = &root.repository else {
            return self.options.repository.clone().unwrap_or_else(|| of_location(&bundle.location));
        };
        let mut renames = self.options.renames.iter();
        let renamed = renames.find_map(|rule| rule.apply(root.registry.as_deref(), repository));
        renamed.unwrap_or_else(|| repository.clone())
    }
}

/// A repository's name out of a file's: `/media/My Image.v2.tar` is `my-image.v2`.
fn of_location(location: &str) -> String {
    let last = location.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    let whole = whole_name(last);
    let stem = [".tar", ".oci"].iter().find_map(|end| whole.strip_suffix(end)).unwrap_or(whole);
    let kept = stem.to_lowercase();
    let parts = kept.split(|c: char| !(c.is_ascii_alphanumeric() || ".".contains(c)));
    let name = parts.map(|part| part.trim_matches('.')).filter(|part| !part.is_empty());
    let name = name.collect::<Vec<_>>().join("-");
    if is_repository(&name) { name } else { NAMELESS.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_names_in_it_gives_its_own() {
        for (location, expected) in [
            ("/media/stick/alpine.tar", "alpine"),
            ("alpine-3.20.tar", "alpine-3.20"),
            ("/media/My Image.v2.tar", "my-image.v2"),
            ("https://acct.blob.core.windows.net/box/web_1.oci", "web-1"),
            ("release.tar.001", "release"),
            ("layout/", "layout"),
            ("..tar", "bundle"),
            ("/", "bundle"),
        ] {
            assert_eq!(of_location(location), expected, "{location}");
        }
    }
}
