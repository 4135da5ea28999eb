//! A bundle for each repository: an export of that repository, with the open bundle as the registry.

use std::collections::BTreeMap;
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
use crate::walk::Sources;

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
    for ((registry, _), references) in groups(&source, &report.source)? {
        let sources: Sources = BTreeMap::from([(registry, Arc::clone(&source) as Arc<dyn Source>)]);
        let export = Export {
            sources,
            selection: Selection::of(references),
            store: Arc::clone(&split.target),
            name: None,
            options: ExportOptions {
                overwrite_blobs: split.overwrite_blobs,
                continue_on_errors: false,
                dry_run: split.dry_run,
                tool: split.tool.clone(),
            },
        };
        let done = export.run(&engine).await;
        let failed = !matches!(done.outcome, Outcome::Succeeded | Outcome::Unchanged);
        let error = done.error.clone();
        report.bundles.push(done);
        if failed {
            return error.map_or(Ok(()), Err);
        }
    }
    Ok(())
}

/// References to all artifacts, by registry and repository.
fn groups(
    source: &BundleSource,
    location: &str,
) -> Result<BTreeMap<(String, String), Vec<Reference>>, Error> {
    let mut groups: BTreeMap<(String, String), Vec<Reference>> = BTreeMap::new();
    for root in source.roots().iter().filter(|root| !root.referrer) {
        let digest = root.descriptor.digest;
        let Some(repository) = &root.repository else {
            let name = root.tag.clone().unwrap_or_else(|| digest.to_string());
            let subject = format!("{location}: {name}");
            return Err(Error::new(Code::ReferenceInvalid, subject, "it is in no repository")
                .with_next("import it under a name: transload import BUNDLE --to REGISTRY/REPOSITORY"));
        };
        let registry = root.registry.clone().unwrap_or_else(|| UNKNOWN_REGISTRY.to_owned());
        let selector = match &root.tag {
            Some(tag) => Selector::Tag(tag.clone()),
            None => Selector::Digest(digest, None),
        };
        let reference =
            Reference { registry: Some(registry.clone()), repository: repository.clone(), selector };
        groups.entry((registry, repository.clone())).or_default().push(reference);
    }
    Ok(groups)
}
