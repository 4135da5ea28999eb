//! A bundle for each repository: an export of that repository, with the open bundle as the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use transload_oci::{Reference, Selector};
use transload_registry::Source;

use super::{Split, SplitReport};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::export::{Export, ExportOptions};
use crate::open::{BundleSource, Opened};
use crate::report::Outcome;
use crate::select::Selection;
use crate::walk::{Artifact, Sources, Walk, walk_bundle};

/// The registry of artifacts of which nobody says where they came from.
const UNKNOWN_REGISTRY: &str = "bundle";

pub(super) async fn split(
    engine: &Engine,
    split: &Split,
    opened: Opened,
    report: &mut SplitReport,
) -> Result<(), Error> {
    let mut engine = engine.clone();
    if opened.is_packed() {
        // its contents come in one order only
        engine.limits.blobs_at_once = 1;
    }
    let source = Arc::new(BundleSource::new(opened).await?);
    let walk = walk_bundle(&engine, &source, &[], false).await?;
    let sources: Sources =
        BTreeMap::from([(source.host().to_owned(), Arc::clone(&source) as Arc<dyn Source>)]);
    for (registry, repository) in repositories(&walk, &report.source)? {
        let part = part(&walk, &registry, &repository);
        let export = Export {
            sources: sources.clone(),
            selection: Selection::of(part.artifacts.iter().map(reference)),
            approved: None,
            store: Arc::clone(&split.target),
            name: None,
            options: ExportOptions {
                overwrite_blobs: split.overwrite_blobs,
                continue_on_errors: false,
                dry_run: split.dry_run,
                tool: split.tool.clone(),
            },
        };
        let done = export.run_with(&engine, async { Ok(part) }).await;
        let failed = !matches!(done.outcome, Outcome::Succeeded | Outcome::Unchanged);
        let error = done.error.clone();
        report.bundles.push(done);
        if failed {
            return error.map_or(Ok(()), Err);
        }
    }
    Ok(())
}

/// Registries and repositories of all artifacts.
fn repositories(walk: &Walk, location: &str) -> Result<BTreeSet<(String, String)>, Error> {
    let nameless = walk.artifacts.iter().find(|artifact| artifact.repository.is_empty());
    if let Some(artifact) = nameless {
        let subject = format!("{location}: {}", artifact.name);
        return Err(Error::new(Code::ReferenceInvalid, subject, "it is in no repository")
            .with_next("import it under a name: transload import BUNDLE --to REGISTRY/REPOSITORY"));
    }
    Ok(walk.artifacts.iter().map(|a| (origin(a).to_owned(), a.repository.clone())).collect())
}

fn origin(artifact: &Artifact) -> &str {
    artifact.origin.as_deref().unwrap_or(UNKNOWN_REGISTRY)
}

/// What of a walk is in one repository, as a walk of the registry it came from.
fn part(walk: &Walk, registry: &str, repository: &str) -> Walk {
    let own = walk.artifacts.iter().filter(|a| origin(a) == registry && a.repository == repository);
    let artifacts: Vec<Artifact> = own
        .map(|artifact| Artifact {
            name: reference(artifact).to_string(),
            registry: registry.to_owned(),
            ..artifact.clone()
        })
        .collect();
    let manifests = artifacts.iter().flat_map(|artifact| &artifact.manifests);
    let blobs = artifacts.iter().flat_map(|artifact| &artifact.blobs);
    Walk {
        manifests: manifests.filter_map(|d| Some((*d, walk.manifests.get(d)?.clone()))).collect(),
        blobs: blobs.filter_map(|d| Some((*d, walk.blobs.get(d)?.clone()))).collect(),
        artifacts,
        omitted: walk.omitted.clone(),
        chosen: Vec::new(),
        warnings: Vec::new(),
        order: None,
    }
}

/// As it would have been asked for in its registry.
fn reference(artifact: &Artifact) -> Reference {
    let selector = match (&artifact.tag, &artifact.root) {
        (Some(tag), _) => Selector::Tag(tag.clone()),
        (None, Some(root)) => Selector::Digest(root.digest, None),
        (None, None) => Selector::All,
    };
    let registry = Some(origin(artifact).to_owned());
    Reference { registry, repository: artifact.repository.clone(), selector }
}
