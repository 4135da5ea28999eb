//! Vaults and who may do what with their secrets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use transload_resource_id::ResourceId;
use transload_vault::SecretUri;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::ledger::{Expect, Put};
use crate::names;
use crate::resource::{AccessPolicy, Body, Stored, Vault, kind};

/// What happens to policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyChange {
    /// Permissions are added to those that the principal has.
    Add,
    /// The principal has just these.
    Replace,
    /// These are taken away.
    Remove,
}

/// A vault as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct VaultSpec {
    /// Where it is said to be.
    pub location: String,
    /// Words of its owner.
    pub tags: BTreeMap<String, String>,
    /// Who may do what with its secrets; where nothing is said it stays as it is, and a new vault opens to nobody.
    pub policies: Option<Vec<AccessPolicy>>,
    /// Members that are only kept.
    pub extra: Map<String, Value>,
}

impl From<Vault> for VaultSpec {
    fn from(vault: Vault) -> Self {
        let Vault { location, tags, policies, extra } = vault;
        Self { location, tags, policies: Some(policies), extra }
    }
}

impl Control {
    /// Makes or changes a vault.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], names, [`Code::Conflict`] when another group has a vault of that name.
    pub async fn put_vault(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: impl Into<VaultSpec>,
    ) -> Result<Put, Error> {
        self.allow(caller, id, Role::Contributor, "write").await?;
        let spec = spec.into();
        let work = self.settled(id, || self.put_vault_allowed(caller, id, spec.clone()));
        self.audited(caller, &action(kind::VAULT, "write"), id.as_str(), work).await
    }

    async fn put_vault_allowed(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: VaultSpec,
    ) -> Result<Put, Error> {
        self.parent_exists(id).await?;
        names::check(id, kind::VAULT)?;
        self.check_tags(&spec.tags)?;
        let (revision, old) = self.read(id).await?;
        let policies = match (spec.policies, old) {
            (Some(said), _) => said,
            (None, Some(Body::Vault(old))) => old.policies,
            (None, _) => Vec::new(),
        };
        self.check_policies(&policies)?;
        let vault = Vault { location: spec.location, tags: spec.tags, policies, extra: spec.extra };
        // a vault is found by the name in its host, whatever group it is in
        let names = [format!("vault:{}", id.name().to_ascii_lowercase())];
        let put = self.replace(caller, id, revision, &Body::Vault(vault), &names).await;
        put.map_err(|error| match (error.code, &error.target) {
            (Code::Conflict, Some(other)) if !other.eq_ignore_ascii_case(id.as_str()) => Error::new(
                Code::Conflict,
                format!("The vault name '{}' is already in use: choose another.", id.name()),
            ),
            _ => error,
        })
    }

    /// Changes who may do what with a vault's secrets.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], `…NotFound`, [`Code::InvalidRequest`].
    pub async fn patch_policies(
        &self,
        caller: &Caller,
        id: &ResourceId,
        change: PolicyChange,
        policies: Vec<AccessPolicy>,
    ) -> Result<Put, Error> {
        self.allow(caller, id, Role::Contributor, "accessPolicies/write").await?;
        let work = async {
            loop {
                let stored = self.stored(id).await?;
                let Body::Vault(mut vault) = stored.body else { return Err(self.missing(id).await?) };
                for policy in &policies {
                    apply(&mut vault.policies, policy, change);
                }
                self.check_policies(&vault.policies)?;
                let expect = Expect::Revision(stored.revision);
                let body = Body::Vault(vault);
                match self.ledger().put(&stored.id, &body, &caller.name, expect).await {
                    // somebody else changed it in between: theirs first
                    Err(error) if error.code == Code::Conflict => {}
                    done => return done,
                }
            }
        };
        self.audited(caller, &action(kind::VAULT, "accessPolicies/write"), id.as_str(), work).await
    }

    fn check_policies(&self, policies: &[AccessPolicy]) -> Result<(), Error> {
        let most = self.limits().policies_per_vault_max;
        let refuse = |text: String| Err(Error::new(Code::InvalidRequest, text).about("accessPolicies"));
        if policies.len() > most {
            return refuse(format!("A vault takes at most {most} access policies."));
        }
        if policies.iter().any(|policy| policy.object_id.trim().is_empty()) {
            return refuse("An access policy names the principal by its 'objectId'.".to_owned());
        }
        Ok(())
    }

    /// The vault of that name.
    ///
    /// # Errors
    /// [`Code::ResourceNotFound`].
    pub async fn vault_named(&self, name: &str) -> Result<Stored, Error> {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let found = self.ledger().named(&format!("vault:{}", name.to_ascii_lowercase())).await?;
        found.ok_or_else(|| {
            let text = format!(
                "There is no vault '{shown}' here. Make it with `transload vault create` or `az keyvault create`, or correct \
                 the URI."
            );
            Error::new(Code::ResourceNotFound, text)
        })
    }

    /// Whether a text can be the URI of a secret.
    pub(super) fn check_secret_uri(&self, uri: &str, member: &str) -> Result<(), Error> {
        let parsed = SecretUri::parse(uri)
            .map_err(|error| Error::new(Code::InvalidRequest, error.to_string()).about(member))?;
        self.our_vault(&parsed).map(drop).map_err(|error| error.about(member))
    }
}

fn apply(policies: &mut Vec<AccessPolicy>, policy: &AccessPolicy, change: PolicyChange) {
    let same = |kept: &AccessPolicy| kept.object_id.eq_ignore_ascii_case(&policy.object_id);
    let at = policies.iter().position(same);
    match (change, at) {
        (PolicyChange::Add, Some(at)) => {
            for permission in &policy.secrets {
                if !policies[at].secrets.contains(permission) {
                    policies[at].secrets.push(permission.clone());
                }
            }
            policies[at].other.extend(policy.other.clone());
        }
        (PolicyChange::Replace, Some(at)) => policies[at] = policy.clone(),
        (PolicyChange::Remove, Some(at)) => {
            policies[at].secrets.retain(|kept| !policy.secrets.contains(kept));
            if policies[at].secrets.is_empty() || policy.secrets.is_empty() {
                policies.remove(at);
            }
        }
        (PolicyChange::Add | PolicyChange::Replace, None) => policies.push(policy.clone()),
        (PolicyChange::Remove, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(id: &str, secrets: &[&str]) -> AccessPolicy {
        AccessPolicy {
            tenant_id: "t".to_owned(),
            object_id: id.to_owned(),
            secrets: secrets.iter().map(ToString::to_string).collect(),
            other: Map::new(),
        }
    }

    #[test]
    fn policies_are_added_replaced_and_removed() {
        let mut policies = Vec::new();
        apply(&mut policies, &policy("a", &["get"]), PolicyChange::Add);
        apply(&mut policies, &policy("A", &["list", "get"]), PolicyChange::Add);
        assert_eq!(policies, [policy("a", &["get", "list"])]);
        apply(&mut policies, &policy("a", &["list"]), PolicyChange::Remove);
        assert_eq!(policies, [policy("a", &["get"])]);
        apply(&mut policies, &policy("a", &["set"]), PolicyChange::Replace);
        assert_eq!(policies, [policy("a", &["set"])]);
        apply(&mut policies, &policy("b", &["set"]), PolicyChange::Remove);
        assert_eq!(policies.len(), 1);
        apply(&mut policies, &policy("a", &[]), PolicyChange::Remove);
        assert_eq!(policies, []);
    }
}
