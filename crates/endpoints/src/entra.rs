//! Who a program is in Entra ID, as far as an environment that somebody has read says.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{
    AzureCliCredential, ClientSecretCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};

/// What Azure's tools take from the environment to sign in.
#[derive(Clone, Default)]
pub struct EntraEnvironment {
    /// `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// `AZURE_CLIENT_SECRET`.
    pub client_secret: Option<SecretString>,
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    pub federated_token_file: Option<PathBuf>,
    /// Whether there is an `az`.
    pub has_cli: bool,
}

impl fmt::Debug for EntraEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraEnvironment")
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.is_some())
            .finish_non_exhaustive()
    }
}

impl EntraEnvironment {
    /// For a person: a service principal's secret, else a workload's federated token, else whoever is signed in to the
    /// Azure CLI. `None` when there is nothing of these.
    ///
    /// # Errors
    /// `CredentialInvalid` for what cannot be used.
    pub fn person(&self) -> Result<Option<Arc<dyn TokenCredential>>, Error> {
        match self.principal()? {
            Some(principal) => Ok(Some(principal)),
            None if self.has_cli => Ok(Some(AzureCliCredential::new(None).map_err(|e| unusable(&e))?)),
            None => Ok(None),
        }
    }

    /// For a worker: a service principal's secret, else a workload's federated token, else the machine's own identity.
    /// That a machine has none shows when a token is asked for.
    ///
    /// # Errors
    /// `CredentialInvalid` for what cannot be used.
    pub fn worker(&self) -> Result<Arc<dyn TokenCredential>, Error> {
        match self.principal()? {
            Some(principal) => Ok(principal),
            None => managed(self.client_id.as_deref(), None),
        }
    }

    fn principal(&self) -> Result<Option<Arc<dyn TokenCredential>>, Error> {
        let (Some(tenant), Some(client)) = (&self.tenant_id, &self.client_id) else { return Ok(None) };
        if let Some(secret) = &self.client_secret {
            let secret = secret.expose_secret().to_owned().into();
            let made = ClientSecretCredential::new(tenant, client.clone(), secret, None);
            return Ok(Some(made.map_err(|e| unusable(&e))?));
        }
        if let Some(file) = &self.federated_token_file {
            let options = WorkloadIdentityCredentialOptions {
                tenant_id: Some(tenant.clone()),
                client_id: Some(client.clone()),
                token_file_path: Some(file.clone()),
                ..WorkloadIdentityCredentialOptions::default()
            };
            return Ok(Some(WorkloadIdentityCredential::new(Some(options)).map_err(|e| unusable(&e))?));
        }
        Ok(None)
    }
}

fn unusable(error: &azure_core::Error) -> Error {
    let next = "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or give a SAS token";
    Error::new(ErrorKind::CredentialRefused, "Entra ID", error.to_string(), next)
}

/// This machine's own identity, or the one of this client id. `transport` is how its metadata service is reached.
///
/// # Errors
/// `CredentialRefused` when there can be no such identity.
pub fn managed(
    client_id: Option<&str>,
    transport: Option<Transport>,
) -> Result<Arc<dyn TokenCredential>, Error> {
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: ClientOptions { transport, ..ClientOptions::default() },
    };
    let made = ManagedIdentityCredential::new(Some(options)).map_err(|error| {
        let next = "give the client id of an identity that this machine has, or a SAS token";
        Error::new(ErrorKind::CredentialRefused, "the managed identity", error.to_string(), next)
    })?;
    Ok(made)
}

/// Nobody said who the worker is.
pub(crate) fn missing(subject: &str) -> Error {
    Error::new(
        ErrorKind::CredentialMissing,
        subject,
        "the worker has no identity in Entra ID to open it with",
        "give the worker a workload identity, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; or use a \
         secret of a vault",
    )
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use azure_core::http::headers::Headers;
    use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode};
    use parking_lot::Mutex;

    use super::*;

    /// The metadata service of a machine, as far as tokens go.
    #[derive(Debug, Default)]
    struct Metadata {
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl HttpClient for Metadata {
        async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
            self.asked.lock().push(request.url().to_string());
            let body = r#"{"access_token":"TOKEN","expires_in":"3600","expires_on":"4102444800","resource":"r","token_type":"Bearer"}"#;
            Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), body))
        }
    }

    async fn asked(client_id: Option<&str>) -> (String, String) {
        let metadata = Arc::new(Metadata::default());
        let transport = Transport::new(Arc::clone(&metadata) as Arc<dyn HttpClient>);
        let credential = managed(client_id, Some(transport)).unwrap();
        let token = credential.get_token(&["https://storage.azure.com/.default"], None).await.unwrap();
        let asked = metadata.asked.lock().last().unwrap().clone();
        (asked, token.token.secret().to_owned())
    }

    #[tokio::test]
    async fn a_machines_identity_is_its_own_or_the_one_that_is_named() {
        let (own, token) = asked(None).await;
        assert!(own.starts_with("http://169.254.169.254/metadata/identity/oauth2/token?"), "{own}");
        assert!(
            own.contains("resource=https%3A%2F%2Fstorage.azure.com") && !own.contains("client_id"),
            "{own}"
        );
        assert_eq!(token, "TOKEN");
        let (named, _) = asked(Some("11111111-2222")).await;
        assert!(named.contains("client_id=11111111-2222"), "{named}");
    }

    #[test]
    fn a_person_is_a_principal_or_signed_in_and_a_worker_is_never_nobody() {
        let nothing = EntraEnvironment::default();
        assert!(nothing.person().unwrap().is_none());
        assert!(EntraEnvironment { has_cli: true, ..nothing.clone() }.person().unwrap().is_some());
        assert!(format!("{:?}", nothing.worker().unwrap()).contains("Managed"));
        let principal = EntraEnvironment {
            tenant_id: Some("11111111-1111-1111-1111-111111111111".to_owned()),
            client_id: Some("22222222-2222-2222-2222-222222222222".to_owned()),
            client_secret: Some("PLANTED".into()),
            ..nothing
        };
        let shown = format!("{:?} {:?}", principal, principal.worker().unwrap());
        assert!(shown.contains("ClientSecret") && !shown.contains("PLANTED"), "{shown}");
    }
}
