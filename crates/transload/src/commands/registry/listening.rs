//! Listening as the command line wants it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use transload_depot::{AccessLog, Depot, Limits, Metrics, Server, Serving, Tls};
use transload_transfer::{Code, Error};

use super::access_log::{Log, LogKeeper};
use super::trouble;
use crate::cli::{ListenArgs, TlsArgs};

/// What listens, and what belongs to it.
#[derive(Debug)]
pub(in crate::commands) struct Listening {
    pub(in crate::commands) server: Server,
    pub(in crate::commands) tls: Option<Tls>,
    pub(in crate::commands) log: Option<LogKeeper>,
}

impl Listening {
    /// The first address.
    pub(in crate::commands) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }
}

impl ListenArgs {
    /// The bounds, with those that were given.
    pub(in crate::commands) fn limits(&self) -> Limits {
        Limits {
            connections_max: self.connections_max as usize,
            requests_max: self.requests_max as usize,
            shutdown_grace: self.drain,
            ..Limits::default()
        }
    }

    /// Everything that can be wrong with what it names is found before a port is bound.
    ///
    /// # Errors
    /// `Usage`, `CertificateInvalid`, `StoreIo` and `ListenFailed`.
    pub(in crate::commands) async fn start(
        &self,
        depot: &Depot,
        data: Option<&Path>,
        adapt: impl FnOnce(Serving) -> Serving,
    ) -> Result<Listening, Error> {
        let metrics = Metrics::new().watching(depot);
        let tls = self.tls.open(data)?;
        self.start_serving(adapt(Serving::depot(depot)), tls, &metrics).await
    }

    /// The same for whatever is served.
    ///
    /// # Errors
    /// `StoreIo` and `ListenFailed`.
    pub(in crate::commands) async fn start_serving(
        &self,
        serving: Serving,
        tls: Option<Tls>,
        metrics: &Metrics,
    ) -> Result<Listening, Error> {
        let mut serving = serving.metrics(metrics.clone());
        if let Some(tls) = &tls {
            serving = serving.tls(tls.clone());
        }
        if let Some(addr) = self.metrics_listen {
            serving = serving.metrics_on(addr);
        }
        let mut keeper = None;
        if let Some(path) = &self.log.access_log {
            let (log, kept) = Log::open(path, self.log.access_log_format, metrics)?;
            serving = serving.access_log(log as Arc<dyn AccessLog>);
            keeper = Some(kept);
        }
        let server = serving.start(&self.listen).await.map_err(|error| trouble::error(&error))?;
        Ok(Listening { server, tls, log: keeper })
    }
}

impl TlsArgs {
    /// Whether there is to be TLS.
    pub(in crate::commands) fn is_asked(&self) -> bool {
        self.tls_cert.is_some() || self.tls_generate.is_some()
    }

    pub(in crate::commands) fn open(&self, data: Option<&Path>) -> Result<Option<Tls>, Error> {
        let tls = match (&self.tls_cert, &self.tls_key, &self.tls_generate) {
            (Some(cert), Some(key), _) => Tls::from_files(cert, key),
            (_, _, Some(names)) => {
                let folder = self.tls_folder.clone().or_else(|| data.map(|data| data.join("tls")));
                let folder = folder.ok_or_else(|| {
                    Error::new(Code::Usage, "--tls-generate", "there is no folder to keep the authority in")
                        .with_next("name one with --tls-folder")
                })?;
                let names: Vec<String> =
                    names.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
                Tls::generated(&folder, &names, Some(&machine_name()))
            }
            _ if self.tls_client_ca.is_some() => {
                let text = "clients show certificates over TLS only";
                return Err(Error::new(Code::Usage, "--tls-client-ca", text)
                    .with_next("give --tls-cert and --tls-key, or --tls-generate"));
            }
            _ => return Ok(None),
        };
        let tls = match &self.tls_client_ca {
            Some(authorities) => tls.and_then(|tls| tls.asking_clients(authorities)),
            None => tls,
        };
        tls.map(Some).map_err(|error| trouble::error(&error))
    }
}

/// What this machine is called.
pub(in crate::commands) fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
