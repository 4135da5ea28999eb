//! Signing in to Azure with Entra ID, as far as the environment says how.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{
    AzureCliCredential, ClientSecretCredential, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
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
