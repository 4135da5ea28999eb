//! Certificates made on the spot.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// A certificate authority of the test's own.
pub struct Pki {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate, PEM.
    pub cert_pem: String,
    /// The private key, PEM (PKCS #8).
    pub key_pem: String,
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pki")
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

impl Pki {
    /// A new authority with a new key.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Transload test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("a CA certificate can be made");
        Self { issuer }
    }

    /// The authority's certificate, PEM: what a client has to trust.
    pub fn ca_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server under these names (DNS names or IP addresses).
    pub fn server(&self, names: &[&str]) -> Identity {
        self.issue(names, |_| {})
    }

    /// A server certificate for loopback: `localhost`, `127.0.0.1` and `::1`.
    pub fn loopback(&self) -> Identity {
        self.server(&["localhost", "127.0.0.1", "::1"])
    }

    /// A server certificate for loopback that ended some years ago.
    pub fn expired(&self) -> Identity {
        self.issue(&["localhost", "127.0.0.1", "::1"], |params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        })
    }

    /// A certificate by which a client shows who it is.
    pub fn client(&self, common_name: &str) -> Identity {
        self.issue(&[], |params| params.distinguished_name.push(DnType::CommonName, common_name))
    }

    fn issue(&self, names: &[&str], adapt: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names that a certificate can hold");
        adapt(&mut params);
        let key = key();
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate can be issued");
        Identity { cert_pem: cert.pem(), key_pem: key.serialize_pem() }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

/// A TLS client that trusts this authority and no other.
pub(super) fn client_config(ca_pem: &str) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(cert.expect("a certificate in PEM")).expect("a certificate that can be a root");
    }
    // named, not the process default: the crate under test may install another one
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
