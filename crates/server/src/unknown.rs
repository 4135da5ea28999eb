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

/// The namespace of that name, in whatever case.
pub(crate) fn namespace(name: &str) -> Option<&'static Namespace> {
    NAMESPACES.iter().find(|known| known.name.eq_ignore_ascii_case(name))
}

/// 404 for a namespace that there is not.
pub(crate) fn no_namespace(name: &str) -> Fault {
    Fault::not_found(
        "InvalidResourceNamespace",
        format!("The resource namespace '{}' is invalid.", shown(name)),
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
