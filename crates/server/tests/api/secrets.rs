//! The data plane of vaults, by host and by path.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use transload_control::Role;

use crate::lab::{HOST, Lab, TENANT, group};

async fn lab() -> Lab {
    let lab = Lab::new().await;
    let path = format!("{}/providers/Microsoft.KeyVault/vaults/labvault?api-version=2023-07-01", group());
    lab.put(&path, &json!({"location": "westus", "properties": {}})).await.is(200);
    lab
}

const SECRET: &str = "/secrets/acrexportsas?api-version=7.4";

#[tokio::test]
async fn the_first_request_is_challenged_and_the_second_does_it() {
    let lab = lab().await;
    let challenged = lab.at_vault(None, Method::PUT, SECRET, None).await.is(401);
    assert_eq!(
        challenged.header("www-authenticate"),
        format!("Bearer authorization=\"https://{HOST}/{TENANT}\", resource=\"https://vault.transfer.test\"")
    );
    let secret = lab.secret.expose_secret().to_owned();
    let token = lab.sign_in(&lab.client_id, &secret, "https://vault.transfer.test/.default").await;
    let body = json!({"value": "?sv=2024&sig=a%2Bb", "tags": {"file-encoding": "utf-8"}});
    let set = lab.at_vault(Some(&token), Method::PUT, SECRET, Some(&body)).await.is(200).json();
    assert_eq!(set["value"], "?sv=2024&sig=a%2Bb");
    let id = set["id"].as_str().unwrap();
    let version = id.strip_prefix("https://labvault.vault.transfer.test/secrets/acrexportsas/").unwrap();
    assert!(version.len() == 32 && version.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    assert_eq!(set["attributes"]["enabled"], true);
    assert_eq!(set["tags"]["file-encoding"], "utf-8");
    // az asks with a slash at the end
    let path = "/secrets/ACREXPORTSAS/?api-version=7.4";
    let found = lab.at_vault(Some(&token), Method::GET, path, None).await.is(200).json();
    assert_eq!(found["value"], set["value"]);
}

#[tokio::test]
async fn a_challenge_names_the_port_that_the_client_used() {
    let lab = lab().await;
    let request = http::Request::get(SECRET).header("host", "labvault.vault.transfer.test:8443");
    let answer = lab.send(request.body(axum::body::Body::empty()).unwrap()).await.is(401);
    assert!(
        answer.header("www-authenticate").ends_with("resource=\"https://vault.transfer.test:8443\""),
        "{:?}",
        answer.headers
    );
}

#[tokio::test]
async fn a_vault_is_reached_by_a_path_too() {
    let lab = lab().await;
    let path = |rest: &str| format!("/vaults/labvault/secrets{rest}?api-version=7.4");
    lab.put(&path("/one"), &json!({"value": "1"})).await.is(200);
    let second = lab.put(&path("/one"), &json!({"value": "2"})).await.is(200).json();
    lab.put(&path("/two"), &json!({"value": ""})).await.is(200);
    assert_eq!(lab.get(&path("/one")).await.is(200).json()["value"], "2");
    let listed = lab.get(&path("")).await.is(200);
    assert!(!listed.text.contains("\"value\":\"2\""));
    let ids: Vec<Value> =
        listed.json()["value"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(
        ids,
        [
            json!("https://labvault.vault.transfer.test/secrets/one"),
            json!("https://labvault.vault.transfer.test/secrets/two")
        ]
    );
    let versions = lab.get(&path("/one/versions")).await.is(200).json();
    assert_eq!(versions["value"].as_array().unwrap().len(), 2);
    let first = versions["value"][0]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(lab.get(&path(&format!("/one/{first}"))).await.is(200).json()["value"], "1");
    let off = lab
        .call(Method::PATCH, &path("/one"), Some(&json!({"attributes": {"enabled": false}})))
        .await
        .is(200)
        .json();
    assert_eq!((off.get("value"), &off["attributes"]["enabled"]), (None, &json!(false)));
    assert_eq!(off["id"], second["id"]);
    lab.get(&path("/one")).await.is(403);
    let gone = lab.delete(&path("/one")).await.is(200).json();
    assert!(gone["deletedDate"].as_i64().is_some() && gone.get("value").is_none());
    assert_eq!(lab.get(&path("/one")).await.is(404).code(), "SecretNotFound");
    assert_eq!(lab.delete(&path("/one")).await.is(404).code(), "SecretNotFound");
    lab.get("/vaults/labvault/deletedsecrets/one?api-version=7.4").await.is(404);
}

#[tokio::test]
async fn a_page_of_secrets_leads_to_the_next() {
    let lab = lab().await;
    for number in 0..5 {
        lab.put(&format!("/vaults/labvault/secrets/s{number}?api-version=7.4"), &json!({"value": "x"}))
            .await
            .is(200);
    }
    let mut path = "/vaults/labvault/secrets?api-version=7.4&maxresults=2".to_owned();
    let mut count = 0;
    loop {
        let page = lab.get(&path).await.is(200).json();
        count += page["value"].as_array().unwrap().len();
        let Some(next) = page["nextLink"].as_str() else { break };
        path = next.strip_prefix(&format!("https://{HOST}")).unwrap().to_owned();
    }
    assert_eq!(count, 5);
}

#[tokio::test]
async fn a_page_asked_of_a_vaults_host_leads_to_the_next_there() {
    let lab = lab().await;
    for number in 0..3 {
        let path = format!("/vaults/labvault/secrets/s{number}?api-version=7.4");
        lab.put(&path, &json!({"value": "x"})).await.is(200);
    }
    let token = lab.token.clone();
    let path = "/secrets?api-version=7.4&maxresults=2";
    let page = lab.at_vault(Some(&token), Method::GET, path, None).await.is(200).json();
    let next =
        page["nextLink"].as_str().unwrap().strip_prefix("https://labvault.vault.transfer.test").unwrap();
    let rest = lab.at_vault(Some(&token), Method::GET, next, None).await.is(200).json();
    assert_eq!(rest["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_has_no_permission_gets_nothing_and_a_policy_gives_it() {
    let lab = lab().await;
    lab.put("/vaults/labvault/secrets/one?api-version=7.4", &json!({"value": "planted"})).await.is(200);
    let (id, object_id, secret) = lab.principal("reader", Some(Role::Reader)).await;
    let token = lab.sign_in(&id, secret.expose_secret(), "https://vault.azure.net/.default").await;
    let path = "/secrets/one?api-version=7.4";
    let refused = lab.at_vault(Some(&token), Method::GET, path, None).await.is(403);
    assert!(!refused.text.contains("planted") && refused.text.contains(&object_id), "{}", refused.text);
    let change = json!({"properties": {"accessPolicies": [{"tenantId": TENANT, "objectId": object_id.to_uppercase(),
        "permissions": {"secrets": ["Get"]}}]}});
    let policies = format!(
        "{}/providers/Microsoft.KeyVault/vaults/labvault/accessPolicies/add?api-version=2023-07-01",
        group()
    );
    lab.put(&policies, &change).await.is(200);
    assert_eq!(lab.at_vault(Some(&token), Method::GET, path, None).await.is(200).json()["value"], "planted");
    lab.at_vault(Some(&token), Method::PUT, path, Some(&json!({"value": "x"}))).await.is(403);
}

#[tokio::test]
async fn whatever_is_asked_of_a_vaults_host_is_challenged_as_vaults_challenge() {
    let lab = lab().await;
    let wanted =
        format!("Bearer authorization=\"https://{HOST}/{TENANT}\", resource=\"https://vault.transfer.test\"");
    for (method, path) in [
        (Method::GET, "/keys"),
        (Method::GET, "/certificates"),
        (Method::POST, "/keys/one/create"),
        (Method::POST, "/deletedsecrets/one/recover"),
        (Method::DELETE, "/deletedsecrets/one"),
        (Method::GET, "/"),
    ] {
        let path = format!("{path}?api-version=7.6");
        let answer = lab.at_vault(None, method.clone(), &path, None).await.is(401);
        assert_eq!(answer.header("www-authenticate"), wanted, "{method} {path}");
    }
}

#[tokio::test]
async fn what_a_vault_does_not_have_is_said() {
    let lab = lab().await;
    let secret = lab.secret.expose_secret().to_owned();
    let token = lab.sign_in(&lab.client_id, &secret, "https://vault.transfer.test/.default").await;
    for (method, path, word) in [
        (Method::GET, "/keys", "no keys"),
        (Method::GET, "/deletedcertificates/one", "no certificates"),
        (Method::POST, "/keys/one/create", "no keys"),
        (Method::DELETE, "/deletedsecrets/one", "nothing to recover or purge"),
        (Method::POST, "/deletedsecrets/one/recover", "nothing to recover or purge"),
        (Method::POST, "/secrets/one/backup", "not backed up one by one"),
        (Method::POST, "/secrets/restore", "not backed up one by one"),
    ] {
        let answer =
            lab.at_vault(Some(&token), method.clone(), &format!("{path}?api-version=7.6"), None).await;
        assert!(answer.is(404).text.contains(word), "{method} {path}");
    }
    let path = format!(
        "/subscriptions/{}/providers/Microsoft.KeyVault/deletedManagedHSMs",
        crate::lab::SUBSCRIPTION
    );
    assert_eq!(lab.get(&format!("{path}?api-version=2026-02-01")).await.is(200).json(), json!({"value": []}));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let lab = lab().await;
    let put = async |name: &str, body: Value| {
        lab.put(&format!("/vaults/labvault/secrets/{name}?api-version=7.4"), &body).await
    };
    put("one", json!({})).await.is(400);
    put("a_b", json!({"value": "x"})).await.is(400);
    put("one", json!({"value": "x".repeat(30_000)})).await.is(400);
    assert_eq!(lab.get("/vaults/labvault/secrets/one").await.is(400).code(), "BadParameter");
    lab.get("/vaults/nowhere/secrets/one?api-version=7.4").await.is(404);
}
