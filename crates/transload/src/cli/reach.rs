//! How registries and stores are reached, and what a transfer may use.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::window::Window;

/// Whom to trust besides the system's certificate authorities.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustArgs {
    /// Trust the certificate authorities in this PEM file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Vec<PathBuf>,
}

/// How registries are spoken to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct RegistryArgs {
    /// Speak HTTP without TLS, with every registry or with HOST only. Loopback needs no asking.
    #[arg(long, value_name = "HOST", num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    pub(crate) plain_http: Vec<String>,
    /// Our certificate chain (PEM), for registries that ask for one.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,
    /// The private key (PEM) of --client-cert.
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,
    /// Take credentials from this file, in Docker's or containers' format, instead of the usual ones.
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_file: Option<PathBuf>,
}

/// How a store is spoken to.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Object storage")]
pub(crate) struct StoreArgs {
    /// The environment variable that holds the SAS token. (One in the URL works too, but shows in the process list.)
    #[arg(long, value_name = "NAME", conflicts_with = "sas_token_file")]
    pub(crate) sas_token_env: Option<String>,
    /// The file that holds the SAS token. Without any token or key Entra ID is used: AZURE_TENANT_ID, AZURE_CLIENT_ID and
    /// AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, else whoever is signed in to the Azure CLI.
    #[arg(long, value_name = "FILE")]
    pub(crate) sas_token_file: Option<PathBuf>,
    /// The environment variable that holds the Azure storage account's key. It is not sent: each request gets a SAS
    /// token of its own, made with it, that allows no more than that request.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["sas_token_env", "sas_token_file", "account_key_file"])]
    pub(crate) account_key_env: Option<String>,
    /// The file that holds the Azure storage account's key, or a connection string.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sas_token_env", "sas_token_file"])]
    pub(crate) account_key_file: Option<PathBuf>,
    /// Sign in to Azure as this machine: by its own identity, or by the one with this client id.
    #[arg(long, value_name = "CLIENT_ID", num_args = 0..=1, require_equals = true, default_missing_value = "",
          conflicts_with_all = ["sas_token_env", "sas_token_file", "account_key_env", "account_key_file"])]
    pub(crate) managed_identity: Option<String>,
    /// The URL of a store that speaks the protocol of S3 or Google Cloud Storage (MinIO, Ceph, an emulator). Without it
    /// AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or STORAGE_EMULATOR_HOST, else Amazon's or Google's own.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The bucket's region in S3. Without it AWS_REGION, else the store is asked.
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// Put the bucket's name into the host's name, for an --endpoint that wants it there.
    #[arg(long)]
    pub(crate) virtual_host: bool,
    /// Ask without a credential, for public buckets. Without it keys, profiles, roles and service accounts are found
    /// as Amazon's and Google's own tools find them.
    #[arg(long)]
    pub(crate) anonymous: bool,
}

/// What a transfer may use.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Resources")]
pub(crate) struct ResourceArgs {
    /// Blobs that move at the same time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: Option<u16>,
    /// Memory for blocks in flight, such as 64MiB. The whole process stays about 40 MiB above it.
    #[arg(long, value_name = "SIZE", value_parser = crate::output::parse_bytes)]
    pub(crate) memory_max: Option<u64>,
    /// Move no more than this, such as 50MiB/s or 400Mbit/s. Bytes are counted once, as they are read.
    #[arg(long, value_name = "RATE", value_parser = crate::output::parse_rate)]
    pub(crate) rate_limit: Option<u64>,
    /// Have no more requests under way at once to any host of a registry; so many blobs move at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) max_per_host: Option<u16>,
    /// Move bytes at this time of the day only, such as 22:00-06:00, in this machine's time zone or in one that is
    /// named behind ('22:00-06:00 Europe/Berlin'). Outside it waits.
    #[arg(long, value_name = "FROM-TO")]
    pub(crate) window: Option<Window>,
    /// Wait up to so long, such as 8h, for a registry that asks to come back later (429). Else 5 minutes.
    #[arg(long, value_name = "TIME", value_parser = crate::window::parse_duration)]
    pub(crate) max_wait: Option<Duration>,
}
