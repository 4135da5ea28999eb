//! Ids, resources and runs to test with.

use std::collections::BTreeMap;
use std::time::Duration;

use transload_control::ledger::{Beat, Claim, Ending, Expect, LedgerLimits, NewRun, PutOutcome, QueueLimits};
use transload_control::resource::{
    Body, Container, Direction, Group, Identity, Pipeline, Registry, RegistryCredential, RegistryPlace,
    StorageAccess, TriggerStatus, UserIdentity, Vault, kind,
};
use transload_control::run::{Record, Run, RunError, Work};
use transload_control::{Ledger, ResourceId};
use uuid::Uuid;

/// Longer than any test.
pub(crate) const LEASE: Duration = Duration::from_secs(600);
/// Over as soon as one looks.
pub(crate) const NO_LEASE: Duration = Duration::ZERO;

pub(crate) fn limits() -> LedgerLimits {
    LedgerLimits {
        queue: QueueLimits {
            attempts_max: 3,
            backoff_first: Duration::from_millis(10),
            backoff_max: Duration::from_millis(20),
        },
        connections_max: 4,
        ..LedgerLimits::default()
    }
}

/// Those with pauses that no test sees the end of.
pub(crate) fn patient() -> LedgerLimits {
    let queue = QueueLimits { attempts_max: 3, backoff_first: LEASE, backoff_max: LEASE };
    LedgerLimits { queue, ..limits() }
}

pub(crate) fn subscription() -> ResourceId {
    ResourceId::subscription_of("s1")
}

pub(crate) fn group() -> ResourceId {
    ResourceId::group_of("s1", "Lab")
}

pub(crate) fn registry() -> ResourceId {
    group().resource(kind::REGISTRY, "Reg")
}

pub(crate) fn group_body() -> Body {
    Body::Group(Group { location: "here".to_owned(), tags: BTreeMap::new() })
}

pub(crate) fn registry_body() -> Body {
    Body::Registry(Registry {
        location: None,
        tags: BTreeMap::from([("ä".to_owned(), "ö".to_owned())]),
        sku: "Premium".to_owned(),
        exports_allowed: true,
        extra: serde_json::Map::new(),
        place: RegistryPlace::External {
            login_server: "registry.example".to_owned(),
            plain_http: false,
            credential: RegistryCredential::Anonymous,
        },
    })
}

pub(crate) fn vault_body() -> Body {
    Body::Vault(Vault {
        location: "here".to_owned(),
        tags: BTreeMap::new(),
        policies: Vec::new(),
        extra: serde_json::Map::new(),
    })
}

pub(crate) fn identity_body() -> Body {
    Body::UserIdentity(UserIdentity {
        location: "here".to_owned(),
        tags: BTreeMap::new(),
        principal_id: Uuid::new_v4(),
        client_id: Uuid::new_v4(),
    })
}

pub(crate) fn pipeline_body(direction: Direction, trigger: Option<TriggerStatus>) -> Body {
    Body::Pipeline(Pipeline {
        direction,
        location: None,
        identity: Identity::System { principal_id: Uuid::nil() },
        container: Container {
            kind: "AzureStorageBlobContainer".to_owned(),
            uri: "https://account.blob.example/transfer".to_owned(),
            access: StorageAccess::ManagedIdentity,
            key_vault_uri: None,
        },
        options: Vec::new(),
        trigger,
    })
}

pub(crate) fn watched_body() -> Body {
    pipeline_body(Direction::Import, Some(TriggerStatus::Enabled))
}

pub(crate) fn pipeline(name: &str) -> ResourceId {
    registry().child("importPipelines", name)
}

pub(crate) fn run_id(name: &str) -> ResourceId {
    registry().child("pipelineRuns", name)
}

/// A run of a pipeline that imports blob `b.tar`.
pub(crate) fn new_run(name: &str, of: &str) -> NewRun {
    NewRun {
        id: run_id(name),
        operation: Uuid::new_v4(),
        location: None,
        work: import(of, "b.tar"),
        force_update_tag: None,
        correlation: "c-1".to_owned(),
        by: "me".to_owned(),
    }
}

pub(crate) fn import(of: &str, blob: &str) -> Work {
    Work::Import {
        pipeline: pipeline(of),
        source_kind: "AzureStorageBlob".to_owned(),
        blob: blob.to_owned(),
        catalog_digest: None,
        triggered_at: None,
    }
}

/// Puts a run that is not there yet.
pub(crate) async fn put(ledger: &Ledger, name: &str, of: &str) -> Run {
    let put = ledger.put_run(&new_run(name, of)).await.unwrap();
    assert_eq!(put.outcome, PutOutcome::Created);
    put.run
}

/// Puts a resource, whatever there is.
pub(crate) async fn make(ledger: &Ledger, id: &ResourceId, body: &Body) {
    ledger.put(id, body, "me", Expect::Any).await.unwrap();
}

/// Claims what is there to be claimed.
pub(crate) async fn claim(ledger: &Ledger) -> Claim {
    ledger.claim("worker-1", LEASE).await.unwrap().expect("there is something to claim")
}

pub(crate) async fn end(ledger: &Ledger, claim: &Claim, ending: Ending) {
    assert_eq!(ledger.finish(claim, &ending, &Record::default()).await.unwrap(), Beat::Go);
}

pub(crate) fn failed(transient: bool) -> Ending {
    let error = RunError { code: "REGISTRY_UNREACHABLE".to_owned(), message: "nobody answers".to_owned() };
    Ending::Failed { error, transient }
}

/// The last names of what was found.
pub(crate) fn names<'a>(ids: impl IntoIterator<Item = &'a ResourceId>) -> Vec<&'a str> {
    ids.into_iter().map(ResourceId::name).collect()
}
