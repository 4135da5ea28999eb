//! Runs: asking for them, seeing, stopping and removing them.

use transload_oci::Pattern;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::ledger::{DeletedRun, LogLine, NewRun, Operation, Page, PutOutcome, PutRun};
use crate::names;
use crate::resource::{Body, Direction, kind};
use crate::run::{Run, Work};

/// A run as it is asked for.
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// Given back where it was sent.
    pub location: Option<String>,
    /// Another value makes an equal request run again.
    pub force_update_tag: Option<String>,
    /// The pipeline; of the same registry.
    pub pipeline: ResourceId,
    /// What to do.
    pub work: WorkSpec,
}

/// What a run is to do.
#[derive(Debug, Clone)]
pub enum WorkSpec {
    /// Artifacts into a blob.
    Export {
        /// `repository[:tag|@digest]`, or a pattern.
        artifacts: Vec<String>,
        /// The word of the wire.
        target_kind: String,
        /// Name of the blob.
        blob: String,
    },
    /// A blob into the registry.
    Import {
        /// The word of the wire.
        source_kind: String,
        /// Name of the blob.
        blob: String,
        /// What the catalog's digest has to be.
        catalog_digest: Option<String>,
    },
}

impl Control {
    /// Asks for a run. The same request again does nothing again; another request, or another `force_update_tag`, runs anew.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; a pipeline that is missing or of another registry; [`Code::TooManyArtifacts`];
    /// [`Code::InvalidRequest`]; [`Code::Conflict`] while the run is under way with another request.
    pub async fn put_run(&self, caller: &Caller, id: &ResourceId, spec: RunSpec) -> Result<PutRun, Error> {
        self.allow(caller, id, Role::Operator, "write").await?;
        let work = self.put_run_allowed(caller, id, spec);
        self.audited(caller, &action(kind::PIPELINE_RUN, "write"), id.as_str(), work).await
    }

    async fn put_run_allowed(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: RunSpec,
    ) -> Result<PutRun, Error> {
        self.parent_exists(id).await?;
        // those of the trigger have names that nobody may make, and may be asked for again
        if self.ledger().run(id).await?.is_none() {
            names::check(id, kind::PIPELINE_RUN)?;
        }
        let work = self.work(id, &spec).await?;
        let new = NewRun {
            id: id.clone(),
            operation: Uuid::new_v4(),
            location: spec.location,
            work,
            force_update_tag: spec.force_update_tag,
            correlation: caller.correlation.clone(),
            by: caller.name.clone(),
        };
        let put = self.ledger().put_run(&new).await?;
        if put.outcome == PutOutcome::Busy {
            return Err(Error::new(
                Code::Conflict,
                format!(
                    "The pipeline run '{}' is under way with another request (another forceUpdateTag makes one). Wait for it to \
                     end, stop it (`az acr pipeline-run delete`, `transload run cancel`), or use another name.",
                    id.name()
                ),
            ));
        }
        Ok(put)
    }

    /// Whether a run could be asked for so.
    ///
    /// # Errors
    /// As of [`put_run`](Self::put_run), but for those of its name, its parent and a run that is under way.
    pub async fn check_run(&self, id: &ResourceId, spec: &RunSpec) -> Result<(), Error> {
        self.work(id, spec).await.map(drop)
    }

    async fn work(&self, id: &ResourceId, spec: &RunSpec) -> Result<Work, Error> {
        let pipeline = &spec.pipeline;
        if pipeline.parent() != id.parent() {
            let text = format!(
                "The pipeline '{pipeline}' belongs to another registry. A run is made in the registry of its pipeline."
            );
            return Err(Error::new(Code::InvalidRequest, text).about("pipelineResourceId"));
        }
        let stored = self.ledger().get(pipeline).await?;
        let Some((pipeline, Body::Pipeline(body))) = stored.map(|stored| (stored.id, stored.body)) else {
            let error = self.missing(pipeline).await?;
            return Err(error.about("pipelineResourceId"));
        };
        match (&spec.work, body.direction) {
            (WorkSpec::Export { artifacts, target_kind, blob }, Direction::Export) => {
                names::check_blob(blob, "target.name")?;
                let artifacts = self.artifacts(artifacts)?;
                Ok(Work::Export { pipeline, artifacts, target_kind: target_kind.clone(), blob: blob.clone() })
            }
            (WorkSpec::Import { source_kind, blob, catalog_digest }, Direction::Import) => {
                names::check_blob(blob, "source.name")?;
                let catalog_digest = catalog_digest.clone();
                let (source_kind, blob) = (source_kind.clone(), blob.clone());
                Ok(Work::Import { pipeline, source_kind, blob, catalog_digest, triggered_at: None })
            }
            _ => {
                let text = "The request and the pipeline are of different directions.";
                Err(Error::new(Code::InvalidRequest, text).about("pipelineResourceId"))
            }
        }
    }

    /// Artifacts as they are asked of the engine: `:latest` where neither tag nor digest was named.
    fn artifacts(&self, artifacts: &[String]) -> Result<Vec<String>, Error> {
        let refuse = |text: String| Err(Error::new(Code::InvalidRequest, text).about("artifacts"));
        let most = self.limits().artifacts_per_run_max;
        if artifacts.is_empty() {
            return refuse(
                "An export names at least one artifact, as repository:tag or repository@digest.".to_owned(),
            );
        }
        if artifacts.len() > most {
            let text = format!(
                "{} artifacts are asked for, and a run of this server takes at most {most}. Split them over several runs, \
                 or have the operator raise 'artifacts-per-run-max' ([serve] in transload.toml, or `transload \
                 serve --artifacts-per-run-max`).",
                artifacts.len()
            );
            return Err(Error::new(Code::TooManyArtifacts, text).about("artifacts"));
        }
        let mut named = Vec::new();
        for artifact in artifacts {
            let text = with_tag(artifact.trim());
            if let Err(error) = text.parse::<Pattern>() {
                return refuse(format!("{error}; write it as repository:tag or repository@digest"));
            }
            if !named.contains(&text) {
                named.push(text);
            }
        }
        Ok(named)
    }

    /// A run.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], `…NotFound`.
    pub async fn run(&self, caller: &Caller, id: &ResourceId) -> Result<Run, Error> {
        self.allow(caller, id, Role::Reader, "read").await?;
        self.in_subscription(id)?;
        match self.ledger().run(id).await? {
            Some(run) => Ok(run),
            None => Err(self.missing(id).await?),
        }
    }

    /// Runs beneath a scope, oldest first; as [`list`](Self::list).
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn runs(
        &self,
        caller: &Caller,
        scope: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Run>, Error> {
        let seen = self.may_see(caller, scope, "read").await?;
        self.scope_exists(scope).await?;
        let mut page = self.ledger().runs(scope, after, most.clamp(1, self.limits().page_items_max)).await?;
        page.items.retain(|run| seen.iter().any(|at| at.contains(&run.id)));
        Ok(page)
    }

    /// Lines of a run's log, oldest first.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_log(
        &self,
        caller: &Caller,
        id: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<LogLine>, Error> {
        self.run(caller, id).await?;
        self.ledger().run_log(id, after, most.clamp(1, 1000)).await
    }

    /// Stops a run; its record stays. One that has ended stays as it is.
    ///
    /// # Errors
    /// As [`run`](Self::run), for whoever is no Operator.
    pub async fn cancel_run(&self, caller: &Caller, id: &ResourceId) -> Result<Run, Error> {
        self.allow(caller, id, Role::Operator, "cancel/action").await?;
        let work = async {
            self.in_subscription(id)?;
            match self.ledger().cancel_run(id, &caller.name).await? {
                Some(run) => Ok(run),
                None => Err(self.missing(id).await?),
            }
        };
        self.audited(caller, &action(kind::PIPELINE_RUN, "cancel/action"), id.as_str(), work).await
    }

    /// Removes a run's record; blobs and images stay. One that is under way is cancelled first.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`].
    pub async fn delete_run(&self, caller: &Caller, id: &ResourceId) -> Result<DeletedRun, Error> {
        self.allow(caller, id, Role::Operator, "delete").await?;
        let work = async {
            self.in_subscription(id)?;
            self.ledger().delete_run(id).await
        };
        self.audited(caller, &action(kind::PIPELINE_RUN, "delete"), id.as_str(), work).await
    }

    /// An operation, for whoever may see the run.
    ///
    /// # Errors
    /// [`Code::ResourceNotFound`], also for whoever may not see the run.
    pub async fn operation(&self, caller: &Caller, operation: Uuid) -> Result<Operation, Error> {
        let unknown = || {
            Error::new(
                Code::ResourceNotFound,
                format!("The operation '{operation}' is not known (any more)."),
            )
        };
        let found = self.ledger().operation(operation).await?.ok_or_else(unknown)?;
        let grants = self.grants_of(caller).await?;
        if grants.iter().any(|(_, at)| at.contains(&found.resource)) {
            return Ok(found);
        }
        Err(unknown())
    }

    /// Tries whether a pipeline or a registry can be reached with what it has; nothing moves.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], `…NotFound`, [`Code::InvalidRequest`] for what is neither.
    pub async fn check(&self, caller: &Caller, id: &ResourceId) -> Result<Run, Error> {
        self.allow(caller, id, Role::Operator, "check/action").await?;
        let work = async {
            let stored = self.stored(id).await?;
            if !matches!(stored.body, Body::Pipeline(_) | Body::Registry(_)) {
                let text = "Pipelines and registries can be checked.";
                return Err(Error::new(Code::InvalidRequest, text));
            }
            let work = Work::Check { subject: stored.id.clone() };
            self.unlisted(caller, &stored.id, "checks", work).await
        };
        self.audited(caller, &action(&id.kind(), "check/action"), id.as_str(), work).await
    }

    /// A run that is no resource: it is only seen by its operation.
    pub(super) async fn unlisted(
        &self,
        caller: &Caller,
        subject: &ResourceId,
        kind: &str,
        work: Work,
    ) -> Result<Run, Error> {
        let operation = Uuid::new_v4();
        let new = NewRun {
            id: subject.child(kind, &operation.to_string()),
            operation,
            location: None,
            work,
            force_update_tag: None,
            correlation: caller.correlation.clone(),
            by: caller.name.clone(),
        };
        Ok(self.ledger().put_run(&new).await?.run)
    }
}

/// `repository` → `repository:latest`; anything that names more stays.
fn with_tag(artifact: &str) -> String {
    let last = artifact.rsplit('/').next().unwrap_or_default();
    let plain = !artifact.contains(['@', '*', '?', '{', '[']);
    if plain && !artifact.is_empty() && !last.contains(':') {
        return format!("{artifact}:latest");
    }
    artifact.to_owned()
}

#[cfg(test)]
mod tests {
    use super::with_tag;

    #[test]
    fn a_bare_repository_is_its_latest() {
        assert_eq!(with_tag("hello-world"), "hello-world:latest");
        assert_eq!(with_tag("a/b"), "a/b:latest");
        assert_eq!(with_tag("a/b:1"), "a/b:1");
        assert_eq!(with_tag("a@sha256:00"), "a@sha256:00");
        assert_eq!(with_tag("team/*"), "team/*");
        assert_eq!(with_tag(""), "");
    }
}
