//! The secrets of a vault: its data plane, at the server's own address.

use std::fmt;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use transload_api::secret::{DeletedSecret, SecretBundle, SecretChange, SecretItem};

use crate::connect::Client;
use crate::error::Error;
use crate::ids::SECRETS_VERSION;
use crate::send::encoded;

/// The secrets of one vault.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    vault: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl Client {
    /// Those of the vault of this name.
    pub fn secrets(&self, vault: &str) -> Secrets {
        Secrets { client: self.clone(), vault: vault.to_owned() }
    }
}

impl Secrets {
    /// Sets a secret: its next version.
    ///
    /// # Errors
    /// `NotFound` (the vault), `Denied`, `Refused`, and those of a request.
    pub async fn set(
        &self,
        name: &str,
        value: &SecretString,
        more: SecretChange,
    ) -> Result<SecretItem, Error> {
        let change = SecretChange { value: Some(value.expose_secret().to_owned()), ..more };
        let set: SecretBundle = self.client.send(&Method::PUT, &self.path(&[name]), Some(&change)).await?;
        Ok(SecretItem {
            id: set.id,
            attributes: set.attributes,
            content_type: set.content_type,
            tags: set.tags,
        })
    }

    /// Reads a secret, in its last version where none is named.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, and those of a request.
    pub async fn get(&self, name: &str, version: Option<&str>) -> Result<SecretBundle, Error> {
        self.client.get_path(&self.path(&[name, version.unwrap_or_default()])).await
    }

    /// All secrets, without their values.
    ///
    /// # Errors
    /// `NotFound` (the vault), `Denied`, and those of a request.
    pub async fn list(&self) -> Result<Vec<SecretItem>, Error> {
        self.client.list_path(&self.path(&[])).await
    }

    /// All versions of a secret, without their values.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, and those of a request.
    pub async fn versions(&self, name: &str) -> Result<Vec<SecretItem>, Error> {
        self.client.list_path(&self.path(&[name, "versions"])).await
    }

    /// Deletes a secret with all its versions.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, and those of a request.
    pub async fn delete(&self, name: &str) -> Result<DeletedSecret, Error> {
        self.client.send(&Method::DELETE, &self.path(&[name]), None::<&()>).await
    }

    fn path(&self, behind: &[&str]) -> String {
        let mut path = format!("/vaults/{}/secrets", encoded(&self.vault));
        for segment in behind.iter().filter(|segment| !segment.is_empty()) {
            path.push('/');
            path.push_str(&encoded(segment));
        }
        format!("{path}?api-version={SECRETS_VERSION}")
    }
}
