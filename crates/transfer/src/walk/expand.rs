//! References to requests: one for each artifact, repositories without a tag spelled out.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::StreamExt;
use futures_util::stream;
use transload_oci::{Digest, Reference, Selector};
use transload_registry::{ErrorKind, Source};

use super::{Selection, Sources};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::nearest::nearest;
use crate::open::BundleSource;

/// One artifact to be walked.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// As it is shown to people.
    pub(super) name: String,
    pub(super) registry: String,
    pub(super) repository: String,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<Digest>,
    /// It is a referrer's tag that came along with "every tag".
    pub(super) implied: bool,
    /// It failed before it began.
    pub(super) error: Option<Error>,
}

impl Request {
    /// What to ask the registry for.
    pub(super) fn reference(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => String::new(),
        }
    }
}

/// The tags of repositories, as far as they have been listed.
pub(super) type Tags = HashMap<(String, String), BTreeSet<String>>;

/// Spells the selection out. Fails only when a reference names a registry that is not among the sources.
pub(super) async fn expand(
    engine: &Engine,
    sources: &Sources,
    selection: &Selection,
) -> Result<(Vec<Request>, Tags), Error> {
    for reference in &selection.references {
        if !reference.registry.as_ref().is_some_and(|host| sources.contains_key(host)) {
            let detail = "it names no registry";
            return Err(Error::new(Code::ReferenceInvalid, reference.to_string(), detail)
                .with_next("write registry/repository:tag, or name the registry with --from"));
        }
    }
    let expanded: Vec<_> = stream::iter(&selection.references)
        .map(|reference| one(engine, sources, reference, selection.referrers))
        .buffered(engine.limits.requests_at_once)
        .collect()
        .await;
    let mut tags = Tags::new();
    let mut seen = HashSet::new();
    let mut requests = Vec::new();
    for (reference, (found, listed)) in selection.references.iter().zip(expanded) {
        if let Some(listed) = listed {
            tags.insert(
                (reference.registry.clone().unwrap_or_default(), reference.repository.clone()),
                listed,
            );
        }
        requests.extend(found.into_iter().filter(|request| seen.insert(request.name.clone())));
    }
    Ok((requests, tags))
}

/// Requests for all roots of a bundle, and the tags it has.
pub(super) fn of_bundle(source: &BundleSource) -> (Vec<Request>, Tags) {
    let registry = source.host().to_owned();
    let mut seen = HashSet::new();
    let mut tags = Tags::new();
    let mut requests = Vec::new();
    for root in source.roots() {
        // a layout of one image often names a tag and no repository: then the target's prefix is the repository
        let repository = root.repository.as_deref().unwrap_or_default();
        if let Some(tag) = &root.tag {
            tags.entry((registry.clone(), repository.to_owned())).or_default().insert(tag.clone());
        }
        if root.referrer && root.tag.is_none() {
            continue;
        }
        let name = match (&root.tag, repository) {
            (Some(tag), "") => tag.clone(),
            (Some(tag), _) => format!("{repository}:{tag}"),
            (None, "") => root.descriptor.digest.to_string(),
            (None, _) => format!("{repository}@{}", root.descriptor.digest),
        };
        if seen.insert(name.clone()) {
            requests.push(Request {
                name,
                registry: registry.clone(),
                repository: repository.to_owned(),
                tag: root.tag.clone(),
                digest: Some(root.descriptor.digest),
                implied: root.referrer,
                error: None,
            });
        }
    }
    (requests, tags)
}

async fn one(
    engine: &Engine,
    sources: &Sources,
    reference: &Reference,
    referrers: bool,
) -> (Vec<Request>, Option<BTreeSet<String>>) {
    let registry = reference.registry.clone().unwrap_or_default();
    let request = |name: String, tag: Option<String>, digest: Option<Digest>| Request {
        name,
        registry: registry.clone(),
        repository: reference.repository.clone(),
        tag,
        digest,
        implied: false,
        error: None,
    };
    let name = reference.to_string();
    match &reference.selector {
        Selector::Tag(tag) => (vec![request(name, Some(tag.clone()), None)], None),
        Selector::Digest(digest, tag) => (vec![request(name, tag.clone(), Some(*digest))], None),
        Selector::All => {
            engine.events.send(&Event::Resolving { artifact: name.clone() });
            match every_tag(engine, sources, &registry, &reference.repository).await {
                Ok(tags) => {
                    let requests = tags.iter().filter(|tag| referrers || !is_referrer_tag(tag)).map(|tag| {
                        let mut made = request(format!("{name}:{tag}"), Some(tag.clone()), None);
                        made.implied = is_referrer_tag(tag);
                        made
                    });
                    // what is implied comes last: it is kept only if nothing else brings it along
                    let (implied, mut plain): (Vec<_>, Vec<_>) = requests.partition(|r| r.implied);
                    plain.extend(implied.into_iter().filter(|r| !is_fallback_tag(r.tag.as_deref())));
                    (plain, Some(tags.into_iter().collect()))
                }
                Err(error) => {
                    let mut failed = request(name, None, None);
                    failed.error = Some(error);
                    (vec![failed], None)
                }
            }
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
        Ok(tags) => Ok(tags),
        Err(error) if error.kind() == ErrorKind::RepositoryNotFound => {
            Err(repository_missing(engine, sources, registry, repository).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Says that a repository is missing, with the nearest name that the catalog has.
pub(super) async fn repository_missing(
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

/// Tags that name the referrers of a manifest: cosign's, and the fallback of registries without a referrers API.
pub(super) fn is_referrer_tag(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else { return false };
    let (hex, suffix) = rest.split_once('.').map_or((rest, ""), |(hex, suffix)| (hex, suffix));
    hex.len() == 64
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
        && matches!(suffix, "" | "sig" | "att" | "sbom")
}

fn is_fallback_tag(tag: Option<&str>) -> bool {
    tag.is_some_and(|tag| is_referrer_tag(tag) && !tag.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referrer_tags_are_told_from_others() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(is_referrer_tag(&format!("sha256-{hex}.sig")));
        assert!(is_referrer_tag(&format!("sha256-{hex}")));
        assert!(is_fallback_tag(Some(&format!("sha256-{hex}"))));
        assert!(!is_fallback_tag(Some(&format!("sha256-{hex}.att"))));
        assert!(!is_referrer_tag("v1.0"));
        assert!(!is_referrer_tag(&format!("sha256-{hex}.other")));
    }
}
