//! An authority of the registry's own: kept in a folder, for the names that it was made with.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::files;
use crate::error::Error;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// For how long the authority lasts: whoever trusts it does so by hand.
const AUTHORITY_LASTS: Duration = Duration::from_secs(3650 * 24 * 3600);

/// An authority that was made by [`Tls::generated`](super::Tls::generated). It can issue for nothing but the names it was
/// made with, and what is beneath them.
pub struct Authority {
    cert_path: PathBuf,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    not_after: SystemTime,
}

/// A certificate for another server, and its key.
#[derive(Debug)]
pub struct Issued {
    /// The certificate and the authority's behind it, PEM.
    pub cert_pem: String,
    /// The private key (PKCS #8), PEM.
    pub key_pem: SecretString,
    /// What it is for, each once.
    pub names: Vec<String>,
    /// When it ends.
    pub not_after: SystemTime,
}

/// A certificate that was signed just now.
pub(super) struct Signed {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: KeyPair,
    pub(super) not_after: SystemTime,
    leaf_pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority that is in this folder. Blocks for reading.
    ///
    /// # Errors
    /// [`Error::Certificate`], when there is none or it cannot be used.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let (cert_path, key_path) = paths(folder);
        if !cert_path.exists() {
            return Err(failed(folder, "has no authority in it".to_owned()));
        }
        Self::read(&cert_path, &key_path)
    }

    /// The same, and makes one for these names where there is none.
    pub(super) fn open_or_make(folder: &Path, names: &[String]) -> Result<Self, Error> {
        let (cert_path, key_path) = paths(folder);
        if !cert_path.exists() {
            make_authority(folder, &cert_path, &key_path, names)
                .map_err(|problem| failed(folder, problem))?;
        }
        Self::read(&cert_path, &key_path)
    }

    /// The certificate that clients have to trust.
    pub fn certificate_file(&self) -> &Path {
        &self.cert_path
    }

    /// The same, PEM. Blocks for reading.
    ///
    /// # Errors
    /// [`Error::Certificate`].
    pub fn pem(&self) -> Result<String, Error> {
        std::fs::read_to_string(&self.cert_path)
            .map_err(|error| failed(&self.cert_path, format!("cannot be read: {error}")))
    }

    /// When it ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// A certificate for these names (DNS names, perhaps with a star in front, or IP addresses), with a key that nobody
    /// ever had. It ends after `lasts`, and not later than the authority.
    ///
    /// # Errors
    /// [`Error::Certificate`], when a name cannot stand in a certificate, or the authority was not made for it or has
    /// ended.
    pub fn issue(&self, names: &[String], lasts: Duration) -> Result<Issued, Error> {
        let names = each_once(names.iter()).map_err(|problem| failed(&self.cert_path, problem))?;
        let Some(first) = names.first() else {
            return Err(failed(&self.cert_path, "issues for no less than one name".to_owned()));
        };
        self.may_issue(&names)?;
        let signed = self.sign(&names, first, lasts)?;
        Ok(Issued {
            cert_pem: signed.leaf_pem + &self.pem()?,
            key_pem: signed.key.serialize_pem().into(),
            names,
            not_after: signed.not_after,
        })
    }

    pub(super) fn sign(&self, names: &[String], common_name: &str, lasts: Duration) -> Result<Signed, Error> {
        let now = SystemTime::now();
        if self.not_after <= now {
            let text = "the authority has ended: remove it and its key, and let clients trust the one that is made then";
            return Err(failed(&self.cert_path, text.to_owned()));
        }
        let not_after = (now + lasts).min(self.not_after);
        let signed = || {
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, common_name);
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
            // clocks of clients may be behind
            params.not_before = (now - DAY).into();
            params.not_after = not_after.into();
            let key = KeyPair::generate()?;
            let leaf = params.signed_by(&key, &self.issuer)?;
            Ok((leaf, key))
        };
        let (leaf, key) =
            signed().map_err(|error: rcgen::Error| failed(&self.cert_path, error.to_string()))?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        Ok(Signed { chain, key, not_after, leaf_pem: leaf.pem() })
    }

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
        Ok(Self { cert_path: cert_path.to_owned(), certificate, issuer, not_after })
    }

    /// Whether clients would believe it, were it to issue for these names.
    ///
    /// # Errors
    /// [`Error::Certificate`], with the names for which it may not.
    pub(super) fn may_issue(&self, names: &[String]) -> Result<(), Error> {
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
        let problem = format!(
            "the authority was made for other names and may not issue for {}: remove it and its key, and let clients \
             trust the one that is made then",
            refused.join(", ")
        );
        Err(failed(&self.cert_path, problem))
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

fn paths(folder: &Path) -> (PathBuf, PathBuf) {
    // not *.key: programs that are given the folder (skopeo, docker) take that for the key of a client
    (folder.join("ca.crt"), folder.join("ca-key.pem"))
}

/// Loopback and the names that were given, each once.
pub(super) fn all_names(given: &[String]) -> Result<Vec<String>, String> {
    let loopback = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
    each_once(loopback.iter().chain(given))
}

fn each_once<'a>(given: impl Iterator<Item = &'a String>) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    for name in given {
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
pub(super) fn is_name(name: &str) -> bool {
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
