//! Secrets: how they are kept, and how they are read wherever they are.
//!
//! [`Embedded`] is a vault of our own: it seals values ([`Sealer`], envelope encryption with AES-256-GCM) and keeps
//! them in [`Rows`], a seam that a database implements. [`AzureKeyVault`], [`EnvSecrets`] and [`FileSecrets`] read what
//! others keep. No type of this crate shows a secret in `Debug`, `Display` or an error.

mod azure;
pub mod conformance;
mod embedded;
mod error;
mod key;
mod limits;
mod memory;
mod plain;
mod rows;
mod seal;
mod secret;
mod uri;

pub use azure::{AzureKeyVault, KeyVaultOptions};
pub use embedded::{Embedded, Resealed};
pub use error::{Error, ErrorKind};
pub use key::{KeyId, MasterKey};
pub use limits::Limits;
pub use memory::MemoryRows;
pub use plain::{EnvSecrets, FileSecrets};
pub use rows::{Page, Rows, SecretRow};
pub use seal::Sealer;
pub use secret::{Attributes, Change, NewSecret, Secret, SecretInfo};
pub use uri::SecretUri;
