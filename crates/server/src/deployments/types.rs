//! Types that a template may deploy: those that a PUT makes here.

use http::Method;
use serde_json::Value as Json;
use transload_api::vault::AccessPolicyChange;
use transload_api::{ErrorBody, UserAssignedIdentity, Vault};
use transload_control::resource::{Direction, kind};
use transload_control::storage::AccountUri;
use transload_control::{Code, Error, ResourceId};
use transload_templates::Planned;

use super::inside::Whole;
use super::policies::ACCESS_POLICIES;
use crate::call::read_json;
use crate::dispatch::{Found, find};
use crate::face::Face;
use crate::fault::Fault;
use crate::manage::vaults::policy_change;
use crate::routes::ROUTES;
use crate::{map, version};

impl Face {
    /// Whether a resource could be what a template says, as far as its type's rules can tell without making it.
    ///
    /// # Errors
    /// What its PUT would be refused with.
    pub(super) async fn look_at_body(
        &self,
        whole: &Whole,
        id: &ResourceId,
        body: &Json,
    ) -> Result<(), Fault> {
        let text = body.to_string();
        let text = text.as_bytes();
        let direction =
            [(kind::EXPORT_PIPELINE, Direction::Export), (kind::IMPORT_PIPELINE, Direction::Import)]
                .into_iter()
                .find_map(|(kind, direction)| id.is_kind(kind).then_some(direction));
        if let Some(direction) = direction {
            let spec = map::pipeline_asked(read_json(text)?, direction)?;
            return match self.control.check_pipeline(id, &spec).await {
                Err(error) if self.makes_account(whole, &error, &spec.uri) => Ok(()),
                checked => Ok(checked?),
            };
        }
        if id.is_kind(kind::PIPELINE_RUN) {
            let spec = map::run_asked(read_json(text)?)?;
            // a pipeline of the same deployment is not there yet
            if !whole.makes(spec.pipeline.as_str()) {
                return Ok(self.control.check_run(id, &spec).await?);
            }
        } else if id.is_kind(kind::STORAGE_ACCOUNT) {
            let spec = map::storage_asked(read_json(text)?)?;
            return Ok(self.control.check_storage_account(id, &spec).await?);
        } else if id.is_kind(kind::REGISTRY) {
            map::registry_asked(read_json(text)?)?;
        } else if id.is_kind(kind::VAULT) {
            read_json::<Vault>(text)?;
        } else if id.is_kind(ACCESS_POLICIES) {
            policy_change(id.name())?;
            read_json::<AccessPolicyChange>(text)?;
        } else if id.is_kind(kind::USER_IDENTITY) {
            read_json::<UserAssignedIdentity>(text)?;
        }
        Ok(())
    }

    /// Whether an account that nobody has registered is one that the deployment registers.
    fn makes_account(&self, whole: &Whole, error: &Error, uri: &str) -> bool {
        if error.code != Code::StorageAccountNotRegistered {
            return false;
        }
        let Some(named) = AccountUri::parse(uri, &self.control.options().storage_suffix) else {
            return false;
        };
        whole.makes_named(kind::STORAGE_ACCOUNT, &named.account)
    }
}

/// The id that a template gives a resource.
///
/// # Errors
/// `InvalidResourceName` for one that no resource has. A percent sign is among what is refused: a path with it leads to
/// another name.
pub(crate) fn resource_id(id: &str) -> Result<ResourceId, Fault> {
    ResourceId::parse(id).map_err(|error| Fault::bad("InvalidResourceName", error.to_string()))
}

/// Whether nothing here is of the type that an id has.
pub(crate) fn is_unknown(id: &str) -> bool {
    !matches!(find(&Method::PUT, id), Found::Route(..))
}

/// Whether a resource's `apiVersion` is one that its PUT takes.
///
/// # Errors
/// What its PUT would be refused with.
pub(super) fn check_version(planned: &Planned) -> Result<(), Fault> {
    match find(&Method::PUT, &planned.id) {
        Found::Route(route, _) => {
            version::check(route.face, Some(&planned.api_version)).map_err(|fault| fault.about("apiVersion"))
        }
        _ => Ok(()),
    }
}

/// The words for a type that is not here.
pub(crate) fn unknown(planned: &Planned) -> ErrorBody {
    ErrorBody {
        code: "InvalidResourceType".to_owned(),
        message: format!(
            "The resource '{}' is of type '{}', which this server does not have. It deploys: {}.",
            planned.name,
            planned.kind,
            known().join(", ")
        ),
        target: Some(planned.id.clone()),
        ..ErrorBody::default()
    }
}

/// The types that there are, out of the table of routes.
fn known() -> Vec<String> {
    let kind = |template: &str| {
        let (_, rest) = template.rsplit_once("/providers/")?;
        let mut words = rest.split('/');
        let namespace = words.next()?;
        let types: Vec<&str> = words.step_by(2).collect();
        rest.ends_with('}').then(|| format!("{namespace}/{}", types.join("/")))
    };
    let puts = ROUTES.iter().filter(|route| route.method == Method::PUT);
    let mut known: Vec<String> = puts.filter_map(|route| kind(route.template)).collect();
    known.sort_unstable();
    known.dedup();
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_the_routes() {
        let known = known();
        for kind in [
            "Microsoft.ContainerRegistry/registries",
            "Microsoft.ContainerRegistry/registries/pipelineRuns",
            "Microsoft.KeyVault/vaults/accessPolicies",
            "Microsoft.Resources/deployments",
        ] {
            assert!(known.iter().any(|known| known == kind), "{kind} is not in {known:?}");
        }
        let group = "/subscriptions/s/resourceGroups/r/providers";
        assert!(!is_unknown(&format!("{group}/microsoft.keyvault/vaults/v")));
        assert!(is_unknown(&format!("{group}/Microsoft.Compute/virtualMachines/v")));
    }
}
