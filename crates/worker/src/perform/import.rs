//! An import run: a blob into a registry.

use std::sync::Arc;

use futures_util::FutureExt;
use transload_control::ResourceId;
use transload_control::resource::{Direction, Pipeline, PipelineOption};
use transload_endpoints::{Job, OpenContainer};
use transload_transfer::{Import, TargetOptions};

use super::{Bench, blob_uri, has};
use crate::checkpoint::Guard;
use crate::fault::Fault;

/// Imports. Tags that are there with another digest take `OverwriteTags`; the blob is deleted after success if the
/// pipeline has `DeleteSourceBlobOnSuccess`, and that it cannot be is a warning.
pub(super) async fn run(
    bench: &Bench<'_>,
    pipeline_id: &ResourceId,
    blob: &str,
    catalog_digest: Option<&str>,
) -> Result<(), Fault> {
    let pipeline = bench.reach.pipeline(pipeline_id, Direction::Import).await?;
    bench.progress.change(|record| record.blob_uri = Some(blob_uri(&pipeline, blob)));
    let ends = async {
        let registry = bench.reach.registry_of(pipeline_id, bench.correlation()).await?;
        let (container, deletes) = open(bench, pipeline_id, &pipeline, blob).await?;
        Ok((registry, container, deletes))
    };
    let (registry, container, deletes) = bench.until_stopped(ends.boxed()).await?;
    for warning in &container.warnings {
        bench.progress.warn(warning);
    }
    let (guard, refused) = Guard::new(bench.holds(), catalog_digest.map(str::to_owned));
    let import = Import {
        store: container.store,
        name: blob.to_owned(),
        only: Vec::new(),
        target: registry.target(),
        options: TargetOptions {
            prefix: registry.prefix.clone(),
            overwrite_tags: has(&pipeline, PipelineOption::OverwriteTags),
            continue_on_errors: has(&pipeline, PipelineOption::ContinueOnErrors),
            checkpoint: Some(guard as Arc<_>),
            ..TargetOptions::default()
        },
        delete_source_blob_on_success: deletes,
    };
    let report = import.run(&bench.engine()).await;
    let settled = bench.settle(&report, true);
    match refused.lock().take() {
        Some(fault) => Err(fault),
        None => settled,
    }
}

/// Opens the container; and whether the blob can be deleted from it, as far as is known beforehand.
async fn open(
    bench: &Bench<'_>,
    pipeline_id: &ResourceId,
    pipeline: &Pipeline,
    blob: &str,
) -> Result<(OpenContainer, bool), Fault> {
    let wanted = has(pipeline, PipelineOption::DeleteSourceBlobOnSuccess);
    let opened = bench
        .reach
        .container(pipeline_id, pipeline, Job::Import { delete: wanted }, bench.correlation())
        .await;
    let (why, refused) = match opened {
        Ok(container) if wanted => match container.store.check_delete(blob) {
            Ok(()) => return Ok((container, true)),
            Err(error) => (error.to_string(), None),
        },
        Err(Fault::Failed { error, transient }) if wanted && error.code == "SasPermission" => {
            (error.message.clone(), Some(Fault::Failed { error, transient }))
        }
        other => return Ok((other?, false)),
    };
    // it may be just the deleting that is not allowed; if it is not, the first refusal names all that is missing
    let job = Job::Import { delete: false };
    let opened = bench.reach.container(pipeline_id, pipeline, job, bench.correlation()).await;
    let container = opened.map_err(|fault| refused.unwrap_or(fault))?;
    bench
        .progress
        .warn(&format!("the blob stays although the pipeline has DeleteSourceBlobOnSuccess: {why}"));
    Ok((container, false))
}
