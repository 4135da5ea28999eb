//! Walking the source: every artifact, manifest, referrer and blob is known before a byte moves.

mod artifact;
mod blobs;
mod graph;
mod platforms;
mod referrers;
mod sieve;
mod walker;

pub(crate) use artifact::Artifact;
pub(crate) use graph::{blobs_of, is_manifest};

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use transload_oci::{Descriptor, Digest, Manifest, Pattern, media_type};
use transload_registry::{Source, Web};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::open::BundleSource;
use crate::report::ForeignReport;
use crate::select::{Chosen, ForeignLayers, Platforms, Request, Selection, Tags, expand, of_bundle};

/// Registries by the host that references name.
pub type Sources = BTreeMap<String, Arc<dyn Source>>;

/// Artifacts walked at the same time; their requests share the engine's bound.
const ARTIFACTS_AT_ONCE: usize = 64;

/// The names of the registries among the sources.
pub(crate) fn registries(sources: &Sources) -> Vec<&str> {
    sources.keys().map(String::as_str).filter(|host| *host != Web::HOST).collect()
}

/// Registry, repository and digest, or the URL, for people.
pub(crate) fn place_text(registry: &str, repository: &str, digest: &Digest) -> String {
    if registry == Web::HOST {
        Web::printable(repository)
    } else {
        format!("{registry}/{repository}@{digest}")
    }
}

/// All that the selection means.
#[derive(Debug)]
pub(crate) struct Walk {
    /// In the order they were asked for.
    pub(crate) artifacts: Vec<Artifact>,
    /// Every manifest that some artifact reaches.
    pub(crate) manifests: HashMap<Digest, Manifest>,
    /// Every blob that some artifact reaches.
    pub(crate) blobs: HashMap<Digest, Blob>,
    /// Foreign layers that stay behind.
    pub(crate) omitted: HashMap<Digest, Descriptor>,
    /// What became of each pattern that was asked for.
    pub(crate) chosen: Vec<Chosen>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
    /// Where contents stand in a source that is read front to back, and slowly in any other order.
    pub(crate) order: Option<HashMap<Digest, u64>>,
}

/// A blob and where it can be had.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) descriptor: Descriptor,
    /// Registry and repository, the first being the one that is known to have it.
    pub(crate) places: Vec<(String, String)>,
    /// Every manifest that names it says that it need not be in a registry.
    pub(crate) foreign: bool,
}

/// A sum of sizes. They are the word of whoever pushed a manifest until the bytes were read, so that there may be too much.
pub(crate) fn total(sizes: impl IntoIterator<Item = u64>) -> u64 {
    sizes.into_iter().fold(0, u64::saturating_add)
}

impl Walk {
    /// Bytes of all that an artifact consists of.
    pub(crate) fn bytes_of(&self, artifact: &Artifact) -> u64 {
        let manifests = artifact.manifests.iter().filter_map(|d| self.manifests.get(d)).map(Manifest::size);
        let blobs = artifact.blobs.iter().filter_map(|d| self.blobs.get(d)).map(|b| b.descriptor.size);
        total(manifests.chain(blobs))
    }

    /// The artifacts that have not failed.
    pub(crate) fn good(&self) -> impl Iterator<Item = &Artifact> {
        self.artifacts.iter().filter(|artifact| artifact.error.is_none())
    }

    pub(crate) fn failures(&self) -> usize {
        self.artifacts.iter().filter(|artifact| artifact.error.is_some()).count()
    }

    /// Fails every artifact that needs a blob or manifest for which `fault` has an error.
    pub(crate) fn fail_where(&mut self, fault: impl Fn(&Digest) -> Option<Error>) {
        for artifact in self.artifacts.iter_mut().filter(|artifact| artifact.error.is_none()) {
            let needs = artifact.blobs.iter().chain(&artifact.manifests);
            artifact.error = needs.filter_map(&fault).next();
        }
    }
}

/// Walks the selection. What fails is kept with its artifact; the walk itself fails only when a whole
/// registry is missing from `sources`.
pub(crate) async fn walk(engine: &Engine, sources: &Sources, selection: &Selection) -> Result<Walk, Error> {
    let expanded = expand(engine, sources, selection).await?;
    let how = walker::How { referrers: selection.referrers, platforms: &selection.platforms };
    let omits = |_: &Digest| selection.foreign_layers == ForeignLayers::Omit;
    let mut walk = walk_requests(engine, sources, how, &omits, &expanded.requests, &expanded.tags).await?;
    walk.chosen = expanded.chosen;
    walk.warnings.splice(0..0, expanded.warnings);
    Ok(walk)
}

/// Walks what is in a bundle: everything, or what `only` names. Indexes of which the bundle does not have every platform
/// are written anew without the others when `rewrite` asks for it.
pub(crate) async fn walk_bundle(
    engine: &Engine,
    source: &Arc<BundleSource>,
    only: &[Pattern],
    rewrite: bool,
) -> Result<Walk, Error> {
    let (requests, tags) = of_bundle(source, only)?;
    let sources: Sources =
        BTreeMap::from([(source.host().to_owned(), Arc::clone(source) as Arc<dyn Source>)]);
    let how = walker::How { referrers: true, platforms: &Platforms { wanted: Vec::new(), rewrite } };
    let omitted = source.foreign_layers_omitted();
    let omits = |digest: &Digest| omitted.contains(digest);
    let walk = walk_requests(engine, &sources, how, &omits, &requests, &tags).await?;
    Ok(Walk { order: source.order(), ..walk })
}

async fn walk_requests(
    engine: &Engine,
    sources: &Sources,
    how: walker::How<'_>,
    omits: &(dyn Fn(&Digest) -> bool + Send + Sync),
    requests: &[Request],
    tags: &Tags,
) -> Result<Walk, Error> {
    let walker = walker::Walker::new(engine, sources, how, tags, requests);
    let walked: Vec<(Artifact, Vec<Manifest>)> = stream::iter(0..requests.len())
        // by number: a closure over references would keep this from being Send
        .map(|index| walker.artifact(&requests[index]))
        .buffered(ARTIFACTS_AT_ONCE)
        .collect()
        .await;

    let mut walk = Walk {
        artifacts: Vec::new(),
        manifests: HashMap::new(),
        blobs: HashMap::new(),
        omitted: HashMap::new(),
        chosen: Vec::new(),
        warnings: Vec::new(),
        order: None,
    };
    for (mut artifact, manifests) in walked {
        walk.warnings.append(&mut artifact.warnings);
        for manifest in manifests {
            if !artifact.dropped.contains(&manifest.digest) {
                walk.take_blobs(&artifact, &manifest);
            }
            walk.manifests.entry(manifest.digest).or_insert(manifest);
        }
        walk.artifacts.push(artifact);
    }
    walk.drop_travelling_referrers(requests);
    walk.sort_out_foreign(omits);
    blobs::check(engine, sources, &mut walk).await;
    for artifact in walk.good() {
        if let Some(root) = &artifact.root {
            engine.events.send(&Event::Resolved {
                artifact: artifact.name.clone(),
                digest: root.digest,
                manifests: artifact.manifests.len(),
                blobs: artifact.blobs.len(),
            });
        }
    }
    Ok(walk)
}

impl Walk {
    fn take_blobs(&mut self, artifact: &Artifact, manifest: &Manifest) {
        let place = (artifact.registry.clone(), artifact.repository.clone());
        for descriptor in blobs_of(manifest) {
            let blob = self.blobs.entry(descriptor.digest).or_insert_with(|| Blob {
                descriptor: descriptor.clone(),
                places: Vec::new(),
                foreign: true,
            });
            blob.foreign &= media_type::is_foreign_layer(&descriptor.media_type);
            if !blob.places.contains(&place) {
                blob.places.push(place.clone());
            }
        }
    }

    /// Notes each artifact's foreign layers, and leaves behind those that are to be omitted.
    fn sort_out_foreign(&mut self, omits: impl Fn(&Digest) -> bool) {
        let foreign = self.blobs.values().filter(|blob| blob.foreign).map(|blob| blob.descriptor.clone());
        let foreign: HashMap<Digest, Descriptor> = foreign.map(|layer| (layer.digest, layer)).collect();
        for artifact in &mut self.artifacts {
            let of = artifact.blobs.iter().filter_map(|digest| foreign.get(digest));
            artifact.foreign = of
                .map(|layer| ForeignReport {
                    digest: layer.digest,
                    size: layer.size,
                    urls: layer.urls.iter().map(|url| Web::printable(url)).collect(),
                    carried: !omits(&layer.digest),
                })
                .collect();
            artifact.blobs.retain(|digest| !(foreign.contains_key(digest) && omits(digest)));
        }
        self.omitted = foreign.into_iter().filter(|(digest, _)| omits(digest)).collect();
        self.blobs.retain(|digest, _| !self.omitted.contains_key(digest));
    }

    /// A cosign tag that travels as a referrer of another artifact is not an artifact of its own as well.
    fn drop_travelling_referrers(&mut self, requests: &[Request]) {
        let travelling: HashSet<(String, String)> = self
            .artifacts
            .iter()
            .flat_map(|a| a.referrers.iter().filter_map(|r| Some((a.repository.clone(), r.tag.clone()?))))
            .collect();
        let gone =
            sieve::tag_prefixes(self.artifacts.iter().flat_map(|a| a.dropped.iter().chain(&a.original)));
        let mut asked = requests.iter();
        self.artifacts.retain(|artifact| {
            let implied = asked.next().is_some_and(|request| request.implied);
            let name = (artifact.repository.clone(), artifact.tag.clone().unwrap_or_default());
            let of_dropped = gone.iter().any(|prefix| name.1.starts_with(prefix));
            !(implied && (of_dropped || travelling.contains(&name)))
        });
    }
}

/// Two different manifests cannot have one name in a bundle.
pub(crate) fn refuse_name_conflicts(walk: &mut Walk) {
    let mut names: HashMap<String, (Digest, String)> = HashMap::new();
    for artifact in walk.artifacts.iter_mut().filter(|a| a.error.is_none() && a.tag.is_some()) {
        let Some(root) = &artifact.root else { continue };
        let name = artifact.local_name();
        match names.get(&name) {
            Some((digest, other)) if *digest != root.digest => {
                let detail = format!("{other} has the same name '{name}' and another digest");
                artifact.error = Some(Error::new(Code::NameConflict, artifact.name.clone(), detail));
            }
            Some(_) => {}
            None => {
                names.insert(name, (root.digest, artifact.name.clone()));
            }
        }
    }
}
