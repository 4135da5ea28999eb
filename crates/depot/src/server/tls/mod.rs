//! TLS: with certificates that somebody keeps in files, or with generated ones.

mod authority;
mod files;
mod generated;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::Error;
pub use authority::{Authority, Issued};
use files::Files;
use generated::Generated;

/// By what a server shows who it is: TLS 1.2 and 1.3. Clones share the certificate, which is replaced while the server
/// runs.
#[derive(Clone)]
pub struct Tls {
    source: Arc<Source>,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
enum Source {
    Files(Files),
    Generated(Box<Generated>),
}

/// The certificate that is shown now.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

/// A certificate and its key, read or made just now.
struct Fresh {
    key: CertifiedKey,
    not_after: SystemTime,
}

impl Tls {
    /// A certificate chain and its private key, PEM, in files. They are read again when they change. Blocks for
    /// reading.
    ///
    /// # Errors
    /// [`Error::Certificate`], when one cannot be read, has nothing of its kind in it, or does not fit the other.
    pub fn from_files(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Error> {
        let files = Files::new(cert.into(), key.into());
        let fresh = files.read()?;
        files.warn_of_validity(&fresh);
        Self::new(Source::Files(files), fresh)
    }

    /// A certificate for `localhost`, the loopback addresses and these names (DNS names or IP addresses), issued by an
    /// authority that is kept in this folder and made at the first time, for ten years. It can issue for nothing
    /// but the names it was made with. The certificate is made anew at every start and before it ends. `own` is
    /// this machine's name, which is left out where the authority was made under another. Blocks for reading and
    /// writing.
    ///
    /// # Errors
    /// [`Error::Certificate`], when the folder cannot be used, a name cannot stand in a certificate, or the authority
    /// that is there cannot issue for it.
    pub fn generated(folder: &Path, names: &[String], own: Option<&str>) -> Result<Self, Error> {
        let generated = Generated::open(folder, names, own)?;
        let fresh = generated.issue()?;
        Self::new(Source::Generated(Box::new(generated)), fresh)
    }

    /// Lets only those clients in that show a certificate of an authority in this file (PEM). Blocks for reading.
    ///
    /// # Errors
    /// [`Error::Certificate`].
    pub fn asking_clients(mut self, authorities: &Path) -> Result<Self, Error> {
        let fail = |problem: String| Error::Certificate { path: authorities.to_owned(), problem };
        let mut roots = RootCertStore::empty();
        for authority in files::certificates(authorities)? {
            roots
                .add(authority)
                .map_err(|e| fail(format!("has a certificate that cannot be an authority: {e}")))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let verifier = verifier.map_err(|error| fail(error.to_string()))?;
        self.config = config(Arc::clone(&self.current), Some(verifier))?;
        Ok(self)
    }

    /// The certificate that clients have to trust, where it was generated.
    pub fn authority(&self) -> Option<&Path> {
        match &*self.source {
            Source::Files(_) => None,
            Source::Generated(generated) => Some(generated.authority()),
        }
    }

    /// Looks whether there is a new certificate or has to be one, and shows that from now on. The one that is shown
    /// stays when there is none, or none that is good. Blocks for reading.
    ///
    /// # Errors
    /// [`Error::Certificate`], once for each change of the files.
    pub fn refresh(&self) -> Result<bool, Error> {
        let fresh = match &*self.source {
            Source::Files(files) => files.reread()?,
            Source::Generated(generated) => generated.renew()?,
        };
        let is_new = fresh.is_some();
        if let Some(fresh) = fresh {
            *self.current.0.write() = Arc::new(fresh.key);
        }
        Ok(is_new)
    }

    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }

    fn new(source: Source, fresh: Fresh) -> Result<Self, Error> {
        let current = Arc::new(Current(RwLock::new(Arc::new(fresh.key))));
        let config = config(Arc::clone(&current), None)?;
        Ok(Self { source: Arc::new(source), current, config })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("source", &self.source).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

/// Replaces the certificate when it has to be, for as long as it is polled.
pub(super) async fn keep_fresh(tls: Tls, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let tls = tls.clone();
        match tokio::task::spawn_blocking(move || tls.refresh()).await {
            Ok(Ok(true)) => tracing::info!("the certificate was replaced"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the certificate stays the one before"),
            // the runtime ends
            Err(_) => return,
        }
    }
}

fn config(
    current: Arc<Current>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::Certificate {
        path: PathBuf::new(),
        problem: format!("TLS cannot be set up: {error}"),
    })?;
    let builder = match clients {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(current);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Named, not the process default: a library does not choose for its process.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Certificates in PEM; what else stands there is passed over.
fn pem_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| "is not PEM".to_owned())?;
    if found.is_empty() { Err("has no certificate in it".to_owned()) } else { Ok(found) }
}
