//! Arguments of `principal`, `role` and `audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::ConnectArgs;
use crate::cli::LedgerArgs;

/// Where to work without a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct OfflineArgs {
    /// Work on the ledger itself, on the server's machine and without its leave: for when no owner's secret is left.
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PrincipalArgs {
    #[command(subcommand)]
    pub(crate) command: PrincipalCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    /// Make a service principal. Its secret is shown this once.
    Create(Box<PrincipalCreateArgs>),
    /// List service principals.
    List(Box<PrincipalListArgs>),
    /// Give a service principal another secret, which is shown this once. The one before ends.
    Rotate(Box<PrincipalRotateArgs>),
    /// Remove a service principal and its roles.
    Delete(Box<PrincipalDeleteArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload principal create robot --role operator --save robot.json
  transload principal create auditor --role owner --scope /subscriptions/…/resourceGroups/lab
  transload principal create rescue --role owner --offline --data /var/lib/transload --save rescue.json

What --save writes is for `transload context add NAME --file`.")]
pub(crate) struct PrincipalCreateArgs {
    /// What it is called, for people.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Give it this role. Without it, it may nothing yet.
    #[arg(long, value_enum, value_name = "ROLE", ignore_case = true)]
    pub(crate) role: Option<RoleNameArg>,
    /// Where the role holds: an id of a group or resource, or a group's name. Without it everywhere.
    #[arg(long, value_name = "SCOPE", requires = "role")]
    pub(crate) scope: Option<String>,
    #[command(flatten)]
    pub(crate) secret: NewSecretArgs,
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// What becomes of a new secret.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewSecretArgs {
    /// The secret ends after so long, such as 90d. Without it never.
    #[arg(long, value_name = "TIME", value_parser = crate::window::parse_duration)]
    pub(crate) expires_in: Option<Duration>,
    /// Write server, client id and secret to this file (mode 0600) instead of showing the secret.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload principal list")]
pub(crate) struct PrincipalListArgs {
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload principal rotate robot --save robot.json
  transload principal rotate administrator --offline --data /var/lib/transload")]
pub(crate) struct PrincipalRotateArgs {
    /// The principal: its client id, object id, or name where only one has it.
    #[arg(value_name = "PRINCIPAL")]
    pub(crate) principal: String,
    #[command(flatten)]
    pub(crate) secret: NewSecretArgs,
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload principal delete robot")]
pub(crate) struct PrincipalDeleteArgs {
    /// The principal: its client id, object id, or name where only one has it.
    #[arg(value_name = "PRINCIPAL")]
    pub(crate) principal: String,
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleNameArg {
    /// See resources and runs.
    Reader,
    /// Start, repeat, cancel and remove runs too.
    Operator,
    /// Make, change and delete resources too.
    Contributor,
    /// Say who may do what, and read the audit log, too.
    Owner,
}

impl RoleNameArg {
    /// As the API calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reader => "Reader",
            Self::Operator => "Operator",
            Self::Contributor => "Contributor",
            Self::Owner => "Owner",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    #[command(subcommand)]
    pub(crate) command: RoleCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Give a principal a role.
    Grant(RoleWhatArgs),
    /// Take a role from a principal.
    Revoke(RoleWhatArgs),
    /// List who has which role where.
    List(RoleListArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload role grant --principal robot --role operator --scope lab
  transload role revoke --principal robot --role operator --scope lab")]
pub(crate) struct RoleWhatArgs {
    /// The principal: its client id, object id, or name where only one has it. Of an outer issuer's principal the object id.
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) principal: String,
    /// The role.
    #[arg(long, value_enum, value_name = "ROLE", ignore_case = true)]
    pub(crate) role: RoleNameArg,
    /// Where it holds: an id of a group or resource, or a group's name. Without it everywhere.
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload role list")]
pub(crate) struct RoleListArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload audit --top 20
  transload audit --who robot --outcome denied --since 24h
  transload audit --correlation 5f0c… --output json
  transload audit --follow
  transload audit --offline --data /var/lib/transload")]
pub(crate) struct AuditArgs {
    /// Only what this principal did: its object id or name.
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) who: Option<String>,
    /// Only actions that begin so, such as secrets/get or Microsoft.KeyVault/.
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// Only what was done to something with this in its name or id.
    #[arg(long, value_name = "TEXT")]
    pub(crate) on: Option<String>,
    /// Only what ended so.
    #[arg(long, value_enum, value_name = "OUTCOME", ignore_case = true)]
    pub(crate) outcome: Option<OutcomeArg>,
    /// Only what carries this correlation id.
    #[arg(long, value_name = "ID")]
    pub(crate) correlation: Option<String>,
    /// Not before: a moment (2026-11-01T00:00:00Z), or so long ago (7d). Without it the last 24 hours.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Before: a moment, or so long ago.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// The last N of what fits; of --follow, before what comes.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) top: u32,
    /// Go on with what comes until it is stopped.
    #[arg(long, short, conflicts_with = "offline")]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutcomeArg {
    /// It was done.
    Done,
    /// Who asked may not.
    Denied,
    /// It was refused or failed for another reason.
    Failed,
}

impl OutcomeArg {
    /// As the API calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Denied => "Denied",
            Self::Failed => "Failed",
        }
    }
}
