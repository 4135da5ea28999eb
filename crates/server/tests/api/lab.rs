//! A control plane over a ledger in a folder of its own, and requests to its face without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use transload_control::{
    Caller, Control, ControlOptions, Grant, Ledger, LedgerLimits, Limits, NewPrincipal, Role,
};
use transload_server::{Server, ServerOptions};
use transload_vault::{Embedded, MasterKey, MemoryRows, Sealer};
use uuid::Uuid;

pub(crate) const TENANT: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
pub(crate) const HOST: &str = "127.0.0.1:8443";
pub(crate) const REGISTRY_API: &str = "2019-12-01-preview";

/// A control plane with a resource group `R` and a registry `labreg` in it.
pub(crate) struct Lab {
    pub(crate) control: Control,
    pub(crate) server: Server,
    pub(crate) router: Router,
    /// Of an Owner.
    pub(crate) token: String,
    pub(crate) client_id: String,
    pub(crate) object_id: String,
    pub(crate) secret: SecretString,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("{} is no JSON: {}", self.status, self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The same, if it has this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

pub(crate) fn group() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/R")
}

pub(crate) fn registry() -> String {
    format!("{}/providers/Microsoft.ContainerRegistry/registries/labreg", group())
}

/// A path of registries, with their api-version.
pub(crate) fn versioned(path: &str) -> String {
    format!("{path}?api-version={REGISTRY_API}")
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let lab = Self::bare(change).await;
        let put = |path: String, body: Value| (path, body);
        for (path, body) in [
            put(format!("{}?api-version=2024-11-01", group()), json!({"location": "westus"})),
            put(versioned(&registry()), json!({"location": "westus", "sku": {"name": "Premium"}})),
        ] {
            let answer = lab.put(&path, &body).await;
            assert!(answer.status.is_success(), "{}", answer.text);
        }
        lab
    }

    /// With nothing in it.
    pub(crate) async fn bare(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        let ledger = Ledger::open(&url.into(), LedgerLimits::default()).await.unwrap();
        let sealer = Sealer::new(&MasterKey::random().unwrap());
        let vault = Embedded::new(sealer, Arc::new(MemoryRows::default()));
        let control = Control::new(
            ledger,
            vault,
            ControlOptions {
                tenant: Uuid::parse_str(TENANT).unwrap(),
                subscription: Uuid::parse_str(SUBSCRIPTION).unwrap(),
                registry_suffix: ".azurecr.transfer.test".into(),
                registry_host: None,
                vault_suffix: ".vault.transfer.test".into(),
                storage_suffix: ".storage.transfer.test".into(),
                host: HOST.into(),
                folders: Vec::new(),
                limits: Limits::default(),
            },
        );
        let mut options = ServerOptions::new(
            Arc::new(Sealer::new(&MasterKey::random().unwrap())),
            format!("https://{HOST}"),
        );
        change(&mut options);
        let server = Server::new(control.clone(), options);
        let router = server.router();
        let mut lab = Self {
            control,
            server,
            router,
            token: String::new(),
            client_id: String::new(),
            object_id: String::new(),
            secret: String::new().into(),
            _folder: folder,
        };
        let (client_id, object_id, secret) = lab.principal("admin", Some(Role::Owner)).await;
        (lab.client_id, lab.object_id, lab.secret) = (client_id.clone(), object_id, secret.clone());
        lab.token =
            lab.sign_in(&client_id, secret.expose_secret(), &format!("https://{HOST}/.default")).await;
        lab
    }

    pub(crate) fn itself(&self) -> Caller {
        Caller::itself(&self.control.subscription(), "test")
    }

    /// A principal with a role at the subscription: client id, object id, secret.
    pub(crate) async fn principal(&self, name: &str, role: Option<Role>) -> (String, String, SecretString) {
        let itself = self.itself();
        let new = NewPrincipal { name: name.into(), expires_at: None };
        let made = self.control.create_principal(&itself, new).await.unwrap();
        let object_id = made.principal.object_id.to_string();
        if let Some(role) = role {
            let scope = self.control.subscription();
            let grant = Grant { principal: object_id.clone(), role, scope };
            self.control.grant(&itself, grant).await.unwrap();
        }
        (made.principal.client_id.to_string(), object_id, made.secret)
    }

    /// The token of a new principal with a role.
    pub(crate) async fn token_of(&self, name: &str, role: Option<Role>) -> String {
        let (id, _, secret) = self.principal(name, role).await;
        self.sign_in(&id, secret.expose_secret(), &format!("https://{HOST}/.default")).await
    }

    pub(crate) async fn sign_in(&self, id: &str, secret: &str, scope: &str) -> String {
        let answer = self.ask_token(id, secret, scope).await.is(200);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn ask_token(&self, id: &str, secret: &str, scope: &str) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret)
            .append_pair("scope", scope)
            .finish();
        let request = Request::post(format!("/{TENANT}/oauth2/v2.0/token"))
            .header(header::HOST, HOST)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// As another: with that token, or with none.
    pub(crate) async fn as_whom(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// To the host of a vault.
    pub(crate) async fn at_vault(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, "LabVault.vault.transfer.test");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// The export pipeline `expipe1` and the import pipeline `impipe1` (whose trigger is off).
    pub(crate) async fn with_pipelines(self) -> Self {
        let container = json!({
            "type": "AzureStorageBlobContainer",
            "uri": "https://acct.blob.transfer.test/transfer",
            "keyVaultUri": "https://labvault.vault.transfer.test/secrets/acrexportsas",
        });
        let export = json!({"identity": {"type": "SystemAssigned"},
            "properties": {"target": container, "options": ["OverwriteBlobs"]}});
        let import = json!({"identity": {"type": "SystemAssigned"},
            "properties": {"source": container, "trigger": {"sourceTrigger": {"status": "Disabled"}}}});
        self.put(&versioned(&format!("{}/exportPipelines/expipe1", registry())), &export).await.is(200);
        self.put(&versioned(&format!("{}/importPipelines/impipe1", registry())), &import).await.is(200);
        self
    }

    pub(crate) fn export_run() -> Value {
        json!({"properties": {"request": {
            "pipelineResourceId": format!("{}/exportPipelines/expipe1", registry()),
            "artifacts": ["hello-world:latest"],
            "target": {"type": "AzureStorageBlob", "name": "myblob"},
        }}})
    }
}
