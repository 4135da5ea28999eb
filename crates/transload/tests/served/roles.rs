//! What principals may do is what their roles say, and nobody gets further by a detour.

use serde_json::{Value, json};
use transload_testkit::site::{Site, SiteOptions};

use crate::support::{export_pipeline, site};

const REGISTRY: &str = "labregistry";

/// Somebody with a role at a scope, and a token.
struct Somebody {
    token: String,
}

impl Somebody {
    fn with(site: &Site, name: &str, role: &str, scope: &str) -> Self {
        let (_, made) = site.ask("POST", "/api/principals", &json!({"name": name}));
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        let grant = json!({"principalId": text("objectId"), "role": role, "scope": scope});
        assert_eq!(site.ask("PUT", "/api/grants", &grant).0, 200);
        Self { token: site.sign_in(&text("clientId"), &text("clientSecret"), &site.url()) }
    }

    fn ask(&self, site: &Site, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let path = format!("{path}?api-version=2019-12-01-preview");
        let answer = site.endpoint().request(method, &path, &headers, &body).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }
}

#[test]
fn each_role_does_what_it_may_and_nothing_more() {
    let site = site(SiteOptions { workers: 0, ..SiteOptions::default() });
    site.make_group("ours");
    site.make_external("ours", REGISTRY, "registry.example");
    let registry = site.registry("ours", REGISTRY);
    let pipeline = format!("{registry}/exportPipelines/labpipeline");
    let body = export_pipeline("https://a.blob.example/container", "https://v.vault.example/secrets/s", &[]);
    site.put(&pipeline, &body);
    let run = format!("{registry}/pipelineRuns/labrun");
    let asked = json!({"properties": {"request": {"pipelineResourceId": pipeline, "artifacts": ["a:v1"],
        "target": {"type": "AzureStorageBlob", "name": "b"}}}});
    let scope = site.group("ours");
    let somebody = |role: &str| Somebody::with(&site, role, role, &scope);
    let (reader, operator) = (somebody("Reader"), somebody("Operator"));
    let (contributor, owner) = (somebody("Contributor"), somebody("Owner"));
    let status =
        |who: &Somebody, method: &str, path: &str, body: &Value| who.ask(&site, method, path, body).0;
    for who in [&reader, &operator, &contributor, &owner] {
        assert_eq!(status(who, "GET", &pipeline, &Value::Null), 200);
        assert_eq!(status(who, "GET", "/api/principals", &Value::Null), 403);
        assert_eq!(status(who, "GET", "/api/audit", &Value::Null), 403);
    }
    assert_eq!(status(&reader, "PUT", &run, &asked), 403);
    assert_eq!(status(&operator, "PUT", &run, &asked), 201);
    for who in [&reader, &operator] {
        assert_eq!(status(who, "PUT", &pipeline, &body), 403);
        assert_eq!(status(who, "DELETE", &pipeline, &Value::Null), 403);
    }
    assert_eq!(status(&contributor, "PUT", &pipeline, &body), 200);
    let grant =
        json!({"principalId": "11111111-1111-4111-8111-111111111111", "role": "Reader", "scope": scope});
    assert_eq!(status(&contributor, "PUT", "/api/grants", &grant), 403);
    assert_eq!(status(&owner, "PUT", "/api/grants", &grant), 200);
    // nor at a wider scope than its own
    let wider = json!({"principalId": grant["principalId"], "role": "Owner", "scope": format!("/subscriptions/{}", site.admin().subscription)});
    assert_eq!(status(&owner, "PUT", "/api/grants", &wider), 403);
    let (code, denied) = reader.ask(&site, "DELETE", &run, &Value::Null);
    assert_eq!((code, &denied["error"]["code"]), (403, &json!("AuthorizationFailed")), "{denied}");
    let entries = site.list("/api/audit");
    let written = |action: &str, outcome: &str| {
        entries
            .iter()
            .any(|entry| entry["action"].as_str().unwrap().ends_with(action) && entry["outcome"] == outcome)
    };
    assert!(
        written("pipelineRuns/write", "Done") && written("pipelineRuns/delete", "Denied"),
        "{entries:#?}"
    );
}

#[test]
fn an_identity_of_others_is_not_to_be_had() {
    let site = site(SiteOptions { workers: 0, ..SiteOptions::default() });
    site.make_group("ours");
    site.make_group("theirs");
    site.make_external("theirs", REGISTRY, "registry.example");
    let identity =
        format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mover", site.group("ours"));
    site.put(&identity, &json!({"location": "here"}));
    let other = Somebody::with(&site, "other", "Contributor", &site.group("theirs"));
    let mut body = export_pipeline(
        "https://elsewhere.example/container",
        &format!("{}/secrets/sas", site.vault_url("v")),
        &[],
    );
    let pipeline = format!("{}/exportPipelines/exporter", site.registry("theirs", REGISTRY));
    assert_eq!(other.ask(&site, "PUT", &pipeline, &body).0, 200);
    body["identity"] = json!({"type": "UserAssigned", "userAssignedIdentities": {identity.clone(): {}}});
    let (status, answer) = other.ask(&site, "PUT", &pipeline, &body);
    assert_eq!(status, 403, "{answer}");
    // what belongs to others is not even shown
    assert_eq!(other.ask(&site, "GET", &identity, &Value::Null).0, 403);
    assert_eq!(other.ask(&site, "GET", &site.group("ours"), &Value::Null).0, 403);
}

#[test]
fn nothing_is_done_without_a_good_token() {
    let site = site(SiteOptions { workers: 0, ..SiteOptions::default() });
    site.make_group("ours");
    let group = format!("{}?api-version=2019-12-01-preview", site.group("ours"));
    let token = site.token();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    for bearer in
        [String::new(), "x".to_owned(), format!("{head}."), format!("{head}.{flipped}"), head.to_owned()]
    {
        let header = format!("Bearer {bearer}");
        let headers = [("Authorization", header.as_str())];
        let answer = site.endpoint().request("DELETE", &group, &headers, b"").unwrap();
        assert_eq!(answer.status, 401, "{bearer}: {}", answer.text());
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{:?}", answer.headers);
    }
    let answer = site.endpoint().request("DELETE", &group, &[], b"").unwrap();
    assert_eq!(answer.status, 401);
    // what was asked for to open secrets opens no resources
    let admin = site.admin();
    let vaults = site.sign_in(&admin.client_id, &admin.secret, "https://vault.azure.net");
    let header = format!("Bearer {vaults}");
    let answer =
        site.endpoint().request("DELETE", &group, &[("Authorization", header.as_str())], b"").unwrap();
    assert_eq!(answer.status, 401, "{}", answer.text());
    site.get(&site.group("ours"));
}
