//! What registries list: their catalogs and the tags of their repositories, each asked for once.

use std::collections::{BTreeSet, HashMap};

use futures_util::StreamExt;
use futures_util::stream;
use transload_oci::Pattern;
use transload_registry::ErrorKind;

use super::Selection;
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::nearest::nearest;
use crate::walk::Sources;

/// Registry and repository.
pub(crate) type Place = (String, String);

/// The tags of repositories, as far as they have been listed.
pub(crate) type Tags = HashMap<Place, BTreeSet<String>>;

/// Everything that the patterns of a selection have to be held against.
pub(super) struct Listing {
    catalogs: HashMap<String, Result<Vec<String>, Error>>,
    tags: HashMap<Place, Result<Vec<String>, Error>>,
}

impl Listing {
    /// Asks for what the selection needs and nothing else: for single tags and digests, nothing.
    pub(super) async fn of(engine: &Engine, sources: &Sources, selection: &Selection) -> Self {
        let patterns = || selection.wanted.iter().map(|wanted| &wanted.pattern);
        let hosts = patterns().filter(|p| p.repository().is_none()).filter_map(Pattern::registry);
        let hosts: BTreeSet<String> = hosts.map(str::to_owned).collect();
        let catalogs = stream::iter(hosts)
            .map(|host| async move {
                let catalog = catalog(engine, sources, &host).await;
                (host, catalog)
            })
            .buffer_unordered(engine.limits.requests_at_once)
            .collect()
            .await;
        let mut listing = Self { catalogs, tags: HashMap::new() };
        let places: BTreeSet<Place> = patterns().flat_map(|pattern| listing.places(pattern)).collect();
        listing.tags = stream::iter(places)
            .map(|place| async move {
                let tags = every_tag(engine, sources, &place.0, &place.1).await;
                (place, tags)
            })
            .buffer_unordered(engine.limits.requests_at_once)
            .collect()
            .await;
        listing
    }

    /// The repositories whose tags a pattern has to be held against.
    pub(super) fn places(&self, pattern: &Pattern) -> Vec<Place> {
        let Some(host) = pattern.registry() else { return Vec::new() };
        match pattern.repository() {
            Some(name) if pattern.is_open() => vec![(host.to_owned(), name.to_owned())],
            Some(_) => Vec::new(),
            None => {
                let names = self.catalog(host).unwrap_or_default();
                let fitting = names.iter().filter(|name| pattern.takes_repository(name));
                fitting.map(|name| (host.to_owned(), name.clone())).collect()
            }
        }
    }

    /// The repositories of a registry, where they were asked for.
    pub(super) fn catalog(&self, host: &str) -> Result<&[String], Error> {
        match self.catalogs.get(host) {
            Some(Ok(names)) => Ok(names),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(&[]),
        }
    }

    /// The tags of a repository, where they were asked for.
    pub(super) fn tags(&self, place: &Place) -> Result<&[String], Error> {
        match self.tags.get(place) {
            Some(Ok(tags)) => Ok(tags),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(&[]),
        }
    }

    /// All tags that were listed, for whoever goes on from here.
    pub(super) fn into_tags(self) -> Tags {
        let listed = self.tags.into_iter().filter_map(|(place, tags)| Some((place, tags.ok()?)));
        listed.map(|(place, tags)| (place, tags.into_iter().collect())).collect()
    }
}

/// The repositories of a registry, all of them or an error.
async fn catalog(engine: &Engine, sources: &Sources, host: &str) -> Result<Vec<String>, Error> {
    const NEXT: &str = "name the repositories one by one: registry/repository:pattern";
    let most = engine.limits.catalog_repositories_max;
    match engine.request(sources[host].repositories(most)).await {
        Ok(names) if names.len() >= most => {
            let detail = format!("it has {most} repositories or more, which is too many to look through");
            Err(Error::new(Code::LimitExceeded, host, detail).with_next(NEXT))
        }
        Ok(names) => Ok(names),
        Err(error) => {
            let kind = error.kind();
            let error = Error::from(error);
            Err(match kind {
                ErrorKind::Unsupported | ErrorKind::RepositoryNotFound => {
                    let detail =
                        "the registry gives no catalog, so a pattern of repositories cannot be looked up";
                    Error::new(Code::RegistryUnsupported, host, detail).with_next(NEXT)
                }
                ErrorKind::Unauthorized | ErrorKind::Denied => {
                    let detail = format!(
                        "it denies its catalog, which a pattern of repositories needs: {}",
                        error.detail()
                    );
                    let next = format!("{NEXT}; or use a credential that may read the catalog");
                    Error::new(error.code(), host, detail).with_next(next)
                }
                _ => error,
            })
        }
    }
}

async fn every_tag(
    engine: &Engine,
    sources: &Sources,
    registry: &str,
    repository: &str,
) -> Result<Vec<String>, Error> {
    let source = &sources[registry];
    match engine.request(source.tags(repository)).await {
        Ok(tags) if tags.is_empty() => {
            let subject = format!("{registry}/{repository}");
            Err(Error::new(Code::TagNotFound, subject, "the repository has no tags")
                .with_next("name manifests by digest: registry/repository@sha256:…"))
        }
        Ok(mut tags) => {
            // the same tags make the same bundle, in whatever order a registry lists them
            tags.sort_unstable();
            Ok(tags)
        }
        Err(error) if error.kind() == ErrorKind::RepositoryNotFound => {
            Err(repository_missing(engine, sources, registry, repository).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Says that a repository is missing, with the nearest name that the catalog has.
pub(crate) async fn repository_missing(
    engine: &Engine,
    sources: &Sources,
    registry: &str,
    repository: &str,
) -> Error {
    let subject = format!("{registry}/{repository}");
    let missing =
        Error::new(Code::RepositoryNotFound, subject, format!("{registry} has no repository '{repository}'"));
    let most = engine.limits.catalog_names_max;
    // many registries do not give their catalog away: then there is no name to offer
    let names = engine.request(sources[registry].repositories(most)).await.unwrap_or_default();
    match nearest(repository, names.iter().map(String::as_str)) {
        Some(name) => missing.with_next(format!("did you mean {registry}/{name}?")),
        None => missing,
    }
}
