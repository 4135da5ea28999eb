//! Groups, vaults and identities as resources, and the list across types.

use http::Method;
use serde_json::json;

use crate::lab::{HOST, Lab, SUBSCRIPTION, TENANT, group, registry, versioned};

fn at(path: &str) -> String {
    format!("{path}?api-version=2024-11-01")
}

fn vault(name: &str) -> String {
    format!("{}/providers/Microsoft.KeyVault/vaults/{name}", group())
}

fn identity(name: &str) -> String {
    format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}", group())
}

#[tokio::test]
async fn a_group_is_made_found_changed_and_removed() {
    let lab = Lab::bare(|_| {}).await;
    let path = at(&group());
    assert_eq!(lab.call(Method::HEAD, &path, None).await.status, 404);
    let made = lab.put(&path, &json!({"location": "westus", "tags": {"a": "1"}})).await.is(201).json();
    assert_eq!(
        (made["name"].as_str(), made["type"].as_str()),
        (Some("R"), Some("Microsoft.Resources/resourceGroups"))
    );
    lab.put(&path, &json!({"location": "westus"})).await.is(200);
    lab.call(Method::HEAD, &path, None).await.is(204);
    let changed = lab.call(Method::PATCH, &path, Some(&json!({"tags": {"b": "2"}}))).await.is(200).json();
    assert_eq!((&changed["location"], &changed["tags"]), (&json!("westus"), &json!({"b": "2"})));
    lab.delete(&path).await.is(200);
    assert_eq!(lab.delete(&path).await.is(404).code(), "ResourceGroupNotFound");
}

#[tokio::test]
async fn a_vault_has_what_clients_read_of_it() {
    let lab = Lab::new().await;
    let body = json!({"location": "westus", "properties": {"tenantId": TENANT, "sku": {"name": "standard", "family": "A"},
        "accessPolicies": null, "enableRbacAuthorization": true, "enableSoftDelete": true, "softDeleteRetentionInDays": 90, "enablePurgeProtection": true,
        "networkAcls": {"bypass": "AzureServices"}}});
    let made = lab.put(&at(&vault("labvault")), &body).await.is(200).json();
    let properties = &made["properties"];
    assert_eq!(properties["accessPolicies"], json!([]));
    assert_eq!(properties["vaultUri"], "https://labvault.vault.transfer.test/");
    assert_eq!(properties["tenantId"], TENANT);
    assert_eq!(properties["sku"]["name"], "standard");
    assert_eq!(properties["networkAcls"]["bypass"], "AzureServices");
    assert_eq!(properties["provisioningState"], "Succeeded");
    // what is not so here is not said to be so, or az refuses to set policies
    assert_eq!(properties["enableRbacAuthorization"], false);
    assert_eq!(properties["enableSoftDelete"], false);
    assert_eq!(properties.get("softDeleteRetentionInDays"), None);
    assert_eq!(properties.get("enablePurgeProtection"), None);
}

#[tokio::test]
async fn policies_are_added_replaced_and_removed() {
    let lab = Lab::new().await;
    lab.put(&at(&vault("labvault")), &json!({"location": "westus", "properties": {}})).await.is(200);
    let change = |permissions: &[&str]| {
        json!({"properties": {"accessPolicies": [{"tenantId": TENANT, "objectId": "22222222-2222-2222-2222-222222222222",
            "permissions": {"secrets": permissions, "keys": ["get"]}}]}})
    };
    let word = |word: &str| at(&format!("{}/accessPolicies/{word}", vault("LABVAULT")));
    lab.put(&word("add"), &change(&["Get"])).await.is(200);
    let added = lab.put(&word("add"), &change(&["list"])).await.is(200).json();
    let kept = added["properties"]["accessPolicies"][0]["permissions"]["secrets"].as_array().unwrap().clone();
    assert!(kept.contains(&json!("get")) && kept.contains(&json!("list")), "{kept:?}");
    let replaced = lab.put(&word("replace"), &change(&["set"])).await.is(200).json();
    assert_eq!(replaced["properties"]["accessPolicies"][0]["permissions"]["secrets"], json!(["set"]));
    lab.put(&word("remove"), &change(&["set"])).await.is(200);
    lab.put(&word("remake"), &change(&["set"])).await.is(400);
    // what a deployment lists as made is cleared away by its id
    lab.delete(&word("add")).await.is(204);
    lab.get(&at(&vault("labvault"))).await.is(200);
}

#[tokio::test]
async fn ids_of_an_identity_never_change() {
    let lab = Lab::new().await;
    let made = lab.put(&at(&identity("uai9")), &json!({"location": "westus"})).await.is(201).json();
    let again = lab
        .put(&at(&identity("uai9")), &json!({"location": "westus", "tags": {"a": "b"}}))
        .await
        .is(200)
        .json();
    assert_eq!(made["properties"], again["properties"]);
    assert_eq!(made["properties"]["tenantId"], TENANT);
    assert!(made["properties"]["principalId"].as_str().unwrap().len() == 36);
}

#[tokio::test]
async fn resources_are_listed_and_filtered() {
    let lab = Lab::new().await;
    lab.put(&at(&vault("labvault")), &json!({"location": "westus", "properties": {}})).await.is(200);
    lab.put(&at(&identity("uai9")), &json!({"location": "westus", "tags": {"env": "lab"}})).await.is(201);
    let listed = async |filter: &str| -> Vec<String> {
        let path = format!("/subscriptions/{SUBSCRIPTION}/resources?api-version=2024-11-01&$filter={filter}");
        let found = lab.get(&path).await.is(200).json();
        found["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(listed("").await, ["labreg", "labvault", "uai9"]);
    assert_eq!(listed("resourceType%20eq%20%27microsoft.keyvault%2Fvaults%27").await, ["labvault"]);
    assert_eq!(
        listed("resourceType%20eq%20%27Microsoft.KeyVault%2Fvaults%27%20and%20name%20eq%20%27LABVAULT%27")
            .await,
        ["labvault"]
    );
    assert_eq!(listed("tagname%20eq%20%27env%27%20and%20tagvalue%20eq%20%27lab%27").await, ["uai9"]);
    assert_eq!(listed("substringof(%27lab%27,name)&$expand=createdTime").await, ["labreg", "labvault"]);
    assert_eq!(listed("name%20eq%20%27none%27").await, Vec::<String>::new());
    assert_eq!(listed("resourceType%20eq%20%27Microsoft.Web%2Fsites%27").await, Vec::<String>::new());
    let path =
        format!("/subscriptions/{SUBSCRIPTION}/resources?api-version=2024-11-01&$filter=plan%20eq%20%27a%27");
    assert_eq!(lab.get(&path).await.is(400).code(), "InvalidFilterInQueryString");
}

#[tokio::test]
async fn groups_are_filtered_by_their_tags() {
    let lab = Lab::bare(|_| {}).await;
    let at =
        |name: &str| format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}?api-version=2024-11-01");
    for (name, tags) in
        [("one", json!({"a": "b"})), ("two", json!({"a": "c", "d": "b"})), ("three", json!(null))]
    {
        lab.put(&at(name), &json!({"location": "westus", "tags": tags})).await.is(201);
    }
    let listed = async |query: &str| -> Vec<String> {
        let mut path = format!("/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2024-11-01&{query}");
        let mut names = Vec::new();
        loop {
            let page = lab.get(&path).await.is(200).json();
            let items = page["value"].as_array().unwrap();
            names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            let Some(next) = page["nextLink"].as_str() else { return names };
            path = next.strip_prefix(&format!("https://{HOST}")).unwrap().to_owned();
        }
    };
    assert_eq!(listed("").await, ["one", "two", "three"]);
    assert_eq!(listed("$filter=tagname%20eq%20%27a%27").await, ["one", "two"]);
    assert_eq!(listed("$filter=tagname%20eq%20%27a%27&$top=1").await, ["one", "two"]);
    assert_eq!(listed("$filter=tagname%20eq%20%27a%27%20and%20tagvalue%20eq%20%27b%27").await, ["one"]);
    assert_eq!(listed("$filter=tagname%20eq%20%27a%27%20and%20tagvalue%20eq%20%27x%27").await, [""; 0]);
    let odd = at("").replace("/?", "?") + "&$filter=plan%20eq%20%27a%27";
    assert_eq!(lab.get(&odd).await.is(400).code(), "InvalidFilterInQueryString");
}

#[tokio::test]
async fn names_are_said_to_be_free_or_taken() {
    let lab = Lab::new().await;
    lab.put(&at(&vault("labvault")), &json!({"location": "westus", "properties": {}})).await.is(200);
    let ask = async |kind: &str, name: &str| {
        let path = format!("/subscriptions/{SUBSCRIPTION}/providers/{kind}/checkNameAvailability");
        let answer = lab.post(&versioned(&path), &json!({"name": name, "type": "x"})).await.is(200).json();
        (answer["nameAvailable"].as_bool().unwrap(), answer["reason"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask("Microsoft.ContainerRegistry", "labreg").await, (false, "AlreadyExists".into()));
    assert_eq!(ask("Microsoft.ContainerRegistry", "LabReg").await, (false, "AlreadyExists".into()));
    assert_eq!(ask("Microsoft.ContainerRegistry", "free1").await, (true, String::new()));
    assert_eq!(ask("Microsoft.ContainerRegistry", "a-b").await, (false, "Invalid".into()));
    assert_eq!(ask("Microsoft.KeyVault", "labvault").await, (false, "AlreadyExists".into()));
    assert_eq!(ask("Microsoft.KeyVault", "free").await, (true, String::new()));
    assert_eq!(ask("Microsoft.KeyVault", "9").await, (false, "AccountNameInvalid".into()));
}

#[tokio::test]
async fn what_is_removed_takes_along_what_is_beneath_it() {
    let lab = Lab::new().await.with_pipelines().await;
    lab.delete(&at(&group())).await.is(200);
    assert_eq!(lab.get(&versioned(&registry())).await.is(404).code(), "ResourceGroupNotFound");
}
