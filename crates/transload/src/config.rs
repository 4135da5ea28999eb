//! What comes from outside: the only place that reads the environment.
#![expect(clippy::disallowed_methods, reason = "this is the one place that may read the environment")]

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use transload_registry::ProxySettings;

/// Everything that is read from the environment, once, at the start.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    /// Every `TRANSLOAD_…` that is not empty.
    pub(crate) variables: BTreeMap<String, String>,
    /// Where settings are looked for when no file is named; the first wins.
    pub(crate) settings_files: Vec<PathBuf>,
    /// Files that may have credentials for registries, the first one that has some wins.
    pub(crate) auth_files: Vec<PathBuf>,
    /// The file that `login` writes to when none of those knows the registry.
    pub(crate) login_file: Option<PathBuf>,
    pub(crate) proxy: ProxySettings,
    pub(crate) azure: AzureEnvironment,
}

/// What Azure's tools take from the environment to sign in.
#[derive(Clone, Default)]
pub(crate) struct AzureEnvironment {
    pub(crate) tenant_id: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) federated_token_file: Option<PathBuf>,
    pub(crate) has_cli: bool,
}

impl std::fmt::Debug for AzureEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AzureEnvironment")
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Environment {
    pub(crate) fn read() -> Self {
        Self {
            variables: variables(),
            settings_files: settings_files(),
            auth_files: auth_files(),
            login_file: path("REGISTRY_AUTH_FILE").or_else(docker_config),
            proxy: ProxySettings {
                http: either("http_proxy", "HTTP_PROXY").or_else(|| either("all_proxy", "ALL_PROXY")),
                https: either("https_proxy", "HTTPS_PROXY").or_else(|| either("all_proxy", "ALL_PROXY")),
                no_proxy: either("no_proxy", "NO_PROXY"),
            },
            azure: AzureEnvironment {
                tenant_id: text("AZURE_TENANT_ID"),
                client_id: text("AZURE_CLIENT_ID"),
                client_secret: text("AZURE_CLIENT_SECRET"),
                federated_token_file: path("AZURE_FEDERATED_TOKEN_FILE"),
                has_cli: on_path("az"),
            },
        }
    }
}

/// A variable that the command line names (`--sas-token-env`).
pub(crate) fn named(name: &str) -> Option<String> {
    text(name)
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn either(lower: &str, upper: &str) -> Option<String> {
    text(lower).or_else(|| text(upper))
}

fn variables() -> BTreeMap<String, String> {
    let ours = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    ours.filter(|(name, value)| name.starts_with("TRANSLOAD_") && !value.is_empty()).collect()
}

/// The person's file and the machine's. None in the current folder: whoever unpacks somebody's folder must not
/// have their transfers redirected by it.
fn settings_files() -> Vec<PathBuf> {
    let config = path("XDG_CONFIG_HOME").or_else(|| path("HOME").map(|home| home.join(".config")));
    let folders = [config, Some(PathBuf::from("/etc"))];
    folders.into_iter().flatten().map(|folder| folder.join("transload/transload.toml")).collect()
}

/// In the order in which podman and then docker look.
fn auth_files() -> Vec<PathBuf> {
    let home = path("HOME");
    let config = path("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
    [
        path("REGISTRY_AUTH_FILE"),
        path("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
        config.map(|dir| dir.join("containers/auth.json")),
        docker_config(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn docker_config() -> Option<PathBuf> {
    let folder = path("DOCKER_CONFIG").or_else(|| path("HOME").map(|home| home.join(".docker")));
    folder.map(|folder| folder.join("config.json"))
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|all| env::split_paths(&all).any(|dir| dir.join(program).is_file()))
}
