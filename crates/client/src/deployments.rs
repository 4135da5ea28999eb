//! Deployments of templates.
//!
//! A template is sent as its file has it, comments and all: places in errors are then those of the file (contract, § 0.1).

use std::fmt;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use transload_api::deployment::{Deployment, DeploymentOperation, ExportedTemplate, WhatIf};
use transload_api::{ErrorBody, ResourceId};

use crate::connect::Client;
use crate::error::{Error, Kind};
use crate::ids::Versioned;
use crate::operation::Operation;
use crate::resources::Put;

/// Type of deployments.
pub const DEPLOYMENTS: &str = "Microsoft.Resources/deployments";

/// What is to be deployed.
#[derive(Clone)]
pub struct DeploymentRequest {
    /// The template's file, as it is.
    pub template: String,
    /// `{name: {"value": …}}`, or `{"reference": …}` for a secret of a vault. Values may be secret.
    pub parameters: Map<String, Value>,
    /// Whether what the group has besides is deleted (`Complete`).
    pub is_complete: bool,
}

impl fmt::Debug for DeploymentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.parameters.keys().collect();
        f.debug_struct("DeploymentRequest")
            .field("parameters", &names)
            .field("is_complete", &self.is_complete)
            .finish_non_exhaustive()
    }
}

impl DeploymentRequest {
    /// The body as `az` writes it: all but the template stands in the first line, where the template begins.
    fn body(&self) -> SecretString {
        let mode = if self.is_complete { "Complete" } else { "Incremental" };
        let parameters = Value::Object(self.parameters.clone());
        let template = self.template.trim_start_matches('\u{feff}');
        // a comment may stand in the last line
        SecretString::from(format!(
            "{{\"properties\": {{\"mode\": \"{mode}\", \"parameters\": {parameters}, template: {template}\n}}}}"
        ))
    }
}

impl Client {
    /// Begins a deployment, or answers with one that is done.
    ///
    /// # Errors
    /// `Conflict` while another of its name is under way, `Refused`, `Denied` and those of a request.
    pub async fn put_deployment(
        &self,
        id: &ResourceId,
        request: &DeploymentRequest,
    ) -> Result<Put<Deployment>, Error> {
        let body = request.body();
        let answer = self.ask_text(&Method::PUT, &id.path(), body.expose_secret()).await?.accepted()?;
        let value: Deployment = answer.json()?;
        // one that is not begun is taken as well, for clients that hide what they are refused with
        if let Some(said) = &value.error {
            return Err(Error::of_body(Kind::Conflict, &id.path(), said));
        }
        Ok(Put { value, is_new: answer.status == 201, operation: Operation::of(&answer) })
    }

    /// Whether it could be deployed: what would be, and nothing is changed.
    ///
    /// # Errors
    /// `Refused` with what is wrong with it, `Denied` and those of a request.
    pub async fn validate_deployment(
        &self,
        id: &ResourceId,
        request: &DeploymentRequest,
    ) -> Result<Deployment, Error> {
        let deployment: Deployment = self.act_deployment(id, "validate", request).await?;
        refused(id, deployment.error.as_ref())?;
        Ok(deployment)
    }

    /// What a deployment would change.
    ///
    /// # Errors
    /// `Refused` with what is wrong with it, `Denied` and those of a request.
    pub async fn what_if(&self, id: &ResourceId, request: &DeploymentRequest) -> Result<WhatIf, Error> {
        let answer: WhatIf = self.act_deployment(id, "whatIf", request).await?;
        refused(id, answer.error.as_ref())?;
        Ok(answer)
    }

    /// Begins nothing more of a deployment.
    ///
    /// # Errors
    /// `Conflict` for one that has ended, `NotFound`, `Denied` and those of a request.
    pub async fn cancel_deployment(&self, id: &ResourceId) -> Result<(), Error> {
        self.ask(&Method::POST, &beneath(id, "cancel"), None::<&()>).await?.accepted().map(drop)
    }

    /// The template that was deployed.
    ///
    /// # Errors
    /// `NotFound`, `Denied` and those of a request.
    pub async fn export_deployment(&self, id: &ResourceId) -> Result<ExportedTemplate, Error> {
        self.ask(&Method::POST, &beneath(id, "exportTemplate"), None::<&()>).await?.accepted()?.json()
    }

    /// What a deployment did with each of its resources.
    ///
    /// # Errors
    /// `NotFound`, `Denied` and those of a request.
    pub async fn deployment_operations(&self, id: &ResourceId) -> Result<Vec<DeploymentOperation>, Error> {
        self.list_path(&beneath(id, "operations")).await
    }

    /// The answer of an action; where it takes longer, what it comes to.
    async fn act_deployment<T: serde::de::DeserializeOwned>(
        &self,
        id: &ResourceId,
        action: &str,
        request: &DeploymentRequest,
    ) -> Result<T, Error> {
        let body = request.body();
        let path = beneath(id, action);
        let mut answer = self.ask_text(&Method::POST, &path, body.expose_secret()).await?.accepted()?;
        while answer.status == 202 {
            let Some(next) = Operation::of(&answer) else {
                return Err(Error::new(Kind::Protocol, path, "it goes on and does not say where"));
            };
            answer = self.look(&next).await?;
        }
        answer.json()
    }
}

/// An error that stands in an answer of success.
fn refused(id: &ResourceId, said: Option<&ErrorBody>) -> Result<(), Error> {
    let Some(said) = said else { return Ok(()) };
    let kind = match said.code.as_str() {
        "AuthorizationFailed" => Kind::Denied,
        code if code.ends_with("NotFound") => Kind::NotFound,
        _ => Kind::Refused,
    };
    Err(Error::of_body(kind, &id.path(), said))
}

fn beneath(id: &ResourceId, action: &str) -> String {
    format!("{}/{action}?api-version={}", id.as_str(), id.api_version())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_in_an_answer_of_success_is_of_the_kind_that_its_code_says() {
        let id = ResourceId::parse("/subscriptions/s/resourceGroups/g").unwrap();
        assert!(refused(&id, None).is_ok());
        for (code, kind) in [
            ("AuthorizationFailed", Kind::Denied),
            ("ResourceGroupNotFound", Kind::NotFound),
            ("InvalidTemplate", Kind::Refused),
        ] {
            let said = ErrorBody { code: code.to_owned(), ..ErrorBody::default() };
            assert_eq!(refused(&id, Some(&said)).unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn the_template_stands_in_the_body_as_it_stands_in_the_file() {
        let template = "\u{feff}{ // a comment\n  \"resources\": []\n} // the last";
        let parameters = serde_json::from_value(json!({"a": {"value": "x\ny"}})).unwrap();
        let request = DeploymentRequest { template: template.to_owned(), parameters, is_complete: false };
        let body = request.body();
        let lines: Vec<&str> = body.expose_secret().lines().collect();
        let front = concat!(
            r#"{"properties": {"mode": "Incremental", "parameters": {"a":{"value":"x\ny"}}, template: "#,
            "{ // a comment"
        );
        assert_eq!(lines, [front, "  \"resources\": []", "} // the last", "}}"]);
        assert!(!format!("{request:?}").contains('x'));
    }
}
