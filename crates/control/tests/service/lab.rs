//! A control plane over a ledger of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use tempfile::TempDir;
use transload_control::ledger::Expect;
use transload_control::resource::{Body, Group};
use transload_control::{Caller, Control, ControlOptions, Ledger, LedgerLimits, Limits, ResourceId};
use transload_vault::{Embedded, MasterKey, MemoryRows, Sealer};
use uuid::Uuid;

const TENANT: Uuid = Uuid::from_u128(1);
const SUBSCRIPTION: Uuid = Uuid::from_u128(2);

/// A control plane with the groups `test` and `prod`.
pub(crate) struct Lab {
    pub(crate) control: Control,
    pub(crate) owner: Caller,
    url: String,
    /// SQLite's file is in it.
    _folder: Option<TempDir>,
}

impl Lab {
    /// In a folder of its own.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        Self { _folder: Some(folder), ..Self::over(url).await }
    }

    /// In a database.
    pub(crate) async fn over(url: String) -> Self {
        let ledger = Ledger::open(&url.clone().into(), LedgerLimits::default()).await.unwrap();
        let sealer = Sealer::new(&MasterKey::random().unwrap());
        let vault = Embedded::new(sealer, Arc::new(MemoryRows::default()));
        let control = Control::new(ledger, vault, options());
        let owner = Caller::itself(&control.subscription(), "test");
        for name in ["test", "prod"] {
            let body = Body::Group(Group { location: "here".to_owned(), tags: BTreeMap::new() });
            control.ledger().put(&group(name), &body, "me", Expect::Any).await.unwrap();
        }
        Self { control, owner, url, _folder: None }
    }

    /// What the ledger's own methods do not let one do.
    pub(crate) async fn tamper(&self, statement: &'static str) {
        let pool = sqlx::AnyPool::connect(&self.url).await.unwrap();
        sqlx::raw_sql(statement).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

pub(crate) fn group(name: &str) -> ResourceId {
    ResourceId::group_of(&SUBSCRIPTION.to_string(), name)
}

fn options() -> ControlOptions {
    ControlOptions {
        tenant: TENANT,
        subscription: SUBSCRIPTION,
        registry_suffix: ".azurecr.lab.test".into(),
        registry_host: None,
        vault_suffix: ".vault.lab.test".into(),
        storage_suffix: ".storage.lab.test".into(),
        host: "lab.test".into(),
        folders: Vec::new(),
        limits: Limits::default(),
    }
}
