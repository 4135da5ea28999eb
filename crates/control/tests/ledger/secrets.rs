//! Secrets of vaults.

use std::collections::BTreeMap;

use transload_control::resource::kind;
use transload_vault::{Attributes, Rows as _, SecretInfo, SecretRow, conformance};

use crate::sample::*;
use crate::stage::Stage;

pub(crate) async fn the_vault_suite_passes(stage: &Stage) {
    conformance::run(&stage.ledger).await;
}

fn secret(vault: &str) -> SecretRow {
    SecretRow {
        info: SecretInfo {
            vault: vault.to_owned(),
            name: "sas".to_owned(),
            version: "0".repeat(32),
            attributes: Attributes { enabled: true, not_before: None, expires: None, created: 1, updated: 1 },
            content_type: None,
            tags: BTreeMap::new(),
        },
        sealed: vec![1, 2, 3],
    }
}

pub(crate) async fn secrets_go_with_their_vault(stage: &Stage) {
    let ledger = &stage.ledger;
    for name in ["Mine", "Minerva"] {
        make(ledger, &group().resource(kind::VAULT, name), &vault_body()).await;
        ledger.insert(secret(name)).await.unwrap();
    }
    ledger.insert(secret("elsewhere")).await.unwrap();
    ledger.delete(&group().resource(kind::VAULT, "mine")).await.unwrap();
    assert_eq!(ledger.latest("mine", "sas").await.unwrap(), None);
    assert!(ledger.latest("minerva", "sas").await.unwrap().is_some());
    make(ledger, &group(), &group_body()).await;
    ledger.delete(&transload_control::ResourceId::group_of("s1", "lab")).await.unwrap();
    assert_eq!(ledger.latest("minerva", "sas").await.unwrap(), None);
    assert!(ledger.latest("elsewhere", "sas").await.unwrap().is_some());
}
