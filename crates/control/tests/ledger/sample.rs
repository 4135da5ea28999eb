//! Ids, resources and runs to test with.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use transload_control::ledger::{LedgerLimits, NewRun, QueueLimits};
use transload_control::resource::{Body, Registry, RegistryCredential, RegistryPlace, kind};
use transload_control::run::Work;
use transload_control::{Ledger, ResourceId};
use uuid::Uuid;

/// Longer than any test.
pub(crate) const LEASE: Duration = Duration::from_secs(600);

pub(crate) fn limits() -> LedgerLimits {
    LedgerLimits {
        queue: QueueLimits {
            attempts_max: 3,
            backoff_first: Duration::from_millis(20),
            backoff_max: Duration::from_millis(50),
        },
        ..LedgerLimits::default()
    }
}

pub(crate) async fn open(url: &str) -> Ledger {
    Ledger::open(&SecretString::from(url), limits()).await.unwrap()
}

pub(crate) fn group() -> ResourceId {
    ResourceId::group_of("s1", "Lab")
}

pub(crate) fn registry() -> ResourceId {
    group().resource(kind::REGISTRY, "Reg")
}

pub(crate) fn registry_body() -> Body {
    Body::Registry(Registry {
        location: None,
        tags: BTreeMap::new(),
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

pub(crate) fn pipeline(name: &str) -> ResourceId {
    registry().child("importPipelines", name)
}

pub(crate) fn run_id(name: &str) -> ResourceId {
    registry().child("pipelineRuns", name)
}

pub(crate) fn new_run(name: &str, of: &str) -> NewRun {
    NewRun {
        id: run_id(name),
        operation: Uuid::new_v4(),
        location: None,
        work: Work::Import {
            pipeline: pipeline(of),
            source_kind: "AzureStorageBlob".to_owned(),
            blob: "b.tar".to_owned(),
            catalog_digest: None,
            triggered_at: None,
        },
        force_update_tag: None,
        correlation: "c-1".to_owned(),
        by: "me".to_owned(),
    }
}
