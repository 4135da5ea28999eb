//! The artifacts of a bundle as requests, all of them or those that patterns name.

use std::collections::HashSet;

use transload_oci::{Name, Pattern};
use transload_registry::Source;

use super::referrer_tags::is_referrer_tag;
use super::{Request, Tags};
use crate::code::Code;
use crate::error::Error;
use crate::nearest::nearest_few;
use crate::open::BundleSource;

/// How many names are offered when nothing fits a pattern.
const NAMES_OFFERED: usize = 3;

/// Requests for the roots of a bundle, and the tags it has. With patterns, for the roots that one of them fits.
///
/// # Errors
/// `NothingMatched` when one of the patterns fits nothing.
pub(crate) fn of_bundle(source: &BundleSource, only: &[Pattern]) -> Result<(Vec<Request>, Tags), Error> {
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
        let platforms = source.platforms_of(&root.descriptor.digest);
        if seen.insert(name.clone()) {
            requests.push(Request {
                name,
                registry: registry.clone(),
                origin: root.registry.clone(),
                repository: repository.to_owned(),
                tag: root.tag.clone(),
                digest: Some(root.descriptor.digest),
                dropped: platforms.map(|p| p.dropped_manifests.iter().copied().collect()).unwrap_or_default(),
                original: platforms.and_then(|p| p.original),
                implied: root.referrer,
                named_in: None,
                error: None,
            });
        }
    }
    if !only.is_empty() {
        requests = those(only, requests)?;
    }
    Ok((requests, tags))
}

fn those(only: &[Pattern], requests: Vec<Request>) -> Result<Vec<Request>, Error> {
    let fits = |pattern: &Pattern, request: &Request| {
        let bare = request.repository.is_empty() && pattern.to_string() == request.name;
        bare || pattern.matches(&Name {
            registry: request.origin.as_deref(),
            repository: &request.repository,
            tag: request.tag.as_deref(),
            digest: request.digest.as_ref(),
        })
    };
    for pattern in only {
        if requests.iter().any(|request| fits(pattern, request)) {
            continue;
        }
        let names = requests.iter().map(|request| request.name.as_str());
        let names = names.filter(|name| !name.rsplit(':').next().is_some_and(is_referrer_tag));
        let near = nearest_few(&pattern.to_string(), names, NAMES_OFFERED);
        let error =
            Error::new(Code::NothingMatched, format!("--only {pattern}"), "nothing in the bundle fits");
        return Err(error.with_next(format!("the nearest are {}", near.join(", "))));
    }
    Ok(requests.into_iter().filter(|request| only.iter().any(|pattern| fits(pattern, request))).collect())
}
