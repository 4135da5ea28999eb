//! A client that keeps its connections, checks what it gets, and does nothing else.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use transload_testkit::site::Site;

use super::{GROUP, REGISTRY, Sizes, Work};

const API_VERSION: &str = "api-version=2019-12-01-preview";
/// A prime, so that what is asked for jumps about.
const STRIDE: usize = 7_919;

/// What all connections of a phase share.
pub(super) struct Hand {
    client: Client,
    url: String,
    registry: String,
    bearer: String,
    operation: Mutex<Option<Arc<str>>>,
    page: Mutex<Option<Arc<str>>>,
}

impl Hand {
    pub(super) fn new(site: &Site) -> Result<Self> {
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            url: site.url(),
            registry: site.registry(GROUP, REGISTRY),
            bearer: format!("Bearer {}", site.token()),
            operation: Mutex::default(),
            page: Mutex::default(),
        })
    }

    /// Does one piece of work, and gives the length of the answer.
    pub(super) async fn perform(&self, work: Work, index: usize, sizes: &Sizes) -> Result<u64> {
        let any_run = run_name(index * STRIDE % sizes.runs);
        let any_pipeline = pipeline_name(index * STRIDE % sizes.pipelines);
        match work {
            Work::PutPipelines => {
                let body = json!({"location": "here", "identity": {"type": "SystemAssigned"}, "properties": {
                    "target": {"type": "AzureStorageBlobContainer", "uri": "https://account.blob.example/transfer",
                               "storageAccessMode": "ManagedIdentity"}, "options": ["OverwriteBlobs"]}});
                self.put(&format!("exportPipelines/{}", pipeline_name(index)), &body, 200).await
            }
            Work::PutRuns => self.put_run(index, sizes, 201).await,
            // the first runs, whose names are the same
            Work::PutRunAgain => self.put_run(index % sizes.runs, sizes, 200).await,
            Work::GetPipeline => self.get(&self.path(&format!("exportPipelines/{any_pipeline}"))).await,
            Work::GetRun => self.get(&self.path(&format!("pipelineRuns/{any_run}"))).await,
            Work::GetOperation => self.get(&self.operation(&any_run).await?).await,
            Work::ListPipelines => self.get(&self.path("exportPipelines")).await,
            Work::ListRuns => self.turn_page().await,
        }
    }

    async fn put_run(&self, index: usize, sizes: &Sizes, wanted: u16) -> Result<u64> {
        let pipeline =
            format!("{}/exportPipelines/{}", self.registry, pipeline_name(index % sizes.pipelines));
        let name = run_name(index);
        let body = json!({"properties": {"request": {"pipelineResourceId": pipeline,
            "artifacts": ["team/web:v1", "team/api:v1"], "target": {"type": "AzureStorageBlob", "name": name}}}});
        self.put(&format!("pipelineRuns/{name}"), &body, wanted).await
    }

    async fn put(&self, below: &str, body: &Value, wanted: u16) -> Result<u64> {
        let (status, text) = self.ask(Method::PUT, &self.path(below), Some(body)).await?;
        ensure!(status == wanted, "PUT {below}: {status} {text}");
        Ok(text.len() as u64)
    }

    async fn get(&self, path: &str) -> Result<u64> {
        let (status, text) = self.ask(Method::GET, path, None).await?;
        ensure!(status == 200, "GET {path}: {status} {text}");
        Ok(text.len() as u64)
    }

    /// Where the status of a run's operation is; asked for once.
    async fn operation(&self, run: &str) -> Result<Arc<str>> {
        if let Some(known) = self.operation.lock().clone() {
            return Ok(known);
        }
        let (_, text) = self.ask(Method::GET, &self.path(&format!("pipelineRuns/{run}")), None).await?;
        let shown: Value = serde_json::from_str(&text)?;
        let id = shown.pointer("/properties/response/transload/operationId").and_then(Value::as_str);
        let id = id.with_context(|| format!("the run does not name its operation: {text}"))?;
        let subscription = self.registry.split('/').nth(2).context("a registry is in a subscription")?;
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/locations/here/operationStatuses/{id}?{API_VERSION}"
        );
        Ok(self.operation.lock().insert(path.into()).clone())
    }

    /// The page behind the last one that anybody was given, or the first.
    async fn turn_page(&self) -> Result<u64> {
        let known = self.page.lock().take();
        let path = known.map_or_else(|| self.path("pipelineRuns"), |path| path.to_string());
        let (status, text) = self.ask(Method::GET, &path, None).await?;
        ensure!(status == 200, "GET {path}: {status} {text}");
        let page: Value = serde_json::from_str(&text)?;
        let items = page["value"].as_array().map_or(0, Vec::len);
        ensure!(items > 0, "an empty page: {text}");
        let next = page["nextLink"].as_str().and_then(|next| next.strip_prefix(&self.url));
        *self.page.lock() = next.map(Arc::from);
        Ok(text.len() as u64)
    }

    fn path(&self, below: &str) -> String {
        format!("{}/{below}?{API_VERSION}", self.registry)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
        let asked =
            self.client.request(method, format!("{}{path}", self.url)).header("authorization", &self.bearer);
        let asked = match body {
            Some(body) => asked.json(body),
            None => asked,
        };
        let answer = asked.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }
}

fn pipeline_name(index: usize) -> String {
    format!("pipeline{index:05}")
}

fn run_name(index: usize) -> String {
    format!("run{index:06}")
}
