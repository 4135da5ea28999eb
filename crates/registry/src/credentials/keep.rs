//! Writing to Docker's `config.json`: what `login` and `logout` do.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::DockerConfig;
use super::docker::invalid;
use super::names::{helper_keys, host_key, normalised, server};
use crate::error::{Error, ErrorKind};

/// Where a credential was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The file, or the helper and the file that names it.
    pub place: String,
    /// Whether it stands in that file for everybody to read who can read the file.
    pub plain_text: bool,
}

impl DockerConfig {
    /// Keeps a user and a password for a registry: in the first file that has a credential for it already, else in
    /// `otherwise`; there with the helper that the file names for it, else in the file itself. Everything else in
    /// the file stays as it is, and the file is replaced in one step, readable by its owner only.
    ///
    /// # Errors
    /// `CredentialInvalid` when the file or the helper cannot be used. Nothing is changed then.
    pub async fn keep(
        &self,
        host: &str,
        user: &str,
        secret: &SecretString,
        otherwise: &Path,
    ) -> Result<Kept, Error> {
        if user.is_empty() || user.contains(':') {
            return Err(invalid(host, "a user's name is not empty and has no colon in it".to_owned()));
        }
        let path = self.file_of(host)?.unwrap_or_else(|| otherwise.to_owned());
        let mut file = Config::read(&path, host)?;
        let (entry, kept) = match file.helper(host) {
            Some((helper, server)) => {
                let place = self.helpers.store(&helper, &server, host, &file.place(), (user, secret)).await?;
                // an empty entry says that the helper has it
                (json!({}), Kept { place, plain_text: false })
            }
            None => {
                let both = format!("{user}:{}", secret.expose_secret());
                let entry = json!({"auth": BASE64_STANDARD.encode(both)});
                (entry, Kept { place: file.place(), plain_text: true })
            }
        };
        file.forget(host);
        file.put(server(host), entry);
        file.write(host)?;
        Ok(kept)
    }

    /// Forgets every credential for a registry, in every file and with the helpers that these name. Returns where
    /// there was one.
    ///
    /// # Errors
    /// `CredentialInvalid` when a file or a helper cannot be used.
    pub async fn forget(&self, host: &str) -> Result<Vec<String>, Error> {
        let mut places = Vec::new();
        for path in &self.files {
            let mut file = Config::read(path, host)?;
            if let Some((helper, server)) = file.helper(host) {
                places.extend(self.helpers.erase(&helper, &server, host, &file.place()).await?);
            }
            let before = file.whole.clone();
            if file.forget(host) {
                places.push(file.place());
            }
            if file.whole != before {
                file.write(host)?;
            }
        }
        Ok(places)
    }

    /// The registries that the files themselves name, sorted.
    ///
    /// # Errors
    /// `CredentialInvalid` when a file cannot be used.
    pub fn registries(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for path in &self.files {
            let file = Config::read(path, "")?;
            let maps = ["auths", "credHelpers"].map(|name| file.whole.get(name).and_then(Value::as_object));
            names.extend(maps.into_iter().flatten().flat_map(Map::keys).map(|key| normalised(key)));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The first file that has something for the registry: it is the one that is looked at.
    fn file_of(&self, host: &str) -> Result<Option<PathBuf>, Error> {
        for path in &self.files {
            let file = Config::read(path, host)?;
            if file.knows(host) {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }
}

/// A `config.json`, with all that nobody here knows in it.
struct Config {
    path: PathBuf,
    whole: Map<String, Value>,
}

impl Config {
    /// Reads a file. One that is not there is an empty one.
    fn read(path: &Path, host: &str) -> Result<Self, Error> {
        // a link stays a link: what it points at is replaced
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Vec::new()
            }
            Err(error) => return Err(invalid(host, format!("{} cannot be read: {error}", path.display()))),
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { path, whole: Map::new() });
        }
        // as in reading: the parser's own message may quote a secret
        let whole = serde_json::from_slice(&bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let place = path.display();
            invalid(host, format!("{place} is no valid JSON object (line {line}, column {column})"))
        })?;
        let file = Self { path, whole };
        if file.whole.get("auths").is_some_and(|auths| !auths.is_object() && !auths.is_null()) {
            return Err(invalid(host, format!("'auths' in {} is no object", file.place())));
        }
        Ok(file)
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// The helper that keeps credentials of this registry, and the name it knows the registry by.
    fn helper(&self, host: &str) -> Option<(String, String)> {
        let text = |value: Option<&Value>| value?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let helpers = self.whole.get("credHelpers").and_then(Value::as_object);
        let own = helper_keys(host).into_iter().find_map(|name| Some((text(helpers?.get(&name))?, name)));
        own.or_else(|| Some((text(self.whole.get("credsStore"))?, server(host).to_owned())))
    }

    /// Whether the file has an entry or a helper of its own for the registry.
    fn knows(&self, host: &str) -> bool {
        let map = |name| self.whole.get(name).and_then(Value::as_object);
        map("auths").is_some_and(|auths| auths.keys().any(|key| normalised(key) == host_key(host)))
            || map("credHelpers")
                .is_some_and(|own| helper_keys(host).iter().any(|name| own.contains_key(name)))
    }

    fn put(&mut self, key: &str, entry: Value) {
        let mut auths = match self.whole.remove("auths") {
            Some(Value::Object(auths)) => auths,
            _ => Map::new(),
        };
        auths.insert(key.to_owned(), entry);
        self.whole.insert("auths".to_owned(), Value::Object(auths));
    }

    /// Takes the registry's entries out, however they are spelled. Whether one of them had a secret in it.
    fn forget(&mut self, host: &str) -> bool {
        let Some(Value::Object(auths)) = self.whole.get_mut("auths") else { return false };
        let mut had = false;
        auths.retain(|key, entry| {
            let same = normalised(key) == host_key(host);
            had |= same && entry.as_object().is_some_and(|entry| !entry.is_empty());
            !same
        });
        had
    }

    /// Puts the file in its place in one step: whoever reads it sees the old one or the new one.
    fn write(&self, host: &str) -> Result<(), Error> {
        let failed = |error: io::Error| {
            Error::new(
                ErrorKind::CredentialInvalid,
                host,
                format!("{} cannot be written: {error}", self.path.display()),
            )
            .with_hint("check who owns the file and its folder, or name another file with --auth-file")
        };
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        make_private(folder).map_err(failed)?;
        // made readable by its owner only
        let mut file =
            tempfile::Builder::new().prefix(".config.json.").tempfile_in(folder).map_err(failed)?;
        let mut text = serde_json::to_vec_pretty(&self.whole).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        file.write_all(&text).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// Makes a folder that nobody else looks into, with those above it.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::super::{Credential, CredentialProvider};
    use super::*;

    async fn user(config: &DockerConfig, host: &str) -> Option<String> {
        match config.credential(host, None).await.unwrap()?.credential {
            Credential::Basic { user, secret } => Some(format!("{user}:{}", secret.expose_secret())),
            _ => None,
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_found_and_what_was_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/config.json");
        let config = DockerConfig::new(vec![folder.path().join("none.json"), path.clone()]);
        let secret = SecretString::from("pass:word");
        let kept = config.keep("r.io:5000", "bob", &secret, &path).await.unwrap();
        assert!(kept.plain_text && kept.place.ends_with("sub/config.json"), "{kept:?}");
        assert_eq!(user(&config, "r.io:5000").await.as_deref(), Some("bob:pass:word"));

        fs::write(
            &path,
            r#"{"psFormat":"x","auths":{"https://r.io/v2/":{"auth":"YTox"},"b.io":{"auth":"Yjoy"}}}"#,
        )
        .unwrap();
        config.keep("r.io", "eve", &SecretString::from("2"), Path::new("/nowhere/x")).await.unwrap();
        let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(whole["psFormat"], "x");
        assert_eq!(whole["auths"].as_object().unwrap().keys().collect::<Vec<_>>(), ["b.io", "r.io"]);
        assert_eq!(user(&config, "r.io").await.as_deref(), Some("eve:2"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(config.registries().unwrap(), ["b.io", "r.io"]);
        assert_eq!(config.forget("r.io").await.unwrap().len(), 1);
        assert_eq!(config.forget("r.io").await.unwrap(), [""; 0]);
        assert_eq!(user(&config, "b.io").await.as_deref(), Some("b:2"));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_understood_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        for broken in ["{ \"auths\": 5 }", "[1]", "{ not"] {
            fs::write(&path, broken).unwrap();
            let config = DockerConfig::new(vec![path.clone()]);
            let error = config.keep("r.io", "bob", &SecretString::from("s3cret"), &path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CredentialInvalid);
            assert!(!format!("{error:?}").contains("s3cret"));
            assert_eq!(fs::read_to_string(&path).unwrap(), broken);
        }
    }
}
