//! Roles, principals, and the audit log.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use transload_control::Role;

use crate::lab::{HOST, Lab, registry, versioned};

fn run() -> String {
    versioned(&format!("{}/pipelineRuns/run01", registry()))
}

#[tokio::test]
async fn each_role_may_what_it_may_and_no_more() {
    let lab = Lab::new().await.with_pipelines().await;
    let export = Lab::export_run();
    let pipeline = versioned(&format!("{}/exportPipelines/expipe2", registry()));
    let body = json!({"properties": {"target": {"uri": "https://a.blob.test/container", "storageAccessMode": "ManagedIdentity"}}});
    for (role, reads, runs, makes, owns) in [
        (None, 403, 403, 403, 403),
        (Some(Role::Reader), 200, 403, 403, 403),
        (Some(Role::Operator), 200, 201, 403, 403),
        (Some(Role::Contributor), 200, 200, 200, 403),
        (Some(Role::Owner), 200, 200, 200, 200),
    ] {
        let token = lab.token_of("someone", role).await;
        let ask = async |method: Method, path: &str, body| {
            lab.as_whom(Some(&token), method, path, body).await.status.as_u16()
        };
        assert_eq!(ask(Method::GET, &versioned(&registry()), None).await, reads, "{role:?}");
        assert_eq!(ask(Method::PUT, &run(), Some(&export)).await, runs, "{role:?}");
        assert_eq!(ask(Method::PUT, &pipeline, Some(&body)).await, makes, "{role:?}");
        assert_eq!(ask(Method::GET, "/api/principals", None).await, owns, "{role:?}");
        assert_eq!(ask(Method::GET, "/api/audit", None).await, owns, "{role:?}");
        assert_eq!(ask(Method::GET, "/metrics", None).await, reads, "{role:?}");
    }
}

#[tokio::test]
async fn a_role_is_given_at_a_scope_and_taken_away() {
    let lab = Lab::new().await;
    let (id, object_id, secret) = lab.principal("ci", None).await;
    let token = lab.sign_in(&id, secret.expose_secret(), &format!("https://{HOST}/.default")).await;
    let grant = json!({"principalId": object_id, "role": "reader", "scope": registry()});
    lab.put("/api/grants", &grant).await.is(200);
    lab.as_whom(Some(&token), Method::GET, &versioned(&registry()), None).await.is(200);
    let who = lab.as_whom(Some(&token), Method::GET, "/api/whoami", None).await.is(200).json();
    assert_eq!((&who["principalId"], &who["roles"][0]["role"]), (&json!(object_id), &json!("Reader")));
    let path = format!("/api/grants?principalId={object_id}&role=Reader&scope={}", registry());
    lab.delete(&path).await.is(200);
    lab.delete(&path).await.is(204);
    lab.as_whom(Some(&token), Method::GET, &versioned(&registry()), None).await.is(403);
    for bad in [
        json!({}),
        json!({"principalId": "x", "role": "King"}),
        json!({"principalId": "x", "role": "Reader", "scope": "nonsense"}),
    ] {
        lab.put("/api/grants", &bad).await.is(400);
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_ends_when_it_is_rotated() {
    let lab = Lab::bare(|_| {}).await;
    let made =
        lab.post("/api/principals", &json!({"name": "ci", "expiresInSeconds": 3600})).await.is(201).json();
    let (id, first) =
        (made["clientId"].as_str().unwrap().to_owned(), made["clientSecret"].as_str().unwrap().to_owned());
    assert!(made["expiresAt"].is_string());
    let listed = lab.get("/api/principals").await.is(200);
    assert!(
        listed.text.contains(&id) && !listed.text.contains(&first) && !listed.text.contains("ecret"),
        "{}",
        listed.text
    );
    let scope = format!("https://{HOST}/.default");
    lab.sign_in(&id, &first, &scope).await;
    let rotate = lab.call(Method::POST, &format!("/api/principals/{id}/rotate"), None).await.is(200).json();
    lab.ask_token(&id, &first, &scope).await.is(401);
    lab.sign_in(&id, rotate["clientSecret"].as_str().unwrap(), &scope).await;
    lab.post("/api/principals", &json!({"name": "x", "expiresInSeconds": 0})).await.is(400);
    lab.post("/api/principals", &json!({"name": "x", "expiresInSeconds": u64::MAX})).await.is(400);
    lab.delete("/api/principals/nonsense").await.is(400);
}

#[tokio::test]
async fn what_was_done_and_denied_is_in_the_audit_log_with_its_correlation_id() {
    let lab = Lab::new().await;
    let reader = lab.token_of("reader", Some(Role::Reader)).await;
    let request = http::Request::delete(versioned(&registry()))
        .header("authorization", format!("Bearer {reader}"))
        .header("x-ms-correlation-request-id", "ticket-42")
        .extension(transload_server::Peer([192, 0, 2, 7].into()));
    lab.send(request.body(axum::body::Body::empty()).unwrap()).await.is(403);
    let found = lab.get("/api/audit?correlation=ticket-42").await.is(200).json();
    let entry = &found["value"][0];
    assert_eq!((&entry["outcome"], &entry["principalName"]), (&json!("Denied"), &json!("reader")));
    assert_eq!((&entry["address"], &entry["code"]), (&json!("192.0.2.7"), &json!("AuthorizationFailed")));
    let page = lab.get("/api/audit?top=1").await.is(200).json();
    let sequence = page["value"][0]["sequence"].as_i64().unwrap();
    let next = lab.get(&format!("/api/audit?top=1&after={sequence}")).await.is(200).json();
    assert!(next["value"][0]["sequence"].as_i64().unwrap() > sequence);
    assert!(page["nextLink"].is_string());
    lab.get("/api/audit?since=yesterday").await.is(400);
    lab.get("/api/audit?outcome=Perhaps").await.is(400);
}

#[tokio::test]
async fn the_graph_tells_a_program_of_itself_and_of_nobody_else() {
    let lab = Lab::bare(|_| {}).await;
    let ask = |id: &str| {
        format!("/v1.0/servicePrincipals?$filter=servicePrincipalNames%2Fany%28c%3Ac%20eq%20%27{id}%27%29")
    };
    lab.get("/v1.0/me").await.is(403);
    let found = lab.get(&ask(&lab.client_id)).await.is(200).json();
    assert_eq!(found["value"][0]["id"], lab.object_id);
    let (other, _, _) = lab.principal("other", None).await;
    assert_eq!(lab.get(&ask(&other)).await.is(200).json()["value"], json!([]));
    let by_id = |id: &str| format!("/v1.0/servicePrincipals/{id}");
    for id in [&lab.client_id, &lab.object_id] {
        assert_eq!(lab.get(&by_id(id)).await.is(200).json()["appId"], lab.client_id);
    }
    assert_eq!(lab.get(&by_id(&other)).await.is(404).code(), "Request_ResourceNotFound");
}
