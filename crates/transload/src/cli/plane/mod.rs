//! Arguments of the commands that ask a control plane (`transload serve`).

mod access;
mod az;
mod context;
mod deployment;
mod pipeline;
mod registry;
mod run;
mod storage;
mod vault;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) use access::{
    AuditArgs, PrincipalArgs, PrincipalCommand, PrincipalCreateArgs, PrincipalRotateArgs, RoleArgs,
    RoleCommand, RoleNameArg, RoleWhatArgs,
};
pub(crate) use az::{AzArgs, AzCommand, AzSetupArgs, ShellArg};
pub(crate) use context::{ContextAddArgs, ContextArgs, ContextCommand};
pub(crate) use deployment::{
    DeploymentArgs, DeploymentCommand, DeploymentCreateArgs, DeploymentListArgs, DeploymentNameArgs,
    DeploymentTryArgs, ModeArg, TemplateArgs,
};
pub(crate) use pipeline::{
    ContainerArgs, PipelineArgs, PipelineCommand, PipelineCreateCommand, PipelineNameArgs, TriggerArg,
};
pub(crate) use registry::{
    RegistryCreateArgs, RegistryDeleteArgs, RegistryImportArgs, RegistryListArgs, RegistryNameArgs,
};
pub(crate) use run::{
    RunArgs, RunCleanArgs, RunCommand, RunCreateArgs, RunListArgs, RunLogsArgs, RunStateArg,
};
pub(crate) use storage::{
    StorageArgs, StorageCommand, StorageCreateArgs, StorageDeleteArgs, StorageListArgs, StorageNameArgs,
};
pub(crate) use vault::{
    IdentityArgs, IdentityCommand, PolicyArgs, SecretCommand, SecretSetArgs, SecretValueArgs, VaultArgs,
    VaultCommand,
};

use super::TrustArgs;

/// Which control plane, and who we are there.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Control plane")]
pub(crate) struct ConnectArgs {
    /// The context to use (`transload context add`) instead of the current one. What is given below wins over it.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The control plane's URL, such as https://transload.example:8443.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The tenant's id. Without it the server is asked.
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Sign in as the principal with this client id.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The file that holds the principal's secret.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_env", "token_file", "token_env"])]
    pub(crate) secret_file: Option<PathBuf>,
    /// The environment variable that holds the principal's secret. Without any of these TRANSLOAD_SECRET.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["token_file", "token_env"])]
    pub(crate) secret_env: Option<String>,
    /// The file that holds a token of an issuer that the server trusts, instead of client id and secret.
    #[arg(long, value_name = "FILE", conflicts_with = "token_env")]
    pub(crate) token_file: Option<PathBuf>,
    /// The environment variable that holds such a token.
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// In which resource group.
#[derive(Debug, Clone, Args)]
pub(crate) struct GroupArg {
    /// The resource group. Without it that of the context.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) group: Option<String>,
}

/// In which registry.
#[derive(Debug, Clone, Args)]
pub(crate) struct InRegistryArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    /// The registry. Without it that of the context.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) registry: Option<String>,
}

/// Whether to ask before something goes with all that is beneath it.
#[derive(Debug, Clone, Args)]
pub(crate) struct YesArg {
    /// Do not ask whether it is meant.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    #[command(subcommand)]
    pub(crate) command: GroupCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Make a resource group.
    Create(GroupNameArgs),
    /// List resource groups.
    List(GroupListArgs),
    /// Show a resource group.
    Show(GroupNameArgs),
    /// Remove a resource group with all registries, pipelines, vaults and identities in it.
    Delete(GroupDeleteArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload group create lab
  transload group show lab --output json")]
pub(crate) struct GroupNameArgs {
    /// The resource group.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload group list --query '[].name' --output tsv")]
pub(crate) struct GroupListArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload group delete lab --yes")]
pub(crate) struct GroupDeleteArgs {
    /// The resource group.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) yes: YesArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
