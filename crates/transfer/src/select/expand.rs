//! Selections to requests: one for each artifact, patterns spelled out.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use transload_oci::{Digest, Name, Pattern, Selector, newest};

use super::listing::{Listing, Place, Tags};
use super::referrer_tags::{is_fallback_tag, is_referrer_tag};
use super::{Chosen, Request, Selection, Wanted};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::nearest::nearest_few;
use crate::walk::Sources;

/// How many names are offered when nothing fits a pattern.
const NAMES_OFFERED: usize = 3;

/// What a selection comes to.
pub(crate) struct Expanded {
    pub(crate) requests: Vec<Request>,
    pub(crate) tags: Tags,
    pub(crate) chosen: Vec<Chosen>,
    pub(crate) warnings: Vec<String>,
}

/// Spells the selection out. Fails only when a reference names a registry that is not among the sources, or when
/// everything is excluded.
pub(crate) async fn expand(
    engine: &Engine,
    sources: &Sources,
    selection: &Selection,
) -> Result<Expanded, Error> {
    for wanted in &selection.wanted {
        if !wanted.pattern.registry().is_some_and(|host| sources.contains_key(host)) {
            let detail = "it names no registry";
            return Err(Error::new(Code::ReferenceInvalid, wanted.pattern.to_string(), detail)
                .with_next("write registry/repository:tag, or name the registry with --from"));
        }
        if wanted.pattern.is_open() || wanted.pattern.repository().is_none() {
            engine.events.send(&Event::Resolving { artifact: wanted.pattern.to_string() });
        }
    }
    let listing = Listing::of(engine, sources, selection).await;
    let spelling = Spelling { selection, listing: &listing, used: RefCell::default() };
    let mut seen = HashSet::new();
    let (mut requests, mut chosen) = (Vec::new(), Vec::new());
    for wanted in &selection.wanted {
        let found = spelling.requests(wanted);
        let good: Vec<String> =
            found.iter().filter(|r| r.error.is_none() && !r.implied).map(|r| r.name.clone()).collect();
        let plain = !wanted.pattern.is_open() && wanted.pattern.repository().is_some();
        chosen.push(Chosen {
            asked: wanted.pattern.to_string(),
            origin: wanted.origin.clone(),
            count: good.len(),
            names: if plain { Vec::new() } else { good },
        });
        let named_in = &wanted.origin;
        let found = found.into_iter().map(|request| Request { named_in: named_in.clone(), ..request });
        requests.extend(found.filter(|request| seen.insert(request.name.clone())));
    }
    if requests.is_empty() && !selection.wanted.is_empty() {
        let detail = "all that was asked for is excluded as well";
        return Err(Error::new(Code::NothingMatched, "", detail).with_next("leave out an --exclude"));
    }
    // what is implied comes last: it is kept only if nothing else brings it along
    requests.sort_by_key(|request| request.implied);
    let warnings = spelling.warnings();
    Ok(Expanded { requests, chosen, warnings, tags: listing.into_tags() })
}

/// A selection and what its patterns are held against.
struct Spelling<'a> {
    selection: &'a Selection,
    listing: &'a Listing,
    /// Exclusions that excluded something.
    used: RefCell<BTreeSet<usize>>,
}

impl Spelling<'_> {
    fn requests(&self, wanted: &Wanted) -> Vec<Request> {
        let pattern = &wanted.pattern;
        let registry = pattern.registry().unwrap_or_default();
        match pattern.as_reference() {
            Some(reference) => match &reference.selector {
                Selector::Tag(tag) => self.single(wanted, registry, &reference.repository, Some(tag), None),
                Selector::Digest(digest, tag) => {
                    self.single(wanted, registry, &reference.repository, tag.as_ref(), Some(*digest))
                }
                Selector::All => self.of_repository(wanted, &(registry.to_owned(), reference.repository)),
            },
            None => match pattern.repository() {
                Some(repository) => self.of_repository(wanted, &(registry.to_owned(), repository.to_owned())),
                None => self.of_catalog(wanted, registry),
            },
        }
    }

    fn single(
        &self,
        wanted: &Wanted,
        registry: &str,
        repository: &str,
        tag: Option<&String>,
        digest: Option<Digest>,
    ) -> Vec<Request> {
        let name = Name {
            registry: Some(registry),
            repository,
            tag: tag.map(String::as_str),
            digest: digest.as_ref(),
        };
        if self.is_excluded(&name) {
            return Vec::new();
        }
        let place = (registry.to_owned(), repository.to_owned());
        let request = request(wanted.pattern.to_string(), &place, tag.cloned());
        vec![Request { digest, ..request }]
    }

    fn of_repository(&self, wanted: &Wanted, place: &Place) -> Vec<Request> {
        let tags = match self.listing.tags(place) {
            Ok(tags) => tags,
            Err(error) => return vec![failed(wanted, place, error)],
        };
        let found = self.fitting(&wanted.pattern, place, tags);
        match found {
            Ok(found) if found.is_empty() => {
                let error = no_tag(&wanted.pattern, place, tags);
                vec![failed(wanted, place, error)]
            }
            Ok(found) | Err(found) => found,
        }
    }

    fn of_catalog(&self, wanted: &Wanted, registry: &str) -> Vec<Request> {
        let place = (registry.to_owned(), String::new());
        let names = match self.listing.catalog(registry) {
            Ok(names) => names,
            Err(error) => return vec![failed(wanted, &place, error)],
        };
        let mut requests = Vec::new();
        let mut excluded = false;
        let places = self.listing.places(&wanted.pattern);
        for place in &places {
            match self.listing.tags(place) {
                Ok(tags) => match self.fitting(&wanted.pattern, place, tags) {
                    Ok(found) => requests.extend(found),
                    Err(_) => excluded = true,
                },
                // a catalog may list what has no tag any more
                Err(error) if matches!(error.code(), Code::TagNotFound | Code::RepositoryNotFound) => {}
                Err(error) => requests.push(Request {
                    error: Some(error),
                    ..request(format!("{registry}/{}", place.1), place, None)
                }),
            }
        }
        if requests.is_empty() && !excluded {
            let error = no_repository(&wanted.pattern, registry, names, places.len());
            return vec![failed(wanted, &place, error)];
        }
        requests
    }

    /// The requests for the tags of a repository that fit. `Err` when exclusions leave none of them.
    fn fitting(
        &self,
        pattern: &Pattern,
        place: &Place,
        tags: &[String],
    ) -> Result<Vec<Request>, Vec<Request>> {
        let all: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| pattern.takes_tag(tag)).collect();
        let left: Vec<&str> = all
            .iter()
            .copied()
            .filter(|tag| {
                let (registry, repository) = (Some(place.0.as_str()), place.1.as_str());
                !self.is_excluded(&Name { registry, repository, tag: Some(tag), digest: None })
            })
            .collect();
        if left.is_empty() && !all.is_empty() {
            return Err(Vec::new());
        }
        let (implied, mut plain): (Vec<&str>, Vec<&str>) =
            left.into_iter().partition(|tag| is_referrer_tag(tag));
        let mut taken = Vec::new();
        match self.selection.latest {
            Some(count) => plain = newest(&plain, count, pattern.is_range()),
            None => {
                taken = implied
                    .into_iter()
                    .filter(|tag| self.selection.referrers && !is_fallback_tag(tag))
                    .collect();
            }
        }
        let made = plain.into_iter().chain(taken).map(|tag| {
            let name = format!("{}/{}:{tag}", place.0, place.1);
            Request { implied: is_referrer_tag(tag), ..request(name, place, Some(tag.to_owned())) }
        });
        Ok(made.collect())
    }

    fn is_excluded(&self, name: &Name<'_>) -> bool {
        let mut excluded = false;
        for (index, pattern) in self.selection.excluded.iter().enumerate() {
            if pattern.matches(name) {
                self.used.borrow_mut().insert(index);
                excluded = true;
            }
        }
        excluded
    }

    fn warnings(&self) -> Vec<String> {
        let used = self.used.borrow();
        let idle = self.selection.excluded.iter().enumerate().filter(|(index, _)| !used.contains(index));
        idle.map(|(_, pattern)| format!("--exclude {pattern} excludes nothing")).collect()
    }
}

fn request(name: String, place: &Place, tag: Option<String>) -> Request {
    Request {
        name,
        registry: place.0.clone(),
        origin: Some(place.0.clone()),
        repository: place.1.clone(),
        tag,
        digest: None,
        dropped: HashSet::new(),
        original: None,
        implied: false,
        named_in: None,
        error: None,
    }
}

fn failed(wanted: &Wanted, place: &Place, error: Error) -> Request {
    Request { error: Some(error), ..request(wanted.pattern.to_string(), place, None) }
}

/// Nothing of a repository fits a pattern.
fn no_tag(pattern: &Pattern, place: &Place, tags: &[String]) -> Error {
    let repository = format!("{}/{}", place.0, place.1);
    let tags: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| !is_referrer_tag(tag)).collect();
    let fitting = tags.iter().filter(|tag| pattern.takes_tag(tag)).count();
    let detail = match (tags.len(), fitting) {
        (count, 0) => format!("none of the {count} tags of {repository} fits"),
        (_, fitting) => {
            format!("none of the {fitting} tags of {repository} that fit is a version, as --latest needs")
        }
    };
    let text = pattern.to_string();
    let wanted = text.rsplit_once(':').map_or("", |(_, tag)| tag);
    let error = Error::new(Code::NothingMatched, text.clone(), detail);
    match nearest_few(wanted, tags, NAMES_OFFERED) {
        names if names.is_empty() => error,
        names => error.with_next(format!("the nearest are {}", names.join(", "))),
    }
}

/// No repository of a registry, or none of their tags, fits a pattern.
fn no_repository(pattern: &Pattern, registry: &str, names: &[String], fitting: usize) -> Error {
    let text = pattern.to_string();
    if fitting > 0 {
        let detail = format!("{fitting} of the repositories of {registry} fit, and none of their tags does");
        return Error::new(Code::NothingMatched, text, detail)
            .with_next("leave out the pattern behind ':' to see what there is with --dry-run");
    }
    let detail = format!("none of the {} repositories of {registry} fits", names.len());
    let wanted = text.strip_prefix(registry).unwrap_or(&text).trim_start_matches('/').to_owned();
    let error = Error::new(Code::NothingMatched, text, detail);
    match nearest_few(&wanted, names.iter().map(String::as_str), NAMES_OFFERED) {
        names if names.is_empty() => {
            error.with_next("the registry has no repository that this credential may see")
        }
        names => error.with_next(format!("the nearest are {}", names.join(", "))),
    }
}
