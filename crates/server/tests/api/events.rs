//! Events of stores.

use std::time::Duration;

use http::{Method, Request};
use serde_json::{Value, json};
use transload_control::Role;

use crate::lab::{Lab, registry, versioned};

const KEY: &str = "event-key";

async fn lab() -> Lab {
    let lab = Lab::with(|options| options.event_key = Some(KEY.into())).await;
    let body = json!({"identity": {"type": "SystemAssigned"}, "properties": {"source": {
        "type": "AzureStorageBlobContainer", "uri": "https://acct.blob.transfer.test/transfer",
        "storageAccessMode": "ManagedIdentity"}}});
    lab.put(&versioned(&format!("{}/importPipelines/impipe1", registry())), &body).await.is(200);
    lab
}

fn written(url: &str) -> Value {
    json!({"id": "1", "topic": "/t", "subject": "/s", "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": "2026-01-01T00:00:00Z", "data": {"api": "PutBlockList", "url": url}})
}

#[tokio::test]
async fn a_blob_that_was_written_wakes_who_watches_its_container() {
    let lab = lab().await;
    let ledger = lab.control.ledger();
    ledger.claim_watches("w", Duration::from_secs(60), 10).await.unwrap();
    let events = json!([
        written("https://ACCT.blob.transfer.test/transfer/in/My%20Bundle.tar"),
        written("https://acct.blob.transfer.test/elsewhere/b"),
        {"eventType": "Microsoft.Storage.BlobDeleted", "data": {"url": "https://acct.blob.transfer.test/transfer/b"}},
    ]);
    let path = format!("/events?key={KEY}");
    let answer = lab.as_whom(None, Method::POST, &path, Some(&events)).await.is(200).json();
    assert_eq!(answer, json!({"taken": 1, "ignored": 2}));
    let pokes = ledger.take_pokes("w", 10).await.unwrap();
    assert_eq!(pokes.iter().map(|poke| poke.name.as_str()).collect::<Vec<_>>(), ["in/My Bundle.tar"]);
}

#[tokio::test]
async fn cloud_events_are_taken_one_by_one_and_in_batches() {
    let lab = lab().await;
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "Microsoft.Storage.BlobCreated",
        "data": {"url": "https://acct.blob.transfer.test/transfer/b"}});
    for body in [event.clone(), json!([event])] {
        let path = format!("/events?key={KEY}");
        let answer = lab.as_whom(None, Method::POST, &path, Some(&body)).await.is(200).json();
        assert_eq!(answer["taken"], 1);
    }
}

#[tokio::test]
async fn both_handshakes_are_answered() {
    let lab = lab().await;
    let question = json!([{"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}}]);
    let path = format!("/events?key={KEY}");
    let answer = lab.as_whom(None, Method::POST, &path, Some(&question)).await.is(200).json();
    assert_eq!(answer, json!({"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}));
    let request = Request::options(&path).header("webhook-request-origin", "eventgrid.example");
    let answer = lab.send(request.body(axum::body::Body::empty()).unwrap()).await.is(200);
    assert_eq!(answer.header("webhook-allowed-origin"), "eventgrid.example");
}

#[tokio::test]
async fn events_need_the_key_or_a_role() {
    let lab = lab().await;
    let events = json!([written("https://acct.blob.transfer.test/transfer/b")]);
    lab.as_whom(None, Method::POST, "/events", Some(&events)).await.is(401);
    lab.as_whom(None, Method::POST, "/events?key=guess", Some(&events)).await.is(401);
    let named = Request::post("/events").header("aeg-sas-key", KEY).body(events.to_string().into()).unwrap();
    lab.send(named).await.is(200);
    let reader = lab.token_of("reader", Some(Role::Reader)).await;
    lab.as_whom(Some(&reader), Method::POST, "/events", Some(&events)).await.is(403);
    let operator = lab.token_of("operator", Some(Role::Operator)).await;
    lab.as_whom(Some(&operator), Method::POST, "/events", Some(&events)).await.is(200);
}
