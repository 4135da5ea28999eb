//! Where a secret is.

use std::fmt;

use url::{Host, Url};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// `https://host[:port]/secrets/name[/version]`: a secret of a vault; or `https://host[:port]/vaults/vault/secrets/…`, as
/// a server writes it that has its vaults beneath its own address.
///
/// Hosts, names and versions mean the same in whatever case they are written; clients put all of them in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretUri {
    host: String,
    port: Option<u16>,
    /// The vault, where the path names it. In lower case.
    vault: Option<String>,
    name: String,
    version: Option<String>,
}

impl SecretUri {
    /// Parses one, with or without a slash at its end.
    ///
    /// # Errors
    /// `Invalid`, with the text as far as it can be shown.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|_| invalid(text, "this is no URI"))?;
        if url.scheme() != "https" {
            return Err(invalid(text, "secrets are read by https only"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid(text, "there is a user or a password in it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid(text, "there is a '?' or a '#' in it"));
        }
        let Some(host) = url.host() else { return Err(invalid(text, "there is no host in it")) };
        let mut segments: Vec<&str> = url.path().split('/').skip(1).collect();
        if segments.last().is_some_and(|last| last.is_empty()) {
            segments.pop();
        }
        let vault = match segments[..] {
            [vaults, vault, ..] if vaults.eq_ignore_ascii_case("vaults") => {
                if !is_name(vault, Limits::default().name_chars_max) {
                    return Err(invalid(text, "a vault's name has letters, digits and '-'"));
                }
                segments.drain(..2);
                Some(vault.to_ascii_lowercase())
            }
            _ => None,
        };
        let (name, version) = match segments[..] {
            [secrets, name] if secrets.eq_ignore_ascii_case("secrets") => (name, None),
            [secrets, name, version] if secrets.eq_ignore_ascii_case("secrets") => (name, Some(version)),
            _ => return Err(invalid(text, "it names no secret")),
        };
        if !is_name(name, Limits::default().name_chars_max) {
            return Err(invalid(text, "a secret's name has up to 127 letters, digits and '-'"));
        }
        if version.is_some_and(|version| !is_version(version)) {
            return Err(invalid(text, "a version has 32 characters of 0-9 and a-f"));
        }
        Ok(Self {
            host: shown(&host),
            port: url.port(),
            vault,
            name: name.to_owned(),
            version: version.map(str::to_ascii_lowercase),
        })
    }

    /// The vault's host, in lower case, with its port where that is not 443.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The vault's URL: `https://host[:port]/`, with the vault's path behind it where the URI has one.
    pub fn vault_url(&self) -> String {
        match &self.vault {
            Some(vault) => format!("https://{}/vaults/{vault}/", self.authority()),
            None => format!("https://{}/", self.authority()),
        }
    }

    /// The vault that the path names (`/vaults/{vault}/secrets/…`), in lower case; `None` where the host says it.
    pub fn vault_in_path(&self) -> Option<&str> {
        self.vault.as_deref()
    }

    /// The vault's name, if it is one beneath this suffix (`vault.example`, `.vault.example:8443`): the one label in
    /// front of it.
    pub fn vault_under(&self, suffix: &str) -> Option<String> {
        if self.vault.is_some() {
            return None;
        }
        let suffix = suffix.trim_start_matches('.').trim_end_matches(":443").to_ascii_lowercase();
        let authority = self.authority();
        let vault = authority.strip_suffix(&suffix)?.strip_suffix('.')?;
        (!vault.is_empty() && !vault.contains('.')).then(|| vault.to_owned())
    }

    /// The secret's name as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if one was named; without one the latest is meant.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

impl fmt::Display for SecretUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}secrets/{}", self.vault_url(), self.name)?;
        match &self.version {
            Some(version) => write!(f, "/{version}"),
            None => Ok(()),
        }
    }
}

fn shown(host: &Host<&str>) -> String {
    host.to_string().to_ascii_lowercase()
}

/// A whole URL with a token may have been pasted here: what stands behind its path is not shown, and no user.
fn invalid(text: &str, detail: &str) -> Error {
    const CHARS_MAX: usize = 200;
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let shown: String = text[..end].chars().take(CHARS_MAX).collect();
    let shown = match (shown.find("://"), shown.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://{}", &shown[..scheme], &shown[at + 1..]),
        (Some(_), _) => shown,
        // no URI at all: perhaps a secret
        (None, _) => "the secret's URI".to_owned(),
    };
    Error::new(ErrorKind::Invalid, shown, detail)
        .with_hint("write it as https://<vault>/secrets/<name>, or with /<version> behind it")
}

/// Whether a secret may be called so.
pub(crate) fn is_name(name: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether it may be a version.
pub(crate) fn is_version(version: &str) -> bool {
    version.len() == 32 && version.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_taken_in_every_case_and_with_a_slash_at_its_end() {
        let version = "0123456789ABCDEF0123456789abcdef";
        for (text, shown) in [
            ("https://v.vault.example/secrets/sas1", "https://v.vault.example/secrets/sas1"),
            ("https://V.Vault.Example/Secrets/Sas-1/", "https://v.vault.example/secrets/Sas-1"),
            ("HTTPS://v.x:443/secrets/a", "https://v.x/secrets/a"),
            ("https://v.x:8443/secrets/a", "https://v.x:8443/secrets/a"),
            ("https://[::1]:8443/secrets/a", "https://[::1]:8443/secrets/a"),
            ("https://H.x:8443/Vaults/My-V/Secrets/A/", "https://h.x:8443/vaults/my-v/secrets/A"),
            (
                &format!("https://v.x/secrets/a/{version}/"),
                "https://v.x/secrets/a/0123456789abcdef0123456789abcdef",
            ),
        ] {
            assert_eq!(SecretUri::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn a_vault_is_the_one_label_before_its_suffix() {
        let uri = SecretUri::parse("https://My-Vault.vault.example:8443/secrets/a").unwrap();
        assert_eq!(uri.vault_under(".vault.example:8443").as_deref(), Some("my-vault"));
        assert_eq!(uri.vault_under("Vault.Example:8443").as_deref(), Some("my-vault"));
        assert_eq!(uri.vault_under(".vault.example"), None, "another port is another server");
        assert_eq!(uri.vault_under("ault.example:8443"), None);
        let uri = SecretUri::parse("https://a.b.vault.example/secrets/a").unwrap();
        assert_eq!(uri.vault_under(".vault.example"), None);
        assert_eq!(uri.vault_under(".b.vault.example:443").as_deref(), Some("a"));
        assert_eq!(uri.vault_in_path(), None);
    }

    #[test]
    fn a_vault_in_the_path_is_of_no_suffix() {
        let uri = SecretUri::parse("https://x.vault.example/vaults/Lab/secrets/a").unwrap();
        assert_eq!(uri.vault_in_path(), Some("lab"));
        assert_eq!(uri.vault_under(".vault.example"), None);
        assert_eq!(uri.vault_url(), "https://x.vault.example/vaults/lab/");
    }

    #[test]
    fn what_is_none_is_refused_and_shows_no_token() {
        for text in [
            "",
            "sv=1&sig=SECRET",
            "http://v.x/secrets/a",
            "https://v.x/",
            "https://v.x/keys/a",
            "https://v.x/secrets/",
            "https://v.x/secrets//a",
            "https://v.x/secrets/a/b",
            "https://v.x/secrets/a_b",
            "https://v.x/secrets/a%2Fb",
            "https://v.x/secrets/../a",
            "https://v.x/vaults/secrets/a",
            "https://v.x/vaults/v_v/secrets/a",
            "https://v.x/vaults/v/a",
            "https://v.x/secrets/a?sig=SECRET",
            "https://u:SECRET@v.x/secrets/a",
            "https://v.x/secrets/a/0123456789abcdef0123456789abcdef/x",
        ] {
            let error = SecretUri::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
            assert!(!format!("{error}{error:?}").contains("SECRET"), "{error:?}");
        }
    }
}
