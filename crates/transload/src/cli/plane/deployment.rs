//! Arguments of `deployment`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ConnectArgs, GroupArg, YesArg};

#[derive(Debug, Args)]
pub(crate) struct DeploymentArgs {
    #[command(subcommand)]
    pub(crate) command: DeploymentCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Deploy a template into a resource group, and wait for it.
    Create(Box<DeploymentCreateArgs>),
    /// Say whether a template could be deployed; nothing is changed.
    Validate(Box<DeploymentTryArgs>),
    /// Say what a deployment would create, change and delete; nothing is changed.
    WhatIf(Box<DeploymentTryArgs>),
    /// Show a deployment, what it made and its outputs.
    Show(DeploymentNameArgs),
    /// List deployments of a group.
    List(DeploymentListArgs),
    /// Show what a deployment did with each of its resources.
    Operations(DeploymentNameArgs),
    /// Print the template that was deployed.
    Export(DeploymentNameArgs),
    /// Begin nothing more of a deployment; what has begun goes on to its end.
    Cancel(DeploymentNameArgs),
    /// Forget a deployment; what it made stays.
    Delete(DeploymentNameArgs),
}

/// A template and its parameters.
#[derive(Debug, Clone, Args)]
pub(crate) struct TemplateArgs {
    /// The deployment's name. Without it that of the template's file.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The template: JSON, comments may stand in it.
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) template_file: PathBuf,
    /// Parameters: a file of them (FILE or @FILE), NAME=VALUE, NAME=@FILE, or JSON. May be given several times; what comes
    /// later wins. Secure ones are given by NAME=@FILE (@- is standard input) or --parameter-env.
    #[arg(long, short, value_name = "PARAMETERS", num_args = 1..)]
    pub(crate) parameters: Vec<String>,
    /// A parameter whose value is in an environment variable: NAME=VARIABLE.
    #[arg(long, value_name = "NAME=VARIABLE")]
    pub(crate) parameter_env: Vec<String>,
    /// What becomes of what the group has besides.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = ModeArg::Incremental)]
    pub(crate) mode: ModeArg,
    #[command(flatten)]
    pub(crate) group: GroupArg,
}

/// What becomes of what a group has besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// It stays.
    Incremental,
    /// It is deleted.
    Complete,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload deployment create -g lab -f ExportPipelines/azuredeploy.json -p ExportPipelines/azuredeploy.parameters.json
  transload deployment create weekly -g lab -f azuredeploy.json -p azuredeploy.parameters.json registryName=central
  transload deployment create -g lab -f all.json -p password=@password.txt --mode complete

Parameters that have no default and are not given are asked for on a terminal. Ctrl-C ends the waiting and not the deployment.")]
pub(crate) struct DeploymentCreateArgs {
    #[command(flatten)]
    pub(crate) template: TemplateArgs,
    /// Do not wait until it is done.
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) yes: YesArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload deployment validate -g lab -f azuredeploy.json -p azuredeploy.parameters.json
  transload deployment what-if -g lab -f azuredeploy.json -p azuredeploy.parameters.json --mode complete")]
pub(crate) struct DeploymentTryArgs {
    #[command(flatten)]
    pub(crate) template: TemplateArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload deployment show exportpipeline -g lab
  transload deployment show exportpipeline -g lab --query 'properties.outputResources[1].id' --output tsv
  transload deployment operations exportpipeline -g lab")]
pub(crate) struct DeploymentNameArgs {
    /// The deployment.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload deployment list -g lab --query '[?properties.provisioningState==`Failed`].name'")]
pub(crate) struct DeploymentListArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
