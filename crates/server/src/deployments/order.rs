//! What is said of a plan besides its parts: namespaces, who waits for whom, and the order of what was made.

use serde_json::{Value as Json, json};
use transload_api::deployment::{
    DeploymentDependency, DeploymentNode, DeploymentProvider, DeploymentType, ResourceReference,
};
use transload_control::ResourceId;
use transload_control::resource::kind;
use transload_templates::{Plan, Planned};

use super::policies::ACCESS_POLICIES;

/// Ids of what was made, in the order in which they are shown: by their text, but where a pipeline would be the first, the
/// changes of vaults' policies stand before it.
///
/// The article takes the pipeline as the second and a run as the first (contract, § 6). So it is with the templates of
/// 2020, which make the registry too, and with those of today, which do not.
pub(crate) fn output_order(mut ids: Vec<String>) -> Vec<String> {
    let kind_of = |id: &str| ResourceId::parse(id).map(|id| id.kind()).unwrap_or_default();
    ids.sort_by_key(|id| id.to_ascii_lowercase());
    ids.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    let first = ids.first().map(|id| kind_of(id)).unwrap_or_default();
    let pipelines = [kind::EXPORT_PIPELINE, kind::IMPORT_PIPELINE];
    if pipelines.iter().any(|pipeline| pipeline.eq_ignore_ascii_case(&first)) {
        // a stable sort: all else stays as it is
        ids.sort_by_key(|id| !kind_of(id).eq_ignore_ascii_case(ACCESS_POLICIES));
    }
    ids
}

/// Resources that are deployed.
pub(crate) fn deployed(plan: &Plan) -> impl Iterator<Item = (usize, &Planned)> {
    plan.resources().iter().enumerate().filter(|(_, one)| one.condition && !one.existing)
}

/// References to resources.
pub(crate) fn references(ids: &[String]) -> Vec<ResourceReference> {
    ids.iter().map(|id| ResourceReference { id: id.clone() }).collect()
}

/// Namespaces and types of a plan, each once.
pub(crate) fn providers(plan: &Plan) -> Json {
    let mut providers: Vec<DeploymentProvider> = Vec::new();
    for (_, one) in deployed(plan) {
        let (namespace, kind) = one.kind.split_once('/').unwrap_or((one.kind.as_str(), ""));
        let at = match providers.iter().position(|known| known.namespace.eq_ignore_ascii_case(namespace)) {
            Some(at) => at,
            None => {
                let resource_types = Vec::new();
                providers.push(DeploymentProvider { namespace: namespace.to_owned(), resource_types });
                providers.len() - 1
            }
        };
        let types = &mut providers[at].resource_types;
        match types.iter_mut().find(|known| known.resource_type.eq_ignore_ascii_case(kind)) {
            Some(known) if known.locations.contains(&one.location) => {}
            Some(known) => known.locations.push(one.location.clone()),
            None => types.push(DeploymentType {
                resource_type: kind.to_owned(),
                locations: vec![one.location.clone()],
            }),
        }
    }
    json!(providers)
}

/// Who waits for whom.
pub(crate) fn dependencies(plan: &Plan) -> Json {
    let resources = plan.resources();
    let waiting = deployed(plan).filter(|(_, one)| !one.needs.is_empty());
    let dependencies: Vec<DeploymentDependency> = waiting
        .map(|(_, one)| DeploymentDependency {
            depends_on: one
                .needs
                .iter()
                .filter_map(|at| resources.get(*at))
                .map(|one| node(&one.id))
                .collect(),
            node: node(&one.id),
        })
        .collect();
    json!(dependencies)
}

/// A resource by its id, its type and its name.
pub(crate) fn node(id: &str) -> DeploymentNode {
    let Ok(id) = ResourceId::parse(id) else {
        return DeploymentNode { id: id.to_owned(), ..DeploymentNode::default() };
    };
    let lower = id.as_str().to_ascii_lowercase();
    let names: Vec<&str> = match lower.rfind("/providers/") {
        Some(at) => id.as_str()[at + 11..].split('/').skip(2).step_by(2).collect(),
        None => vec![id.name()],
    };
    DeploymentNode {
        id: id.to_string(),
        resource_type: crate::map::kind_of(&id),
        resource_name: names.join("/"),
        symbolic_name: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/s/resourceGroups/r/providers";

    fn order(ids: &[&str]) -> Vec<String> {
        let whole = ids.iter().map(|id| format!("{GROUP}/{id}")).collect();
        let strip = |id: &String| id[GROUP.len() + 1..].to_owned();
        output_order(whole).iter().map(strip).collect()
    }

    const REGISTRY: &str = "Microsoft.ContainerRegistry/registries/a";
    const PIPELINE: &str = "Microsoft.ContainerRegistry/registries/a/exportPipelines/p";
    const IMPORT: &str = "microsoft.containerregistry/registries/a/importpipelines/p";
    const RUN: &str = "Microsoft.ContainerRegistry/registries/a/pipelineRuns/r";
    const POLICIES: &str = "Microsoft.KeyVault/vaults/v/accessPolicies/add";

    #[test]
    fn the_article_finds_the_pipeline_second_and_the_run_first() {
        assert_eq!(order(&[PIPELINE, POLICIES]), [POLICIES, PIPELINE]);
        assert_eq!(order(&[POLICIES, IMPORT]), [POLICIES, IMPORT]);
        assert_eq!(order(&[POLICIES, REGISTRY, PIPELINE]), [REGISTRY, PIPELINE, POLICIES]);
        assert_eq!(order(&[RUN]), [RUN]);
        assert_eq!(order(&[RUN, POLICIES, PIPELINE]), [POLICIES, PIPELINE, RUN]);
        assert_eq!(order(&[PIPELINE, &PIPELINE.to_uppercase()]).len(), 1);
    }

    #[test]
    fn names_of_children_have_their_parents() {
        let node = node(&format!("{GROUP}/{PIPELINE}"));
        assert_eq!(
            (node.resource_name.as_str(), node.resource_type.as_str()),
            ("a/p", kind::EXPORT_PIPELINE)
        );
    }
}
