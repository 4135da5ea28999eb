//! Every route, in one table: the dispatcher matches against it, and a test holds the API's description to it.

use http::Method;

use crate::endpoint::Endpoint;

/// Who may call a route, and which `api-version` it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    /// Anybody; no `api-version`.
    Open,
    /// Whoever has a token for this API; any well-formed `api-version`.
    Manager,
    /// The same; an `api-version` of 2017-10-01 or later.
    Registries,
    /// The same; an `api-version` of 2019-12-01-preview or later.
    Pipelines,
    /// Whoever has a token for vaults; an `api-version` of any form.
    Vaults,
    /// Whoever has a token for this API; no `api-version`. Routes that are this server's own.
    Own,
    /// Whoever has the key of events, or a token for this API.
    Events,
}

/// A route.
#[derive(Debug)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path: words are matched in whatever case, `{names}` take one segment each.
    pub template: &'static str,
    /// Who may call it.
    pub face: Face,
    /// What it does, for people: a line.
    pub summary: &'static str,
    pub(crate) endpoint: Endpoint,
}

macro_rules! routes {
    ($($face:ident { $($method:ident $template:expr => $endpoint:ident, $summary:literal;)* })*) => {
        /// Every route.
        pub const ROUTES: &[Route] = &[$($(Route {
            method: Method::$method,
            template: $template,
            face: Face::$face,
            summary: $summary,
            endpoint: Endpoint::$endpoint,
        },)*)*];
    };
}

macro_rules! group {
    ($rest:literal) => {
        concat!("/subscriptions/{subscription}/resourceGroups/{group}", $rest)
    };
}

macro_rules! deployment {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Resources/deployments",
            $rest
        )
    };
}

macro_rules! registry {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries",
            $rest
        )
    };
}

macro_rules! vault {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults",
            $rest
        )
    };
}

macro_rules! storage {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts",
            $rest
        )
    };
}

macro_rules! identity {
    ($rest:literal) => {
        concat!(
            "/subscriptions/{subscription}/resourceGroups/{group}",
            "/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
            $rest
        )
    };
}

routes! {
    Open {
        GET "/healthz" => Health, "Whether the process answers";
        GET "/readyz" => Ready, "Whether the ledger answers";
        GET "/openapi.json" => Description, "The description of this API";
        GET "/metadata/endpoints" => CloudMetadata, "Endpoints of this cloud, for `az cloud register`";
        GET "/{tenant}/v2.0/.well-known/openid-configuration" => Discovery, "OpenID discovery";
        GET "/{tenant}/.well-known/openid-configuration" => Discovery, "OpenID discovery";
        GET "/{tenant}/discovery/v2.0/keys" => Keys, "Public keys of tokens (JWKS)";
        POST "/{tenant}/oauth2/v2.0/token" => Token, "A token for client id and secret";
        POST "/{tenant}/oauth2/token" => Token, "A token for client id and secret";
        GET "/msi/token" => ManagedIdentityToken, "A token for `az login --identity`";
    }
    Own {
        GET "/metrics" => Metrics, "Figures in the text format of Prometheus";
        GET "/v1.0/me" => GraphMe, "Who asks, as the Graph API tells people; programs are refused";
        GET "/v1.0/servicePrincipals" => GraphPrincipals, "Who asks, as the Graph API tells programs";
        GET "/v1.0/servicePrincipals/{principal}" => GraphPrincipal, "Who asks, by its id, as the Graph API tells programs";
        GET "/api/whoami" => WhoAmI, "Who asks, and its roles";
        GET "/api/principals" => Principals, "Service principals";
        POST "/api/principals" => PrincipalNew, "A new service principal; its secret is shown this once";
        DELETE "/api/principals/{principal}" => PrincipalDelete, "Removes a service principal";
        POST "/api/principals/{principal}/rotate" => PrincipalRotate, "A new secret; the old one ends";
        GET "/api/grants" => Grants, "Who has which role where";
        PUT "/api/grants" => GrantPut, "Gives a role";
        DELETE "/api/grants" => GrantDelete, "Takes a role (query: principalId, role, scope)";
        GET "/api/audit" => Audit, "The audit log, oldest first";
    }
    Events {
        POST "/events" => Events, "Events of stores: Event Grid's schema or CloudEvents";
        OPTIONS "/events" => EventsAllowed, "The handshake of CloudEvents' web hooks";
    }
    Manager {
        GET "/tenants" => Tenants, "Tenants";
        GET "/subscriptions" => Subscriptions, "Subscriptions";
        GET "/subscriptions/{subscription}" => SubscriptionGet, "A subscription";
        GET "/subscriptions/{subscription}/locations" => Locations, "Places of a subscription";
        GET "/subscriptions/{subscription}/resources" => Resources, "Resources of every type, with $filter";
        GET "/subscriptions/{subscription}/providers" => Providers, "Namespaces of types";
        GET "/subscriptions/{subscription}/providers/{namespace}" => ProviderGet, "A namespace and its types";
        POST "/subscriptions/{subscription}/providers/{namespace}/register" => ProviderGet, "Registers a namespace";
        GET "/subscriptions/{subscription}/resourceGroups" => Groups, "Resource groups";
        PUT group!("") => GroupPut, "Makes a resource group";
        PATCH group!("") => GroupPut, "Changes a resource group";
        GET group!("") => GroupGet, "A resource group";
        HEAD group!("") => GroupHead, "Whether a resource group is there";
        DELETE group!("") => GroupDelete, "Removes a resource group and all that is in it";
        POST group!("/exportTemplate") => GroupExport, "A template of what is in a group";
        GET group!("/resources") => GroupResources, "Resources of a group";
        GET deployment!("") => Deployments, "Deployments of a group, the newest first; $filter by provisioningState";
        PUT deployment!("/{deployment}") => DeploymentPut, "Deploys a template";
        GET deployment!("/{deployment}") => DeploymentGet, "A deployment";
        HEAD deployment!("/{deployment}") => DeploymentHead, "Whether a deployment is there";
        DELETE deployment!("/{deployment}") => DeploymentDelete, "Forgets a deployment; what it made stays";
        POST deployment!("/{deployment}/validate") => DeploymentValidate, "Whether a template could be deployed";
        POST deployment!("/{deployment}/whatIf") => DeploymentWhatIf, "What a template would create, change, leave and remove";
        POST deployment!("/{deployment}/cancel") => DeploymentCancel, "Begins nothing more of a deployment";
        POST deployment!("/{deployment}/exportTemplate") => DeploymentExport, "The template of a deployment";
        GET deployment!("/{deployment}/operations") => DeploymentOperations, "What a deployment did, resource by resource";
        GET deployment!("/{deployment}/operations/{operation}") => DeploymentOperation, "What a deployment did with a resource";
        GET deployment!("/{deployment}/operationStatuses/{operation}") => DeploymentStatus, "How far a deployment is";
        GET group!("/deployments/{deployment}/operations") => DeploymentOperations, "What a deployment did, resource by resource";
        GET group!("/deployments/{deployment}/operations/{operation}") => DeploymentOperation, "What a deployment did with a resource";
        POST "/providers/Microsoft.Resources/calculateTemplateHash" => TemplateHash, "The hash of a template";
        GET "/subscriptions/{subscription}/providers/Microsoft.KeyVault/vaults" => Vaults, "Vaults of the subscription";
        GET "/subscriptions/{subscription}/providers/Microsoft.KeyVault/deletedVaults" => DeletedVaults, "None: what is deleted is gone";
        GET "/subscriptions/{subscription}/providers/Microsoft.KeyVault/deletedManagedHSMs" => DeletedVaults, "None: there are no such vaults";
        GET "/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{vault}" => DeletedVaultGet, "None: what is deleted is gone";
        POST "/subscriptions/{subscription}/providers/Microsoft.KeyVault/checkNameAvailability" => VaultName, "Whether a vault's name is free";
        GET vault!("") => Vaults, "Vaults of a group";
        PUT vault!("/{vault}") => VaultPut, "Makes or changes a vault";
        PATCH vault!("/{vault}") => VaultPatch, "Changes a vault";
        GET vault!("/{vault}") => VaultGet, "A vault";
        DELETE vault!("/{vault}") => VaultDelete, "Removes a vault and its secrets";
        PUT vault!("/{vault}/accessPolicies/{operation}") => PoliciesChange, "Adds, replaces or removes access policies";
        DELETE vault!("/{vault}/accessPolicies/{operation}") => PoliciesDelete, "Nothing: a deployment's list of what it made is cleared with this";
        PUT vault!("/{vault}/secrets/{secret}") => VaultSecretPut, "A new version of a secret, as deployments set it";
        GET vault!("/{vault}/secrets/{secret}") => VaultSecretGet, "A secret without its value";
        GET "/subscriptions/{subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities" => Identities, "Identities of the subscription";
        GET identity!("") => Identities, "Identities of a group";
        PUT identity!("/{identity}") => IdentityPut, "Makes an identity";
        PATCH identity!("/{identity}") => IdentityPut, "Changes an identity's tags";
        GET identity!("/{identity}") => IdentityGet, "An identity";
        DELETE identity!("/{identity}") => IdentityDelete, "Removes an identity";
        GET "/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts" => StorageAccounts, "Storage accounts of the subscription";
        POST "/subscriptions/{subscription}/providers/Microsoft.Storage/checkNameAvailability" => StorageName, "Whether a storage account's name is free";
        GET storage!("") => StorageAccounts, "Storage accounts of a group";
        PUT storage!("/{account}") => StoragePut, "Registers a storage account, or changes what is known of it";
        PATCH storage!("/{account}") => StoragePatch, "Changes what is known of a storage account";
        GET storage!("/{account}") => StorageGet, "A storage account";
        DELETE storage!("/{account}") => StorageDelete, "Forgets a storage account; it stays as it is";
        POST storage!("/{account}/listKeys") => StorageKeys, "The key of a storage account, out of its vault";
        POST storage!("/{account}/regenerateKey") => StorageRenew, "Refused: keys are made where the account is";
    }
    Registries {
        GET "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/registries" => Registries, "Registries of the subscription";
        POST "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/checkNameAvailability" => RegistryName, "Whether a registry's name is free";
        GET "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/locations/{location}/operationStatuses/{operation}" => OperationStatus, "How far an operation is";
        GET "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/locations/{location}/operationResults/{operation}" => OperationResult, "Whether an operation ended: 202 until then";
        GET registry!("") => Registries, "Registries of a group";
        PUT registry!("/{registry}") => RegistryPut, "Makes or changes a registry";
        PATCH registry!("/{registry}") => RegistryPatch, "Changes a registry";
        GET registry!("/{registry}") => RegistryGet, "A registry";
        DELETE registry!("/{registry}") => RegistryDelete, "Removes a registry and all beneath it";
        POST registry!("/{registry}/listCredentials") => RegistryCredentials, "Refused: there is no user `admin`";
        POST registry!("/{registry}/importImage") => ImportImage, "An image from any registry into this one";
        POST registry!("/{registry}/check") => RegistryCheck, "Whether the registry can be reached with what it has";
    }
    Pipelines {
        GET registry!("/{registry}/exportPipelines") => ExportPipelines, "Export pipelines";
        PUT registry!("/{registry}/exportPipelines/{pipeline}") => ExportPipelinePut, "Makes or changes an export pipeline";
        GET registry!("/{registry}/exportPipelines/{pipeline}") => PipelineGet, "An export pipeline";
        DELETE registry!("/{registry}/exportPipelines/{pipeline}") => PipelineDelete, "Removes an export pipeline";
        POST registry!("/{registry}/exportPipelines/{pipeline}/check") => PipelineCheck, "Whether its registry and container can be reached";
        GET registry!("/{registry}/importPipelines") => ImportPipelines, "Import pipelines";
        PUT registry!("/{registry}/importPipelines/{pipeline}") => ImportPipelinePut, "Makes or changes an import pipeline";
        GET registry!("/{registry}/importPipelines/{pipeline}") => PipelineGet, "An import pipeline";
        DELETE registry!("/{registry}/importPipelines/{pipeline}") => PipelineDelete, "Removes an import pipeline";
        POST registry!("/{registry}/importPipelines/{pipeline}/check") => PipelineCheck, "Whether its registry and container can be reached";
        GET registry!("/{registry}/pipelineRuns") => Runs, "Runs, oldest first";
        PUT registry!("/{registry}/pipelineRuns/{run}") => RunPut, "Starts a run";
        GET registry!("/{registry}/pipelineRuns/{run}") => RunGet, "A run";
        DELETE registry!("/{registry}/pipelineRuns/{run}") => RunDelete, "Removes a run's record; cancels it first while it runs";
        POST registry!("/{registry}/pipelineRuns/{run}/cancel") => RunCancel, "Cancels a run";
        GET registry!("/{registry}/pipelineRuns/{run}/log") => RunLog, "Lines of a run's log, behind `after`; waits for more with `wait` seconds";
    }
    Vaults {
        GET "/vaults/{vault}/secrets" => Secrets, "Secrets of a vault, without values";
        PUT "/vaults/{vault}/secrets/{secret}" => SecretSet, "A new version of a secret";
        GET "/vaults/{vault}/secrets/{secret}" => SecretGet, "A secret's latest version";
        PATCH "/vaults/{vault}/secrets/{secret}" => SecretUpdate, "Changes attributes of the latest version";
        DELETE "/vaults/{vault}/secrets/{secret}" => SecretDelete, "Removes a secret and all its versions";
        GET "/vaults/{vault}/secrets/{secret}/versions" => SecretVersions, "Versions of a secret, without values";
        GET "/vaults/{vault}/secrets/{secret}/{version}" => SecretGet, "A version of a secret";
        PATCH "/vaults/{vault}/secrets/{secret}/{version}" => SecretUpdate, "Changes attributes of a version";
        GET "/vaults/{vault}/deletedsecrets" => DeletedSecrets, "None: what is deleted is gone";
        GET "/vaults/{vault}/deletedsecrets/{secret}" => DeletedSecretGet, "None: what is deleted is gone";
        DELETE "/vaults/{vault}/deletedsecrets/{secret}" => DeletedSecretGet, "Nothing to purge: what is deleted is gone";
        POST "/vaults/{vault}/deletedsecrets/{secret}/recover" => DeletedSecretGet, "Nothing to recover: what is deleted is gone";
    }
}
