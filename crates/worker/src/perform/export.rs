//! An export run: artifacts of a registry into a blob.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use transload_control::ResourceId;
use transload_control::resource::{Direction, PipelineOption};
use transload_endpoints::Job;
use transload_transfer::{Export, ExportOptions, ForeignLayers, Outcome, Platforms, Selection, Wanted};

use super::{Bench, blob_uri, has};
use crate::fault::Fault;
use crate::reach::OpenRegistry;

/// Exports. A blob that is there and holds just that is left as it is; any other takes `OverwriteBlobs`.
pub(super) async fn run(
    bench: &Bench<'_>,
    pipeline_id: &ResourceId,
    artifacts: &[String],
    blob: &str,
) -> Result<(), Fault> {
    let pipeline = bench.reach.pipeline(pipeline_id, Direction::Export).await?;
    bench.progress.change(|record| record.blob_uri = Some(blob_uri(&pipeline, blob)));
    let ends = async {
        let registry = bench.reach.registry_of(pipeline_id, bench.correlation()).await?;
        let container =
            bench.reach.container(pipeline_id, &pipeline, Job::Export, bench.correlation()).await?;
        let hold = format!("blob:{}/{blob}", container.place);
        bench.holds().take(&[hold]).await?;
        Ok((registry, container))
    };
    let (registry, container) = bench.until_stopped(ends.boxed()).await?;
    for warning in &container.warnings {
        bench.progress.warn(warning);
    }
    let export = Export {
        selection: selection(&registry, artifacts)?,
        // no web: what a descriptor's URLs name is not for a server to ask
        sources: BTreeMap::from([(registry.host.clone(), registry.source())]),
        approved: None,
        store: container.store,
        name: Some(blob.to_owned()),
        options: ExportOptions {
            overwrite_blobs: has(&pipeline, PipelineOption::OverwriteBlobs),
            continue_on_errors: has(&pipeline, PipelineOption::ContinueOnErrors),
            dry_run: false,
            tool: bench.options.tool.clone(),
        },
    };
    let report = export.run(&bench.engine()).await;
    if report.outcome == Outcome::Unchanged {
        bench
            .progress
            .warn("the blob was there already, with just these artifacts in it: nothing was written");
    }
    bench.settle(&report, true)
}

fn selection(registry: &OpenRegistry, artifacts: &[String]) -> Result<Selection, Fault> {
    let wanted: Result<Vec<Wanted>, Fault> =
        artifacts.iter().map(|artifact| wanted(&registry.named(artifact), artifact)).collect();
    Ok(Selection {
        wanted: wanted?,
        excluded: Vec::new(),
        latest: None,
        platforms: Platforms::default(),
        foreign_layers: ForeignLayers::Carry,
        referrers: true,
    })
}

/// One reference or pattern; `shown` is how it was asked for.
pub(super) fn wanted(reference: &str, shown: &str) -> Result<Wanted, Fault> {
    match reference.parse() {
        Ok(pattern) => Ok(Wanted { pattern, origin: None }),
        Err(error) => {
            let text = format!(
                "'{shown}' names no artifact: {error}; next: write it as repository:tag, repository@sha256:… or repository"
            );
            Err(Fault::lasting("ReferenceInvalid", text))
        }
    }
}
