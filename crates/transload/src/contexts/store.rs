//! The file of contexts.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use transload_transfer::{Code, Error};

use super::{Context, SecretPlace};
use crate::config::Environment;
use crate::settings::Keys;

/// Contexts are some hundred bytes each.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Contexts as they are kept.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    kept: Kept,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Kept {
    /// The one that is used when none is named.
    current: Option<String>,
    contexts: BTreeMap<String, Context>,
}

impl Store {
    /// Those that there are; none where there is no file.
    ///
    /// # Errors
    /// `Usage` for a file that cannot be read or understood.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Error> {
        let folder = environment.config_folder.clone().ok_or_else(|| {
            Error::new(Code::Usage, "context", "there is no HOME, and so no usual place for contexts")
                .with_next("set HOME or XDG_CONFIG_HOME, or give --server, --client-id and --secret-file")
        })?;
        let path = folder.join("contexts.json");
        let failed = |why: String| Error::new(Code::Usage, path.display().to_string(), why);
        let kept = match std::fs::metadata(&path).map(|found| found.len()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(failed(error.to_string())),
            Ok(len) if len > FILE_BYTES_MAX => return Err(failed("it is too long".to_owned())),
            Ok(_) => {
                let text = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
                serde_json::from_slice(&text).map_err(|error| {
                    failed(error.to_string())
                        .with_next("mend the file, or remove it and add the contexts again")
                })?
            }
        };
        Ok(Self { folder, kept })
    }

    pub(crate) fn current(&self) -> Option<&str> {
        self.kept.current.as_deref()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Context)> {
        self.kept.contexts.iter()
    }

    /// The one of this name, else the current one; `None` where there is no current one.
    ///
    /// # Errors
    /// `Usage` for a name that nobody knows.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Option<&Context>, Error> {
        let Some(name) = name.or(self.kept.current.as_deref()) else { return Ok(None) };
        self.kept.contexts.get(name).map(Some).ok_or_else(|| self.unknown(name))
    }

    /// Adds a context, or replaces the one of that name; a secret gets a file of its own.
    ///
    /// # Errors
    /// `Usage` for a name that cannot be one of a file, `StoreIo`.
    pub(crate) fn add(
        &mut self,
        name: &str,
        mut context: Context,
        secret: Option<&SecretString>,
        ca: Option<&str>,
    ) -> Result<(), Error> {
        check_name(name)?;
        // what the one before had is not left behind
        let before = self.kept.contexts.remove(name);
        if let Some(secret) = secret {
            let path = self.folder.join("contexts").join(format!("{name}.secret"));
            write_private(&path, secret.expose_secret().as_bytes())?;
            context.secret = Some(SecretPlace::Kept(path));
        }
        if let Some(pem) = ca {
            let path = self.folder.join("contexts").join(format!("{name}.pem"));
            write_private(&path, pem.as_bytes())?;
            context.ca_file = Some(path);
        }
        if let Some(before) = before.filter(|before| before.secret != context.secret) {
            forget(&before)?;
        }
        self.kept.current.get_or_insert_with(|| name.to_owned());
        self.kept.contexts.insert(name.to_owned(), context);
        self.write()
    }

    /// Makes it the one that is used when none is named.
    ///
    /// # Errors
    /// `Usage`, `StoreIo`.
    pub(crate) fn choose(&mut self, name: &str) -> Result<(), Error> {
        if !self.kept.contexts.contains_key(name) {
            return Err(self.unknown(name));
        }
        self.kept.current = Some(name.to_owned());
        self.write()
    }

    /// Forgets a context, and the secret that was kept for it; whether it was there.
    ///
    /// # Errors
    /// `StoreIo`.
    pub(crate) fn remove(&mut self, name: &str) -> Result<bool, Error> {
        let Some(context) = self.kept.contexts.remove(name) else { return Ok(false) };
        if self.kept.current.as_deref() == Some(name) {
            self.kept.current = None;
        }
        self.write()?;
        forget(&context)?;
        let pem = self.folder.join("contexts").join(format!("{name}.pem"));
        if context.ca_file == Some(pem.clone()) {
            remove_file(&pem)?;
        }
        Ok(true)
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<&str> = self.kept.contexts.keys().map(String::as_str).collect();
        let next = match (Keys::nearest(name, known.iter().copied()), known.as_slice()) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, []) => "add one with `transload context add`".to_owned(),
            (None, known) => format!("there are: {}", known.join(", ")),
        };
        Error::new(Code::Usage, format!("context '{name}'"), "there is no context of that name")
            .with_next(next)
    }

    fn write(&self) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(&self.kept)
            .map_err(|error| Error::new(Code::Internal, "contexts", error.to_string()))?;
        write_private(&self.folder.join("contexts.json"), &text)
    }
}

/// It becomes the name of a file.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.len() <= 100 && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(());
    }
    Err(Error::new(Code::Usage, format!("context '{name}'"), "it is no name of a context")
        .with_next("use letters, digits, - _ and ."))
}

fn forget(context: &Context) -> Result<(), Error> {
    match &context.secret {
        Some(SecretPlace::Kept(path)) => remove_file(path),
        _ => Ok(()),
    }
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

/// Puts a file there in one step, readable by its owner alone (mode 0600); its folder is made with 0700.
///
/// # Errors
/// `StoreIo`.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| failed(folder, &error))?;
    // temporary files are made with mode 0600
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(path, &error))?;
    let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
    written.map_err(|error| failed(path, &error))?;
    file.persist(path).map(|_| ()).map_err(|error| failed(path, &error.error))
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(Code::StoreIo, path.display().to_string(), error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn environment(folder: &Path) -> Environment {
        Environment { config_folder: Some(folder.join("transload")), ..Environment::default() }
    }

    fn lab() -> Context {
        Context {
            server: "https://lab:8443".to_owned(),
            client_id: Some("id".to_owned()),
            ..Context::default()
        }
    }

    #[test]
    fn contexts_are_kept_apart_from_their_secrets_and_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(folder.path());
        let mut store = Store::read(&environment).unwrap();
        store.add("lab", lab(), Some(&SecretString::from("TOPSECRET")), None).unwrap();
        let store = Store::read(&environment).unwrap();
        let found = store.find(None).unwrap().unwrap();
        let Some(SecretPlace::Kept(secret)) = &found.secret else { panic!("no secret: {found:?}") };
        assert_eq!(std::fs::read_to_string(secret).unwrap(), "TOPSECRET");
        let contexts = folder.path().join("transload/contexts.json");
        assert!(!std::fs::read_to_string(&contexts).unwrap().contains("TOPSECRET"));
        for file in [secret, &contexts] {
            assert_eq!(
                std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
                0o600,
                "{}",
                file.display()
            );
        }
    }

    #[test]
    fn a_context_that_goes_takes_its_secret_along() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::read(&environment(folder.path())).unwrap();
        store.add("lab", lab(), Some(&SecretString::from("TOPSECRET")), Some("PEM")).unwrap();
        store.add("far", lab(), None, None).unwrap();
        assert_eq!(store.current(), Some("lab"), "the first one is used until another is chosen");
        let secret = folder.path().join("transload/contexts/lab.secret");
        assert!(secret.exists());
        assert!(store.remove("lab").unwrap() && !store.remove("lab").unwrap());
        assert!(!secret.exists() && !folder.path().join("transload/contexts/lab.pem").exists());
        assert_eq!(store.find(None).unwrap(), None);
        assert!(store.find(Some("fat")).unwrap_err().next_step().contains("did you mean far"));
        store.choose("far").unwrap();
        assert!(store.choose("lab").is_err() && store.add("../x", lab(), None, None).is_err());
    }
}
