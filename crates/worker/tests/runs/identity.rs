//! Identities of pipelines towards vaults: what they may not read is said exactly, and written down.

use std::sync::Arc;
use std::time::Duration;

use transload_control::audit::{Filter, Outcome};
use transload_control::resource::{AccessPolicy, Body, Direction, Group, TriggerStatus, Vault};
use transload_control::{Caller, Control, ControlOptions, Limits, PolicyChange, ResourceId};
use transload_testkit::peers::Azurite;
use transload_testkit::peers::sas::Sas;
use transload_vault::{Embedded, MasterKey, NewSecret, Sealer};
use uuid::Uuid;

use crate::support::{KIB, Site, assert_succeeded, failure};

const SECRET: &str = "https://vault1.vault.test/secrets/sas1";

async fn vault(site: &Site, token: &str) -> (Control, Caller, ResourceId) {
    let subscription = Uuid::from_u128(1);
    let options = ControlOptions {
        tenant: Uuid::from_u128(2),
        subscription,
        registry_suffix: ".registry.test".to_owned(),
        registry_host: None,
        vault_suffix: ".vault.test".to_owned(),
        storage_suffix: ".storage.test".to_owned(),
        host: "transload.test".to_owned(),
        folders: Vec::new(),
        limits: Limits::default(),
    };
    let sealer = Sealer::new(&MasterKey::random().unwrap());
    let control =
        Control::new(site.ledger.clone(), Embedded::new(sealer, Arc::new(site.ledger.clone())), options);
    let caller = Caller::itself(&control.subscription(), "c");
    let group = ResourceId::group_of(&subscription.to_string(), "g");
    control
        .put_group(&caller, &group, Group { location: "here".to_owned(), ..Group::default() })
        .await
        .unwrap();
    let id = group.resource("Microsoft.KeyVault/vaults", "vault1");
    let made = Vault {
        location: "here".to_owned(),
        tags: std::collections::BTreeMap::new(),
        policies: Vec::new(),
        extra: serde_json::Map::new(),
    };
    control.put_vault(&caller, &id, made).await.unwrap();
    control.secrets(&caller).set("vault1", "sas1", NewSecret::new(token)).await.unwrap();
    *site.secrets.control.lock() = Some(control.clone());
    (control, caller, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_without_get_is_refused_by_name_and_one_with_it_reads() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let site = Site::new().await;
    site.push("team/app", "v1", 1, &[20 * KIB]).await;
    let token = Sas::container("transfer").permissions("racwdl").token();
    let (control, caller, vault) = vault(&site, &token).await;
    let uri = azurite.url("transfer");
    let out = site.pipeline_at(Direction::Export, "out", &[], &uri, Some(SECRET), None).await;
    let Some(Body::Pipeline(pipeline)) = site.ledger.get(&out).await.unwrap().map(|stored| stored.body)
    else {
        panic!("no pipeline")
    };
    let principal = pipeline.identity.principals()[0].to_string();

    let run = site.done(&site.export("run1", &out, &["team/app:v1"], "one.tar").await).await;
    let why = failure(&run);
    assert_eq!((why.code.as_str(), run.record.attempts), ("SecretAccessDenied", 1));
    for part in [
        principal.as_str(),
        "'out'",
        "'sas1'",
        "'vault1'",
        "'get'",
        "az keyvault set-policy --name vault1 --object-id",
    ] {
        assert!(why.message.contains(part), "{part}: {}", why.message);
    }
    let denied = Filter { outcome: Some(Outcome::Denied), ..Filter::default() };
    let entries = site.ledger.audit_page(&denied, None, 10).await.unwrap().items;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].correlation, "test-correlation");

    let policy = AccessPolicy {
        tenant_id: Uuid::from_u128(2).to_string(),
        object_id: principal,
        secrets: vec!["get".to_owned()],
        other: serde_json::Map::new(),
    };
    control.patch_policies(&caller, &vault, PolicyChange::Add, vec![policy]).await.unwrap();
    assert_succeeded(&site.done(&site.export("run2", &out, &["team/app:v1"], "one.tar").await).await);
    let all = site.ledger.audit_page(&Filter::default(), None, 100).await.unwrap().items;
    let signature = token.split("sig=").nth(1).unwrap();
    assert!(!format!("{all:?}").contains(signature));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_may_not_read_its_secret_goes_on_when_it_may() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    azurite.put_blob("transfer", "notes.txt", b"no bundle");
    let site = Site::new().await;
    let token = Sas::container("transfer").permissions("racwdl").token();
    let (control, caller, vault) = vault(&site, &token).await;
    let uri = azurite.url("transfer");
    let enabled = Some(TriggerStatus::Enabled);
    let into = site.pipeline_at(Direction::Import, "in", &[], &uri, Some(SECRET), enabled).await;
    let Some(Body::Pipeline(pipeline)) = site.ledger.get(&into).await.unwrap().map(|stored| stored.body)
    else {
        panic!("no pipeline")
    };
    let mut options = site.options("watcher");
    options.watches = true;
    // by itself it does not look again within the life of the test
    options.interval = Duration::from_secs(86_400);
    options.limits.trigger.listing_again_max = options.interval;
    let working = site.worker(options);
    let denied = Filter { outcome: Some(Outcome::Denied), ..Filter::default() };
    while site.ledger.audit_page(&denied, None, 10).await.unwrap().items.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let policy = AccessPolicy {
        tenant_id: Uuid::from_u128(2).to_string(),
        object_id: pipeline.identity.principals()[0].to_string(),
        secrets: vec!["get".to_owned()],
        other: serde_json::Map::new(),
    };
    control.patch_policies(&caller, &vault, PolicyChange::Add, vec![policy]).await.unwrap();
    while site.ledger.seen(&into, "notes.txt").await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    working.end().await;
}
