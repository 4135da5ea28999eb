//! What is kept, opened: the folder, the vault's key, the ledger.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use transload_control::ledger::QueueLimits;
use transload_control::{Control, ControlOptions, Ledger, LedgerLimits};
use transload_transfer::{Code, Error};
use transload_vault::{Embedded, ErrorKind, MasterKey, Sealer};
use uuid::Uuid;

use crate::settings::{Kept, VaultKey, WorkerOptions};

/// Where the names are that clients know this installation by, for workers on other machines.
const BASE: &str = "names/base";
const REGISTRY_SUFFIX: &str = "names/registry-suffix";
const VAULT_SUFFIX: &str = "names/vault-suffix";
const STORAGE_SUFFIX: &str = "names/storage-suffix";
/// What is sealed at the first start, to know the key again.
const PROBE: &str = "vault/probe";

/// What hosts end in.
#[derive(Debug)]
pub(crate) struct Suffixes {
    pub(crate) registries: String,
    pub(crate) vaults: String,
    pub(crate) storage: String,
}

/// All that is kept, open.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) ledger: Ledger,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) vault: Embedded,
    pub(crate) tenant: Uuid,
    pub(crate) subscription: Uuid,
}

impl Plane {
    /// Opens what is kept. What is missing is made where `may_make`.
    ///
    /// # Errors
    /// `StoreIo` for a folder or a key that cannot be used, `LedgerUnavailable`, `VaultKeyWrong`.
    pub(crate) async fn open(kept: &Kept, queue: QueueLimits, may_make: bool) -> Result<Self, Error> {
        if may_make || kept.ledger.is_none() {
            make_folder(&kept.data)?;
        }
        let is_first = kept.ledger.is_none() && !kept.ledger_file().exists();
        // a key that is missing is told of before an empty ledger is made
        let sealer = sealer(kept, may_make && (is_first || kept.ledger.is_some()))?;
        let limits = LedgerLimits { queue, ..LedgerLimits::default() };
        let ledger = Ledger::open(&kept.ledger_url(), limits).await.map_err(|error| refused(&error))?;
        let vault = Embedded::new(sealer, Arc::new(ledger.clone()));
        vault.check().await.map_err(|error| sealed(&error))?;
        check_key(&vault, &ledger).await?;
        let id = async |key: &str| {
            let stands = ledger.put_meta_if_absent(key, &Uuid::new_v4().to_string()).await;
            let stands = stands.map_err(|error| refused(&error))?;
            Uuid::parse_str(&stands)
                .map_err(|error| Error::new(Code::LedgerUnavailable, key, error.to_string()))
        };
        let (tenant, subscription) = (id("tenant").await?, id("subscription").await?);
        let sealer = vault.shared_sealer();
        Ok(Self { ledger, sealer, vault, tenant, subscription })
    }

    /// The rules over it.
    pub(crate) fn control(&self, options: ControlOptions) -> Control {
        Control::new(self.ledger.clone(), self.vault.clone(), options)
    }

    /// Keeps the names that clients know this installation by.
    pub(super) async fn keep_names(&self, names: &super::Names) -> Result<(), Error> {
        let kept = [
            (BASE, &names.base),
            (REGISTRY_SUFFIX, &names.registry_suffix),
            (VAULT_SUFFIX, &names.vault_suffix),
            (STORAGE_SUFFIX, &names.storage_suffix),
        ];
        for (key, value) in kept {
            self.ledger.put_meta(key, value).await.map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    /// What `transload serve` said that clients reach it by.
    pub(crate) async fn base(&self) -> Result<String, Error> {
        self.said(BASE).await
    }

    /// The suffixes of hosts: as named, else as `transload serve` said.
    pub(crate) async fn suffixes(&self, options: &WorkerOptions) -> Result<Suffixes, Error> {
        let named = async |named: &Option<String>, key: &str| match named {
            Some(suffix) => Ok(suffix.clone()),
            None => self.said(key).await,
        };
        Ok(Suffixes {
            registries: named(&options.registry_suffix, REGISTRY_SUFFIX).await?,
            vaults: named(&options.vault_suffix, VAULT_SUFFIX).await?,
            storage: named(&options.storage_suffix, STORAGE_SUFFIX).await?,
        })
    }

    async fn said(&self, key: &str) -> Result<String, Error> {
        let found = self.ledger.meta(key).await.map_err(|error| refused(&error))?;
        found.ok_or_else(|| {
            Error::new(Code::LedgerUnavailable, "--ledger", "no `transload serve` has used this ledger yet")
                .with_next("start `transload serve` with it first")
        })
    }
}

/// Whether the key is the one that this ledger was begun with: also where no secret was kept yet, keys that sign tokens are
/// sealed with it.
async fn check_key(vault: &Embedded, ledger: &Ledger) -> Result<(), Error> {
    let probe =
        vault.sealer().seal_text(PROBE, &SecretString::from(PROBE)).map_err(|error| sealed(&error))?;
    let stands = ledger.put_meta_if_absent(PROBE, &probe).await.map_err(|error| refused(&error))?;
    vault.sealer().open_text(PROBE, &stands).map(drop).map_err(|error| sealed(&error))
}

/// Keeps others from serving the folder until the end of the program.
///
/// # Errors
/// `RegistryFolderBusy` when somebody does.
pub(super) fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("serve.lock");
    let failed =
        |error: std::io::Error| Error::new(Code::StoreIo, path.display().to_string(), error.to_string());
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            let text = "another `transload serve` uses this folder";
            Err(Error::new(Code::RegistryFolderBusy, format!("--data {}", folder.display()), text).with_next(
                "end that one, or name another folder; several machines share a ledger on PostgreSQL",
            ))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

pub(super) fn make_folder(folder: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::new(Code::StoreIo, format!("--data {}", folder.display()), error.to_string())
            .with_next("name a folder that this user may write to with --data")
    };
    if !folder.exists() {
        return std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed);
    }
    let mode = std::fs::metadata(folder).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let detail = format!("others may look into it (mode {:o})", mode & 0o777);
        return Err(Error::new(Code::StoreIo, format!("--data {}", folder.display()), detail)
            .with_next(format!("close it: chmod 700 {}", folder.display())));
    }
    Ok(())
}

fn sealer(kept: &Kept, may_make: bool) -> Result<Sealer, Error> {
    use secrecy::ExposeSecret as _;
    let made = match &kept.vault_key {
        VaultKey::Given(text) => MasterKey::from_base64(text.expose_secret()).map(|key| Sealer::new(&key)),
        VaultKey::File(file) => Sealer::from_file(file),
        VaultKey::InData => {
            let file = kept.data.join("vault.key");
            if may_make {
                Sealer::from_file_or_new(&file).map(|(sealer, _)| sealer)
            } else {
                Sealer::from_file(&file)
            }
        }
    };
    made.map_err(|error| sealed(&error))
}

/// What the vault says, by the program's table.
pub(crate) fn sealed(error: &transload_vault::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::Unavailable => Code::LedgerUnavailable,
        _ => Code::VaultKeyUnusable,
    };
    let told = Error::new(code, error.subject(), error.detail());
    match error.hint() {
        Some(hint) => told.with_next(hint),
        None => told,
    }
}

/// What the control plane says, by the program's table.
pub(crate) fn refused(error: &transload_control::Error) -> Error {
    use transload_control::Code as C;
    let subject = error.target.clone().unwrap_or_else(|| "the ledger".to_owned());
    let code = match error.code {
        C::LedgerUnavailable => Code::LedgerUnavailable,
        C::VaultDamaged => Code::VaultKeyUnusable,
        _ => Code::Usage,
    };
    Error::new(code, subject, error.message.clone())
}
