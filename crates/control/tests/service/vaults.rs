//! Vaults that are put again while their policies are changed: over PostgreSQL, whose every answer is waited for.

use transload_control::resource::{AccessPolicy, Body, kind};
use transload_control::{PolicyChange, ResourceId, VaultSpec};
use transload_testkit::peers::Postgres;

use crate::lab::{Lab, group};
use crate::steps::{at_every_step, meet};

fn id() -> ResourceId {
    group("test").resource(kind::VAULT, "labvault")
}

fn policy() -> AccessPolicy {
    AccessPolicy {
        tenant_id: "t".to_owned(),
        object_id: "someone".to_owned(),
        secrets: vec!["get".to_owned()],
        other: serde_json::Map::new(),
    }
}

impl Lab {
    async fn vault(&self, policies: Option<Vec<AccessPolicy>>) -> Vec<AccessPolicy> {
        let spec = VaultSpec { location: "here".to_owned(), policies, ..VaultSpec::default() };
        let put = self.control.put_vault(&self.owner, &id(), spec).await.unwrap();
        let Body::Vault(vault) = put.stored.body else { panic!("it is no vault") };
        vault.policies
    }

    async fn permit(&self) {
        let policies = vec![policy()];
        self.control.patch_policies(&self.owner, &id(), PolicyChange::Add, policies).await.unwrap();
    }
}

#[tokio::test]
async fn a_policy_that_is_added_meanwhile_stays() {
    let postgres = Postgres::start();
    let lab = Lab::over(postgres.database()).await;
    assert_eq!(lab.vault(None).await, [], "a new one opens to nobody");
    at_every_step(async |steps| {
        lab.vault(Some(Vec::new())).await;
        let (_, permitted) = meet(steps, lab.vault(None), lab.permit()).await;
        if permitted.is_none() {
            return false;
        }
        assert_eq!(lab.vault(None).await, [policy()], "after {steps} steps");
        true
    })
    .await;
    assert_eq!(lab.vault(Some(Vec::new())).await, [], "none is said, and so there is none");
}
