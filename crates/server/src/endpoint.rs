//! What routes do, by name; the one place where a name meets its function.

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::{cloud, deployments, events, graph, manage, own, registries, sign_in, vaults};

macro_rules! endpoints {
    ($($name:ident => $($function:ident)::+;)*) => {
        /// What a route does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Endpoint { $($name,)* }

        impl Face {
            /// Does what the call's route says.
            pub(crate) async fn dispatch(&self, call: &Call) -> Result<Answer, Fault> {
                match call.route.endpoint {
                    $(Endpoint::$name => $($function)::+(self, call).await,)*
                }
            }
        }
    };
}

endpoints! {
    Health => own::health;
    Ready => own::ready;
    Description => own::description;
    Metrics => own::metrics;
    WhoAmI => own::who_am_i;
    Principals => own::access::principals;
    PrincipalNew => own::access::new_principal;
    PrincipalDelete => own::access::delete_principal;
    PrincipalRotate => own::access::rotate;
    Grants => own::access::grants;
    GrantPut => own::access::put_grant;
    GrantDelete => own::access::delete_grant;
    Audit => own::access::audit;
    CloudMetadata => cloud::metadata;
    Discovery => sign_in::discovery;
    Keys => sign_in::keys;
    Token => sign_in::token;
    ManagedIdentityToken => sign_in::managed_identity;
    GraphMe => graph::me;
    GraphPrincipals => graph::principals;
    GraphPrincipal => graph::principal;
    Events => events::take;
    EventsAllowed => events::allowed;
    Tenants => cloud::tenants;
    Subscriptions => cloud::subscriptions;
    SubscriptionGet => cloud::subscription;
    Locations => cloud::locations;
    Providers => cloud::providers;
    ProviderGet => cloud::provider;
    Resources => manage::resources::list;
    GroupResources => manage::resources::list;
    Groups => manage::groups::list;
    GroupPut => manage::groups::put;
    GroupGet => manage::groups::get;
    GroupHead => manage::groups::head;
    GroupDelete => manage::groups::delete;
    Identities => manage::identities::list;
    IdentityPut => manage::identities::put;
    IdentityGet => manage::identities::get;
    IdentityDelete => manage::identities::delete;
    VaultSecretPut => manage::vault_secrets::put;
    VaultSecretGet => manage::vault_secrets::get;
    Deployments => deployments::routes::list;
    DeploymentPut => deployments::routes::put;
    DeploymentGet => deployments::routes::get;
    DeploymentHead => deployments::routes::head;
    DeploymentDelete => deployments::routes::delete;
    DeploymentCancel => deployments::routes::cancel;
    DeploymentExport => deployments::routes::export;
    DeploymentOperations => deployments::routes::operations;
    DeploymentOperation => deployments::routes::operation;
    DeploymentStatus => deployments::routes::status;
    DeploymentValidate => deployments::preflight::validate;
    DeploymentWhatIf => deployments::what_if::what_if;
    GroupExport => deployments::export_group::export;
    TemplateHash => deployments::routes::hash;
    StorageAccounts => manage::storage::list;
    StoragePut => manage::storage::put;
    StoragePatch => manage::storage::patch;
    StorageGet => manage::storage::get;
    StorageDelete => manage::storage::delete;
    StorageKeys => manage::storage::keys;
    StorageRenew => manage::storage::renew;
    StorageName => manage::storage::check_name;
    Vaults => manage::vaults::list;
    VaultPut => manage::vaults::put;
    VaultPatch => manage::vaults::patch;
    VaultGet => manage::vaults::get;
    VaultDelete => manage::vaults::delete;
    VaultName => manage::vaults::check_name;
    DeletedVaults => manage::vaults::deleted;
    DeletedVaultGet => manage::vaults::deleted_one;
    PoliciesChange => manage::vaults::policies;
    PoliciesDelete => manage::vaults::delete_policies;
    Registries => registries::registry::list;
    RegistryPut => registries::registry::put;
    RegistryPatch => registries::registry::patch;
    RegistryGet => registries::registry::get;
    RegistryDelete => registries::registry::delete;
    RegistryName => registries::registry::check_name;
    RegistryCredentials => registries::registry::credentials;
    ImportImage => registries::operations::import_image;
    RegistryCheck => registries::operations::check_registry;
    PipelineCheck => registries::operations::check_pipeline;
    OperationStatus => registries::operations::status;
    OperationResult => registries::operations::result;
    ExportPipelines => registries::pipelines::exports;
    ExportPipelinePut => registries::pipelines::put_export;
    ImportPipelines => registries::pipelines::imports;
    ImportPipelinePut => registries::pipelines::put_import;
    PipelineGet => registries::pipelines::get;
    PipelineDelete => registries::pipelines::delete;
    Runs => registries::runs::list;
    RunPut => registries::runs::put;
    RunGet => registries::runs::get;
    RunDelete => registries::runs::delete;
    RunCancel => registries::runs::cancel;
    RunLog => registries::log::lines;
    Secrets => vaults::list;
    SecretSet => vaults::set;
    SecretGet => vaults::get;
    SecretUpdate => vaults::update;
    SecretDelete => vaults::delete;
    SecretVersions => vaults::versions;
    DeletedSecrets => vaults::deleted;
    DeletedSecretGet => vaults::deleted_one;
}
