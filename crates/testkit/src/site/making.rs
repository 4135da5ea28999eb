//! Making what most tests need on a site.

use serde_json::json;

use super::Site;

impl Site {
    /// Path of a resource group.
    pub fn group(&self, name: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{name}", self.admin().subscription)
    }

    /// Path of a registry.
    pub fn registry(&self, group: &str, name: &str) -> String {
        format!("{}/providers/Microsoft.ContainerRegistry/registries/{name}", self.group(group))
    }

    /// Path of a vault.
    pub fn vault(&self, group: &str, name: &str) -> String {
        format!("{}/providers/Microsoft.KeyVault/vaults/{name}", self.group(group))
    }

    /// Makes a group.
    pub fn make_group(&self, name: &str) {
        self.put(&self.group(name), &json!({"location": "here"}));
    }

    /// Makes a registry that is elsewhere, without TLS and for everybody.
    pub fn make_external(&self, group: &str, name: &str, host: &str) {
        let elsewhere = json!({"loginServer": host, "plainHttp": true, "credential": {"type": "Anonymous"}});
        let body =
            json!({"location": "here", "sku": {"name": "Premium"}, "properties": {"transload": elsewhere}});
        self.put(&self.registry(group, name), &body);
    }

    /// Makes a vault without policies.
    pub fn make_vault(&self, group: &str, name: &str) {
        let body = json!({"location": "here", "properties": {
            "tenantId": self.admin().tenant, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}});
        self.put(&self.vault(group, name), &body);
    }

    /// Lets a principal do this with the secrets of a vault.
    pub fn permit(&self, group: &str, vault: &str, principal: &str, what: &[&str]) {
        let policy =
            json!({"tenantId": self.admin().tenant, "objectId": principal, "permissions": {"secrets": what}});
        let path = format!("{}/accessPolicies/add", self.vault(group, vault));
        self.put(&path, &json!({"properties": {"accessPolicies": [policy]}}));
    }

    /// Sets a secret and gives its URI without a version.
    pub fn set_secret(&self, vault: &str, name: &str, value: &str) -> String {
        self.put(&format!("/vaults/{vault}/secrets/{name}?api-version=7.4"), &json!({"value": value}));
        format!("{}/secrets/{name}", self.vault_url(vault))
    }
}
