//! Making pipelines, and starting runs of them by template.

use serde_json::{Value, json};
use transload_testkit::cli::{Cli, Finished};
use transload_testkit::peers::Az;

use super::lab::{Lab, Side, TOKEN};
use super::template;

impl Side {
    /// Kind of its pipelines, and what they call their container.
    fn pipelines(self) -> (&'static str, &'static str) {
        match self {
            Self::Source => ("exportPipelines", "target"),
            Self::Target => ("importPipelines", "source"),
        }
    }
}

impl Lab {
    /// Makes a pipeline with an identity of its own and a trigger that is off, as the API has it; gives its path. What
    /// `properties` has replaces what it would have: members of its container (`uri`), `options`, `trigger`.
    pub(crate) fn pipeline(&self, side: Side, name: &str, properties: &Value) -> String {
        let path = self.unpermitted_pipeline(side, name, properties);
        let made = self.site.get(&path);
        let principal = made["identity"]["principalId"].as_str().unwrap();
        self.site.permit(side.group(), side.vault(), principal, &["get"]);
        path
    }

    /// The same, and its identity may not read the vault.
    pub(crate) fn unpermitted_pipeline(&self, side: Side, name: &str, properties: &Value) -> String {
        let (kind, container) = side.pipelines();
        let path = format!("{}/{kind}/{name}", self.site.registry(side.group(), side.registry()));
        let mut place = json!({"type": "AzureStorageBlobContainer", "uri": self.container(side),
            "keyVaultUri": format!("{}/secrets/{TOKEN}", self.site.vault_url(side.vault()))});
        for member in ["uri", "keyVaultUri", "storageAccessMode"] {
            if let Some(given) = properties.get(member) {
                place[member] = given.clone();
            }
        }
        let mut body = json!({"location": "here", "identity": {"type": "SystemAssigned"}, "properties": {
            "options": properties.get("options").cloned().unwrap_or_else(|| json!([]))}});
        body["properties"][container] = place;
        if side == Side::Target {
            let status = properties.get("trigger").cloned().unwrap_or_else(|| json!("Disabled"));
            body["properties"]["trigger"] = json!({"sourceTrigger": {"status": status}});
        }
        self.site.put(&path, &body);
        path
    }

    /// `transload pipeline check`: has the server try both ends of a pipeline with what it has.
    pub(crate) fn check(&self, side: Side, pipeline: &str) -> Finished {
        let admin = self.site.admin();
        Cli::new(env!("CARGO_BIN_EXE_transload"))
            .env("TRANSLOAD_SERVER", self.site.url())
            .env("TRANSLOAD_TENANT", &admin.tenant)
            .env("TRANSLOAD_CLIENT_ID", &admin.client_id)
            .env("TRANSLOAD_SECRET", &admin.secret)
            .env("TRANSLOAD_CA_FILE", self.site.ca_file())
            .run(["pipeline", "check", pipeline, "-g", side.group(), "-r", side.registry()])
    }

    /// `az deployment group create` of a template with these parameters, each `name=value`.
    pub(crate) fn deploy(&self, side: Side, name: &str, file: &str, parameters: &[&str]) -> Finished {
        deploy(&self.az, side, name, file, parameters)
    }

    /// Starts a run by template that has to fail; gives what `az` printed.
    pub(crate) fn failed_run(&self, side: Side, name: &str, pipeline: &str, parameters: &[&str]) -> String {
        let ended = self.try_run(side, name, pipeline, parameters);
        assert_ne!(ended.code(), 0, "{name} succeeded: {}", ended.stdout);
        readable(&ended.stderr)
    }

    /// Starts a run by template that has to succeed; gives the deployment.
    pub(crate) fn run(&self, side: Side, name: &str, pipeline: &str, parameters: &[&str]) -> Value {
        super::json_of(&self.try_run(side, name, pipeline, parameters).ok().stdout)
    }

    fn try_run(&self, side: Side, name: &str, pipeline: &str, parameters: &[&str]) -> Finished {
        let own = [
            format!("registryName={}", side.registry()),
            format!("pipelineRunName={name}"),
            format!("pipelineResourceId={pipeline}"),
        ];
        let own = own.iter().map(String::as_str).chain(parameters.iter().copied()).collect::<Vec<_>>();
        self.deploy(side, name, "run.json", &own)
    }
}

/// The same as somebody else.
pub(crate) fn deploy(az: &Az, side: Side, name: &str, file: &str, parameters: &[&str]) -> Finished {
    let file = template(file);
    let command = ["deployment", "group", "create", "-g", side.group(), "-n", name];
    az.run(&[&command[..], &["--template-file", &file, "--parameters"], parameters].concat())
}

/// What is printed as JSON within JSON, as somebody reads it.
fn readable(text: &str) -> String {
    text.replace("\\\"", "\"").replace("\\n", "\n")
}

/// Whether all of these words were said; panics with the whole text when one was not.
pub(crate) fn assert_said(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "'{word}' is not in: {told}");
    }
}
