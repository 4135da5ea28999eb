//! What a token is for. A token for registries is sent to registries of others too (`az acr login`), so it must not open
//! anything here but registries.

use crate::links::is_authority;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// The API of resources and of this server.
    Manager,
    /// The data plane of vaults.
    Vaults,
    /// Registries.
    Registries,
}

/// What registries' tokens are asked for with, in every cloud.
const REGISTRIES: &str = "https://containerregistry.azure.net";
/// What clients that know no other cloud ask for vaults with.
const VAULTS: &str = "https://vault.azure.net";
/// What clients that know no other cloud ask for the resource manager with.
const MANAGERS: &[&str] = &["https://management.azure.com", "https://management.core.windows.net"];

/// What every cloud's clients ask for stores with.
const STORAGE: &str = "storage.azure.com";

/// What hosts of public clouds end in: services of others, which a token of this server is not sent to.
const CLOUDS: &[&str] = &[
    "azure.com",
    "azure.net",
    "azure.cn",
    "azure.us",
    "azurecr.io",
    "azurecr.cn",
    "azurecr.us",
    "chinacloudapi.cn",
    "cloudapi.de",
    "microsoft.com",
    "microsoftazure.de",
    "microsoftazure.us",
    "microsoftonline.com",
    "microsoftonline.cn",
    "microsoftonline.us",
    "usgovcloudapi.net",
    "windows.net",
];
/// What stands in hosts of machines that people have in those clouds.
const MACHINES: &str = ".cloudapp.";

/// The names of audiences in tokens, and those that clients ask for them with.
#[derive(Debug, Clone)]
pub(crate) struct Audiences {
    manager: String,
    vaults: String,
}

impl Audiences {
    /// `base` is this server's own URI, `vault_suffix` what hosts of vaults end in.
    pub(crate) fn new(base: &str, vault_suffix: &str) -> Self {
        let manager = base.trim_end_matches('/').to_ascii_lowercase();
        let vaults = format!("https://{}", vault_suffix.trim_start_matches('.').to_ascii_lowercase());
        Self { manager, vaults }
    }

    pub(crate) fn manager(&self) -> &str {
        &self.manager
    }

    pub(crate) fn name(&self, audience: Audience) -> &str {
        match audience {
            Audience::Manager => &self.manager,
            Audience::Vaults => &self.vaults,
            Audience::Registries => REGISTRIES,
        }
    }

    /// What a `scope` or `resource` is asked for; `here` is the base under which the client reached us. Of several
    /// scopes the first that is one.
    pub(crate) fn asked(&self, scope: &str, here: &str) -> Option<Audience> {
        scope.split_ascii_whitespace().find_map(|one| self.one(one, here))
    }

    /// Whether a `scope` or `resource` is one of stores: what clients name all of them by, or an account's host.
    pub(crate) fn is_storage(scope: &str) -> bool {
        scope.split_ascii_whitespace().any(|one| {
            let lower = one.to_ascii_lowercase();
            let host = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
            let host = host.split('/').next().unwrap_or_default();
            host == STORAGE || host.contains(".blob.")
        })
    }

    /// Whether a `resource` may be another name of this server: an `https` host that is not known to be something else. A machine has
    /// many names, clients keep to the one by which they registered the cloud, and the server does not know them all. Hosts beneath
    /// `suffixes` are registries, vaults and stores.
    pub(crate) fn may_be_here(resource: &str, suffixes: &[&str]) -> bool {
        let lower = resource.trim().to_ascii_lowercase();
        let name = lower.strip_suffix("/.default").unwrap_or(&lower).trim_end_matches('/');
        let Some(host) = name.strip_prefix("https://").filter(|host| is_authority(host)) else {
            return false;
        };
        let host = without_port(host);
        let beneath = |suffix: &str| {
            let suffix = without_port(suffix.trim_start_matches('.')).to_ascii_lowercase();
            let before = host.strip_suffix(&suffix).filter(|_| !suffix.is_empty());
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let is_of_a_cloud = CLOUDS.iter().any(|cloud| beneath(cloud)) && !host.contains(MACHINES);
        !is_of_a_cloud && !Self::is_storage(name) && !suffixes.iter().any(|suffix| beneath(suffix))
    }

    fn one(&self, scope: &str, here: &str) -> Option<Audience> {
        let lower = scope.to_ascii_lowercase();
        let name = lower.strip_suffix("/.default").unwrap_or(&lower).trim_end_matches('/');
        let here = here.trim_end_matches('/').to_ascii_lowercase();
        if name == self.manager || name == here || MANAGERS.contains(&name) {
            return Some(Audience::Manager);
        }
        if name == REGISTRIES {
            return Some(Audience::Registries);
        }
        // the port is a matter of how the client got here
        let vaults = [self.vaults.as_str(), without_port(&self.vaults), VAULTS];
        vaults
            .contains(&without_port(name))
            .then_some(Audience::Vaults)
            .or_else(|| vaults.contains(&name).then_some(Audience::Vaults))
    }
}

fn without_port(uri: &str) -> &str {
    match uri.rsplit_once(':') {
        Some((before, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => before,
        _ => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_known_however_they_are_written() {
        let known = Audiences::new("https://127.0.0.1:8443", ".vault.transfer.test:8443");
        let here = "https://lab.example:8443";
        let asked = |scope| known.asked(scope, here);
        for scope in [
            "https://127.0.0.1:8443/.default",
            "https://127.0.0.1:8443//.default",
            "https://LAB.example:8443/.default",
            "https://management.azure.com/.default",
            "openid https://127.0.0.1:8443",
        ] {
            assert_eq!(asked(scope), Some(Audience::Manager), "{scope}");
        }
        for scope in [
            "https://vault.transfer.test/.default",
            "https://vault.transfer.test:8443/.default",
            "https://vault.azure.net/.default",
        ] {
            assert_eq!(asked(scope), Some(Audience::Vaults), "{scope}");
        }
        assert_eq!(asked("https://containerregistry.azure.net/.default"), Some(Audience::Registries));
        for scope in ["", "https://storage.azure.com/.default", "https://127.0.0.1/.default", "openid"] {
            assert_eq!(asked(scope), None, "{scope}");
        }
        for (scope, storage) in [
            ("https://storage.azure.com/.default", true),
            ("https://storage.azure.com//.default", true),
            ("https://Acct.blob.core.windows.net/.default", true),
            ("https://vault.azure.net/.default", false),
            ("", false),
        ] {
            assert_eq!(Audiences::is_storage(scope), storage, "{scope}");
        }
    }

    #[test]
    fn other_names_of_this_server_are_hosts_that_are_nothing_else() {
        let suffixes = [".azurecr.transfer.test:8443", ".vault.transfer.test", ".storage.transfer.test", ""];
        let may_be = |resource| Audiences::may_be_here(resource, &suffixes);
        for resource in [
            "https://other.example:8443",
            "https://Other.example:8443/",
            "https://10.0.0.7:8443/.default",
            "https://[::1]:8443",
            "https://transfer.test",
            "https://lab.westeurope.cloudapp.azure.com:8443",
            "https://notazure.com",
        ] {
            assert!(may_be(resource), "{resource}");
        }
        for resource in [
            "",
            "https://",
            "http://other.example:8443",
            "other.example",
            "api://other.example",
            "https://user@other.example",
            "https://other.example/path",
            "https://storage.azure.com",
            "https://Acct.blob.other.example",
            "https://acct.file.storage.transfer.test:8443",
            "https://labvault.vault.transfer.test:8443",
            "https://labreg.azurecr.transfer.test",
            "https://labvault.vault.azure.net",
            "https://graph.microsoft.com/.default",
            "https://graph.windows.net/",
            "https://management.chinacloudapi.cn",
            "https://management.usgovcloudapi.net:443",
            "https://azure.com",
        ] {
            assert!(!may_be(resource), "{resource}");
        }
    }
}
