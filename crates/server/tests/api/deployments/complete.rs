//! Complete mode removes what is not named, and nothing of which that is not known.

use http::Method;
use serde_json::json;
use transload_control::ledger::Ending;

use super::*;
use crate::lab::Lab;

/// Its leases end soon, and it hears of a cancellation at once.
async fn lab() -> Lab {
    Lab::with(|options| {
        options.limits.deployment_lease_seconds = 1;
        options.limits.deployment_beat_millis = 5;
        options.limits.deployment_look_millis = 50;
    })
    .await
    .with_pipelines()
    .await
}

impl Lab {
    async fn status_of(&self, name: &str) -> u16 {
        self.get(&format!("{}?api-version=2023-01-31", identity_id(name))).await.status.as_u16()
    }

    async fn identity(&self, name: &str) {
        let body = json!({"location": "westus"});
        self.put(&format!("{}?api-version=2023-01-31", identity_id(name)), &body).await.is(201);
    }

    /// A deployment in complete mode whose nested one has ended, and that waits for a run; where it is watched.
    async fn half_done(&self) -> String {
        let inner = nested("inner", &of_resources(&json!([identity("deep")])));
        let needs = json!(["[resourceId('Microsoft.Resources/deployments', 'inner')]"]);
        let mut resources = vec![inner];
        resources.extend(run_and_after(needs, "after"));
        let request = request_in("Complete", &of_resources(&json!(resources)), &json!({}));
        self.begin("outer", request).await
    }
}

#[tokio::test]
async fn what_a_nested_one_made_stays_when_its_record_is_gone() {
    let lab = lab().await;
    let first = Deployer::of(&lab, "first");
    let watched = lab.half_done().await;
    let claim = soon(|| async { lab.control.ledger().claim("w", LONG).await.unwrap() }).await;
    lab.delete(&at(&deployment("inner"))).await.is(204);
    first.kill().await;
    let record = claim.run.record.clone();
    lab.control.ledger().finish(&claim, &Ending::Succeeded, &record).await.unwrap();
    let _second = Deployer::of(&lab, "second");
    let status = lab.ended(&watched).await;
    assert_eq!(status["status"], "Succeeded", "{status}");
    assert_eq!((lab.status_of("deep").await, lab.status_of("after").await), (200, 200));
    let shown = lab.get(&at(&deployment("outer"))).await.is(200).json();
    assert!(ids(&shown).contains(&identity_id("deep")), "{shown}");
}

#[tokio::test]
async fn nothing_is_removed_while_it_is_not_known_what_a_nested_one_made() {
    let lab = lab().await;
    let ledger = lab.control.ledger();
    let first = Deployer::of(&lab, "first");
    let watched = lab.half_done().await;
    let claim = soon(|| async { ledger.claim("w", LONG).await.unwrap() }).await;
    lab.delete(&at(&deployment("inner"))).await.is(204);
    first.kill().await;
    ledger.finish(&claim, &Ending::Succeeded, &claim.run.record.clone()).await.unwrap();
    // as an earlier version of the server has written it
    let own = soon(|| async { ledger.claim_deployment("older", LONG, &[]).await.unwrap() }).await;
    let operation = own.deployment.operation;
    let steps = ledger.deployment_steps(operation, None, 99).await.unwrap().items;
    let mut step = steps.into_iter().find(|step| step.made.is_some()).unwrap();
    step.made = None;
    assert!(ledger.note_deployment_step(operation, own.fence, &step).await.unwrap());
    ledger.release_deployment(operation, own.fence).await.unwrap();
    let _second = Deployer::of(&lab, "second");
    let status = lab.ended(&watched).await;
    assert_eq!(status["status"], "Failed", "{status}");
    let detail = &status["error"]["details"][0];
    assert!(detail["message"].as_str().unwrap().contains("not known any more"), "{status}");
    assert_eq!(lab.status_of("deep").await, 200);
}

#[tokio::test]
async fn a_name_that_leads_to_another_is_refused() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    lab.identity("there").await;
    let template = of_resources(&json!([identity("id%62")]));
    let watched = lab.begin("all", request_in("Complete", &template, &json!({}))).await;
    let status = lab.ended(&watched).await;
    assert_eq!(status["status"], "Failed", "{status}");
    assert_eq!(status["error"]["details"][0]["code"], "InvalidResourceName", "{status}");
    assert_eq!(lab.operations("all").await[0]["properties"]["provisioningState"], "Failed");
    assert_eq!((lab.status_of("idb").await, lab.status_of("there").await), (404, 200));
}

#[tokio::test]
async fn one_that_is_canceled_while_it_removes_says_so() {
    let lab = lab().await;
    let many: Vec<String> = (0..100).map(|number| format!("goes{number}")).collect();
    for name in &many {
        lab.identity(name).await;
    }
    let _deployer = Deployer::of(&lab, "test");
    let template = of_resources(&json!([identity("stays")]));
    let watched = lab.begin("all", request_in("Complete", &template, &json!({}))).await;
    soon(|| async { (lab.status_of(&many[0]).await == 404).then_some(()) }).await;
    lab.post(&at(&format!("{}/cancel", deployment("all"))), &json!({})).await.is(204);
    let status = lab.ended(&watched).await;
    assert_eq!(status["status"], "Canceled", "{status}");
    assert_eq!(lab.status_of(&many[99]).await, 200, "what was not removed yet stays");
    let shown = lab.get(&at(&deployment("all"))).await.is(200).json();
    assert_eq!(ids(&shown), [identity_id("stays")]);
}

#[tokio::test]
async fn what_if_does_not_say_what_it_does_not_know() {
    let lab = Lab::new().await;
    let mut inner = identity("inner");
    inner["tags"] = json!({"of": "[reference('new').clientId]"});
    let inner = nested("later", &of_resources(&json!([inner])));
    let template = of_resources(&json!([identity("new"), inner]));
    let path = at(&format!("{}/whatIf", deployment("plan")));
    let answer = lab.text(Method::POST, &path, request_in("Complete", &template, &json!({}))).await.is(200);
    let kinds: Vec<(String, String)> = answer.json()["properties"]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (text("resourceId").rsplit('/').next().unwrap().to_owned(), text("changeType"))
        })
        .collect();
    let pair = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    let wanted = [pair("labreg", "Unsupported"), pair("new", "Create"), pair("later", "Unsupported")];
    assert_eq!(kinds, wanted, "{}", answer.text);
}
