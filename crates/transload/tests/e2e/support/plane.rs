//! A control plane that answers as it is told: for what a real one does seldom.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};
use transload_testkit::cli::Cli;

use super::transload;

/// The secret of whoever asks.
pub(crate) const SECRET: &str = "SECRET-OF-THE-PERSON";

/// Resources by path, and scripts that go before them.
#[derive(Default)]
struct Kept {
    resources: BTreeMap<String, Value>,
    /// Answers to `METHOD path`, one after the other, the last one for ever.
    scripts: BTreeMap<String, Vec<(u16, Value)>>,
    /// What was asked: method, path, body.
    asked: Vec<(String, String, Value)>,
}

/// A control plane in this process. It keeps what it is sent, and gives it back.
pub(crate) struct ScriptedPlane {
    kept: Arc<Mutex<Kept>>,
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
}

impl ScriptedPlane {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::<Mutex<Kept>>::default();
        let plane = Self { kept: Arc::clone(&kept), url: url.clone(), _runtime: runtime };
        plane.script("GET /metadata/endpoints", vec![(200, metadata(&url))]);
        plane.script(
            "POST /t/oauth2/v2.0/token",
            vec![(200, json!({"token_type": "Bearer", "expires_in": 3600, "access_token": "x"}))],
        );
        plane.script(
            "GET /subscriptions",
            vec![(
                200,
                json!({"value": [{"id": "/subscriptions/s", "subscriptionId": "s",
            "tenantId": "t", "displayName": "s", "state": "Enabled"}]}),
            )],
        );
        let router = Router::new().fallback(answer).with_state(kept);
        plane._runtime.spawn(async move { axum::serve(listener, router).await });
        plane
    }

    /// A person who knows it by a context, with group `lab` and registry `central`.
    pub(crate) fn person(&self) -> Cli {
        let person = transload();
        let add = [
            "context",
            "add",
            "lab",
            "--server",
            &self.url,
            "--client-id",
            "me",
            "--secret-stdin",
            "--group",
            "lab",
            "--registry",
            "central",
        ];
        let said = person.run_with_input(add, SECRET.as_bytes());
        assert!(said.status.success(), "{}{}", said.stdout, said.stderr);
        person
    }

    /// Answers to `METHOD path`, one after the other, the last one for ever.
    pub(crate) fn script(&self, what: &str, answers: Vec<(u16, Value)>) {
        self.kept.lock().scripts.insert(what.to_ascii_lowercase(), answers);
    }

    /// Bodies that were sent so.
    pub(crate) fn sent(&self, method: &str, path_end: &str) -> Vec<Value> {
        let kept = self.kept.lock();
        let fits = |asked: &&(String, String, Value)| asked.0 == method && asked.1.ends_with(path_end);
        kept.asked.iter().filter(fits).map(|asked| asked.2.clone()).collect()
    }

    /// Names of the runs that it keeps.
    pub(crate) fn kept_runs(&self) -> Vec<String> {
        let kept = self.kept.lock();
        let runs = kept.resources.iter().filter(|(path, _)| path.contains("/pipelineruns/"));
        runs.filter_map(|(_, run)| run["name"].as_str().map(str::to_owned)).collect()
    }

    /// The path of something beneath the registry `central`.
    pub(crate) fn central(rest: &str) -> String {
        format!(
            "/subscriptions/s/resourceGroups/lab/providers/Microsoft.ContainerRegistry/registries/central{rest}"
        )
    }
}

fn metadata(url: &str) -> Value {
    let suffixes = json!({"storage": "s", "keyVaultDns": ".v", "acrLoginServer": ".r", "sqlServerHostname": "",
        "azureDataLakeStoreFileSystem": "", "azureDataLakeAnalyticsCatalogAndJob": ""});
    let mut all = json!({"name": "t", "authentication": {"loginEndpoint": url, "audiences": [url], "tenant": "t",
        "identityProvider": "AAD"}, "suffixes": suffixes, "activeDirectoryDataLake": null});
    for name in [
        "portal",
        "resourceManager",
        "graph",
        "graphAudience",
        "gallery",
        "batch",
        "media",
        "sqlManagement",
        "vmImageAliasDoc",
        "microsoftGraphResourceId",
    ] {
        all[name] = url.into();
    }
    all
}

async fn answer(State(kept): State<Arc<Mutex<Kept>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 1_000_000).await.unwrap();
    let sent: Value =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    let path = parts.uri.path().to_owned();
    let mut kept = kept.lock();
    kept.asked.push((parts.method.to_string(), path.clone(), sent.clone()));
    let (status, mut said) = kept.answer(&parts.method, &path, sent);
    let mut answer = Response::builder()
        .status(status)
        .header("x-ms-correlation-request-id", "corr-1")
        .header("retry-after", "0");
    if let Some(operation) = said.as_object_mut().and_then(|said| said.remove("operation")) {
        answer = answer.header("azure-asyncoperation", operation.as_str().unwrap());
    }
    answer.body(Body::from(said.to_string())).unwrap()
}

impl Kept {
    fn answer(&mut self, method: &Method, path: &str, sent: Value) -> (u16, Value) {
        let key = path.to_ascii_lowercase();
        if let Some(script) = self.scripts.get_mut(&format!("{method} {path}").to_ascii_lowercase()) {
            return if script.len() > 1 { script.remove(0) } else { script[0].clone() };
        }
        match *method {
            Method::PUT => {
                let mut made = sent;
                made["id"] = path.into();
                made["name"] = path.rsplit('/').next().into();
                self.resources.insert(key, made.clone());
                (200, made)
            }
            Method::DELETE => (if self.resources.remove(&key).is_some() { 200 } else { 204 }, Value::Null),
            _ => match self.resources.get(&key) {
                Some(found) => (200, found.clone()),
                None => self.beneath(&key),
            },
        }
    }

    /// What is right beneath a path, where that is a collection; else nothing is there.
    fn beneath(&self, key: &str) -> (u16, Value) {
        let last = key.rsplit('/').next().unwrap_or_default();
        let collections =
            ["exportpipelines", "importpipelines", "pipelineruns", "registries", "resourcegroups", "vaults"];
        if !collections.contains(&last) {
            return (
                404,
                json!({"error": {"code": "ResourceNotFound", "message": "There is no such resource."}}),
            );
        }
        let is_child = |(path, _): &(&String, &Value)| {
            path.strip_prefix(&format!("{key}/")).is_some_and(|rest| !rest.contains('/'))
        };
        let items: Vec<&Value> = self.resources.iter().filter(is_child).map(|(_, value)| value).collect();
        (200, json!({ "value": items }))
    }
}
