//! The worker's own identity, for registries of Azure's. What becomes of its token is the registry client's
//! (contract § 8, `acr login`).

use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use transload_registry::credentials::{Credential, CredentialProvider, Found};
use transload_registry::{Error, ErrorKind};

/// What a token of Entra ID must be for.
const SCOPE: &str = "https://containerregistry.azure.net/.default";
/// Where it comes from, in messages.
const ORIGIN: &str = "the worker's identity";
/// Longest words of Entra ID that are repeated.
const WORDS_CHARS_MAX: usize = 300;

/// Gives tokens of Entra ID, which keeps and renews them.
pub(crate) struct Entra(pub(crate) Arc<dyn TokenCredential>);

#[async_trait]
impl CredentialProvider for Entra {
    async fn credential(&self, host: &str, _repository: Option<&str>) -> Result<Option<Found>, Error> {
        let token = self.0.get_token(&[SCOPE], None).await.map_err(|error| {
            let mut cause: &dyn StdError = &error;
            while let Some(next) = cause.source() {
                cause = next;
            }
            let words: String = cause.to_string().chars().take(WORDS_CHARS_MAX).collect();
            let detail = format!("no token could be had from Entra ID: {words}");
            Error::new(ErrorKind::CredentialInvalid, host, detail)
                .with_hint("check the worker's identity: AZURE_TENANT_ID, AZURE_CLIENT_ID and what proves it")
        })?;
        let credential = Credential::Entra(token.token.secret().to_owned().into());
        Ok(Some(Found { credential, origin: ORIGIN.to_owned() }))
    }

    fn places(&self) -> String {
        ORIGIN.to_owned()
    }
}
