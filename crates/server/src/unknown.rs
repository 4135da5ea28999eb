//! The words for what is not here.

use http::header::ALLOW;
use http::{Method, StatusCode};

use crate::fault::Fault;
use crate::version::{OTHER_VERSIONS, REGISTRY_VERSIONS};

/// A namespace, its types, and the versions that are known by name.
pub(crate) struct Namespace {
    pub(crate) name: &'static str,
    pub(crate) types: &'static [&'static str],
    pub(crate) versions: &'static [&'static str],
}

/// The namespaces that there are.
pub(crate) const NAMESPACES: &[Namespace] = &[
    Namespace {
        name: "Microsoft.ContainerRegistry",
        types: &[
            "registries",
            "registries/exportPipelines",
            "registries/importPipelines",
            "registries/pipelineRuns",
            "locations/operationStatuses",
            "locations/operationResults",
        ],
        versions: REGISTRY_VERSIONS,
    },
    Namespace {
        name: "Microsoft.KeyVault",
        types: &["vaults", "vaults/accessPolicies", "vaults/secrets"],
        versions: OTHER_VERSIONS,
    },
    Namespace {
        name: "Microsoft.ManagedIdentity",
        types: &["userAssignedIdentities"],
        versions: OTHER_VERSIONS,
    },
    Namespace {
        name: "Microsoft.Storage",
        types: &["storageAccounts", "checkNameAvailability"],
        versions: OTHER_VERSIONS,
    },
    Namespace {
        name: "Microsoft.Resources",
        types: &["subscriptions", "resourceGroups", "deployments", "deployments/operations"],
        versions: OTHER_VERSIONS,
    },
];

/// What does here what role assignments do elsewhere.
const ROLES: &str = " Roles are given with `transload role grant`, leave to read a vault's secrets with `az keyvault set-policy`; \
                     stores are asked with a token out of a vault, or as who the worker's machine is.";

/// The namespace of that name, in whatever case.
pub(crate) fn namespace(name: &str) -> Option<&'static Namespace> {
    NAMESPACES.iter().find(|known| known.name.eq_ignore_ascii_case(name))
}

/// 404 for a namespace that there is not.
pub(crate) fn no_namespace(name: &str) -> Fault {
    let cure = if name.eq_ignore_ascii_case("Microsoft.Authorization") { ROLES } else { "" };
    Fault::not_found(
        "InvalidResourceNamespace",
        format!("The resource namespace '{}' is invalid.{cure}", shown(name)),
    )
}

/// 405.
pub(crate) fn method(asked: &Method, known: &[&Method]) -> Fault {
    let names: Vec<&str> = known.iter().map(|method| method.as_str()).collect();
    let names = names.join(", ");
    let text = format!("The http method '{asked}' is not supported here. Supported are: {names}.");
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, "HttpMethodNotAllowed", text).header(ALLOW, &names)
}

/// 404 for a path that no route has, in the words of the resource manager where it would be a resource.
pub(crate) fn path(path: &str, version: Option<&str>) -> Fault {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let Some(at) = segments.iter().rposition(|word| word.eq_ignore_ascii_case("providers")) else {
        return Fault::not_found("NotFound", format!("There is nothing at '{}'.", shown(path)));
    };
    let Some(name) = segments.get(at + 1) else {
        return Fault::not_found("NotFound", format!("There is nothing at '{}'.", shown(path)));
    };
    let Some(known) = namespace(name) else { return no_namespace(name) };
    let kind: Vec<&str> = segments.iter().skip(at + 2).step_by(2).copied().collect();
    Fault::not_found(
        "InvalidResourceType",
        format!(
            "The resource type '{}' could not be found in the namespace '{}' for api version '{}'. The supported \
             api-versions are '{}'.",
            shown(&kind.join("/")),
            known.name,
            shown(version.unwrap_or_default()),
            known.versions.join(",")
        ),
    )
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_assignments_are_told_what_does_the_same_here() {
        let asked = "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments";
        let fault = path(asked, Some("2022-04-01"));
        assert_eq!(fault.code, "InvalidResourceNamespace");
        assert!(fault.message.contains("transload role grant"), "{}", fault.message);
        assert!(!no_namespace("Microsoft.Web").message.contains("transload"));
    }
}
