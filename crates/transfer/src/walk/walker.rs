//! Walking one artifact: its manifests, their children and their referrers, as requests allow.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use transload_oci::{Descriptor, Digest, Manifest};
use transload_registry::{ErrorKind, Source};

use super::graph::{Graph, is_manifest};
use super::sieve::Sieve;
use super::{Artifact, Sources};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::nearest::nearest;
use crate::select::{Platforms, Request, Tags, is_referrer_tag, repository_missing};

/// From so many artifacts of one repository on, its tags are listed once instead of asking for cosign's one by one.
/// An index counts as many: each of its manifests may be signed.
const TAGS_LISTED_FROM: usize = 2;

/// What is taken along of every artifact.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) referrers: bool,
    pub(super) platforms: &'a Platforms,
}

/// Walks artifacts; shares what it has fetched among them.
pub(super) struct Walker<'a> {
    pub(super) engine: &'a Engine,
    pub(super) sources: &'a Sources,
    referrers: bool,
    pub(super) platforms: &'a Platforms,
    fetched: Mutex<HashMap<(String, Digest), Manifest>>,
    pub(super) tags: HashMap<(String, String), Listing>,
}

/// The tags of one repository: listed once, when that takes fewer requests than asking for them one by one.
pub(super) struct Listing {
    pub(super) pays: AtomicBool,
    pub(super) tags: OnceCell<Option<BTreeSet<String>>>,
}

/// What one request brought.
pub(super) enum Found {
    Manifest {
        manifest: Box<Manifest>,
        at: At,
    },
    /// A manifest that is not there and need not be.
    Absent,
    Referrers {
        subject: Digest,
        depth: usize,
        list: Vec<(Descriptor, Option<String>)>,
    },
}

/// Where in the graph a manifest stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    depth: usize,
    /// It is the artifact itself or part of it, and no referrer.
    own: bool,
    /// Only the manifest is wanted, and only if it is there.
    dropped: bool,
}

type Step<'f> = BoxFuture<'f, Result<Found, Error>>;

impl<'a> Walker<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        sources: &'a Sources,
        how: How<'a>,
        tags: &Tags,
        requests: &[Request],
    ) -> Self {
        let How { referrers, platforms } = how;
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
        Self { engine, sources, referrers, platforms, fetched: Mutex::default(), tags }
    }

    /// Walks one artifact. What fails is in the artifact's error; then it comes without manifests.
    pub(super) async fn artifact(&self, request: &Request) -> (Artifact, Vec<Manifest>) {
        let mut artifact = Artifact::new(request);
        let walked = match request.error.clone() {
            Some(error) => Err(error),
            None => self.walk(request).await.and_then(|(root, mut graph)| {
                let root = self.sifted(&mut artifact, root, &mut graph)?;
                Ok((root, graph))
            }),
        };
        match walked {
            Ok((root, graph)) => {
                let manifests = artifact.take(&root, &graph);
                (artifact, manifests)
            }
            Err(error) => {
                artifact.error = Some(match &request.named_in {
                    Some(place) => error.named_in(place),
                    None => error,
                });
                (artifact, Vec::new())
            }
        }
    }

    async fn walk(&self, request: &Request) -> Result<(Manifest, Graph), Error> {
        self.engine.events.send(&Event::Resolving { artifact: request.name.clone() });
        let source = self.sources[&request.registry].as_ref();
        let root = self.root(source, request).await?;
        self.check_platform(source, request, &root).await?;
        if let Some(listing) = self.listing(request).filter(|_| root.is_index()) {
            listing.pays.store(true, Ordering::Relaxed);
        }
        let mut graph = Graph::default();
        let mut steps: FuturesUnordered<Step<'_>> = FuturesUnordered::new();
        graph.asked.insert(root.digest);
        let at = At { depth: 0, own: true, dropped: false };
        self.take(&mut graph, &mut steps, source, request, root.clone(), at)?;
        while let Some(found) = steps.next().await {
            match found? {
                Found::Manifest { manifest, at } => {
                    self.take(&mut graph, &mut steps, source, request, *manifest, at)?;
                }
                Found::Absent => {}
                Found::Referrers { subject, depth, list } => {
                    for (descriptor, _) in &list {
                        if graph.asked.insert(descriptor.digest) {
                            let at = At { depth: depth + 1, own: false, dropped: false };
                            steps.push(Box::pin(self.child(source, request, descriptor.clone(), at)));
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
        at: At,
    ) -> Result<(), Error> {
        let At { depth, own, .. } = at;
        let limits = &self.engine.limits;
        if depth > limits.depth_max || graph.asked.len() > limits.manifests_max {
            let detail = format!(
                "it reaches more than {} manifests, or nests them more than {} deep",
                limits.manifests_max, limits.depth_max
            );
            return Err(Error::new(Code::LimitExceeded, request.name.clone(), detail));
        }
        if own {
            Sieve::new(self.platforms, request).sift(&manifest, graph.keeps(&manifest.digest), graph);
        }
        for child in manifest.view.children.manifests.iter().filter(|child| is_manifest(child)) {
            if graph.asked.insert(child.digest) {
                let at = At { depth: depth + 1, own, dropped: !graph.keeps(&child.digest) };
                steps.push(Box::pin(self.child(source, request, child.clone(), at)));
            }
        }
        // who drops a platform has no use for its signatures
        if self.referrers && graph.keeps(&manifest.digest) {
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
        at: At,
    ) -> Result<Found, Error> {
        let key = (request.registry.clone(), child.digest);
        let known = self.fetched.lock().get(&key).cloned();
        if let Some(manifest) = known {
            return Ok(Found::Manifest { manifest: Box::new(manifest), at });
        }
        let fetched =
            self.engine.request(source.manifest(&request.repository, &child.digest.to_string())).await;
        let manifest = match fetched {
            Ok(manifest) => manifest,
            Err(error) => {
                let of_registry = error.kind() == ErrorKind::ManifestNotFound;
                let error = Error::from(error);
                if at.dropped && error.code() == Code::ManifestNotFound {
                    return Ok(Found::Absent);
                }
                return Err(if of_registry { child_missing(request, &child) } else { error });
            }
        };
        self.fetched.lock().insert(key, manifest.clone());
        Ok(Found::Manifest { manifest: Box::new(manifest), at })
    }
}

fn child_missing(request: &Request, child: &Descriptor) -> Error {
    let what = child.platform.as_ref().map(|p| format!(" ({p})")).unwrap_or_default();
    let detail = format!("its manifest {}{what} is not in {}", child.digest, request.repository);
    let next =
        "the index is sparse: push the missing platform too, or say with --platform which ones are wanted";
    Error::new(Code::ManifestNotFound, request.name.clone(), detail).with_next(next)
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
