//! `importImage`: registry to registry, nothing between (what `az acr import` asks for).

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use transload_control::run::Work;
use transload_transfer::{Copy, ForeignLayers, Platforms, Report, Retag, Selection, TargetOptions};

use super::Bench;
use super::export::wanted;
use crate::checkpoint::Guard;
use crate::fault::Fault;
use crate::reach::OpenRegistry;

/// One name that the image gets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    repository: String,
    tag: Option<String>,
}

/// Copies. Each name is a copy of its own: what the first brought the others find there.
pub(super) async fn run(bench: &Bench<'_>) -> Result<(), Fault> {
    let Work::ImportImage {
        registry,
        source_registry,
        source_host,
        source_image,
        target_tags,
        untagged_target_repositories,
        force,
        ..
    } = &bench.run().work
    else {
        return Err(Fault::lasting("Internal", "this is no import of an image"));
    };
    let ends = async {
        let source = match (source_registry, source_host) {
            (Some(id), _) => bench.reach.registry(id, bench.correlation()).await?,
            (None, Some(host)) => bench.reach.any_registry(host, bench.run()).await?,
            (None, None) => return Err(Fault::lasting("InvalidRequest", "no source registry is named")),
        };
        Ok((source, bench.reach.registry(registry, bench.correlation()).await?))
    };
    let (source, target) = bench.until_stopped(ends.boxed()).await?;
    let names = names(source_image, target_tags, untagged_target_repositories);
    let mut arrived = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let report = copy(bench, &source, &target, source_image, name, *force).await?;
        let settled = bench.settle(&report, index + 1 == names.len());
        arrived.extend(bench.progress.record().artifacts);
        bench.progress.change(|record| record.artifacts.clone_from(&arrived));
        settled?;
    }
    Ok(())
}

async fn copy(
    bench: &Bench<'_>,
    source: &OpenRegistry,
    target: &OpenRegistry,
    image: &str,
    name: &Name,
    force: bool,
) -> Result<Report, Fault> {
    let (repository, _) = apart(image);
    let rename = format!("{}={}", source.beneath(repository), name.repository);
    let Ok(rename) = rename.parse() else {
        let text = format!("'{}' is no repository's name; next: correct targetTags", name.repository);
        return Err(Fault::lasting("ReferenceInvalid", text));
    };
    let (guard, refused) = Guard::new(bench.holds(), None);
    let copy = Copy {
        sources: BTreeMap::from([(source.host.clone(), source.source())]),
        selection: Selection {
            wanted: vec![wanted(&source.named(image), image)?],
            excluded: Vec::new(),
            latest: None,
            platforms: Platforms::default(),
            foreign_layers: ForeignLayers::Carry,
            referrers: true,
        },
        target: target.target(),
        options: TargetOptions {
            prefix: target.prefix.clone(),
            renames: vec![rename],
            retag: name.tag.clone().map_or(Retag::Drop, Retag::To),
            overwrite_tags: force,
            checkpoint: Some(guard as Arc<_>),
            ..TargetOptions::default()
        },
    };
    let report = copy.run(&bench.engine()).await;
    match refused.lock().take() {
        Some(fault) => Err(fault),
        None => Ok(report),
    }
}

/// What the image is to be called: its own name, where nothing is said.
fn names(image: &str, tags: &[String], untagged: &[String]) -> Vec<Name> {
    let tagged = tags.iter().map(|tag| {
        let (repository, tag) = apart(tag);
        Name { repository: repository.to_owned(), tag: Some(tag.unwrap_or("latest").to_owned()) }
    });
    let untagged = untagged.iter().map(|repository| Name { repository: repository.clone(), tag: None });
    let names: Vec<Name> = tagged.chain(untagged).collect();
    if !names.is_empty() {
        return names;
    }
    let (repository, tag) = apart(image);
    let tag = if image.contains('@') { None } else { Some(tag.unwrap_or("latest").to_owned()) };
    vec![Name { repository: repository.to_owned(), tag }]
}

/// Repository and tag of `repository[:tag][@digest]`.
fn apart(image: &str) -> (&str, Option<&str>) {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    match named.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (named, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(image: &str, tags: &[&str], untagged: &[&str]) -> Vec<String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        names(image, &owned(tags), &owned(untagged))
            .into_iter()
            .map(|name| format!("{} {}", name.repository, name.tag.as_deref().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn images_get_the_names_that_were_asked_for_or_their_own() {
        assert_eq!(shown("team/app:v1", &[], &[]), ["team/app v1"]);
        assert_eq!(shown("team/app", &[], &[]), ["team/app latest"]);
        assert_eq!(shown("team/app@sha256:00", &[], &[]), ["team/app -"]);
        assert_eq!(shown("a:1", &["b:2", "c", "host/d:3"], &["e"]), ["b 2", "c latest", "host/d 3", "e -"]);
    }
}
