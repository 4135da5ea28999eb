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

/// What does here what the type `tags` does elsewhere.
const TAGS: &str = " Tags are changed with `az resource tag`, and with `az group update --tags`.";

/// What does here what deployments of other forms do elsewhere.
const DEPLOYMENTS: &str = " Templates are deployed to resource groups alone: `az deployment group`.";

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
pub(crate) fn path(path: &str) -> Fault {
    if let Some(fault) = in_vault(path) {
        return fault;
    }
    let nothing = || Fault::not_found("NotFound", format!("There is nothing at '{}'.", shown(path)));
    let segments = segments(path);
    let Some(at) = segments.iter().rposition(|word| word.eq_ignore_ascii_case("providers")) else {
        return nothing();
    };
    let Some(name) = segments.get(at + 1) else { return nothing() };
    let Some(known) = namespace(name) else { return no_namespace(name) };
    let kind: Vec<&str> = segments.iter().skip(at + 2).step_by(2).copied().collect();
    let cure = match (known.name, kind.first().map(|word| word.to_ascii_lowercase()).as_deref()) {
        ("Microsoft.Resources", Some("tags")) => TAGS,
        ("Microsoft.Resources", Some("deployments" | "deploymentstacks" | "templatespecs")) => DEPLOYMENTS,
        _ => "",
    };
    // no api-version is named: another one would not help
    Fault::not_found(
        "InvalidResourceType",
        format!(
            "The resource type '{}' is not part of this server, whatever the api-version. In the namespace '{}' it has {}.{cure}",
            shown(&kind.join("/")),
            known.name,
            known.types.join(", ")
        ),
    )
}

/// Whether a path is one of a vault's data plane, by its host or beneath `/vaults/{vault}`.
pub(crate) fn is_in_vault(path: &str) -> bool {
    segments(path).first().is_some_and(|word| word.eq_ignore_ascii_case("vaults"))
}

/// 404 for what vaults elsewhere have and those of this server do not.
pub(crate) fn in_vault(path: &str) -> Option<Fault> {
    let segments = segments(path);
    let rest = segments.get(2..).filter(|_| is_in_vault(path))?;
    let kind = rest.first()?.to_ascii_lowercase();
    let ends = |word: &str| rest.last().is_some_and(|last| last.eq_ignore_ascii_case(word));
    let text = match kind.as_str() {
        "secrets" if (rest.len() == 3 && ends("backup")) || (rest.len() == 2 && ends("restore")) => {
            "Secrets are not backed up one by one: back up the server's ledger and its key file, or read the secret with `az \
             keyvault secret show`."
                .to_owned()
        }
        "secrets" | "deletedsecrets" => return None,
        _ => {
            let what = shown(kind.strip_prefix("deleted").filter(|rest| !rest.is_empty()).unwrap_or(&kind));
            format!("There are no {what} in a vault of this server: it has secrets alone.")
        }
    };
    Some(Fault::not_found("NotFound", text))
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
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
        let fault = path(asked);
        assert_eq!(fault.code, "InvalidResourceNamespace");
        assert!(fault.message.contains("transload role grant"), "{}", fault.message);
        assert!(!no_namespace("Microsoft.Web").message.contains("transload"));
    }

    #[test]
    fn a_type_that_is_not_here_sends_nobody_after_versions() {
        let asked =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r/listUsages";
        let fault = path(asked);
        assert_eq!(fault.code, "InvalidResourceType");
        assert!(fault.message.contains("'registries/listUsages'"), "{}", fault.message);
        assert!(fault.message.contains("registries/pipelineRuns"), "{}", fault.message);
        assert!(!fault.message.contains("-preview"), "{}", fault.message);
        let fault = path("/subscriptions/s/providers/Microsoft.Resources/tags/default");
        assert!(fault.message.contains("az resource tag"), "{}", fault.message);
        for elsewhere in [
            "/subscriptions/s/providers/Microsoft.Resources/deployments/d/validate",
            "/providers/Microsoft.Resources/deployments",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/deploymentStacks",
        ] {
            let fault = path(elsewhere);
            assert!(fault.message.contains("az deployment group"), "{}", fault.message);
        }
    }

    #[test]
    fn what_vaults_do_not_have_is_named() {
        let said = |path: &str| in_vault(path).map(|fault| fault.message);
        assert!(said("/vaults/v/keys").unwrap().contains("no keys"));
        assert!(said("/VAULTS/v/deletedcertificates/x/recover").unwrap().contains("no certificates"));
        assert!(said("/vaults/v/secrets/one/backup").unwrap().contains("key file"));
        assert!(said("/vaults/v/secrets/restore").unwrap().contains("key file"));
        for other in
            ["/vaults/v/secrets/backup", "/vaults/v/deletedsecrets/one", "/subscriptions/s/keys", "/v"]
        {
            assert_eq!(said(other), None, "{other}");
        }
    }
}
