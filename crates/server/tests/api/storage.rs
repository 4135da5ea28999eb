//! Storage accounts that are registered, their keys, and pipelines that name them.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use transload_control::Role;

use crate::lab::{HOST, Lab, TENANT, group, registry, versioned};

const KEY: &str = "a2V5IG9mIHRoZSBhY2NvdW50";

fn at(path: &str) -> String {
    format!("{path}?api-version=2025-08-01")
}

fn account(name: &str) -> String {
    format!("{}/providers/Microsoft.Storage/storageAccounts/{name}", group())
}

fn vault() -> String {
    format!("{}/providers/Microsoft.KeyVault/vaults/labvault", group())
}

fn body(endpoint: &str, secret: Option<&str>) -> Value {
    json!({"location": "westus", "tags": {"a": "b"}, "identity": {"type": "SystemAssigned"},
        "properties": {"accessTier": "Hot", "transload": {"endpoint": endpoint, "keySecretUri": secret}}})
}

/// A lab whose vault has the key, and the account whose identity may read it.
async fn registered() -> (Lab, Value) {
    let lab = Lab::new().await;
    lab.put(&at(&vault()), &json!({"location": "westus", "properties": {}})).await.is(200);
    let token =
        lab.sign_in(&lab.client_id, lab.secret.expose_secret(), "https://vault.azure.net/.default").await;
    let secret = json!({"value": KEY});
    lab.at_vault(Some(&token), Method::PUT, "/secrets/labkey?api-version=7.4", Some(&secret)).await.is(200);
    let uri = "https://labvault.vault.transfer.test/secrets/labkey";
    let sent = body("http://127.0.0.1:10000/labaccount/", Some(uri));
    let made = lab.put(&at(&account("labaccount")), &sent).await.is(200).json();
    (lab, made)
}

async fn permit(lab: &Lab, account: &Value) {
    let policy = json!({"properties": {"accessPolicies": [{"tenantId": TENANT,
        "objectId": account["identity"]["principalId"], "permissions": {"secrets": ["get"]}}]}});
    lab.put(&at(&format!("{}/accessPolicies/add", vault())), &policy).await.is(200);
}

#[tokio::test]
async fn an_account_is_shown_as_clients_read_it() {
    let (lab, made) = registered().await;
    assert_eq!(made["type"], "Microsoft.Storage/storageAccounts");
    assert_eq!((&made["sku"]["name"], &made["kind"]), (&json!("Standard_LRS"), &json!("StorageV2")));
    let properties = &made["properties"];
    assert_eq!(properties["primaryEndpoints"]["blob"], "https://labaccount.blob.storage.transfer.test/");
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["accessTier"], "Hot");
    // `az storage account update` reads it without looking whether it is there
    assert_eq!(properties["encryption"]["keySource"], "Microsoft.Storage");
    assert_eq!(properties["transload"]["endpoint"], "http://127.0.0.1:10000/labaccount");
    // what is put again without saying where it is stays there, and is the same one
    let again = lab.put(&at(&account("labaccount")), &json!({"location": "westus"})).await.is(200).json();
    assert_eq!(again["properties"]["transload"], properties["transload"]);
    assert_eq!(again["identity"], made["identity"]);
    let change = json!({"tags": {"c": "d"}});
    let changed = lab.call(Method::PATCH, &at(&account("LABaccount")), Some(&change)).await.is(200).json();
    assert_eq!(changed["tags"], json!({"c": "d"}));
    assert_eq!(changed["properties"]["transload"], properties["transload"]);
    for list in [
        format!("{}/providers/Microsoft.Storage/storageAccounts", group()),
        format!("{}/resources", group()),
        format!("/subscriptions/{}/providers/Microsoft.Storage/storageAccounts", crate::lab::SUBSCRIPTION),
    ] {
        let listed = lab.get(&at(&list)).await.is(200).json();
        let names: Vec<_> =
            listed["value"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert!(names.contains(&json!("labaccount")), "{list}: {names:?}");
    }
    lab.delete(&at(&account("labaccount"))).await.is(200);
    lab.get(&at(&account("labaccount"))).await.is(404);
}

#[tokio::test]
async fn a_key_is_given_to_contributors_when_the_accounts_identity_may_read_it() {
    let (lab, made) = registered().await;
    let keys = format!("{}&$expand=kerb", at(&format!("{}/listKeys", account("labaccount"))));
    let denied = lab.call(Method::POST, &keys, None).await.is(403).json();
    assert_eq!(denied["error"]["code"], "SecretAccessDenied");
    assert!(denied["error"]["message"].as_str().unwrap().contains("az keyvault set-policy"), "{denied}");
    permit(&lab, &made).await;
    let shown = lab.call(Method::POST, &keys, None).await.is(200).json();
    // clients take the second one without looking whether it is there
    let key = |name| json!({"keyName": name, "value": KEY, "permissions": "FULL"});
    assert_eq!(shown, json!({"keys": [key("key1"), key("key2")]}));
    for (role, status) in
        [(None, 403), (Some(Role::Reader), 403), (Some(Role::Operator), 403), (Some(Role::Contributor), 200)]
    {
        let token = lab.token_of("other", role).await;
        lab.as_whom(Some(&token), Method::POST, &keys, None).await.is(status);
    }
    let audit = lab.get("/api/audit").await.is(200);
    assert!(audit.text.contains("Microsoft.Storage/storageAccounts/listKeys/action"), "{}", audit.text);
    assert!(!audit.text.contains(KEY));
    let renewed =
        lab.post(&at(&format!("{}/regenerateKey", account("labaccount"))), &json!({"keyName": "key1"})).await;
    assert!(renewed.is(409).text.contains("keySecretUri"));
}

#[tokio::test]
async fn an_identity_that_was_deleted_reads_nothing_and_its_name_is_no_way_back() {
    let (lab, _) = registered().await;
    let identity = format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader", group());
    let make = || async { lab.put(&at(&identity), &json!({"location": "here"})).await.json() };
    let made = make().await;
    let sent = json!({"location": "westus", "properties": {"transload": {
        "endpoint": "http://127.0.0.1:10000/labaccount", "identity": identity,
        "keySecretUri": "https://labvault.vault.transfer.test/secrets/labkey"}}});
    lab.put(&at(&account("labaccount")), &sent).await.is(200);
    permit(&lab, &json!({"identity": {"principalId": made["properties"]["principalId"]}})).await;
    let keys = at(&format!("{}/listKeys", account("labaccount")));
    lab.call(Method::POST, &keys, None).await.is(200);
    lab.delete(&at(&identity)).await.is(200);
    let denied = lab.call(Method::POST, &keys, None).await.is(403);
    assert!(denied.text.contains("userAssignedIdentities/reader' by which"), "{}", denied.text);
    // another of that name, even if it may read the secret, is not the one that was given to the account
    let other = make().await;
    permit(&lab, &json!({"identity": {"principalId": other["properties"]["principalId"]}})).await;
    lab.call(Method::POST, &keys, None).await.is(403);
    lab.put(&at(&account("labaccount")), &sent).await.is(200);
    lab.call(Method::POST, &keys, None).await.is(200);
}

#[tokio::test]
async fn names_of_registries_are_unique() {
    let lab = Lab::new().await;
    let other = format!("/subscriptions/{}/resourceGroups/other", crate::lab::SUBSCRIPTION);
    lab.put(&format!("{other}?api-version=2024-11-01"), &json!({"location": "x"})).await;
    let path = versioned(&format!("{other}/providers/Microsoft.ContainerRegistry/registries/LabReg"));
    let elsewhere = json!({"location": "x", "properties": {"transload": {"loginServer": "ghcr.example"}}});
    let refused = lab.put(&path, &elsewhere).await.is(409);
    assert!(refused.text.contains("name 'LabReg' is already in use by"), "{}", refused.text);
    lab.delete(&versioned(&registry())).await.is(200);
    lab.put(&path, &elsewhere).await.is(200);
}

#[tokio::test]
async fn what_is_no_key_is_told_and_not_shown() {
    let (lab, made) = registered().await;
    permit(&lab, &made).await;
    let token =
        lab.sign_in(&lab.client_id, lab.secret.expose_secret(), "https://vault.azure.net/.default").await;
    let secret = json!({"value": "sv=1&sig=geheim"});
    lab.at_vault(Some(&token), Method::PUT, "/secrets/labkey?api-version=7.4", Some(&secret)).await.is(200);
    let keys = at(&format!("{}/listKeys", account("labaccount")));
    let refused = lab.call(Method::POST, &keys, None).await.is(409);
    assert!(refused.text.contains("base64") && !refused.text.contains("geheim"), "{}", refused.text);
    lab.put(&at(&account("keyless1")), &body("https://keyless1.blob.core.windows.net", None)).await.is(200);
    let refused =
        lab.call(Method::POST, &at(&format!("{}/listKeys", account("keyless1"))), None).await.is(409);
    assert!(refused.text.contains("--account-key"), "{}", refused.text);
}

#[tokio::test]
async fn accounts_are_registered_and_not_made() {
    let lab = Lab::new().await;
    // as `az storage account create` sends it
    let create = json!({"sku": {"name": "Standard_RAGRS"}, "kind": "StorageV2", "location": "westus",
        "properties": {"encryption": {"services": {"blob": {}}, "keySource": "Microsoft.Storage"}}});
    let refused = lab.put(&at(&account("labaccount")), &create).await.is(400).json();
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("transload storage create labaccount"),
        "{refused}"
    );
    for (name, endpoint) in [
        ("labaccount", "https://other.blob.core.windows.net"),
        ("labaccount", "http://127.0.0.1:10000/other"),
        ("labaccount", "ftp://x"),
        ("labaccount", ""),
        ("Labaccount", "http://127.0.0.1:10000/Labaccount"),
        ("ab", "http://127.0.0.1:10000/ab"),
        ("lab-account", "http://127.0.0.1:10000/lab-account"),
    ] {
        lab.put(&at(&account(name)), &body(endpoint, None)).await.is(400);
    }
    let secret = "https://elsewhere.example/vaults/labvault/secrets/labkey";
    let refused =
        lab.put(&at(&account("labaccount")), &body("http://127.0.0.1:1/labaccount", Some(secret))).await;
    assert!(refused.is(400).text.contains("not this server"));
    let name = format!(
        "/subscriptions/{}/providers/Microsoft.Storage/checkNameAvailability",
        crate::lab::SUBSCRIPTION
    );
    let free = async |name_asked: &str| {
        let asked = json!({"name": name_asked, "type": "Microsoft.Storage/storageAccounts"});
        lab.post(&at(&name), &asked).await.is(200).json()["nameAvailable"].as_bool().unwrap()
    };
    assert!(free("labaccount").await && !free("Lab").await);
    lab.put(&at(&account("labaccount")), &body("http://127.0.0.1:1/labaccount", None)).await.is(200);
    assert!(!free("labaccount").await);
}

#[tokio::test]
async fn pipelines_name_registered_accounts_and_no_others_beneath_the_suffix() {
    let (lab, _) = registered().await;
    let import = |uri: &str, secret: &str| {
        json!({"identity": {"type": "SystemAssigned"}, "properties": {"source":
            {"type": "AzureStorageBlobContainer", "uri": uri, "keyVaultUri": secret}}})
    };
    let secret = "https://labvault.vault.transfer.test/secrets/sas";
    let path = |name: &str| versioned(&format!("{}/importPipelines/{name}", registry()));
    let named = "https://labaccount.blob.storage.transfer.test/transfer";
    let made = lab.put(&path("impipe1"), &import(named, secret)).await.is(200).json();
    assert_eq!(made["properties"]["source"]["uri"], named);
    // it is the same place by whatever name
    let same = lab.put(&path("impipe2"), &import("http://127.0.0.1:10000/labaccount/transfer", secret)).await;
    assert!(same.is(409).text.contains("impipe1"));
    let other = named.replace("labaccount", "nosuchone");
    let refused = lab.put(&path("impipe3"), &import(&other, secret)).await.is(400).json();
    assert_eq!(refused["error"]["code"], "StorageAccountNotRegistered");
    // a vault's path is as good as its host, on this server
    let by_path = format!("https://{HOST}/vaults/labvault/secrets/sas");
    let elsewhere = named.replace("transfer.test/transfer", "transfer.test/other");
    lab.put(&path("impipe4"), &import(&elsewhere, &by_path)).await.is(200);
}
