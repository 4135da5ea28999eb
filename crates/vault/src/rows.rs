//! The seam to whatever keeps sealed secrets.

use std::fmt;

use async_trait::async_trait;

use crate::error::Error;
use crate::secret::SecretInfo;

/// A version of a secret as it is stored: its value sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// All that may be shown.
    pub info: SecretInfo,
    /// The value, sealed by a [`Sealer`](crate::Sealer).
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SecretRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretRow").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Some of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// They.
    pub items: Vec<T>,
    /// What to ask with for those that follow; `None` when there are none.
    pub next: Option<String>,
}

/// What keeps sealed secrets: a table.
///
/// Vaults, names and versions are compared without regard to the case of ASCII letters, and given back as they were
/// inserted. A row that a method returned `Ok` for is there after a crash. `after` is what an earlier page's `next`
/// was, and nobody looks into it. Errors are made by [`Error::unavailable`].
#[async_trait]
pub trait Rows: fmt::Debug + Send + Sync + 'static {
    /// Adds a version, which is the secret's latest from then on.
    ///
    /// # Errors
    /// `Unavailable`, also for a version that is there.
    async fn insert(&self, row: SecretRow) -> Result<(), Error>;

    /// The version that was inserted last.
    async fn latest(&self, vault: &str, name: &str) -> Result<Option<SecretRow>, Error>;

    /// One version.
    async fn version(&self, vault: &str, name: &str, version: &str) -> Result<Option<SecretRow>, Error>;

    /// A secret's versions in the order in which they were inserted, `most` at most.
    async fn versions(
        &self,
        vault: &str,
        name: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretRow>, Error>;

    /// The latest version of each secret of a vault, in the order of their lower-case names, `most` at most.
    async fn list(&self, vault: &str, after: Option<&str>, most: usize) -> Result<Page<SecretRow>, Error>;

    /// Every version of every secret of every vault, in any order that stays, `most` at most.
    async fn all(&self, after: Option<&str>, most: usize) -> Result<Page<SecretRow>, Error>;

    /// Sets attributes, content type and tags of the version that `info` names to what it holds. Whether there is one.
    async fn update(&self, info: &SecretInfo) -> Result<bool, Error>;

    /// Replaces the sealed value of the version that `info` names, if it is `was`; whether it was.
    async fn reseal(&self, info: &SecretInfo, was: &[u8], sealed: Vec<u8>) -> Result<bool, Error>;

    /// Removes a secret with all its versions; whether there was one.
    async fn delete(&self, vault: &str, name: &str) -> Result<bool, Error>;

    /// Removes all secrets of a vault.
    async fn delete_vault(&self, vault: &str) -> Result<(), Error>;
}
