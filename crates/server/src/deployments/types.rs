//! Types that a template may deploy: those that a PUT makes here.

use http::Method;
use serde_json::Value as Json;
use transload_api::ErrorBody;
use transload_control::ResourceId;
use transload_control::resource::{Direction, kind};
use transload_templates::{Plan, Planned};

use crate::call::read_json;
use crate::dispatch::{Found, find};
use crate::face::Face;
use crate::fault::Fault;
use crate::map;
use crate::routes::ROUTES;

impl Face {
    /// Whether a resource could be what a template says, as far as its type's rules can tell without making it.
    ///
    /// # Errors
    /// What its PUT would be refused with.
    pub(super) async fn look_at_body(&self, plan: &Plan, id: &ResourceId, body: &Json) -> Result<(), Fault> {
        let text = body.to_string();
        let direction =
            [(kind::EXPORT_PIPELINE, Direction::Export), (kind::IMPORT_PIPELINE, Direction::Import)]
                .into_iter()
                .find_map(|(kind, direction)| id.is_kind(kind).then_some(direction));
        if let Some(direction) = direction {
            let spec = map::pipeline_asked(read_json(text.as_bytes())?, direction)?;
            return Ok(self.control.check_pipeline(id, &spec).await?);
        }
        if id.is_kind(kind::PIPELINE_RUN) {
            let spec = map::run_asked(read_json(text.as_bytes())?)?;
            let own = plan.resources().iter().filter(|one| one.condition && !one.existing);
            let mut own = own.filter_map(|one| ResourceId::parse(&one.id).ok());
            // a pipeline of the same template is not there yet
            if !own.any(|id| id == spec.pipeline) {
                return Ok(self.control.check_run(id, &spec).await?);
            }
        }
        Ok(())
    }
}

/// Whether nothing here is of the type that an id has.
pub(crate) fn is_unknown(id: &str) -> bool {
    !matches!(find(&Method::PUT, id), Found::Route(..))
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
