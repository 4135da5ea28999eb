//! A control plane between two registries, with a container and a vault.

use std::time::Duration;

use serde_json::{Value, json};
use transload_testkit::fault::FaultProxy;
use transload_testkit::hog::wait_until;
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{ACCOUNT, Azurite, DockerRegistry, NameProxy};
use transload_testkit::site::{Site, SiteOptions};

use super::site;

/// Longest that a run may take to end.
const RUN_LIMIT: Duration = Duration::from_secs(300);
/// The group that everything is in.
pub(crate) const GROUP: &str = "lab";
/// The registry that is exported from.
pub(crate) const NEAR: &str = "nearregistry";
/// The registry that is imported into.
pub(crate) const FAR: &str = "farregistry";
/// The vault, and the secret with the token of the container.
pub(crate) const VAULT: &str = "labvault";
/// See [`VAULT`].
pub(crate) const TOKEN: &str = "transfer-sas";
/// The container.
pub(crate) const CONTAINER: &str = "transfer";

/// All of it. What it talks to goes with it.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) proxy: NameProxy,
    pub(crate) near: DockerRegistry,
    pub(crate) far: DockerRegistry,
    pub(crate) azurite: Azurite,
    /// What the control plane says to the far registry.
    pub(crate) to_far: FaultProxy,
    /// What the control plane says to the store.
    pub(crate) to_store: FaultProxy,
    /// URI of the secret with the container's token.
    pub(crate) secret_uri: String,
}

impl World {
    /// A group, two registries that are elsewhere, a vault with the token of an empty container.
    pub(crate) fn new(options: SiteOptions) -> Self {
        let (near, far, azurite) = (DockerRegistry::start(), DockerRegistry::start(), Azurite::start());
        let (to_far, to_store) = (FaultProxy::start(far.addr()), FaultProxy::start(azurite.addr()));
        let site = site(options);
        azurite.create_container(CONTAINER);
        site.make_group(GROUP);
        site.make_external(GROUP, NEAR, &near.host());
        site.make_external(GROUP, FAR, &to_far.host());
        site.make_vault(GROUP, VAULT);
        let me = site.get("/api/whoami")["principalId"].as_str().unwrap().to_owned();
        site.permit(GROUP, VAULT, &me, &["all"]);
        let sas = Sas::container(CONTAINER).permissions("racwdl").token();
        let secret_uri = site.set_secret(VAULT, TOKEN, &sas);
        let proxy = site.proxy();
        Self { site, proxy, near, far, azurite, to_far, to_store, secret_uri }
    }

    /// Where the container is.
    pub(crate) fn container(&self) -> String {
        format!("{}/{ACCOUNT}/{CONTAINER}", self.to_store.url())
    }

    /// Path of the near registry, or of what is beneath it.
    pub(crate) fn near_path(&self, below: &str) -> String {
        format!("{}{below}", self.site.registry(GROUP, NEAR))
    }

    /// Path of the far registry, or of what is beneath it.
    pub(crate) fn far_path(&self, below: &str) -> String {
        format!("{}{below}", self.site.registry(GROUP, FAR))
    }

    /// Makes an export pipeline that may read the container's token; gives its path.
    pub(crate) fn make_export(&self, name: &str, options: &[&str]) -> String {
        let path = self.near_path(&format!("/exportPipelines/{name}"));
        let made = self.site.put(&path, &export_pipeline(&self.container(), &self.secret_uri, options));
        self.permit(&made);
        path
    }

    /// Makes an import pipeline that may read the container's token, its trigger off; gives its path.
    pub(crate) fn make_import(&self, name: &str, options: &[&str]) -> String {
        let path = self.far_path(&format!("/importPipelines/{name}"));
        let made =
            self.site.put(&path, &import_pipeline(&self.container(), &self.secret_uri, options, false));
        self.permit(&made);
        path
    }

    /// Lets a pipeline's own identity read the vault.
    pub(crate) fn permit(&self, pipeline: &Value) {
        let principal = pipeline["identity"]["principalId"].as_str().unwrap();
        self.site.permit(GROUP, VAULT, principal, &["get"]);
    }

    /// Begins an export of artifacts to a blob; gives the run's path.
    pub(crate) fn begin_export(&self, pipeline: &str, run: &str, artifacts: &[&str], blob: &str) -> String {
        let path = self.near_path(&format!("/pipelineRuns/{run}"));
        self.site.put(
            &path,
            &json!({"properties": {"request": {"pipelineResourceId": pipeline,
            "artifacts": artifacts, "target": {"type": "AzureStorageBlob", "name": blob}}}}),
        );
        path
    }

    /// Begins an import of a blob; gives the run's path.
    pub(crate) fn begin_import(&self, pipeline: &str, run: &str, blob: &str) -> String {
        let path = self.far_path(&format!("/pipelineRuns/{run}"));
        self.site.put(
            &path,
            &json!({"properties": {"request": {"pipelineResourceId": pipeline,
            "source": {"type": "AzureStorageBlob", "name": blob}}}}),
        );
        path
    }

    /// Waits until a run has ended, and gives it.
    pub(crate) fn ended(&self, run: &str) -> Value {
        let mut shown = Value::Null;
        let ended = wait_until(RUN_LIMIT, || {
            std::thread::sleep(Duration::from_millis(50));
            shown = self.site.get(run);
            ["Succeeded", "Failed", "Canceled"].contains(&state(&shown))
        });
        assert!(ended, "{run} does not end: {shown}");
        shown
    }

    /// Waits until a run has ended well, and gives it.
    pub(crate) fn succeeded(&self, run: &str) -> Value {
        let shown = self.ended(run);
        assert_eq!(state(&shown), "Succeeded", "{shown}");
        shown
    }
}

/// The provisioning state of a resource.
pub(crate) fn state(resource: &Value) -> &str {
    resource["properties"]["provisioningState"].as_str().unwrap_or_default()
}

/// The body of an export pipeline with an identity of its own.
pub(crate) fn export_pipeline(container: &str, secret_uri: &str, options: &[&str]) -> Value {
    json!({"location": "here", "identity": {"type": "SystemAssigned"}, "properties": {"options": options,
        "target": {"type": "AzureStorageBlobContainer", "uri": container, "keyVaultUri": secret_uri}}})
}

/// The body of an import pipeline with an identity of its own.
pub(crate) fn import_pipeline(container: &str, secret_uri: &str, options: &[&str], trigger: bool) -> Value {
    let status = if trigger { "Enabled" } else { "Disabled" };
    json!({"location": "here", "identity": {"type": "SystemAssigned"}, "properties": {"options": options,
        "trigger": {"sourceTrigger": {"status": status}},
        "source": {"type": "AzureStorageBlobContainer", "uri": container, "keyVaultUri": secret_uri}}})
}
