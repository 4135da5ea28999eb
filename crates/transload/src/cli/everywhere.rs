//! Options of every command.

use std::path::PathBuf;

use clap::Args;

use crate::output::{Format, Query};

/// How the program speaks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// How to show results. With a query it is json, else table.
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) output: Option<Format>,
    /// Show only this part of the result: a JMESPath expression, such as 'artifacts[].[source, digest]'.
    #[arg(long, global = true, value_name = "JMESPATH", conflicts_with = "json")]
    pub(crate) query: Option<Query>,
    /// Write one JSON event a line to stdout, the report last.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say only what went wrong.
    #[arg(long, short, global = true, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

/// Where options that are not given come from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// Take settings from this file alone, instead of ~/.config/transload/transload.toml and
    /// /etc/transload/transload.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The profile of the settings to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}
