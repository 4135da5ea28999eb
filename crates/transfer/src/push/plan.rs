//! What the target lacks, found before anything is pushed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use transload_oci::{Digest, Rename};
use transload_registry::{ErrorKind, Target};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::report::Totals;
use crate::walk::{Artifact, Walk};

/// How to fill a target.
#[derive(Debug, Clone)]
pub(crate) struct PushOptions {
    /// Put in front of every repository's name, without a slash at its end. Empty for none.
    pub(crate) prefix: String,
    /// Rules for repositories' names; the first that fits counts.
    pub(crate) renames: Vec<Rename>,
    pub(crate) overwrite_tags: bool,
}

/// What is to be pushed.
#[derive(Debug)]
pub(crate) struct PushPlan {
    pub(crate) walk: Walk,
    /// As long as the walk's artifacts, in their order.
    pub(crate) artifacts: Vec<PushArtifact>,
    pub(crate) blobs: BTreeMap<Digest, PushBlob>,
    pub(crate) totals: Totals,
}

/// One artifact's part.
#[derive(Debug, Clone)]
pub(crate) struct PushArtifact {
    pub(crate) repository: String,
    /// The reference it will have in the target, for people.
    pub(crate) name: String,
    /// Manifests that the repository lacks, children first.
    pub(crate) manifests: Vec<Digest>,
    /// Tags to set once everything is there.
    pub(crate) tags: Vec<(String, Digest)>,
    /// Foreign layers of it stay behind.
    pub(crate) lacks_layers: bool,
    /// Its index lists platforms that do not travel.
    pub(crate) sparse: bool,
    /// Nothing to do.
    pub(crate) unchanged: bool,
}

/// One blob's part.
#[derive(Debug, Clone, Default)]
pub(crate) struct PushBlob {
    /// Repositories that lack it.
    pub(crate) wanted: BTreeSet<String>,
    /// Repositories that are known to have it.
    pub(crate) present: BTreeSet<String>,
}

/// What a look at the target brought for one artifact.
struct Looked {
    part: PushArtifact,
    /// Manifests that the repository has.
    present: Vec<Digest>,
}

impl PushPlan {
    /// Looks at the target for every artifact. Conflicts and denials are kept with their artifacts.
    pub(crate) async fn new(
        engine: &Engine,
        mut walk: Walk,
        target: &Arc<dyn Target>,
        options: &PushOptions,
    ) -> Result<Self, Error> {
        refuse_name_conflicts(&mut walk, target.as_ref(), options);
        let artifacts = &walk.artifacts;
        let looked: Vec<Option<Result<Looked, Error>>> = stream::iter(0..artifacts.len())
            // by number: a closure over references would keep this from being Send
            .map(|index| async move {
                let artifact = &artifacts[index];
                if artifact.error.is_some() {
                    return None;
                }
                Some(look(engine, artifact, target.as_ref(), options).await)
            })
            .buffered(engine.limits.requests_at_once)
            .collect()
            .await;
        let mut artifacts = Vec::new();
        let mut blobs: BTreeMap<Digest, PushBlob> = BTreeMap::new();
        let mut faults: Vec<Option<Error>> = Vec::new();
        for (artifact, looked) in walk.artifacts.iter().zip(looked) {
            let (part, fault) = match looked {
                Some(Ok(looked)) => {
                    take_blobs(&walk, &looked, &mut blobs);
                    (looked.part, None)
                }
                Some(Err(error)) => (PushArtifact::nothing(artifact, target.as_ref(), options), Some(error)),
                None => (PushArtifact::nothing(artifact, target.as_ref(), options), None),
            };
            artifacts.push(part);
            faults.push(fault);
        }
        for (artifact, fault) in walk.artifacts.iter_mut().zip(faults) {
            artifact.error = artifact.error.take().or(fault);
        }
        ask_for_blobs(engine, target.as_ref(), &mut blobs).await?;
        let mut plan = Self { totals: Totals::default(), walk, artifacts, blobs };
        plan.totals = plan.sums();
        Ok(plan)
    }

    fn sums(&self) -> Totals {
        let mut totals = crate::export::totals(&self.walk);
        let (mut moved, mut mounted) = (0, 0);
        for (digest, blob) in &self.blobs {
            let size = self.walk.blobs.get(digest).map_or(0, |b| b.descriptor.size);
            let wanted = blob.wanted.len() as u64;
            if wanted > 0 && blob.present.is_empty() {
                moved += size;
                mounted += size * (wanted - 1);
            } else {
                mounted += size * wanted;
            }
        }
        totals.bytes_moved = moved;
        totals.bytes_mounted = mounted;
        totals.bytes_present = crate::export::blob_bytes(&self.walk).saturating_sub(moved);
        totals
    }
}

impl PushArtifact {
    fn nothing(artifact: &Artifact, target: &dyn Target, options: &PushOptions) -> Self {
        let repository = target_repository(artifact, options);
        Self {
            name: format!("{}/{}", target.host(), in_target(artifact, &repository)),
            repository,
            manifests: Vec::new(),
            tags: Vec::new(),
            lacks_layers: artifact.foreign.iter().any(|layer| !layer.carried),
            sparse: !artifact.dropped.is_empty(),
            unchanged: false,
        }
    }
}

fn target_repository(artifact: &Artifact, options: &PushOptions) -> String {
    let renamed =
        options.renames.iter().find_map(|rule| rule.apply(artifact.origin.as_deref(), &artifact.repository));
    match (options.prefix.as_str(), renamed.as_deref().unwrap_or(&artifact.repository)) {
        ("", repository) => repository.to_owned(),
        // a bundle that names no repository goes into the one that the target names
        (prefix, "") => prefix.to_owned(),
        (prefix, repository) => format!("{prefix}/{repository}"),
    }
}

/// Every tag that the walk's artifacts and their referrers will have in the target, `host/repository:tag`, each once, in
/// their order as texts.
pub(crate) fn tags(walk: &Walk, target: &dyn Target, options: &PushOptions) -> Vec<String> {
    let mut tags = BTreeSet::new();
    for artifact in walk.good() {
        let repository = target_repository(artifact, options);
        let referrers = artifact.referrers.iter().filter_map(|referrer| referrer.tag.as_ref());
        for tag in artifact.tag.iter().chain(referrers) {
            tags.insert(format!("{}/{repository}:{tag}", target.host()));
        }
    }
    tags.into_iter().collect()
}

/// Two different manifests cannot have one name in the target.
fn refuse_name_conflicts(walk: &mut Walk, target: &dyn Target, options: &PushOptions) {
    let mut names: HashMap<String, (Digest, String)> = HashMap::new();
    for artifact in walk.artifacts.iter_mut().filter(|a| a.error.is_none() && a.tag.is_some()) {
        let Some(root) = &artifact.root else { continue };
        let name = in_target(artifact, &target_repository(artifact, options));
        match names.get(&name) {
            Some((digest, other)) if *digest != root.digest => {
                let detail = format!("{other} would be {}/{name} too, and is something else", target.host());
                artifact.error = Some(Error::new(Code::NameConflict, artifact.name.clone(), detail));
            }
            Some(_) => {}
            None => {
                names.insert(name, (root.digest, artifact.name.clone()));
            }
        }
    }
}

fn in_target(artifact: &Artifact, repository: &str) -> String {
    match (&artifact.tag, &artifact.root) {
        (Some(tag), _) => format!("{repository}:{tag}"),
        (None, Some(root)) => format!("{repository}@{}", root.digest),
        (None, None) => repository.to_owned(),
    }
}

/// Looks which of the artifact's tags and manifests the target has.
async fn look(
    engine: &Engine,
    artifact: &Artifact,
    target: &dyn Target,
    options: &PushOptions,
) -> Result<Looked, Error> {
    let mut part = PushArtifact::nothing(artifact, target, options);
    let Some(root) = &artifact.root else {
        return Err(Error::new(Code::Internal, artifact.name.clone(), "walked without a root"));
    };
    if part.repository.is_empty() {
        let detail = "the bundle does not say which repository it belongs to";
        let next = format!("name the repository: --to {}/REPOSITORY", target.host());
        return Err(Error::new(Code::ReferenceInvalid, artifact.name.clone(), detail).with_next(next));
    }
    if !transload_oci::is_repository(&part.repository) {
        let detail = format!("'{}' is no repository's name", part.repository);
        return Err(Error::new(Code::ReferenceInvalid, part.name, detail).with_next("choose another prefix"));
    }
    let mut tags: Vec<(String, Digest)> = artifact.tag.iter().map(|tag| (tag.clone(), root.digest)).collect();
    tags.extend(artifact.referrers.iter().filter_map(|r| Some((r.tag.clone()?, r.digest))));
    let mut known: HashSet<Digest> = HashSet::new();
    for (tag, digest) in tags {
        let there = engine.request(target.manifest_stat(&part.repository, &tag)).await?;
        match there {
            Some(there) if there.digest == digest => {
                known.insert(digest);
            }
            Some(there) if !options.overwrite_tags => {
                let subject = format!("{}/{}:{tag}", target.host(), part.repository);
                let detail =
                    format!("the tag exists with another digest: there {}, here {digest}", there.digest);
                return Err(Error::new(Code::TagConflict, subject, detail));
            }
            _ => part.tags.push((tag, digest)),
        }
    }
    let mut present = present_manifests(engine, artifact, target, &part.repository, known).await?;
    for referrer in unlisted(engine, artifact, target, &part.repository, &present).await? {
        present.remove(&referrer);
    }
    part.manifests = travelling(artifact).filter(|digest| !present.contains(digest)).copied().collect();
    part.unchanged = part.manifests.is_empty() && part.tags.is_empty();
    Ok(Looked { part, present: present.into_iter().collect() })
}

/// The manifests that are pushed. What a dropped one points at is not here, and it is not pushed without: a manifest
/// that a registry has vouches for its blobs.
fn travelling(artifact: &Artifact) -> impl DoubleEndedIterator<Item = &Digest> {
    artifact.manifests.iter().filter(|digest| !artifact.dropped.contains(digest))
}

/// Which manifests the repository has. An index does not vouch for its children: there are registries that take it
/// without them, and then an earlier transfer may have brought fewer platforms than this one does.
async fn present_manifests(
    engine: &Engine,
    artifact: &Artifact,
    target: &dyn Target,
    repository: &str,
    known: HashSet<Digest>,
) -> Result<HashSet<Digest>, Error> {
    let asked: Vec<Digest> = travelling(artifact).rev().filter(|d| !known.contains(*d)).copied().collect();
    let answers: Vec<Result<Option<Digest>, Error>> = stream::iter(asked)
        .map(|digest| async move {
            let there = engine.request(target.manifest_stat(repository, &digest.to_string())).await?;
            Ok(there.map(|_| digest))
        })
        .buffer_unordered(engine.limits.requests_at_once)
        .collect()
        .await;
    let mut present = known;
    for answer in answers {
        present.extend(answer?);
    }
    Ok(present)
}

/// Referrers that the repository has and does not list with their subject: a push that broke between the manifest
/// and the index under the fallback tag leaves one. Pushing it again lists it.
async fn unlisted(
    engine: &Engine,
    artifact: &Artifact,
    target: &dyn Target,
    repository: &str,
    present: &HashSet<Digest>,
) -> Result<Vec<Digest>, Error> {
    let mut by_subject: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for referrer in artifact.referrers.iter().filter(|r| r.tag.is_none() && present.contains(&r.digest)) {
        if let Some(subject) = referrer.subject {
            by_subject.entry(subject).or_default().push(referrer.digest);
        }
    }
    let mut unlisted = Vec::new();
    for (subject, referrers) in by_subject {
        let listed = match engine.request(target.referrers(repository, &subject)).await {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::Unsupported => continue,
            Err(error) => return Err(error.into()),
        };
        unlisted.extend(
            referrers.into_iter().filter(|digest| !listed.iter().any(|there| there.digest == *digest)),
        );
    }
    Ok(unlisted)
}

/// Notes which blobs the repository must get, and which it must have since it has their manifests.
fn take_blobs(walk: &Walk, looked: &Looked, blobs: &mut BTreeMap<Digest, PushBlob>) {
    let repository = &looked.part.repository;
    // what is not in the walk stays behind on purpose
    let of = |digest: &Digest| {
        let named = walk.manifests.get(digest).into_iter().flat_map(crate::walk::blobs_of);
        named.filter_map(|blob| walk.blobs.get(&blob.digest))
    };
    for blob in looked.present.iter().flat_map(of) {
        let known = blobs.entry(blob.descriptor.digest).or_default();
        // a registry takes manifests without their foreign layers: it is asked for those
        let list = if blob.foreign { &mut known.wanted } else { &mut known.present };
        list.insert(repository.clone());
    }
    for blob in looked.part.manifests.iter().flat_map(of) {
        blobs.entry(blob.descriptor.digest).or_default().wanted.insert(repository.clone());
    }
}

/// Asks for every blob that is wanted and not vouched for.
async fn ask_for_blobs(
    engine: &Engine,
    target: &dyn Target,
    blobs: &mut BTreeMap<Digest, PushBlob>,
) -> Result<(), Error> {
    let mut asked: Vec<(Digest, String)> = Vec::new();
    for (digest, blob) in blobs.iter_mut() {
        let PushBlob { wanted, present } = blob;
        wanted.retain(|repository| !present.contains(repository));
        asked.extend(wanted.iter().map(|repository| (*digest, repository.clone())));
    }
    let answers: Vec<Result<Option<(Digest, String)>, Error>> = stream::iter(asked)
        .map(|(digest, repository)| async move {
            let size = engine.request(target.blob_size(&repository, &digest)).await?;
            Ok(size.map(|_| (digest, repository)))
        })
        .buffer_unordered(engine.limits.requests_at_once)
        .collect()
        .await;
    let mut found: HashMap<Digest, Vec<String>> = HashMap::new();
    for answer in answers {
        if let Some((digest, repository)) = answer? {
            found.entry(digest).or_default().push(repository);
        }
    }
    for (digest, repositories) in found {
        let Some(blob) = blobs.get_mut(&digest) else { continue };
        for repository in repositories {
            blob.wanted.remove(&repository);
            blob.present.insert(repository);
        }
    }
    blobs.retain(|_, blob| !blob.wanted.is_empty());
    Ok(())
}
