//! Walking one artifact: its manifests, their children and their referrers, as requests allow.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use transload_oci::{Descriptor, Digest, Manifest};
use transload_registry::{ErrorKind, Source};

use super::graph::{Graph, blobs_of, is_manifest};
use super::{Artifact, Sources};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::nearest::nearest;
use crate::select::{Request, Tags, is_referrer_tag, repository_missing};

/// Suffixes of the tags under which cosign keeps what belongs to a manifest.
const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];
/// From so many artifacts of one repository on, its tags are listed once instead of asking for cosign's one by one.
/// An index counts as many: each of its manifests may be signed.
const TAGS_LISTED_FROM: usize = 2;

/// Walks artifacts; shares what it has fetched among them.
pub(super) struct Walker<'a> {
    engine: &'a Engine,
    sources: &'a Sources,
    referrers: bool,
    fetched: Mutex<HashMap<(String, Digest), Manifest>>,
    tags: HashMap<(String, String), Listing>,
}

/// The tags of one repository: listed once, when that takes fewer requests than asking for them one by one.
struct Listing {
    pays: AtomicBool,
    tags: OnceCell<Option<BTreeSet<String>>>,
}

/// What one request brought.
enum Found {
    Manifest { manifest: Box<Manifest>, depth: usize },
    Referrers { subject: Digest, depth: usize, list: Vec<(Descriptor, Option<String>)> },
}

type Step<'f> = BoxFuture<'f, Result<Found, Error>>;

impl<'a> Walker<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        sources: &'a Sources,
        referrers: bool,
        tags: &Tags,
        requests: &[Request],
    ) -> Self {
        let mut counts: HashMap<(String, String), usize> = HashMap::new();
        for request in requests {
            *counts.entry((request.registry.clone(), request.repository.clone())).or_default() += 1;
        }
        let tags = counts
            .into_iter()
            .map(|(place, count)| {
                let known = tags.get(&place).cloned().map(Some);
                let pays = AtomicBool::new(known.is_some() || count >= TAGS_LISTED_FROM);
                (place, Listing { pays, tags: OnceCell::new_with(known) })
            })
            .collect();
        Self { engine, sources, referrers, fetched: Mutex::default(), tags }
    }

    /// Walks one artifact. What fails is in the artifact's error; then it comes without manifests.
    pub(super) async fn artifact(&self, request: &Request) -> (Artifact, Vec<Manifest>) {
        let mut artifact = Artifact::new(request);
        let walked = match request.error.clone() {
            Some(error) => Err(error),
            None => self.walk(request).await,
        };
        match walked {
            Ok((root, graph)) => {
                artifact.root = Some(root.descriptor());
                artifact.artifact_type = root.view.artifact_type.clone();
                artifact.platforms = root.platforms().iter().map(ToString::to_string).collect();
                let order = graph.order(&root.digest);
                artifact.referrers = graph.referrer_reports(&order);
                let manifests: Vec<Manifest> =
                    order.iter().filter_map(|d| graph.nodes.get(d)).cloned().collect();
                let mut seen = HashSet::new();
                artifact.blobs = manifests
                    .iter()
                    .flat_map(blobs_of)
                    .map(|blob| blob.digest)
                    .filter(|digest| seen.insert(*digest))
                    .collect();
                artifact.manifests = order;
                (artifact, manifests)
            }
            Err(error) => {
                artifact.error = Some(error);
                (artifact, Vec::new())
            }
        }
    }

    async fn walk(&self, request: &Request) -> Result<(Manifest, Graph), Error> {
        self.engine.events.send(&Event::Resolving { artifact: request.name.clone() });
        let source = self.sources[&request.registry].as_ref();
        let root = self.root(source, request).await?;
        if let Some(listing) = self.listing(request).filter(|_| root.is_index()) {
            listing.pays.store(true, Ordering::Relaxed);
        }
        let mut graph = Graph::default();
        let mut steps: FuturesUnordered<Step<'_>> = FuturesUnordered::new();
        graph.asked.insert(root.digest);
        self.take(&mut graph, &mut steps, source, request, root.clone(), 0)?;
        while let Some(found) = steps.next().await {
            match found? {
                Found::Manifest { manifest, depth } => {
                    self.take(&mut graph, &mut steps, source, request, *manifest, depth)?;
                }
                Found::Referrers { subject, depth, list } => {
                    for (descriptor, _) in &list {
                        if graph.asked.insert(descriptor.digest) {
                            steps.push(Box::pin(self.child(source, request, descriptor.clone(), depth + 1)));
                        }
                    }
                    graph.referrers.insert(subject, list);
                }
            }
        }
        Ok((root, graph))
    }

    /// Adds a manifest to the graph and asks for what it points at and what points at it.
    fn take<'f>(
        &'f self,
        graph: &mut Graph,
        steps: &mut FuturesUnordered<Step<'f>>,
        source: &'f dyn Source,
        request: &'f Request,
        manifest: Manifest,
        depth: usize,
    ) -> Result<(), Error> {
        let limits = &self.engine.limits;
        if depth > limits.depth_max || graph.asked.len() > limits.manifests_max {
            let detail = format!(
                "it reaches more than {} manifests, or nests them more than {} deep",
                limits.manifests_max, limits.depth_max
            );
            return Err(Error::new(Code::LimitExceeded, request.name.clone(), detail));
        }
        for child in manifest.view.children.manifests.iter().filter(|child| is_manifest(child)) {
            if graph.asked.insert(child.digest) {
                steps.push(Box::pin(self.child(source, request, child.clone(), depth + 1)));
            }
        }
        if self.referrers {
            steps.push(Box::pin(self.referrers(source, request, manifest.digest, depth)));
        }
        graph.nodes.insert(manifest.digest, manifest);
        Ok(())
    }

    async fn root(&self, source: &dyn Source, request: &Request) -> Result<Manifest, Error> {
        let fetched = self.engine.request(source.manifest(&request.repository, &request.reference())).await;
        match fetched {
            Ok(manifest) => Ok(manifest),
            Err(error)
                if matches!(error.kind(), ErrorKind::ManifestNotFound | ErrorKind::RepositoryNotFound) =>
            {
                Err(self.missing(source, request).await)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says what is missing, the repository or the tag, with the nearest name there is.
    async fn missing(&self, source: &dyn Source, request: &Request) -> Error {
        let subject = request.name.clone();
        let repository = format!("{}/{}", request.registry, request.repository);
        let tags = match self.engine.request(source.tags(&request.repository)).await {
            Ok(tags) => tags,
            Err(error) if error.kind() == ErrorKind::RepositoryNotFound => {
                return repository_missing(self.engine, self.sources, &request.registry, &request.repository)
                    .await;
            }
            Err(_) => Vec::new(),
        };
        match (&request.tag, request.digest) {
            (_, Some(digest)) => {
                Error::new(Code::ManifestNotFound, subject, format!("{repository} has no manifest {digest}"))
            }
            (tag, None) => {
                let tag = tag.as_deref().unwrap_or_default();
                let error =
                    Error::new(Code::TagNotFound, subject, format!("{repository} has no tag '{tag}'"));
                match nearest(tag, tags.iter().map(String::as_str)) {
                    Some(name) => error.with_next(format!("did you mean {repository}:{name}?")),
                    None if tags.iter().all(|tag| is_referrer_tag(tag)) => error,
                    None => error.with_next(format!("it has {}", some_of(&tags))),
                }
            }
        }
    }

    async fn child(
        &self,
        source: &dyn Source,
        request: &Request,
        child: Descriptor,
        depth: usize,
    ) -> Result<Found, Error> {
        let key = (request.registry.clone(), child.digest);
        let known = self.fetched.lock().get(&key).cloned();
        if let Some(manifest) = known {
            return Ok(Found::Manifest { manifest: Box::new(manifest), depth });
        }
        let fetched =
            self.engine.request(source.manifest(&request.repository, &child.digest.to_string())).await;
        let manifest = fetched.map_err(|error| match error.kind() {
            ErrorKind::ManifestNotFound => {
                let what = child.platform.as_ref().map(|p| format!(" ({p})")).unwrap_or_default();
                let detail = format!("its manifest {}{what} is not in {}", child.digest, request.repository);
                Error::new(Code::ManifestNotFound, request.name.clone(), detail)
                    .with_next("the index is sparse: push the missing platform too, or name the wanted platform's manifest by digest")
            }
            _ => error.into(),
        })?;
        self.fetched.lock().insert(key, manifest.clone());
        Ok(Found::Manifest { manifest: Box::new(manifest), depth })
    }

    async fn referrers(
        &self,
        source: &dyn Source,
        request: &Request,
        subject: Digest,
        depth: usize,
    ) -> Result<Found, Error> {
        let api = async {
            if !source.has_referrers_api()
                && let Some(tags) = self.listed_tags(source, request).await
                && !tags.contains(&subject.referrers_tag())
            {
                return Ok(Vec::new());
            }
            match self.engine.request(source.referrers(&request.repository, &subject)).await {
                Ok(list) => Ok(list),
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
                Err(error) => {
                    let error = Error::from(error);
                    let next =
                        format!("{}; --no-referrers leaves signatures and SBOMs behind", error.next_step());
                    Err(error.with_next(next))
                }
            }
        };
        let (listed, tagged) = tokio::join!(api, self.cosign(source, request, subject));
        let mut list: Vec<(Descriptor, Option<String>)> = listed?.into_iter().map(|d| (d, None)).collect();
        list.extend(tagged?.into_iter().map(|(d, tag)| (d, Some(tag))));
        list.sort_by_key(|(descriptor, tag)| (descriptor.digest, tag.clone()));
        Ok(Found::Referrers { subject, depth, list })
    }

    /// What cosign keeps under tags made of the digest.
    async fn cosign(
        &self,
        source: &dyn Source,
        request: &Request,
        subject: Digest,
    ) -> Result<Vec<(Descriptor, String)>, Error> {
        let prefix = subject.referrers_tag();
        let listed = self.listed_tags(source, request).await;
        let wanted = COSIGN_SUFFIXES
            .iter()
            .map(|suffix| format!("{prefix}.{suffix}"))
            .filter(|tag| listed.is_none_or(|tags| tags.contains(tag)));
        let asked = wanted.map(|tag| async move {
            let stat = self.engine.request(source.manifest_stat(&request.repository, &tag)).await?;
            Ok::<_, Error>(stat.map(|descriptor| (descriptor, tag)))
        });
        let found: Result<Vec<_>, Error> = futures_util::future::join_all(asked).await.into_iter().collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// The tags of the artifact's repository, where listing them is worth it and allowed.
    async fn listed_tags(&self, source: &dyn Source, request: &Request) -> Option<&BTreeSet<String>> {
        let listing = self.listing(request).filter(|listing| listing.pays.load(Ordering::Relaxed))?;
        let listed = listing.tags.get_or_init(|| async {
            let tags = self.engine.request(source.tags(&request.repository)).await;
            tags.ok().map(|tags| tags.into_iter().collect())
        });
        listed.await.as_ref()
    }

    fn listing(&self, request: &Request) -> Option<&Listing> {
        self.tags.get(&(request.registry.clone(), request.repository.clone()))
    }
}

/// Some tags that may have been meant; signatures' tags never are.
fn some_of(tags: &[String]) -> String {
    const SHOWN: usize = 5;
    let tags: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| !is_referrer_tag(tag)).collect();
    let mut shown = tags.iter().rev().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if tags.len() > SHOWN {
        shown.push_str(&format!(" and {} more", tags.len() - SHOWN));
    }
    shown
}
