//! What can be done to resources besides.

use reqwest::Method;
use serde::de::DeserializeOwned;
use transload_api::run::LogLine;
use transload_api::vault::{AccessPolicy, AccessPolicyChange, AccessPolicyProperties};
use transload_api::{ImportImage, PipelineRun, ResourceId};

use crate::connect::Client;
use crate::error::{Error, Kind};
use crate::ids::Versioned;
use crate::operation::Operation;

impl Client {
    /// Stops a run that has not ended.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` for one that has ended, `Denied`, and those of a request.
    pub async fn cancel_run(&self, run: &ResourceId) -> Result<PipelineRun, Error> {
        let path = format!("{}/cancel?api-version={}", run.as_str(), run.api_version());
        self.send(&Method::POST, &path, None::<&()>).await
    }

    /// Lines of a run's log behind the one of this number, oldest first. Where there are none the server waits for some
    /// for `wait_seconds`.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, and those of a request.
    pub async fn run_log(
        &self,
        run: &ResourceId,
        after: i64,
        wait_seconds: u32,
    ) -> Result<Vec<LogLine>, Error> {
        let version = run.api_version();
        let path = format!("{}/log?api-version={version}&after={after}&wait={wait_seconds}", run.as_str());
        self.list_path(&path).await
    }

    /// Copies an image from any registry into one of ours.
    ///
    /// # Errors
    /// `Refused`, `Denied`, and those of a request.
    pub async fn import_image(
        &self,
        registry: &ResourceId,
        what: &ImportImage,
    ) -> Result<Option<Operation>, Error> {
        self.act(registry, "importImage", Some(what)).await
    }

    /// Has it tried whether a pipeline or a registry can be reached with what it has.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, and those of a request; what was found comes by the operation.
    pub async fn check(&self, resource: &ResourceId) -> Result<Operation, Error> {
        self.act(resource, "check", None::<&()>).await?.ok_or_else(|| {
            Error::new(
                Kind::Protocol,
                resource.as_str(),
                "the server does not say where the check can be followed",
            )
        })
    }

    /// Changes what principals may do with a vault's secrets; `how` is `add`, `replace` or `remove`.
    ///
    /// # Errors
    /// `NotFound`, `Refused`, `Denied`, and those of a request.
    pub async fn change_policies(
        &self,
        vault: &ResourceId,
        how: &str,
        policies: Vec<AccessPolicy>,
    ) -> Result<Vec<AccessPolicy>, Error> {
        let properties = AccessPolicyProperties { access_policies: policies };
        let change = AccessPolicyChange { properties, ..AccessPolicyChange::default() };
        let path = vault.child("accessPolicies", how).path();
        let done: AccessPolicyChange = self.send(&Method::PUT, &path, Some(&change)).await?;
        Ok(done.properties.access_policies)
    }

    async fn act(
        &self,
        resource: &ResourceId,
        action: &str,
        body: Option<&(impl serde::Serialize + Sync)>,
    ) -> Result<Option<Operation>, Error> {
        let path = format!("{}/{action}?api-version={}", resource.as_str(), resource.api_version());
        let answer = self.ask(&Method::POST, &path, body).await?.accepted()?;
        Ok(Operation::of(&answer).filter(|_| answer.status == 202 || answer.status == 201))
    }

    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<&(impl serde::Serialize + Sync)>,
    ) -> Result<T, Error> {
        self.ask(method, path, body).await?.accepted()?.json()
    }
}
