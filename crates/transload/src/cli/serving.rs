//! Arguments of `registry serve` about listening.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Where it listens, and for how many.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listening")]
pub(crate) struct ListenArgs {
    /// An address to listen on, such as 127.0.0.1:5000 or [::]:5000; may be given several times. Port 0 takes a free
    /// one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5000")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Show metrics (/metrics, for Prometheus) and health (/healthz) on this address, without TLS and to anybody.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Connections at a time; others wait.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections_max: u32,
    /// Requests at a time; others are asked to come again (503).
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) requests_max: u32,
    /// When it is stopped, give requests that run this long to end. A second signal stops it at once.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::window::parse_duration)]
    pub(crate) drain: Duration,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    #[command(flatten)]
    pub(crate) log: AccessLogArgs,
}

/// By what it shows who it is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArgs {
    /// Speak TLS with the certificate chain in this file (PEM). It is read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key (PEM) of --tls-cert.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Speak TLS with a certificate that is made for localhost, this machine's name and these names (hosts or IP
    /// addresses), by an authority that is made for them too and that clients have to trust.
    #[arg(long, value_name = "NAME,…", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "tls_cert")]
    pub(crate) tls_generate: Option<String>,
    /// Where the authority of --tls-generate is kept; else in the folder of --data, as tls.
    #[arg(long, value_name = "DIR", requires = "tls_generate")]
    pub(crate) tls_folder: Option<PathBuf>,
    /// Let only clients in that show a certificate of an authority in this file (PEM).
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_client_ca: Option<PathBuf>,
}

/// What is told of requests.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access log")]
pub(crate) struct AccessLogArgs {
    /// Write a line for each request that ended to this file; `-` is standard output. After SIGHUP the file is opened
    /// anew, so that it can be moved away.
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,
    /// How lines are written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) access_log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
