//! A check: can a pipeline or a registry be reached with what it has? Nothing moves, and nothing is written.

use futures_util::{FutureExt, TryStreamExt};
use serde_json::json;
use transload_control::ResourceId;
use transload_control::resource::{Body, Direction, Pipeline, PipelineOption, TriggerStatus};
use transload_endpoints::Job;
use transload_transfer::Error as EngineError;

use super::Bench;
use crate::fault::Fault;
use crate::reach::OpenRegistry;

/// A name that no blob has: asking for it shows whether a container can be read.
const NO_BLOB: &str = "transload-check-of-access";

/// Checks. What works is told in the run's log and its warnings, what does not is the failure.
pub(super) async fn run(bench: &Bench<'_>, subject: &ResourceId) -> Result<(), Fault> {
    let checks = async {
        match bench.reach.body(subject).await? {
            Body::Registry(_) => {
                let registry = bench.reach.registry(subject, bench.correlation()).await?;
                reach_registry(bench, &registry).await
            }
            Body::Pipeline(pipeline) => {
                let registry = bench.reach.registry_of(subject, bench.correlation()).await?;
                reach_registry(bench, &registry).await?;
                reach_container(bench, subject, &pipeline).await
            }
            _ => Err(Fault::lasting("InvalidRequest", "only registries and pipelines can be checked")),
        }
    };
    bench.until_stopped(checks.boxed()).await?;
    bench.progress.change(|record| record.percentage = 100);
    Ok(())
}

async fn reach_registry(bench: &Bench<'_>, registry: &OpenRegistry) -> Result<(), Fault> {
    let host = &registry.host;
    match registry.source().repositories(1).await {
        Ok(_) => works(bench, &format!("registry {host}: reached, and its catalog can be read")),
        Err(error) => {
            let error = EngineError::from(error);
            let unlisted = ["RegistryUnsupported", "Denied", "RepositoryNotFound"];
            if !unlisted.contains(&error.code().as_str()) {
                return Err(Fault::of_engine(&error, bench.task(), bench.progress.limits()));
            }
            works(bench, &format!("registry {host}: reached; it does not give its catalog away"));
        }
    }
    Ok(())
}

async fn reach_container(bench: &Bench<'_>, id: &ResourceId, pipeline: &Pipeline) -> Result<(), Fault> {
    let watched = pipeline.trigger == Some(TriggerStatus::Enabled);
    let delete = pipeline.options.contains(&PipelineOption::DeleteSourceBlobOnSuccess);
    let job = match pipeline.direction {
        Direction::Export => Job::Export,
        Direction::Import if watched => Job::Watch { delete },
        Direction::Import => Job::Import { delete },
    };
    let container = bench.reach.container(id, pipeline, job, bench.correlation()).await?;
    for warning in &container.warnings {
        bench.progress.warn(warning);
    }
    let looked = async {
        container.store.stat(NO_BLOB).await?;
        if watched {
            container.store.list("").await?.try_next().await?;
        }
        Ok::<_, EngineError>(())
    };
    looked.await.map_err(|error| Fault::of_engine(&error, bench.task(), bench.progress.limits()))?;
    let what = if watched { "blobs can be listed and asked for" } else { "blobs can be asked for" };
    works(bench, &format!("container {}: reached, and {what}", container.place));
    Ok(())
}

fn works(bench: &Bench<'_>, text: &str) {
    bench.progress.line(&json!({"event": "works", "message": text}));
    bench.progress.warn(text);
}
