//! Arguments of `serve` and `worker`.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

use super::{ListenArgs, ResourceArgs, TrustArgs};

/// Where the control plane listens when nothing else is said.
const LISTEN: &str = "127.0.0.1:8443";

#[derive(Debug, Args)]
#[command(
    mut_arg("listen", |arg| arg.default_value(LISTEN)),
    mut_arg("tls_generate", |arg| arg.help(TLS_GENERATE).long_help(TLS_GENERATE).conflicts_with("tls_off")),
    after_help = "\
Examples:
  transload serve
  transload serve --data /var/lib/transload --listen 0.0.0.0:8443 --tls-generate=transload.example
  transload serve --ledger-file /etc/transload/ledger-url --tls-cert tls.crt --tls-key tls.key --url https://transload.example
  transload serve --connect-listen 127.0.0.1:3128                    # then: eval \"$(transload az setup)\"
  transload serve --workers 0 --ledger postgres://transload@db.example/transload     # runs are performed by `transload worker`

On its first start it makes what is missing in its folder: ledger, key of the vault, certificates, and an administrator
whose secret it shows once. Everything here can stand below [serve] in transload.toml; `transload config check` looks it over.
SIGTERM or Ctrl-C stops it when what runs has ended; a run that does not end in time is taken up again at the next start."
)]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
    #[command(flatten)]
    pub(crate) listening: ListenArgs,
    #[command(flatten)]
    pub(crate) names: NameArgs,
    /// Be an HTTP proxy (CONNECT) on this address of loopback, such as 127.0.0.1:3128, that leads to this server's own names
    /// and to registered storage accounts, and nowhere else: for clients here that cannot resolve them. No credential is
    /// asked for.
    #[arg(long, value_name = "ADDR", help_heading = "Names", conflicts_with = "tls_off")]
    pub(crate) connect_listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// Runs that this process performs at the same time; 0 leaves all of them to `transload worker`.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Runs", value_parser = clap::value_parser!(u16).range(0..=256))]
    pub(crate) workers: u16,
    /// Artifacts that one run may name.
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Runs", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) artifacts_per_run_max: u32,
    /// Forget operations and entries of the audit log that are older than this; 0s never does. Runs stay until they are deleted.
    #[arg(long, value_name = "TIME", default_value = "90d", help_heading = "Runs", value_parser = crate::window::parse_duration)]
    pub(crate) retention: Duration,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}

const TLS_GENERATE: &str = "Names (hosts or IP addresses) for the certificate that is made for this server when --tls-cert is \
                            not given, besides localhost and this machine's name. Its authority is made too; clients have to \
                            trust it";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload worker --ledger postgres://transload@db.example/transload --vault-key-file /etc/transload/vault.key
  transload worker --ledger-env LEDGER --vault-key-env VAULT_KEY --workers 8

Any number of workers may share a ledger. One that is killed loses nothing: its runs are taken up by another when their
lease ends. Ledger, vault key and allowed folders have to be those of `transload serve`.")]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// Runs that this process performs at the same time.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Runs", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: u16,
    /// Hosted registries are reached as NAME and this, as `transload serve` was told.
    #[arg(long, value_name = "SUFFIX", help_heading = "Names")]
    pub(crate) registry_suffix: Option<String>,
    /// Vaults are reached as NAME and this, as `transload serve` was told.
    #[arg(long, value_name = "SUFFIX", help_heading = "Names")]
    pub(crate) vault_suffix: Option<String>,
    /// Registered storage accounts are called NAME.blob and this, as `transload serve` was told.
    #[arg(long, value_name = "SUFFIX", help_heading = "Names")]
    pub(crate) storage_suffix: Option<String>,
    /// Show metrics (/metrics, for Prometheus) and health (/healthz) on this address, without TLS and to anybody.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// When it is stopped, give runs this long to end. What does not is taken up by another worker.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::window::parse_duration)]
    pub(crate) drain: Duration,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}

/// What it keeps, and where.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is kept")]
pub(crate) struct LedgerArgs {
    /// The folder for all that is kept (mode 0700); it is made when it is not there. Without it /var/lib/transload for root,
    /// else ~/.local/share/transload.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The ledger: postgres://USER@HOST/DATABASE, or sqlite:FILE. Without it a file in --data. A password belongs into
    /// --ledger-file or --ledger-env; here it would show in the process list.
    #[arg(long, value_name = "URL", hide_default_value = true, conflicts_with_all = ["ledger_file", "ledger_env"])]
    pub(crate) ledger: Option<LedgerUrl>,
    /// The file that holds the ledger's URL.
    #[arg(long, value_name = "FILE", conflicts_with = "ledger_env")]
    pub(crate) ledger_file: Option<PathBuf>,
    /// The environment variable that holds the ledger's URL.
    #[arg(long, value_name = "NAME")]
    pub(crate) ledger_env: Option<String>,
    /// The file that holds the key of the vault. Without it vault.key in --data, which is made (mode 0600). Whoever loses it
    /// loses the secrets.
    #[arg(long, value_name = "FILE", conflicts_with = "vault_key_env")]
    pub(crate) vault_key_file: Option<PathBuf>,
    /// The environment variable that holds the key of the vault.
    #[arg(long, value_name = "NAME")]
    pub(crate) vault_key_env: Option<String>,
}

/// What it is called.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Names")]
pub(crate) struct NameArgs {
    /// Under what clients reach this server, such as https://transload.example. Without it the first address it listens on.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<url::Url>,
    /// Hosted registries are reached as NAME and this, such as .registry.example:8443. Without it .azurecr. and the host of
    /// --url.
    #[arg(long, value_name = "SUFFIX")]
    pub(crate) registry_suffix: Option<String>,
    /// Vaults are reached as NAME and this, such as .vault.example:8443. Without it .vault. and the host of --url.
    #[arg(long, value_name = "SUFFIX")]
    pub(crate) vault_suffix: Option<String>,
    /// Registered storage accounts are called NAME.blob and this, such as .storage.example:8443, by pipelines and by az. Without
    /// it .storage. and the host of --url.
    #[arg(long, value_name = "SUFFIX")]
    pub(crate) storage_suffix: Option<String>,
    /// Speak HTTP without TLS, behind a proxy that has TLS. Azure's tools refuse a server without.
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key", "tls_client_ca"])]
    pub(crate) tls_off: bool,
}

/// Who may come in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who may come in")]
pub(crate) struct WhoArgs {
    /// Issuers of tokens that are trusted besides this server's own, and what their claims mean (TOML, see
    /// docs/operations.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) issuers: Option<PathBuf>,
    /// The file that holds the key with which POST /events may be called. Without a key events need a token.
    #[arg(long, value_name = "FILE", conflicts_with = "event_key_env")]
    pub(crate) event_key_file: Option<PathBuf>,
    /// The environment variable that holds the key with which POST /events may be called.
    #[arg(long, value_name = "NAME")]
    pub(crate) event_key_env: Option<String>,
}

/// How runs are performed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Runs")]
pub(crate) struct WorkArgs {
    /// A folder whose files and folders pipelines may name as file:// containers. May be given several times; without it
    /// none may.
    #[arg(long, value_name = "DIR")]
    pub(crate) allow_folder: Vec<PathBuf>,
    /// Look for bundles that have arrived every so often, where nothing tells of them.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = crate::window::parse_duration)]
    pub(crate) trigger_interval: Duration,
    /// Give a run up after so many attempts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) attempts_max: u32,
    /// Wait so long before the second attempt; before each later one twice as long.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = crate::window::parse_duration)]
    pub(crate) backoff_first: Duration,
    /// Wait no longer than this before an attempt.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = crate::window::parse_duration)]
    pub(crate) backoff_max: Duration,
    /// A run whose worker was not heard of for so long is taken up by another.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::window::parse_duration)]
    pub(crate) lease: Duration,
}

/// The URL of a ledger. There may be a password in it.
#[derive(Clone)]
pub(crate) struct LedgerUrl(pub(crate) SecretString);

impl FromStr for LedgerUrl {
    // what is wrong with it is found later: the parser's errors repeat what was given
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(SecretString::from(text)))
    }
}

impl fmt::Debug for LedgerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerUrl(…)")
    }
}
