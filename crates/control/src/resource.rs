//! What is kept besides runs: groups, registries, pipelines, vaults, identities, storage accounts. As the ledger keeps them, not as the
//! wire shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transload_resource_id::ResourceId;
use uuid::Uuid;

/// Full types of the resources that are known.
pub mod kind {
    /// A resource group.
    pub const GROUP: &str = "Microsoft.Resources/resourceGroups";
    /// A registry.
    pub const REGISTRY: &str = "Microsoft.ContainerRegistry/registries";
    /// An export pipeline beneath a registry.
    pub const EXPORT_PIPELINE: &str = "Microsoft.ContainerRegistry/registries/exportPipelines";
    /// An import pipeline beneath a registry.
    pub const IMPORT_PIPELINE: &str = "Microsoft.ContainerRegistry/registries/importPipelines";
    /// A run beneath a registry.
    pub const PIPELINE_RUN: &str = "Microsoft.ContainerRegistry/registries/pipelineRuns";
    /// A vault of secrets.
    pub const VAULT: &str = "Microsoft.KeyVault/vaults";
    /// A secret of a vault, as deployments set it.
    pub const SECRET: &str = "Microsoft.KeyVault/vaults/secrets";
    /// An identity that many resources may have.
    pub const USER_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
    /// A deployment of a template.
    pub const DEPLOYMENT: &str = "Microsoft.Resources/deployments";
    /// A storage account that is somewhere else.
    pub const STORAGE_ACCOUNT: &str = "Microsoft.Storage/storageAccounts";
}

/// A resource as the ledger has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Its id, as it was first written.
    pub id: ResourceId,
    /// Grows with every change; a change names the one that it is made to.
    pub revision: i64,
    /// Who made it and changed it last, and when.
    pub stamps: Stamps,
    /// What it is.
    pub body: Body,
}

/// Who made and changed something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    /// Who made it: a name for people.
    pub created_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Who changed it last.
    pub changed_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// What a resource is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Body {
    /// A resource group.
    Group(Group),
    /// A registry.
    Registry(Registry),
    /// An export or import pipeline.
    Pipeline(Pipeline),
    /// A vault.
    Vault(Vault),
    /// A user-assigned identity.
    UserIdentity(UserIdentity),
    /// A storage account.
    StorageAccount(StorageAccount),
}

/// A resource group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Where it is said to be; a word to be given back.
    pub location: String,
    /// Words of its owner.
    pub tags: BTreeMap<String, String>,
}

/// A registry: one of ours, or any other in the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Where it is said to be.
    pub location: Option<String>,
    /// Words of its owner.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The service tier that was asked for; a word to be given back (`Premium`).
    pub sku: String,
    /// Whether export pipelines may be.
    pub exports_allowed: bool,
    /// Members that clients set and read back and that mean nothing here (`adminUserEnabled`, …).
    #[serde(default)]
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Where it is.
    pub place: RegistryPlace,
}

/// Where a registry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum RegistryPlace {
    /// The depot of this server has it.
    Hosted {
        /// `host[:port]` under which clients reach it.
        login_server: String,
        /// Names what it holds: a registry that is deleted and made again begins empty.
        store: Uuid,
    },
    /// Somewhere else.
    External {
        /// `host[:port][/prefix]`.
        login_server: String,
        /// Whether it is spoken to without TLS.
        #[serde(default)]
        plain_http: bool,
        /// Who we are there.
        credential: RegistryCredential,
    },
}

impl RegistryPlace {
    /// `host[:port]` (of an external one perhaps with `/prefix`).
    pub fn login_server(&self) -> &str {
        match self {
            Self::Hosted { login_server, .. } | Self::External { login_server, .. } => login_server,
        }
    }
}

/// Who we are at an external registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum RegistryCredential {
    /// Nobody.
    Anonymous,
    /// User and password; the password (or `user:password`, where no user is named) is a secret of a vault.
    Secret {
        /// The user's name.
        user: Option<String>,
        /// URI of the secret.
        secret_uri: String,
        /// The identity that reads the secret; `None` for the registry's own system-assigned one.
        identity: Option<Identity>,
    },
    /// The worker's own workload identity (Entra ID), exchanged as Azure's registries do.
    WorkloadIdentity,
}

/// Direction of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Registry to container.
    Export,
    /// Container to registry.
    Import,
}

/// An export or import pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its direction.
    pub direction: Direction,
    /// Given back where it was sent.
    pub location: Option<String>,
    /// Who it is towards vaults and stores.
    pub identity: Identity,
    /// The container.
    pub container: Container,
    /// Options, canonical in case, in the order in which they were sent.
    pub options: Vec<PipelineOption>,
    /// Whether bundles that arrive are imported by themselves. Only of import pipelines.
    pub trigger: Option<TriggerStatus>,
}

/// Where a pipeline's bundles are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The word of the wire (`AzureStorageBlobContainer`).
    pub kind: String,
    /// Its URI as it was sent: `https://…`, `s3://…`, `gs://…`, `file://…`. No token is in it.
    pub uri: String,
    /// How the store is entered.
    pub access: StorageAccess,
    /// URI of the secret with the token; with managed identities it may be missing.
    pub key_vault_uri: Option<String>,
}

/// How a store is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageAccess {
    /// With a SAS token (for buckets: keys) out of a vault.
    SasToken,
    /// As the worker's own identity.
    ManagedIdentity,
}

/// Options of pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PipelineOption {
    /// Export: replace a blob that is there.
    OverwriteBlobs,
    /// Import: move tags that are there.
    OverwriteTags,
    /// Import: delete the bundle when all of it is in the registry.
    DeleteSourceBlobOnSuccess,
    /// Go on with the other artifacts when one fails.
    ContinueOnErrors,
}

/// Whether a trigger works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerStatus {
    /// It does.
    Enabled,
    /// It does not.
    Disabled,
}

/// Who a resource is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Identity {
    /// One of its own: made with the resource and gone with it.
    System {
        /// Names it in access policies.
        principal_id: Uuid,
    },
    /// Identities of the user, as they were sent, in that order.
    User {
        /// At least one.
        identities: Vec<UserIdentityRef>,
    },
    /// None.
    None,
}

impl Identity {
    /// Every principal that it may be: one for its own, perhaps several of the user's.
    pub fn principals(&self) -> Vec<Uuid> {
        match self {
            Self::System { principal_id } => vec![*principal_id],
            Self::User { identities } => identities.iter().map(|one| one.principal_id).collect(),
            Self::None => Vec::new(),
        }
    }
}

/// One user-assigned identity of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdentityRef {
    /// Its id exactly as it was sent.
    pub id: String,
    /// As in [`UserIdentity`].
    pub principal_id: Uuid,
    /// As in [`UserIdentity`].
    pub client_id: Uuid,
}

/// An identity that many resources may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdentity {
    /// Where it is said to be.
    pub location: String,
    /// Words of its owner.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Names it in access policies. Never changes.
    pub principal_id: Uuid,
    /// Its client id. Never changes.
    pub client_id: Uuid,
}

/// A vault of secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vault {
    /// Where it is said to be.
    pub location: String,
    /// Words of its owner.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Who may do what with its secrets.
    pub policies: Vec<AccessPolicy>,
    /// Members that clients set and read back and that mean nothing here (`sku`, `enableSoftDelete`, …).
    #[serde(default)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// What a principal may do with the secrets of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPolicy {
    /// The tenant as it was sent.
    pub tenant_id: String,
    /// The principal, in lower case.
    pub object_id: String,
    /// Permissions on secrets in lower case: `get`, `list`, `set`, `delete`, … or `all`.
    pub secrets: Vec<String>,
    /// Permissions on other things, given back as they were sent.
    #[serde(default)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// A storage account that is somewhere else: one of Azure's, or an emulator's. Its name is the account's own, with which
/// tokens are signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StorageAccount {
    /// Where it is said to be.
    pub location: Option<String>,
    /// Words of its owner.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The tier that was asked for; a word to be given back (`Standard_LRS`).
    pub sku: String,
    /// The kind that was asked for; a word to be given back (`StorageV2`).
    pub account_kind: String,
    /// Members that clients set and read back and that mean nothing here (`accessTier`, …).
    #[serde(default)]
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Where its blobs are: `http(s)://host[:port]`, or with `/account` behind it. No slash at the end.
    pub endpoint: String,
    /// Where its key is, if it is known here.
    pub key: Option<AccountKey>,
}

/// The key of a storage account: a secret of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountKey {
    /// URI of the secret.
    pub secret_uri: String,
    /// Who reads it.
    pub identity: Identity,
}
