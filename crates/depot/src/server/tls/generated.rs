//! An authority of the registry's own, and certificates by it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::{Fresh, files};
use crate::error::Error;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// For how long the authority lasts: whoever trusts it does so by hand.
const AUTHORITY_LASTS: Duration = Duration::from_secs(3650 * 24 * 3600);
const CERTIFICATE_LASTS: Duration = Duration::from_secs(90 * 24 * 3600);
/// A certificate that has less is renewed.
const RENEWED_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Debug)]
pub(super) struct Generated {
    cert_path: PathBuf,
    names: Vec<String>,
    authority: Authority,
    not_after: Mutex<SystemTime>,
}

/// What is in the folder.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    not_after: SystemTime,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl Generated {
    /// Opens the authority in this folder, or makes one.
    pub(super) fn open(folder: &Path, names: &[String], own: Option<&str>) -> Result<Self, Error> {
        // not *.key: programs that are given the folder (skopeo, docker) take that for the key of a client
        let (cert_path, key_path) = (folder.join("ca.crt"), folder.join("ca-key.pem"));
        let mut names = all_names(names).map_err(|problem| failed(folder, problem))?;
        let own = own.map(str::to_ascii_lowercase).filter(|own| is_name(own) && !names.contains(own));
        names.extend(own.clone());
        if !cert_path.exists() {
            make_authority(folder, &cert_path, &key_path, &names)
                .map_err(|problem| failed(folder, problem))?;
        }
        let authority = Authority::read(&cert_path, &key_path)?;
        // a container has another name at every start, and nobody asks for it by that
        if let Some(own) = own.filter(|own| authority.may_issue(std::slice::from_ref(own)).is_err()) {
            tracing::info!(name = %own, "the certificate is not for this machine's name: its authority was made before");
            names.retain(|name| *name != own);
        }
        authority.may_issue(&names).map_err(|problem| failed(&cert_path, problem))?;
        Ok(Self { cert_path, names, authority, not_after: Mutex::new(SystemTime::UNIX_EPOCH) })
    }

    pub(super) fn authority(&self) -> &Path {
        &self.cert_path
    }

    /// A certificate with a key that nobody ever had.
    pub(super) fn issue(&self) -> Result<Fresh, Error> {
        let now = SystemTime::now();
        let fail = |problem: String| failed(&self.cert_path, problem);
        if self.authority.not_after <= now {
            let text = "the authority has ended: remove it and its key, and let clients trust the one that is made then";
            return Err(fail(text.to_owned()));
        }
        let not_after = (now + CERTIFICATE_LASTS).min(self.authority.not_after);
        let key = self.sign(now, not_after).map_err(|error| fail(error.to_string()))?;
        *self.not_after.lock() = not_after;
        Ok(Fresh { key, not_after })
    }

    /// Another certificate, when this one ends soon.
    pub(super) fn renew(&self) -> Result<Option<Fresh>, Error> {
        let not_after = *self.not_after.lock();
        let ends_soon = not_after < SystemTime::now() + RENEWED_BEFORE;
        // with the authority's own end near there is nothing to be gained
        if ends_soon && not_after < self.authority.not_after { self.issue().map(Some) } else { Ok(None) }
    }

    fn sign(
        &self,
        now: SystemTime,
        not_after: SystemTime,
    ) -> Result<CertifiedKey, Box<dyn std::error::Error>> {
        let mut params = CertificateParams::new(self.names.clone())?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Transload registry");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // clocks of clients may be behind
        params.not_before = (now - DAY).into();
        params.not_after = not_after.into();
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.authority.issuer)?;
        let chain = vec![cert.der().clone(), self.authority.certificate.clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(CertifiedKey::new(chain, any_supported_type(&key)?))
    }
}

impl Authority {
    fn read(cert_path: &Path, key_path: &Path) -> Result<Self, Error> {
        let certificate = files::certificates(cert_path)?.remove(0);
        let pem = std::fs::read_to_string(key_path)
            .map_err(|error| failed(key_path, format!("cannot be read: {error}")))?;
        let key = KeyPair::from_pem(&pem)
            .map_err(|_| failed(key_path, "has no private key in it that can be used".to_owned()))?;
        let not_after = {
            let (_, parsed) = parse_x509_certificate(&certificate)
                .map_err(|_| failed(cert_path, "cannot be understood".to_owned()))?;
            if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
                return Err(failed(key_path, format!("is not the private key of {}", cert_path.display())));
            }
            files::time(parsed.validity().not_after)
        };
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| failed(cert_path, format!("cannot issue certificates: {error}")))?;
        Ok(Self { certificate, issuer, not_after })
    }

    /// Whether clients would believe it, were it to issue for these names.
    fn may_issue(&self, names: &[String]) -> Result<(), String> {
        let Ok((_, parsed)) = parse_x509_certificate(&self.certificate) else { return Ok(()) };
        let permitted = parsed.name_constraints().ok().flatten();
        let Some(permitted) = permitted.and_then(|found| found.value.permitted_subtrees.as_ref()) else {
            return Ok(());
        };
        let refused: Vec<&str> = names
            .iter()
            .filter(|name| !permitted.iter().any(|subtree| covers(&subtree.base, name)))
            .map(String::as_str)
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        Err(format!(
            "the authority was made for other names and may not issue for {}: remove it and its key, and let clients \
             trust the one that is made then",
            refused.join(", ")
        ))
    }
}

fn covers(subtree: &GeneralName<'_>, name: &str) -> bool {
    match (subtree, name.parse::<IpAddr>()) {
        (GeneralName::IPAddress(bytes), Ok(IpAddr::V4(addr))) => bytes.get(..4) == Some(&addr.octets()[..]),
        (GeneralName::IPAddress(bytes), Ok(IpAddr::V6(addr))) => bytes.get(..16) == Some(&addr.octets()[..]),
        (GeneralName::DNSName(tree), Err(_)) => {
            let name = plain(name);
            name == *tree || name.strip_suffix(tree).is_some_and(|rest| rest.ends_with('.'))
        }
        _ => false,
    }
}

/// Loopback and the names that were given, each once.
fn all_names(given: &[String]) -> Result<Vec<String>, String> {
    let loopback = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    for name in loopback.iter().chain(given) {
        let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
        if !is_name(&name) {
            return Err(format!(
                "'{name}' is neither the name of a host nor an IP address; a port does not belong to it"
            ));
        }
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether it is the name of a host, or an IP address.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    name.parse::<IpAddr>().is_ok() || (!plain(name).is_empty() && plain(name).chars().all(fits))
}

/// The name without the star of a wildcard.
fn plain(name: &str) -> &str {
    name.strip_prefix("*.").unwrap_or(name)
}

fn make_authority(folder: &Path, cert_path: &Path, key_path: &Path, names: &[String]) -> Result<(), String> {
    private_folder(folder).map_err(|error| format!("the folder cannot be made: {error}"))?;
    let mut params = CertificateParams::default();
    let now = SystemTime::now();
    let serial = u32::from_be_bytes(rand::random());
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Transload registry authority {serial:08x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: subtrees(names), excluded_subtrees: Vec::new() });
    params.not_before = (now - DAY).into();
    params.not_after = (now + AUTHORITY_LASTS).into();
    let made = KeyPair::generate().and_then(|key| Ok((params.self_signed(&key)?.pem(), key.serialize_pem())));
    let (cert, key) = made.map_err(|error| format!("the authority cannot be made: {error}"))?;
    // the certificate last: where there is one, its key is there
    for (path, text) in [(key_path, key), (cert_path, cert)] {
        keep(folder, path, &text)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    Ok(())
}

fn subtrees(names: &[String]) -> Vec<GeneralSubtree> {
    let subtree = |name: &String| match name.parse::<IpAddr>() {
        Ok(addr) => {
            let bits = if addr.is_ipv4() { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(addr, bits))
        }
        Err(_) => GeneralSubtree::DnsName(plain(name).to_owned()),
    };
    names.iter().map(subtree).collect()
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that only its owner can read, whole or not at all.
fn keep(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn failed(path: &Path, problem: String) -> Error {
    Error::Certificate { path: path.to_owned(), problem }
}
