//! Signing in to Azure with Entra ID, as far as the environment says how.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{
    AzureCliCredential, ClientSecretCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use transload_transfer::{Code, Error};

use crate::config::AzureEnvironment;

/// A service principal's secret, else a workload's federated token, else whoever is signed in to the Azure CLI.
pub(super) fn credential(azure: &AzureEnvironment) -> Result<Option<Arc<dyn TokenCredential>>, Error> {
    let failed = |error: azure_core::Error| {
        Error::new(Code::StoreUnauthenticated, "Entra ID", error.to_string())
            .with_next("check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or give a SAS token")
    };
    if let (Some(tenant), Some(client), Some(secret)) =
        (&azure.tenant_id, &azure.client_id, &azure.client_secret)
    {
        let made = ClientSecretCredential::new(tenant, client.clone(), secret.clone().into(), None);
        return Ok(Some(made.map_err(failed)?));
    }
    if let (Some(tenant), Some(client), Some(file)) =
        (&azure.tenant_id, &azure.client_id, &azure.federated_token_file)
    {
        let options = WorkloadIdentityCredentialOptions {
            tenant_id: Some(tenant.clone()),
            client_id: Some(client.clone()),
            token_file_path: Some(file.clone()),
            ..WorkloadIdentityCredentialOptions::default()
        };
        return Ok(Some(WorkloadIdentityCredential::new(Some(options)).map_err(failed)?));
    }
    if azure.has_cli {
        return Ok(Some(AzureCliCredential::new(None).map_err(failed)?));
    }
    Ok(None)
}

/// This machine's own identity, or the one of this client id. `transport` is how its metadata service is reached.
pub(super) fn managed(
    client_id: Option<&str>,
    transport: Option<Transport>,
) -> Result<Arc<dyn TokenCredential>, Error> {
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: ClientOptions { transport, ..ClientOptions::default() },
    };
    let made = ManagedIdentityCredential::new(Some(options)).map_err(|error| {
        Error::new(Code::StoreUnauthenticated, "--managed-identity", error.to_string())
            .with_next("give the client id of an identity that this machine has, or a SAS token")
    })?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use azure_core::http::headers::Headers;
    use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode};

    use super::*;

    /// The metadata service of a machine, as far as tokens go.
    #[derive(Debug, Default)]
    struct Metadata {
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl HttpClient for Metadata {
        async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
            self.asked.lock().unwrap().push(request.url().to_string());
            let body = r#"{"access_token":"TOKEN","expires_in":"3600","expires_on":"4102444800","resource":"r","token_type":"Bearer"}"#;
            Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), body))
        }
    }

    async fn asked(client_id: Option<&str>) -> (String, String) {
        let metadata = Arc::new(Metadata::default());
        let transport = Transport::new(Arc::clone(&metadata) as Arc<dyn HttpClient>);
        let credential = managed(client_id, Some(transport)).unwrap();
        let token = credential.get_token(&["https://storage.azure.com/.default"], None).await.unwrap();
        let asked = metadata.asked.lock().unwrap().last().unwrap().clone();
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
}
