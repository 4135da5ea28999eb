//! A ledger, two registries, a folder and workers on them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transload_control::ledger::{Expect, LogLine, NewRun, PutOutcome, QueueLimits};
use transload_control::resource::{
    Body, Container, Direction, Identity, Pipeline, PipelineOption, Registry, RegistryCredential,
    RegistryPlace, StorageAccess, TriggerStatus,
};
use transload_control::run::{Run, RunError, RunState, Work};
use transload_control::{Caller, Control, Ledger, LedgerLimits, ResourceId, SecretPlace};
use transload_depot::{Depot, Server};
use transload_endpoints::{Endpoints, OpenRegistry, Options, RegistryAt};
use transload_testkit::images::{Artifact, image, layer};
use transload_worker::{Hosted, Refusal, SecretRequest, Secrets, Worker, WorkerOptions};
use uuid::Uuid;

pub(crate) const KIB: u64 = 1024;

/// Secrets by their URIs; whoever asks for another is refused.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) plain: parking_lot::Mutex<Vec<(String, String)>>,
    /// Asked instead, where there is one.
    pub(crate) control: parking_lot::Mutex<Option<Control>>,
}

#[async_trait]
impl Secrets for Known {
    async fn secret(&self, request: &SecretRequest<'_>) -> Result<SecretString, Refusal> {
        let control = self.control.lock().clone();
        if let Some(control) = control {
            let caller = Caller::itself(&control.subscription(), request.correlation);
            return match control.secret_at(&caller, request.uri, request.identity, request.reader).await? {
                SecretPlace::Ours(value) => Ok(value),
                SecretPlace::Elsewhere(uri) => panic!("{uri} is nowhere"),
            };
        }
        let known =
            self.plain.lock().iter().find(|(uri, _)| uri == request.uri).map(|(_, value)| value.clone());
        known.map(SecretString::from).ok_or_else(|| Refusal {
            error: RunError {
                code: "SecretAccessDenied".to_owned(),
                message: format!("{} may not read {}", request.reader.name(), request.uri),
            },
            transient: false,
        })
    }

    async fn password(&self, sealed: &str) -> Result<SecretString, Refusal> {
        Ok(sealed.into())
    }
}

/// There are no hosted registries here.
#[derive(Debug)]
pub(crate) struct NoneHosted;

#[async_trait]
impl Hosted for NoneHosted {
    async fn reach(&self, id: &ResourceId, _: &Registry) -> Result<RegistryAt, Refusal> {
        let error = RunError { code: "Internal".to_owned(), message: format!("{id} is not hosted here") };
        Err(Refusal { error, transient: false })
    }
}

/// What the tests work in.
pub(crate) struct Site {
    pub(crate) ledger: Ledger,
    pub(crate) endpoints: Endpoints,
    pub(crate) secrets: Arc<Known>,
    pub(crate) folder: PathBuf,
    pub(crate) near: Depots,
    pub(crate) far: Depots,
    group: ResourceId,
    _temp: TempDir,
}

/// A registry of the tests, and the resource that it is.
pub(crate) struct Depots {
    pub(crate) id: ResourceId,
    pub(crate) host: String,
    _server: Server,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", temp.path().join("ledger.db").display());
        let limits = LedgerLimits {
            queue: QueueLimits {
                attempts_max: 3,
                backoff_first: Duration::from_millis(20),
                backoff_max: Duration::from_millis(50),
            },
            ..LedgerLimits::default()
        };
        let ledger = Ledger::open(&url.into(), limits).await.unwrap();
        let folder = temp.path().join("bundles");
        std::fs::create_dir(&folder).unwrap();
        let mut options = Options { folders: vec![folder.clone()], ..Options::default() };
        options.registries.limits.retries_max = 1;
        let endpoints = Endpoints::new(options);
        let group = ResourceId::group_of("00000000-0000-0000-0000-000000000001", "g");
        let near = depot(&ledger, &group, "near").await;
        let far = depot(&ledger, &group, "far").await;
        let secrets = Arc::new(Known::default());
        Self { ledger, endpoints, secrets, folder, near, far, group, _temp: temp }
    }

    /// Opens a registry for the test itself.
    pub(crate) fn open(&self, depot: &Depots) -> OpenRegistry {
        let at = RegistryAt { plain_http: true, ..RegistryAt::anonymous(depot.host.as_str()) };
        self.endpoints.open_registry(&at).unwrap()
    }

    /// Puts an image into the near registry.
    pub(crate) async fn push(&self, repository: &str, tag: &str, seed: u64, layers: &[u64]) -> Artifact {
        let layers: Vec<_> =
            layers.iter().enumerate().map(|(index, len)| layer(seed + index as u64, *len)).collect();
        let made = image(&layers);
        let target = self.open(&self.near).target();
        made.push(target.as_ref(), repository, Some(tag)).await.unwrap();
        made
    }

    /// An export pipeline of the near registry, or an import pipeline of the far one, onto the folder.
    pub(crate) async fn pipeline(
        &self,
        direction: Direction,
        name: &str,
        options: &[PipelineOption],
    ) -> ResourceId {
        let uri = format!("file://{}", self.folder.display());
        self.pipeline_at(direction, name, options, &uri, None, None).await
    }

    pub(crate) async fn pipeline_at(
        &self,
        direction: Direction,
        name: &str,
        options: &[PipelineOption],
        uri: &str,
        secret: Option<&str>,
        trigger: Option<TriggerStatus>,
    ) -> ResourceId {
        let id = match direction {
            Direction::Export => self.near.id.child("exportPipelines", name),
            Direction::Import => self.far.id.child("importPipelines", name),
        };
        let body = Body::Pipeline(Pipeline {
            direction,
            location: None,
            identity: Identity::System { principal_id: Uuid::new_v4() },
            container: Container {
                kind: "AzureStorageBlobContainer".to_owned(),
                uri: uri.to_owned(),
                access: StorageAccess::SasToken,
                key_vault_uri: secret.map(str::to_owned),
            },
            options: options.to_vec(),
            trigger,
        });
        self.ledger.put(&id, &body, "test", Expect::Any).await.unwrap();
        id
    }

    /// Asks for an export.
    pub(crate) async fn export(
        &self,
        run: &str,
        pipeline: &ResourceId,
        artifacts: &[&str],
        blob: &str,
    ) -> ResourceId {
        let work = Work::Export {
            pipeline: pipeline.clone(),
            artifacts: artifacts.iter().map(|artifact| (*artifact).to_owned()).collect(),
            target_kind: "AzureStorageBlob".to_owned(),
            blob: blob.to_owned(),
        };
        self.put(&self.near.id.child("pipelineRuns", run), work).await
    }

    /// Asks for an import.
    pub(crate) async fn import(&self, run: &str, pipeline: &ResourceId, blob: &str) -> ResourceId {
        self.import_of(run, pipeline, blob, None).await
    }

    pub(crate) async fn import_of(
        &self,
        run: &str,
        pipeline: &ResourceId,
        blob: &str,
        catalog_digest: Option<&str>,
    ) -> ResourceId {
        let work = Work::Import {
            pipeline: pipeline.clone(),
            source_kind: "AzureStorageBlob".to_owned(),
            blob: blob.to_owned(),
            catalog_digest: catalog_digest.map(str::to_owned),
            triggered_at: None,
        };
        self.put(&self.far.id.child("pipelineRuns", run), work).await
    }

    pub(crate) async fn put(&self, id: &ResourceId, work: Work) -> ResourceId {
        let new = NewRun {
            id: id.clone(),
            operation: Uuid::new_v4(),
            location: None,
            work,
            force_update_tag: Some(Uuid::new_v4().to_string()),
            correlation: "test-correlation".to_owned(),
            by: "test".to_owned(),
        };
        let put = self.ledger.put_run(&new).await.unwrap();
        assert!(matches!(put.outcome, PutOutcome::Created | PutOutcome::Requeued), "{put:?}");
        id.clone()
    }

    /// Makes a registry that is none of ours a resource beside the others.
    pub(crate) async fn external(&self, name: &str, host: &str) -> ResourceId {
        put_registry(&self.ledger, &self.group, name, host).await
    }

    /// The near registry is found there from now on.
    pub(crate) async fn move_near(&self, host: &str) {
        put_registry(&self.ledger, &self.group, "near", host).await;
    }

    /// The far registry is found there from now on.
    pub(crate) async fn move_far(&self, host: &str) {
        put_registry(&self.ledger, &self.group, "far", host).await;
    }

    pub(crate) fn options(&self, name: &str) -> WorkerOptions {
        let mut options = WorkerOptions::new(name, "transload/test");
        options.heartbeat = Duration::from_millis(100);
        options.interval = Duration::from_millis(200);
        options.limits.trigger.look_again = Duration::from_millis(20);
        options.limits.trigger.import_again_first = Duration::from_millis(50);
        options.limits.trigger.import_again_max = Duration::from_millis(100);
        options.watches = false;
        options
    }

    pub(crate) fn worker(&self, options: WorkerOptions) -> Working {
        let secrets = Arc::clone(&self.secrets) as Arc<dyn Secrets>;
        let worker =
            Worker::new(self.ledger.clone(), self.endpoints.clone(), secrets, Arc::new(NoneHosted), options);
        let stop = CancellationToken::new();
        let token = stop.clone();
        Working { stop, task: tokio::spawn(async move { worker.run(token).await }) }
    }

    /// The run once it is in its final state.
    pub(crate) async fn ended(&self, id: &ResourceId) -> Run {
        self.until(id, |run| run.state.is_final()).await
    }

    /// The run once something is so. What never is so is the test's own deadline.
    pub(crate) async fn until(&self, id: &ResourceId, so: impl Fn(&Run) -> bool) -> Run {
        loop {
            if let Some(run) = self.ledger.run(id).await.unwrap().filter(&so) {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Does one run with a worker of its own.
    pub(crate) async fn done(&self, id: &ResourceId) -> Run {
        let working = self.worker(self.options(&Uuid::new_v4().to_string()));
        let run = self.ended(id).await;
        working.end().await;
        run
    }

    pub(crate) async fn log(&self, id: &ResourceId) -> Vec<LogLine> {
        self.ledger.run_log(id, None, 1000).await.unwrap().items
    }

    pub(crate) async fn check(&self, made: &Artifact, repository: &str, tag: &str) {
        let source = self.open(&self.far).source();
        made.check(source.as_ref(), repository, Some(tag)).await.unwrap();
    }
}

pub(crate) fn assert_succeeded(run: &Run) {
    assert_eq!(run.state, RunState::Succeeded, "{:?} {:?}", run.record.error, run.record.failed);
    assert_eq!(run.record.percentage, 100);
}

pub(crate) fn failure(run: &Run) -> &RunError {
    assert_eq!(run.state, RunState::Failed, "{:?}", run.record);
    run.record.error.as_ref().unwrap()
}

async fn depot(ledger: &Ledger, group: &ResourceId, name: &str) -> Depots {
    let server = Server::start(([127, 0, 0, 1], 0).into(), Depot::temporary().unwrap()).await.unwrap();
    let host = server.addr().to_string();
    let id = put_registry(ledger, group, name, &host).await;
    Depots { id, host, _server: server }
}

async fn put_registry(ledger: &Ledger, group: &ResourceId, name: &str, host: &str) -> ResourceId {
    let id = group.resource("Microsoft.ContainerRegistry/registries", name);
    let body = Body::Registry(Registry {
        location: None,
        tags: std::collections::BTreeMap::new(),
        sku: "Premium".to_owned(),
        exports_allowed: true,
        extra: serde_json::Map::new(),
        place: RegistryPlace::External {
            login_server: host.to_owned(),
            plain_http: true,
            credential: RegistryCredential::Anonymous,
        },
    });
    ledger.put(&id, &body, "test", Expect::Any).await.unwrap();
    id
}

/// A worker at work.
pub(crate) struct Working {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    /// Ends it in good order.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Ends it as a crash would: it says nothing more.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}
