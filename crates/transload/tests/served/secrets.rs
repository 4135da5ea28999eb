//! `azure-keyvault-secrets` against the embedded vault, challenge and all.

use serde_json::{Value, json};
use transload_testkit::site::SiteOptions;

use crate::support::world::{GROUP, VAULT};
use crate::support::{Sdk, Steps, site};

#[test]
fn the_client_of_key_vaults_sets_gets_lists_and_deletes() {
    let site = site(SiteOptions { workers: 0, ..SiteOptions::default() });
    site.make_group(GROUP);
    site.make_vault(GROUP, VAULT);
    let proxy = site.proxy();
    let url = site.vault_url(VAULT);
    let call = |method: &str| format!("{url}|{method}");
    let steps = Steps::default()
        .step("none", &call("get_secret"), json!(["sas"]))
        .step("first", &call("set_secret"), json!(["sas", "?sv=1&sig=first%2Bvalue%3D"]))
        .step_with(
            "second",
            &call("set_secret"),
            json!(["sas", "second"]),
            json!({"content_type": "token", "tags": {"a": "b"}}),
        )
        .step("other", &call("set_secret"), json!(["other-1", "ä\n\"quoted\""]))
        .step("latest", &call("get_secret"), json!(["SAS"]))
        .step("odd", &call("get_secret"), json!(["other-1"]))
        .step("names", &call("list_properties_of_secrets"), json!([]))
        .step("versions", &call("list_properties_of_secret_versions"), json!(["sas"]))
        .step_with("off", &call("update_secret_properties"), json!(["other-1"]), json!({"enabled": false}))
        .step("disabled", &call("get_secret"), json!(["other-1"]))
        .step("bad", &call("set_secret"), json!(["not_a_name", "x"]))
        .step("delete", &call("begin_delete_secret"), json!(["sas"]))
        .step("gone", &call("get_secret"), json!(["sas"]))
        .step("rest", &call("list_properties_of_secrets"), json!([]));
    let done = Sdk::Old.take(&site, &proxy, &steps);
    assert_eq!(done.error("none").0, 404);
    assert!(done.error("none").2.contains("SecretNotFound"), "{done:?}");
    let (first, second, latest) = (done.of("first"), done.of("second"), done.of("latest"));
    assert_eq!(first["value"], "?sv=1&sig=first%2Bvalue%3D");
    assert_eq!((&latest["value"], &latest["id"]), (&json!("second"), &second["id"]));
    assert_eq!(latest["properties"]["tags"], json!({"a": "b"}));
    assert_eq!(latest["properties"]["content_type"], "token");
    assert_eq!(done.of("odd")["value"], "ä\n\"quoted\"");
    let id = latest["id"].as_str().unwrap();
    assert!(id.starts_with(&format!("{url}/secrets/sas/")), "{id}");
    let listed = |name: &str| -> Vec<Value> {
        done.of(name).as_array().unwrap().iter().map(|one| one["name"].clone()).collect()
    };
    assert_eq!(listed("versions"), ["sas", "sas"]);
    assert_eq!(listed("names").len(), 2, "{done:?}");
    assert_eq!(done.error("disabled").0, 403);
    assert_eq!(done.error("bad").0, 400);
    assert_eq!(done.error("gone").0, 404);
    assert_eq!(listed("rest"), ["other-1"]);
    assert!(proxy.asked().iter().any(|name| url.ends_with(name)), "{:?}", proxy.asked());
    a_principal_does_what_its_policies_say(&site, &proxy);
}

fn a_principal_does_what_its_policies_say(
    site: &transload_testkit::site::Site,
    proxy: &transload_testkit::peers::NameProxy,
) {
    let (status, made) = site.ask("POST", "/api/principals", &json!({"name": "reader of secrets"}));
    assert!(matches!(status, 200 | 201), "{made}");
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    let (client_id, secret, object_id) = (text("clientId"), text("clientSecret"), text("objectId"));
    let url = site.vault_url(VAULT);
    let steps = || {
        let call = |method: &str| format!("{url}|{method}");
        Steps::default()
            .step("get", &call("get_secret"), json!(["kept"]))
            .step("set", &call("set_secret"), json!(["kept", "changed"]))
            .step("list", &call("list_properties_of_secrets"), json!([]))
    };
    site.set_secret(VAULT, "kept", "value");
    let who = (client_id.as_str(), secret.as_str());
    let denied = Sdk::Old.take_as(site, proxy, who, &steps());
    for step in ["get", "set", "list"] {
        assert_eq!(denied.error(step).0, 403, "{step}");
    }
    site.permit(GROUP, VAULT, &object_id, &["get", "list"]);
    let allowed = Sdk::Old.take_as(site, proxy, who, &steps());
    assert_eq!(allowed.of("get")["value"], "value");
    assert_eq!(allowed.error("set").0, 403);
    assert_eq!(allowed.of("list").as_array().unwrap().len(), 2);
}
