//! Docker's `config.json` and the `auth.json` of podman, buildah and skopeo.
//!
//! Read by hand rather than by a crate: the crates there are know neither the keys with a repository in them
//! that `auth.json` has, nor which helper failed and which file named it, and that is what a person needs to know.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::helper::Helpers;
use super::names::{helper_keys, keys, normalised, server};
use super::{Credential, CredentialProvider, Found};
use crate::error::{Error, ErrorKind};

/// Both paddings are found in the wild.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Credentials from files in the form of Docker's `config.json` (which `auth.json` shares) and from the credential
/// helpers these files name. The first file that has something for a registry wins.
pub struct DockerConfig {
    pub(super) files: Vec<PathBuf>,
    pub(super) helpers: Helpers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: Option<HashMap<String, Entry>>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
    #[serde(default)]
    registrytoken: Option<String>,
}

impl DockerConfig {
    /// Looks into these files, in this order. Files that do not exist are passed over.
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { files, helpers: Helpers::default() }
    }

    /// Looks for credential helpers in this folder before the search path.
    #[must_use]
    pub fn with_helpers_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.helpers.add_folder(folder.into());
        self
    }

    async fn in_file(
        &self,
        path: &Path,
        host: &str,
        repository: Option<&str>,
    ) -> Result<Option<Found>, Error> {
        let bytes = match tokio::fs::read(path).await {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(invalid(host, format!("{} cannot be read: {error}", path.display()))),
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        // The parser's own message is not shown: it may quote the line, and the line may be the secret.
        let file: File = serde_json::from_slice(&bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            invalid(host, format!("{} is no valid JSON (line {line}, column {column})", path.display()))
        })?;
        let place = path.display().to_string();
        let helpers = file.cred_helpers.unwrap_or_default();
        for name in helper_keys(host) {
            if let Some(helper) = helpers.get(&name).filter(|h| !h.is_empty()) {
                return self.helpers.get(helper, &name, host, &place).await;
            }
        }
        for key in keys(host, repository) {
            let entry = file.auths.iter().flatten().find(|(name, _)| normalised(name) == key);
            if let Some((name, entry)) = entry
                && let Some(credential) = entry.credential(host, name, &place)?
            {
                return Ok(Some(Found { credential, origin: place }));
            }
        }
        let Some(store) = file.creds_store.filter(|s| !s.is_empty()) else { return Ok(None) };
        self.helpers.get(&store, server(host), host, &place).await
    }
}

#[async_trait]
impl CredentialProvider for DockerConfig {
    async fn credential(&self, host: &str, repository: Option<&str>) -> Result<Option<Found>, Error> {
        for path in &self.files {
            if let Some(found) = self.in_file(path, host, repository).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn places(&self) -> String {
        self.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Entry {
    /// What the entry holds; `None` for the empty entries that mark "it is in the store".
    fn credential(&self, host: &str, key: &str, place: &str) -> Result<Option<Credential>, Error> {
        let set = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
        if let Some(token) = set(&self.identitytoken) {
            return Ok(Some(Credential::identity_token(token)));
        }
        if let Some(token) = set(&self.registrytoken) {
            return Ok(Some(Credential::bearer(token)));
        }
        if let Some(auth) = set(&self.auth) {
            let bad = |why: &str| invalid(host, format!("'auth' of '{key}' in {place} is {why}"));
            let bytes = BASE64.decode(auth.trim()).map_err(|_| bad("not base64"))?;
            let text = String::from_utf8(bytes).map_err(|_| bad("not text"))?;
            let (user, secret) = text.split_once(':').ok_or_else(|| bad("not 'user:password'"))?;
            return Ok(Some(from_user(user, secret.trim_end_matches('\0'))));
        }
        Ok(match (set(&self.username), set(&self.password)) {
            (Some(user), Some(secret)) => Some(from_user(&user, &secret)),
            _ => None,
        })
    }
}

/// A user of `<token>` says that the secret is an identity token.
pub(super) fn from_user(user: &str, secret: &str) -> Credential {
    if user == "<token>" { Credential::identity_token(secret) } else { Credential::basic(user, secret) }
}

pub(super) fn invalid(host: &str, detail: String) -> Error {
    Error::new(ErrorKind::CredentialInvalid, host, detail)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    async fn look(json: &str, host: &str, repository: Option<&str>) -> Result<Option<Found>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, json).unwrap();
        DockerConfig::new(vec![folder.path().join("none.json"), path]).credential(host, repository).await
    }

    async fn user(json: &str, host: &str, repository: Option<&str>) -> Option<String> {
        match look(json, host, repository).await.unwrap()?.credential {
            Credential::Basic { user, secret } => Some(format!("{user}:{}", secret.expose_secret())),
            Credential::IdentityToken(token) => Some(format!("identity {}", token.expose_secret())),
            Credential::Bearer(token) => Some(format!("bearer {}", token.expose_secret())),
            Credential::Entra(token) => Some(format!("entra {}", token.expose_secret())),
        }
    }

    #[tokio::test]
    async fn the_most_specific_key_wins() {
        let json = r#"{"auths":{"r.io":{"auth":"YTox"},"r.io/team":{"auth":"YjoyCg"},"r.io/team/app":{"username":"c","password":"3"}}}"#;
        assert_eq!(user(json, "r.io", Some("team/app")).await.as_deref(), Some("c:3"));
        assert_eq!(user(json, "r.io", Some("team/other")).await.as_deref(), Some("b:2\n"));
        assert_eq!(user(json, "r.io", Some("else")).await.as_deref(), Some("a:1"));
        assert_eq!(user(json, "r.io", None).await.as_deref(), Some("a:1"));
        assert_eq!(user(json, "r.io:5000", None).await, None);
    }

    #[tokio::test]
    async fn keys_with_schemes_and_docker_hub_are_understood() {
        let json = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTox"},"http://r.io:80/v2/":{"auth":"Yjoy"},
                       "acr.test":{"auth":"eDp5","identitytoken":"refresh"}}}"#;
        assert_eq!(user(json, "docker.io", Some("library/alpine")).await.as_deref(), Some("a:1"));
        assert_eq!(user(json, "r.io:80", None).await.as_deref(), Some("b:2"));
        assert_eq!(user(json, "acr.test", None).await.as_deref(), Some("identity refresh"));
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_named_and_not_quoted() {
        let broken = look("{\"auths\": {\"r.io\": {\"auth\": \"c2VjcmV0", "r.io", None).await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::CredentialInvalid);
        assert!(broken.detail().contains("config.json") && !broken.detail().contains("c2VjcmV0"), "{broken}");
        let auth = look(r#"{"auths":{"r.io":{"auth":"%%"}}}"#, "r.io", None).await.unwrap_err();
        assert!(auth.detail().contains("not base64"), "{auth}");
        let helper = look(r#"{"credHelpers":{"r.io":"no-such-helper"}}"#, "r.io", None).await.unwrap_err();
        assert!(helper.detail().contains("docker-credential-no-such-helper"), "{helper}");
        assert!(helper.detail().contains("config.json"), "{helper}");
        let text = format!("{:?}", Credential::basic("bob", "hunter2"));
        assert!(!text.contains("hunter2"), "{text}");
    }
}
