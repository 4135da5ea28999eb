//! Certificates that somebody else keeps in files.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

use super::{Fresh, pem_certificates};
use crate::error::Error;

/// Below this, whoever keeps the certificate is told.
const ENDS_SOON: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug)]
pub(super) struct Files {
    cert: PathBuf,
    key: PathBuf,
    /// A hash of what was last read, good or bad: the same is not looked at twice.
    seen: AtomicU64,
}

impl Files {
    pub(super) fn new(cert: PathBuf, key: PathBuf) -> Self {
        Self { cert, key, seen: AtomicU64::new(0) }
    }

    pub(super) fn read(&self) -> Result<Fresh, Error> {
        let (cert, key) = (content(&self.cert)?, content(&self.key)?);
        self.seen.store(hash(&cert, &key), Ordering::Relaxed);
        self.pair(&cert, &key)
    }

    /// What is in the files, when that is something new.
    pub(super) fn reread(&self) -> Result<Option<Fresh>, Error> {
        let (Ok(cert), Ok(key)) = (content(&self.cert), content(&self.key)) else {
            // they are being replaced
            return Ok(None);
        };
        let now = hash(&cert, &key);
        if self.seen.swap(now, Ordering::Relaxed) == now {
            return Ok(None);
        }
        let fresh = self.pair(&cert, &key)?;
        self.warn_of_validity(&fresh);
        Ok(Some(fresh))
    }

    /// Clients look at it, so a certificate that has ended is served all the same.
    pub(super) fn warn_of_validity(&self, fresh: &Fresh) {
        let path = self.cert.display();
        match fresh.not_after.duration_since(SystemTime::now()) {
            Err(_) => {
                tracing::warn!(%path, "the certificate has ended: clients will refuse it; put a new one there");
            }
            Ok(left) if left < ENDS_SOON => {
                tracing::warn!(%path, hours_left = left.as_secs() / 3600, "the certificate ends soon");
            }
            Ok(_) => {}
        }
    }

    fn pair(&self, cert: &[u8], key: &[u8]) -> Result<Fresh, Error> {
        let of_cert = |problem| Error::Certificate { path: self.cert.clone(), problem };
        let of_key = |problem| Error::Certificate { path: self.key.clone(), problem };
        let chain = pem_certificates(cert).map_err(of_cert)?;
        let not_after = not_after(&chain[0]).map_err(of_cert)?;
        let key = private_key(key).map_err(of_key)?;
        let key = any_supported_type(&key)
            .map_err(|error| of_key(format!("has a private key that cannot be used: {error}")))?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            // a key that does not say what it belongs to is believed
            Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(TlsError::InconsistentKeys(_)) => {
                let cert = self.cert.display();
                return Err(of_key(format!(
                    "is the private key of another certificate than the first in {cert}"
                )));
            }
            Err(error) => return Err(of_cert(error.to_string())),
        }
        Ok(Fresh { key, not_after })
    }
}

/// Every certificate in a file.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    pem_certificates(&content(path)?).map_err(|problem| Error::Certificate { path: path.to_owned(), problem })
}

fn content(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Certificate {
        path: path.to_owned(),
        problem: format!("cannot be read: {error}"),
    })
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound if pem.windows(22).any(|part| part == b"BEGIN ENCRYPTED PRIVAT") => {
            "has a private key under a passphrase: take that off with `openssl pkey`".to_owned()
        }
        pem::Error::NoItemsFound => "has no private key in it".to_owned(),
        _ => "is not PEM".to_owned(),
    })
}

fn not_after(certificate: &CertificateDer<'_>) -> Result<SystemTime, String> {
    let (_, parsed) = parse_x509_certificate(certificate)
        .map_err(|error| format!("has a certificate that cannot be understood: {error}"))?;
    Ok(time(parsed.validity().not_after))
}

/// A certificate's time as the system's. What was before 1970 has ended in any case.
pub(super) fn time(time: ASN1Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or_default())
}

fn hash(cert: &[u8], key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (cert, key).hash(&mut hasher);
    hasher.finish()
}
