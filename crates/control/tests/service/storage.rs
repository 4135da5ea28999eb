//! Pipelines whose containers are named by the hosts of registered accounts.

use transload_control::resource::{Direction, kind};
use transload_control::{
    Code, CredentialSpec, Error, IdentitySpec, PipelineSpec, PlaceSpec, RegistrySpec, ResourceId,
    StoragePlaceSpec, StorageSpec,
};

use crate::lab::{Lab, group};

fn registry() -> ResourceId {
    group("test").resource(kind::REGISTRY, "upstream")
}

impl Lab {
    /// With a registry, and an account that is at this endpoint.
    async fn with_account(endpoint: &str) -> Self {
        let lab = Self::new().await;
        let place = PlaceSpec::External {
            login_server: "registry.example".to_owned(),
            plain_http: false,
            credential: CredentialSpec::Anonymous,
        };
        let spec = RegistrySpec { place: Some(place), ..RegistrySpec::default() };
        lab.control.put_registry(&lab.owner, &registry(), spec).await.unwrap();
        let place = StoragePlaceSpec { endpoint: endpoint.to_owned(), key: None };
        let spec = StorageSpec { place: Some(place), ..StorageSpec::default() };
        let account = group("test").resource(kind::STORAGE_ACCOUNT, "acct");
        lab.control.put_storage_account(&lab.owner, &account, spec).await.unwrap();
        lab
    }

    async fn import(&self, name: &str, uri: &str) -> Result<(), Error> {
        let id = ResourceId::parse(&format!("{}/importPipelines/{name}", registry())).unwrap();
        let spec = PipelineSpec {
            direction: Direction::Import,
            location: None,
            identity: IdentitySpec::System,
            kind: "AzureStorageBlobContainer".to_owned(),
            uri: uri.to_owned(),
            access: Some("ManagedIdentity".to_owned()),
            key_vault_uri: None,
            options: Vec::new(),
            trigger: None,
        };
        self.control.put_pipeline(&self.owner, &id, spec).await.map(drop)
    }
}

#[tokio::test]
async fn an_account_may_be_at_a_host_without_dots() {
    let lab = Lab::with_account("http://blobgw:8080").await;
    lab.import("first", "https://acct.blob.storage.lab.test/transfer").await.unwrap();
    let other = lab.import("second", "http://acct.blob.storage.lab.test/TRANSFER/").await.unwrap_err();
    assert_eq!(other.code, Code::ContainerInUse, "{other}");
    let none = lab.import("second", "https://acct.blob.storage.lab.test").await.unwrap_err();
    assert!(none.message.contains("names no container"), "{none}");
}

#[tokio::test]
async fn a_container_is_the_same_by_its_account_and_by_its_place() {
    let lab = Lab::with_account("http://127.0.0.1:10000/acct").await;
    lab.import("first", "https://acct.blob.storage.lab.test/%24web").await.unwrap();
    let other = lab.import("second", "http://127.0.0.1:10000/acct/$web").await.unwrap_err();
    assert_eq!(other.code, Code::ContainerInUse, "{other}");
}
