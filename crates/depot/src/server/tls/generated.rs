//! Certificates that the server makes for itself, by an authority of its own.

use std::path::Path;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::Fresh;
use super::authority::{Authority, all_names, is_name};
use crate::error::Error;

/// What the server's own certificates are called.
const COMMON_NAME: &str = "Transload registry";
const CERTIFICATE_LASTS: Duration = Duration::from_secs(90 * 24 * 3600);
/// A certificate that has less is renewed.
const RENEWED_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Debug)]
pub(super) struct Generated {
    names: Vec<String>,
    authority: Authority,
    not_after: Mutex<SystemTime>,
}

impl Generated {
    /// Opens the authority in this folder, or makes one.
    pub(super) fn open(folder: &Path, names: &[String], own: Option<&str>) -> Result<Self, Error> {
        let mut names =
            all_names(names).map_err(|problem| Error::Certificate { path: folder.to_owned(), problem })?;
        let own = own.map(str::to_ascii_lowercase).filter(|own| is_name(own) && !names.contains(own));
        names.extend(own.clone());
        let authority = Authority::open_or_make(folder, &names)?;
        // a container has another name at every start, and nobody asks for it by that
        if let Some(own) = own.filter(|own| authority.may_issue(std::slice::from_ref(own)).is_err()) {
            tracing::info!(name = %own, "the certificate is not for this machine's name: its authority was made before");
            names.retain(|name| *name != own);
        }
        authority.may_issue(&names)?;
        Ok(Self { names, authority, not_after: Mutex::new(SystemTime::UNIX_EPOCH) })
    }

    pub(super) fn authority(&self) -> &Path {
        self.authority.certificate_file()
    }

    /// A certificate with a key that nobody ever had.
    pub(super) fn issue(&self) -> Result<Fresh, Error> {
        let fail = |problem: String| Error::Certificate { path: self.authority().to_owned(), problem };
        let signed = self.authority.sign(&self.names, COMMON_NAME, CERTIFICATE_LASTS)?;
        let not_after = signed.not_after;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.key.serialize_der()));
        let key = any_supported_type(&key).map_err(|error| fail(error.to_string()))?;
        *self.not_after.lock() = not_after;
        Ok(Fresh { key: CertifiedKey::new(signed.chain, key), not_after })
    }

    /// Another certificate, when this one ends soon.
    pub(super) fn renew(&self) -> Result<Option<Fresh>, Error> {
        let not_after = *self.not_after.lock();
        let ends_soon = not_after < SystemTime::now() + RENEWED_BEFORE;
        // with the authority's own end near there is nothing to be gained
        if ends_soon && not_after < self.authority.not_after() { self.issue().map(Some) } else { Ok(None) }
    }
}
