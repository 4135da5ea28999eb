//! What `serve` and `worker` are to do: their arguments, looked over, with what files and variables hold.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use transload_control::ledger::QueueLimits;
use transload_transfer::{Code, Error};
use url::Url;

use super::issuers::{self, TrustedIssuer};
use super::kept::{Kept, absolute, secret};
use crate::cli::{ListenArgs, ResourceArgs, ServerArgs, TrustArgs, WorkArgs, WorkerArgs};
use crate::config::Environment;

/// A worker tells of itself several times in a lease; with a shorter one a busy machine would lose its runs.
const LEASE_MIN: Duration = Duration::from_secs(2);

/// Everything that `transload serve` is told.
#[derive(Debug)]
pub(crate) struct ServeOptions {
    /// What it keeps, and where.
    pub(crate) kept: Kept,
    /// Where it listens, how many it takes, and TLS. `tls_generate` is set unless a certificate was given or TLS is off.
    pub(crate) listening: ListenArgs,
    /// Whether it speaks HTTP without TLS.
    pub(crate) tls_off: bool,
    /// Under what clients reach it: scheme, host and port alone; `None` for the first address.
    pub(crate) url: Option<Url>,
    /// What is behind the name of a hosted registry, with its leading dot.
    pub(crate) registry_suffix: Option<String>,
    /// What is behind the name of a vault, with its leading dot.
    pub(crate) vault_suffix: Option<String>,
    /// Where clients of this machine are connected to its names; an address of loopback.
    pub(crate) connect_listen: Option<SocketAddr>,
    /// What is behind `ACCOUNT.blob` of a registered storage account, with its leading dot.
    pub(crate) storage_suffix: Option<String>,
    /// Issuers of tokens besides its own.
    pub(crate) issuers: Vec<TrustedIssuer>,
    /// With this `POST /events` may be called.
    pub(crate) event_key: Option<SecretString>,
    /// How runs are performed.
    pub(crate) work: Work,
    /// Artifacts that one run may name.
    pub(crate) artifacts_per_run_max: u32,
    /// What is older is forgotten; `None` for nothing.
    pub(crate) retention: Option<Duration>,
}

/// Everything that `transload worker` is told.
#[derive(Debug)]
pub(crate) struct WorkerOptions {
    /// What is kept, and where. Its ledger is always named.
    pub(crate) kept: Kept,
    /// How runs are performed.
    pub(crate) work: Work,
    /// As in [`ServeOptions`].
    pub(crate) registry_suffix: Option<String>,
    /// As in [`ServeOptions`].
    pub(crate) vault_suffix: Option<String>,
    /// As in [`ServeOptions`].
    pub(crate) storage_suffix: Option<String>,
    /// Where figures and health are shown.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// What runs have to end in when it is stopped.
    pub(crate) drain: Duration,
}

/// How runs are performed.
#[derive(Debug)]
pub(crate) struct Work {
    /// Runs at the same time in this process; 0 for none.
    pub(crate) workers: u16,
    /// Folders that `file://` containers may be in, absolute.
    pub(crate) folders: Vec<PathBuf>,
    /// Between two looks at a container.
    pub(crate) trigger_interval: Duration,
    /// Attempts of a run in all.
    pub(crate) attempts_max: u32,
    /// Before the second attempt; then twice as long each time.
    pub(crate) backoff_first: Duration,
    /// Before any attempt at most.
    pub(crate) backoff_max: Duration,
    /// Without a sign of life of its worker for so long, a run is another's.
    pub(crate) lease: Duration,
    /// Whom registries' and stores' certificates may come from besides.
    pub(crate) trust: TrustArgs,
    /// What each transfer may use.
    pub(crate) resources: ResourceArgs,
}

impl ServeOptions {
    /// Looks the arguments over, and reads the files and variables that they name.
    ///
    /// # Errors
    /// `Usage` for what cannot be meant, is not there or does not fit together.
    pub(crate) fn new(args: ServerArgs, environment: &Environment) -> Result<Self, Error> {
        let mut listening = args.listening;
        if !args.names.tls_off && listening.tls.tls_cert.is_none() {
            listening.tls.tls_generate.get_or_insert_default();
        }
        let who = args.who;
        Ok(Self {
            kept: Kept::new(args.ledger, environment)?,
            tls_off: args.names.tls_off,
            url: args.names.url.map(public_url).transpose()?,
            registry_suffix: args
                .names
                .registry_suffix
                .map(|s| suffix("--registry-suffix", &s))
                .transpose()?,
            vault_suffix: args.names.vault_suffix.map(|s| suffix("--vault-suffix", &s)).transpose()?,
            connect_listen: args.connect_listen.map(loopback).transpose()?,
            storage_suffix: args.names.storage_suffix.map(|s| suffix("--storage-suffix", &s)).transpose()?,
            issuers: who.issuers.as_deref().map(issuers::read).transpose()?.unwrap_or_default(),
            event_key: secret("--event-key", who.event_key_file.as_deref(), who.event_key_env.as_deref())?,
            work: Work::new(&args.work, args.workers, args.trust, args.resources)?,
            artifacts_per_run_max: args.artifacts_per_run_max,
            retention: (!args.retention.is_zero()).then_some(args.retention),
            listening,
        })
    }
}

impl WorkerOptions {
    /// The same for a worker.
    ///
    /// # Errors
    /// Those of [`ServeOptions::new`], and `Usage` where no ledger is named.
    pub(crate) fn new(args: WorkerArgs, environment: &Environment) -> Result<Self, Error> {
        let kept = Kept::new(args.ledger, environment)?;
        if kept.ledger.is_none() {
            let text = "a worker needs the ledger of the `transload serve` whose runs it performs";
            return Err(Error::new(Code::Usage, "--ledger", text)
                .with_next("name it with --ledger, --ledger-file or --ledger-env; `transload serve` alone performs runs too"));
        }
        Ok(Self {
            kept,
            work: Work::new(&args.work, args.workers, args.trust, args.resources)?,
            registry_suffix: args.registry_suffix.map(|s| suffix("--registry-suffix", &s)).transpose()?,
            vault_suffix: args.vault_suffix.map(|s| suffix("--vault-suffix", &s)).transpose()?,
            storage_suffix: args.storage_suffix.map(|s| suffix("--storage-suffix", &s)).transpose()?,
            metrics_listen: args.metrics_listen,
            drain: args.drain,
        })
    }
}

impl Work {
    /// How often runs are tried, and how long apart.
    pub(crate) fn queue(&self) -> QueueLimits {
        QueueLimits {
            attempts_max: self.attempts_max,
            backoff_first: self.backoff_first,
            backoff_max: self.backoff_max,
        }
    }

    fn new(args: &WorkArgs, workers: u16, trust: TrustArgs, resources: ResourceArgs) -> Result<Self, Error> {
        let refused = |option: &str, why: &str| Err(Error::new(Code::Usage, option, why));
        if args.lease < LEASE_MIN {
            return refused(
                "--lease",
                "a lease of less than 2 s is over before its worker can tell of itself",
            );
        }
        if args.trigger_interval.is_zero() {
            return refused(
                "--trigger-interval",
                "it is more than nothing; triggers are switched off in each pipeline",
            );
        }
        if args.backoff_first > args.backoff_max {
            return refused("--backoff-first", "it is longer than --backoff-max");
        }
        let folders = args.allow_folder.iter().map(|folder| absolute("--allow-folder", folder));
        Ok(Self {
            workers,
            folders: folders.collect::<Result<_, _>>()?,
            trigger_interval: args.trigger_interval,
            attempts_max: args.attempts_max,
            backoff_first: args.backoff_first,
            backoff_max: args.backoff_max,
            lease: args.lease,
            trust,
            resources,
        })
    }
}

fn public_url(url: Url) -> Result<Url, Error> {
    let bare =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.path() == "/";
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() || !bare || url.password().is_some() {
        let text = "it is scheme, host and perhaps a port: https://transload.example:8443";
        return Err(Error::new(Code::Usage, "--url", text));
    }
    Ok(url)
}

/// Whoever reaches the CONNECT listener is connected without a credential.
fn loopback(addr: SocketAddr) -> Result<SocketAddr, Error> {
    if addr.ip().is_loopback() {
        return Ok(addr);
    }
    let text = "it asks for no credential, and so it listens on loopback alone";
    Err(Error::new(Code::Usage, format!("--connect-listen {addr}"), text)
        .with_next("name an address such as 127.0.0.1:3128; other machines resolve the names by DNS"))
}

/// With its leading dot, in lower case.
fn suffix(option: &str, text: &str) -> Result<String, Error> {
    let bare = text.trim().trim_start_matches('.').to_ascii_lowercase();
    let (host, port) = bare.split_once(':').unwrap_or((&bare, "1"));
    let is_name =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !host.split('.').all(is_name) || port.parse::<u16>().is_err() {
        return Err(Error::new(Code::Usage, format!("{option} {text}"), "it is no name of hosts")
            .with_next("write it as .vault.example or .vault.example:8443"));
    }
    Ok(format!(".{bare}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;
    use secrecy::ExposeSecret as _;

    use super::super::VaultKey;
    use super::*;
    use crate::cli::{Cli, Command};

    fn environment() -> Environment {
        Environment { data_folder: Some(PathBuf::from("/srv/usual")), ..Environment::default() }
    }

    fn served(arguments: &[&str]) -> Result<ServeOptions, Error> {
        let cli = Cli::try_parse_from([&["transload", "serve"], arguments].concat()).unwrap();
        let Command::Serve(args) = cli.command else { panic!("not serve") };
        ServeOptions::new(*args, &environment())
    }

    #[test]
    fn without_a_word_it_listens_on_loopback_with_tls_and_keeps_all_in_the_usual_folder() {
        let options = served(&[]).unwrap();
        assert_eq!(options.listening.listen, ["127.0.0.1:8443".parse().unwrap()]);
        assert_eq!(options.listening.tls.tls_generate.as_deref(), Some(""));
        assert_eq!(options.kept.data, Path::new("/srv/usual"));
        assert!(options.kept.ledger.is_none() && matches!(options.kept.vault_key, VaultKey::InData));
        assert_eq!(options.artifacts_per_run_max, 50);
        assert_eq!(options.retention, Some(Duration::from_secs(90 * 86_400)));
        assert!(served(&["--tls-off"]).unwrap().listening.tls.tls_generate.is_none());
        assert_eq!(served(&["--retention", "0s"]).unwrap().retention, None);
    }

    #[test]
    fn names_are_read_as_they_are_meant() {
        let options =
            served(&["--vault-suffix", "Vault.Example:8443", "--url", "https://t.example"]).unwrap();
        assert_eq!(options.vault_suffix.as_deref(), Some(".vault.example:8443"));
        assert_eq!(options.url.unwrap().host_str(), Some("t.example"));
        for wrong in
            ["https://u:p@t.example", "https://t.example/path", "ftp://t.example", "https://t.example?x=1"]
        {
            assert!(served(&["--url", wrong]).is_err(), "{wrong}");
        }
        assert!(served(&["--vault-suffix", "https://x"]).is_err());
    }

    #[test]
    fn the_connect_listener_is_for_this_machine_alone() {
        assert_eq!(served(&[]).unwrap().connect_listen, None);
        for good in ["127.0.0.1:3128", "[::1]:0"] {
            assert_eq!(served(&["--connect-listen", good]).unwrap().connect_listen, good.parse().ok());
        }
        for wide in ["0.0.0.0:3128", "[::]:3128", "192.0.2.1:3128"] {
            let refused = served(&["--connect-listen", wide]).unwrap_err();
            assert!(refused.subject().contains(wide) && refused.detail().contains("credential"), "{wide}");
        }
    }

    #[test]
    fn a_password_of_the_ledger_is_nowhere_to_be_read() {
        let options = served(&["--ledger", "postgres://u:TOPSECRET@db/x"]).unwrap();
        assert!(!format!("{options:?}").contains("TOPSECRET"));
        let error = served(&["--ledger", "mysql://u:TOPSECRET@db/x"]).unwrap_err();
        assert!(!format!("{error:?}{}", error.next_step()).contains("TOPSECRET"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "postgres://u:TOPSECRET@db/x\n").unwrap();
        let options = served(&["--ledger-file", file.to_str().unwrap()]).unwrap();
        assert_eq!(options.kept.ledger.unwrap().expose_secret(), "postgres://u:TOPSECRET@db/x");
        assert!(served(&["--event-key-env", "TRANSLOAD_NO_SUCH_VARIABLE"]).is_err());
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        assert_eq!(served(&["--lease", "1s"]).unwrap_err().subject(), "--lease");
        assert_eq!(served(&["--backoff-first", "1h"]).unwrap_err().subject(), "--backoff-first");
        assert_eq!(served(&["--trigger-interval", "0s"]).unwrap_err().subject(), "--trigger-interval");
        let cli = Cli::try_parse_from(["transload", "worker"]).unwrap();
        let Command::Worker(args) = cli.command else { panic!("not worker") };
        let refused = WorkerOptions::new(*args, &environment()).unwrap_err();
        assert!(refused.next_step().contains("--ledger-file"), "{}", refused.next_step());
    }
}
