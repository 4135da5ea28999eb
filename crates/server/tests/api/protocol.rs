//! What holds of every request: versions, ids, case, the words for what is not here.

use http::Method;
use serde_json::json;

use crate::lab::{HOST, Lab, SUBSCRIPTION, TENANT, group, registry, versioned};

#[tokio::test]
async fn words_of_a_path_are_taken_in_whatever_case_and_ids_are_shown_as_they_were_first_written() {
    let lab = Lab::new().await;
    let path = format!(
        "/SUBSCRIPTIONS/{SUBSCRIPTION}/resourcegroups/r/PROVIDERS/microsoft.containerregistry/REGISTRIES/LABREG"
    );
    let answer = lab.get(&versioned(&path)).await.is(200);
    assert_eq!(answer.json()["id"], registry());
    let child = format!("{path}/ExportPipelines/expipe1");
    let body = json!({"properties": {"target": {"uri": "https://a.blob.test/container", "storageAccessMode": "ManagedIdentity"}},
        "identity": {"type": "SystemAssigned"}});
    let answer = lab.put(&versioned(&child), &body).await.is(200);
    assert_eq!(answer.json()["id"], format!("{}/exportPipelines/expipe1", registry()));
    let listed = lab.get(&versioned(&format!("{path}/exportpipelines/"))).await.is(200);
    assert_eq!(listed.json()["value"][0]["name"], "expipe1");
}

#[tokio::test]
async fn an_api_version_is_needed_and_has_to_be_one() {
    let lab = Lab::new().await;
    let code = async |path: String| lab.get(&path).await.is(400).code();
    assert_eq!(code(registry()).await, "MissingApiVersionParameter");
    assert_eq!(code(format!("{}?api-version=latest", registry())).await, "InvalidApiVersionParameter");
    assert_eq!(
        code(format!("{}?api-version=2016-06-27-preview", registry())).await,
        "NoRegisteredProviderFound"
    );
    let runs = format!("{}/pipelineRuns", registry());
    assert_eq!(code(format!("{runs}?api-version=2019-05-01")).await, "NoRegisteredProviderFound");
    assert_eq!(code("/subscriptions".into()).await, "MissingApiVersionParameter");
    for version in [
        "2017-10-01",
        "2019-05-01",
        "2019-12-01-preview",
        "2025-06-01-preview",
        "2026-09-01-preview",
        "2031-01-01",
    ] {
        lab.get(&format!("{}?API-VERSION={version}", registry())).await.is(200);
    }
}

#[tokio::test]
async fn every_answer_has_its_ids() {
    let lab = Lab::new().await;
    for path in ["/healthz", "/nowhere", "/subscriptions?api-version=2022-12-01", "/subscriptions"] {
        let answer = lab.get(path).await;
        assert_eq!(answer.header("x-ms-correlation-request-id").len(), 36, "{path}");
        assert_eq!(answer.header("x-ms-request-id").len(), 36, "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
        assert_eq!(answer.header("x-ms-failure-cause").is_empty(), answer.status.is_success(), "{path}");
    }
    let named = lab.request(Method::GET, "/healthz").header("x-ms-correlation-request-id", "deploy-7.a_B");
    let answer = lab.send(named.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.header("x-ms-correlation-request-id"), "deploy-7.a_B");
    let odd = lab.request(Method::GET, "/healthz").header("x-ms-correlation-request-id", "a b;<c>");
    let answer = lab.send(odd.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.header("x-ms-correlation-request-id").len(), 36);
}

#[tokio::test]
async fn what_is_not_here_is_said_in_the_resource_managers_words() {
    let lab = Lab::new().await;
    let found = async |path: String| {
        let answer = lab.get(&format!("{path}?api-version=2024-11-01")).await.is(404);
        (answer.code(), answer.json()["error"]["message"].as_str().unwrap().to_owned())
    };
    let (code, text) = found(format!("{}/providers/Microsoft.Compute/virtualMachines/x", group())).await;
    assert_eq!(code, "InvalidResourceNamespace", "{text}");
    let (code, text) = found(format!("{}/webhooks/x", registry())).await;
    assert_eq!(code, "InvalidResourceType");
    assert!(text.contains("'registries/webhooks'") && text.contains("registries/pipelineRuns"), "{text}");
    let (code, text) = found(format!("{}/providers/Microsoft.KeyVault/vaults/none", group())).await;
    assert_eq!(code, "ResourceNotFound");
    assert!(
        text.starts_with(
            "The Resource 'Microsoft.KeyVault/vaults/none' under resource group 'R' was not found."
        ),
        "{text}"
    );
    let (code, _) = found(format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/none")).await;
    assert_eq!(code, "ResourceGroupNotFound");
    let (code, _) = found(format!("/subscriptions/{TENANT}/resourceGroups/R")).await;
    assert_eq!(code, "SubscriptionNotFound");
    let (code, text) = found(format!("{}/exportPipelines/none", registry())).await;
    assert_eq!(code, "ResourceNotFound");
    assert!(text.contains("'Microsoft.ContainerRegistry/registries/exportPipelines/labreg/none'"), "{text}");
}

#[tokio::test]
async fn a_method_that_is_not_taken_is_answered_with_those_that_are() {
    let lab = Lab::new().await;
    let answer = lab.call(Method::POST, &versioned(&registry()), Some(&json!({}))).await.is(405);
    assert_eq!(answer.header("allow"), "PUT, PATCH, GET, DELETE");
}

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let lab = Lab::new().await;
    for path in [
        versioned(&registry()),
        "/subscriptions".into(),
        "/nothing/of/the/kind".into(),
        "/api/audit".into(),
        "/metrics".into(),
    ] {
        let answer = lab.as_whom(None, Method::GET, &path, None).await.is(401);
        assert_eq!(answer.code(), "AuthenticationFailed", "{path}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with(&format!("Bearer authorization_uri=\"https://{HOST}/{TENANT}\"")),
            "{challenge}"
        );
    }
    for path in ["/healthz", "/readyz", "/metadata/endpoints?api-version=2022-09-01", "/openapi.json"] {
        lab.as_whom(None, Method::GET, path, None).await.is(200);
    }
}

#[tokio::test]
async fn addresses_lead_back_the_way_the_client_came() {
    let lab = Lab::new().await;
    let request =
        http::Request::get("/metadata/endpoints?api-version=2022-09-01").header("host", "Lab.example:9443");
    let answer = lab.send(request.body(axum::body::Body::empty()).unwrap()).await.is(200).json();
    assert_eq!(answer["resourceManager"], "https://lab.example:9443");
    assert_eq!(answer["authentication"]["loginEndpoint"], "https://lab.example:9443");
    assert_eq!(answer["suffixes"]["keyVaultDns"], ".vault.transfer.test");
    assert_eq!(answer["suffixes"]["acrLoginServer"], ".azurecr.transfer.test");
    let old = lab.get("/metadata/endpoints?api-version=2015-01-01").await.is(200).json();
    assert_eq!(old[0]["name"], "Transload");
}

#[tokio::test]
async fn a_page_leads_to_the_next_and_no_item_is_lost() {
    let lab = Lab::new().await;
    for number in 0..7 {
        let path = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/g{number}?api-version=2024-11-01");
        lab.put(&path, &json!({"location": "x"})).await.is(201);
    }
    let mut path = format!("/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2024-11-01&$top=3");
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let page = lab.get(&path).await.is(200).json();
        pages += 1;
        let items = page["value"].as_array().unwrap();
        assert!(items.len() <= 3);
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["nextLink"].as_str() {
            Some(next) => path = next.strip_prefix(&format!("https://{HOST}")).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["R", "g0", "g1", "g2", "g3", "g4", "g5", "g6"]);
    assert!(pages >= 3);
    let odd =
        format!("/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2024-11-01&$skipToken=bm9uc2Vuc2U");
    lab.get(&odd).await.is(400);
}
