//! Types that a template may deploy: those that a PUT makes here.

use http::Method;
use transload_api::ErrorBody;
use transload_templates::Planned;

use crate::dispatch::{Found, find};
use crate::routes::ROUTES;

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
