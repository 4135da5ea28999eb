//! What comes from outside: the only place that reads the environment.
#![expect(clippy::disallowed_methods, reason = "this is the one place that may read the environment")]

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use transload_endpoints::aws::AwsEnvironment;
use transload_endpoints::entra::EntraEnvironment;
use transload_endpoints::google::GoogleEnvironment;
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
    pub(crate) azure: EntraEnvironment,
    pub(crate) aws: AwsEnvironment,
    pub(crate) google: GoogleEnvironment,
    /// Where what `serve` keeps lies when no folder is named.
    pub(crate) data_folder: Option<PathBuf>,
    /// The person's own folder for this program; it may not exist.
    pub(crate) config_folder: Option<PathBuf>,
    /// The system's certificate authorities in one file (PEM), where there is one.
    pub(crate) system_authorities: Option<PathBuf>,
    /// Where a service manager wants to be told that the program is ready.
    pub(crate) notify_socket: Option<OsString>,
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
            azure: EntraEnvironment {
                tenant_id: text("AZURE_TENANT_ID"),
                client_id: text("AZURE_CLIENT_ID"),
                client_secret: text("AZURE_CLIENT_SECRET").map(Into::into),
                federated_token_file: path("AZURE_FEDERATED_TOKEN_FILE"),
                has_cli: on_path("az"),
            },
            aws: aws(),
            google: google(),
            data_folder: data_folder(),
            config_folder: config_folder().map(|folder| folder.join("transload")),
            system_authorities: system_authorities(),
            notify_socket: env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()),
        }
    }
}

fn aws() -> AwsEnvironment {
    let home = |file: &str| path("HOME").map(|home| home.join(".aws").join(file));
    AwsEnvironment {
        access_key_id: text("AWS_ACCESS_KEY_ID"),
        secret_access_key: text("AWS_SECRET_ACCESS_KEY").map(Into::into),
        session_token: text("AWS_SESSION_TOKEN").map(Into::into),
        profile: text("AWS_PROFILE").or_else(|| text("AWS_DEFAULT_PROFILE")),
        credentials_file: path("AWS_SHARED_CREDENTIALS_FILE").or_else(|| home("credentials")),
        config_file: path("AWS_CONFIG_FILE").or_else(|| home("config")),
        region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
        endpoint: text("AWS_ENDPOINT_URL_S3").or_else(|| text("AWS_ENDPOINT_URL")),
        role_arn: text("AWS_ROLE_ARN"),
        role_session_name: text("AWS_ROLE_SESSION_NAME"),
        web_identity_token_file: path("AWS_WEB_IDENTITY_TOKEN_FILE"),
        container_relative_uri: text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        container_full_uri: text("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        container_token_file: path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        metadata_endpoint: text("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        metadata_disabled: text("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")),
    }
}

fn google() -> GoogleEnvironment {
    let config = path("CLOUDSDK_CONFIG").or_else(|| path("HOME").map(|home| home.join(".config/gcloud")));
    GoogleEnvironment {
        credentials_file: path("GOOGLE_APPLICATION_CREDENTIALS"),
        login_file: config.map(|folder| folder.join("application_default_credentials.json")),
        emulator: text("STORAGE_EMULATOR_HOST"),
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

/// The person's own, of every program.
fn config_folder() -> Option<PathBuf> {
    path("XDG_CONFIG_HOME").or_else(|| path("HOME").map(|home| home.join(".config")))
}

/// What OpenSSL is told, else where distributions keep them.
fn system_authorities() -> Option<PathBuf> {
    const USUAL: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    let all = path("SSL_CERT_FILE").into_iter().chain(USUAL.into_iter().map(PathBuf::from));
    all.into_iter().find(|file| file.is_file())
}

/// What a service manager gives, else the machine's for root, else the person's.
fn data_folder() -> Option<PathBuf> {
    let given = env::var_os("STATE_DIRECTORY").filter(|folders| !folders.is_empty());
    if let Some(folder) = given.and_then(|folders| env::split_paths(&folders).next()) {
        return Some(folder);
    }
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/transload"));
    }
    let data = path("XDG_DATA_HOME").or_else(|| path("HOME").map(|home| home.join(".local/share")));
    data.map(|folder| folder.join("transload"))
}

/// The person's file and the machine's. None in the current folder: whoever unpacks somebody's folder must not
/// have their transfers redirected by it.
fn settings_files() -> Vec<PathBuf> {
    let folders = [config_folder(), Some(PathBuf::from("/etc"))];
    folders.into_iter().flatten().map(|folder| folder.join("transload/transload.toml")).collect()
}

/// In the order in which podman and then docker look.
fn auth_files() -> Vec<PathBuf> {
    [
        path("REGISTRY_AUTH_FILE"),
        path("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
        config_folder().map(|dir| dir.join("containers/auth.json")),
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
