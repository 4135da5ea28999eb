//! What to take, and under which names it arrives.

use std::path::PathBuf;

use clap::Args;
use transload_oci::{PlatformPattern, Rename};

/// What to take.
#[derive(Debug, Clone, Args)]
pub(crate) struct SelectionArgs {
    /// registry/repository:tag, registry/repository@sha256:…, or registry/repository for every tag. Patterns too:
    /// 'repo:v1.*', 'repo:{1.2,1.3}*', 'repo:/v[0-9]+/', 'repo:^1.4', 'repo:>=1.2 <2', 'registry/team/*', 'registry/**'.
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifacts: Vec<String>,
    /// A file of artifacts, one a line, `#` before comments, `!` before exclusions; `-` for standard input. Or one in which
    /// image references are found: Kubernetes manifests (a folder of them too), Compose, ImagesLock, an earlier report.
    #[arg(long, value_name = "FILE")]
    pub(crate) artifacts_file: Vec<PathBuf>,
    /// Leave out what this pattern fits: 'team/*:*-rc*', or ':latest' in every repository.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Of patterns and whole repositories only the newest N versions; tags that are no versions do not count.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) latest: Option<u32>,
    /// The registry of artifacts that name none.
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) from: Option<String>,
    /// Take only these platforms of images: linux/amd64,linux/arm64. Indexes keep their digest and list the others too;
    /// a registry that does not take that needs --platform-rewrite.
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',', value_parser = clap::value_parser!(PlatformPattern))]
    pub(crate) platform: Vec<PlatformPattern>,
    /// Write indexes anew so that they list only the platforms taken. Their digest changes, signatures no longer fit.
    #[arg(long, requires = "platform")]
    pub(crate) platform_rewrite: bool,
    /// Layers that need not be in a registry (Windows): fetched from their URLs where the registry lacks them, or left out.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "carry")]
    pub(crate) foreign_layers: ForeignLayersArg,
    /// Leave signatures, SBOMs and attestations behind.
    #[arg(long)]
    pub(crate) no_referrers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ForeignLayersArg {
    /// They travel.
    Carry,
    /// They stay behind.
    Omit,
}

/// Where artifacts go.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArgs {
    /// The registry to fill, with a prefix for its repositories if wanted.
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    pub(crate) to: String,
    /// Give repositories other names: 'team/*=prod/team/*', 'a/b=c/d'. The first rule that fits counts; a prefix of
    /// --to stands in front of all.
    #[arg(long, value_name = "FROM=TO", value_parser = clap::value_parser!(Rename))]
    pub(crate) map: Vec<Rename>,
    /// Move tags that exist with another digest. Without it they are conflicts, found before anything is pushed.
    #[arg(long)]
    pub(crate) overwrite_tags: bool,
}
