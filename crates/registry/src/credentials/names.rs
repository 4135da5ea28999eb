//! The names under which credential files and helpers know a registry.

/// Docker Hub's name in the files: it is that of an API that is long gone.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// What helpers are asked about, and the key of `auths` that Docker writes.
pub(super) fn server(host: &str) -> &str {
    if is_docker_hub(host) { DOCKER_HUB_KEY } else { host }
}

/// A registry's own key, as [`normalised`] gives it.
pub(super) fn host_key(host: &str) -> &str {
    if is_docker_hub(host) { "docker.io" } else { host }
}

fn is_docker_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

/// The names under which `credHelpers` may know a registry.
pub(super) fn helper_keys(host: &str) -> Vec<String> {
    if is_docker_hub(host) {
        return [DOCKER_HUB_KEY, "docker.io", "index.docker.io", "registry-1.docker.io"]
            .map(str::to_owned)
            .into();
    }
    vec![host.to_owned()]
}

/// The keys that fit a repository, the most specific first (containers-auth.json(5), "FORMAT").
pub(super) fn keys(host: &str, repository: Option<&str>) -> Vec<String> {
    let host = if is_docker_hub(host) { "docker.io" } else { host };
    let mut keys = Vec::new();
    let mut rest = repository;
    while let Some(path) = rest {
        keys.push(format!("{host}/{path}"));
        rest = path.rsplit_once('/').map(|(parent, _)| parent);
    }
    keys.push(host.to_owned());
    keys
}

/// A key of `auths` without scheme, without the path of an old API, with Docker Hub under one name.
pub(super) fn normalised(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let key = match bare {
        // Behind a scheme comes a server's address, whose path says nothing.
        Some(address) => address.split('/').next().unwrap_or(address),
        None => key.trim_end_matches('/'),
    };
    let (host, path) = key.split_once('/').map_or((key, None), |(h, p)| (h, Some(p)));
    let host = if is_docker_hub(host) { "docker.io".to_owned() } else { host.to_ascii_lowercase() };
    match path.filter(|p| !matches!(*p, "v1" | "v2")) {
        Some(path) => format!("{host}/{path}"),
        None => host,
    }
}
