//! What `serve`, `worker` and commands on their data keep, and where: the folder, the ledger, the vault's key.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use transload_transfer::{Code, Error};

use crate::cli::LedgerArgs;
use crate::config::{Environment, named};
use crate::registries::read_bounded;

/// Secrets in files are some hundred bytes long.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// What is kept, and where.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The folder; it may not exist yet.
    pub(crate) data: PathBuf,
    /// `postgres://…` or `sqlite:FILE`, perhaps with a password; `None` for SQLite in the folder.
    pub(crate) ledger: Option<SecretString>,
    /// Where the vault's key is.
    pub(crate) vault_key: VaultKey,
}

/// Where the key of the vault is.
pub(crate) enum VaultKey {
    /// In the data folder, where it is made when it is not there.
    InData,
    /// In a file, which must be there.
    File(PathBuf),
    /// This, out of the environment.
    Given(SecretString),
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InData => f.write_str("InData"),
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Given(_) => f.write_str("Given(…)"),
        }
    }
}

impl Kept {
    /// What the arguments say, also of commands that open the ledger themselves.
    ///
    /// # Errors
    /// `Usage`.
    pub(crate) fn new(args: LedgerArgs, environment: &Environment) -> Result<Self, Error> {
        let data = args.data.or_else(|| environment.data_folder.clone()).ok_or_else(|| {
            Error::new(Code::Usage, "--data", "there is no HOME, and so no usual folder")
                .with_next("name a folder with --data")
        })?;
        let data = absolute("--data", &data)?;
        let ledger = match args.ledger {
            Some(url) => Some(url.0),
            None => secret("--ledger", args.ledger_file.as_deref(), args.ledger_env.as_deref())?,
        };
        if let Some(url) = &ledger {
            check_ledger(url)?;
        }
        let vault_key = match (args.vault_key_file, args.vault_key_env) {
            (Some(file), _) => VaultKey::File(file),
            (None, Some(name)) => {
                secret("--vault-key", None, Some(&name))?.map_or(VaultKey::InData, VaultKey::Given)
            }
            (None, None) => VaultKey::InData,
        };
        Ok(Self { data, ledger, vault_key })
    }

    /// The ledger's URL: the one that was given, else that of the file in the folder.
    pub(crate) fn ledger_url(&self) -> SecretString {
        let file = || SecretString::from(format!("sqlite://{}", self.ledger_file().display()));
        self.ledger.clone().unwrap_or_else(file)
    }

    /// Where the ledger is when no other is named.
    pub(crate) fn ledger_file(&self) -> PathBuf {
        self.data.join("ledger.db")
    }
}

/// The secret in a file or a variable of the environment, without the end of its line. `None` where neither is named.
///
/// # Errors
/// `Usage` for a file that cannot be read, a variable that is not set, and a secret that is empty.
pub(crate) fn secret(
    option: &str,
    file: Option<&Path>,
    name: Option<&str>,
) -> Result<Option<SecretString>, Error> {
    let (subject, text) = match (file, name) {
        (Some(file), _) => {
            let option = format!("{option}-file");
            let bytes = read_bounded(&option, file, SECRET_BYTES_MAX)?;
            let text = String::from_utf8(bytes).map_err(|_| {
                Error::new(Code::Usage, format!("{option} {}", file.display()), "it is no text")
            })?;
            (format!("{option} {}", file.display()), text)
        }
        (None, Some(name)) => {
            let subject = format!("{option}-env {name}");
            let text = named(name).ok_or_else(|| {
                Error::new(Code::Usage, &subject, "there is no such environment variable, or it is empty")
                    .with_next("name a variable that holds the secret; the secret itself does not go here")
            })?;
            (subject, text)
        }
        (None, None) => return Ok(None),
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Error::new(Code::Usage, subject, "it is empty"));
    }
    Ok(Some(SecretString::from(text)))
}

/// Only the scheme is looked at: the rest may have a password in it.
fn check_ledger(url: &SecretString) -> Result<(), Error> {
    let known = ["postgres://", "postgresql://", "sqlite:"];
    if known.iter().any(|scheme| url.expose_secret().starts_with(scheme)) {
        return Ok(());
    }
    Err(Error::new(Code::Usage, "--ledger", "it is no URL of a ledger")
        .with_next("write it as postgres://USER@HOST/DATABASE or sqlite:FILE"))
}

pub(super) fn absolute(option: &str, path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path)
        .map_err(|error| Error::new(Code::Usage, format!("{option} {}", path.display()), error.to_string()))
}
