//! What is read of what clients send, and what stays out of sight.

use proptest::prelude::*;
use serde_json::{Value, json};
use transload_api::image::ImportCredentials;
use transload_api::secret::{SecretBundle, SecretChange};
use transload_api::token::TokenAnswer;
use transload_api::{Pipeline, PipelineRun, Registry, Vault};

#[test]
fn what_templates_send_empty_is_absent() {
    let run: PipelineRun = serde_json::from_value(json!({
        "location": "westus",
        "properties": {
            "request": {
                "pipelineResourceId": "/subscriptions/s/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/a/importPipelines/p",
                "artifacts": [],
                "source": {"type": "AzureStorageBlob", "name": "b"},
                "target": {"type": "", "name": ""},
                "catalogDigest": ""
            },
            "forceUpdateTag": ""
        }
    }))
    .unwrap();
    let request = run.properties.request.unwrap();
    assert_eq!(request.target, None);
    assert_eq!(request.artifacts, Vec::<String>::new());
    assert_eq!(request.catalog_digest, None);
    assert_eq!(run.properties.force_update_tag, None);
    assert_eq!(request.source.unwrap().name.as_deref(), Some("b"));
}

#[test]
fn what_is_null_is_absent() {
    let pipeline: Pipeline = serde_json::from_value(json!({
        "identity": null, "location": null,
        "properties": {"target": {"uri": "https://a/b", "keyVaultUri": null}, "options": null, "trigger": null}
    }))
    .unwrap();
    assert_eq!(pipeline.identity, None);
    assert_eq!(pipeline.properties.target.unwrap().key_vault_uri, None);
    assert!(pipeline.properties.options.is_empty());
}

#[test]
fn what_has_no_value_is_not_sent() {
    let pipeline = serde_json::to_value(Pipeline::default()).unwrap();
    assert_eq!(pipeline, json!({"properties": {}}));
}

#[test]
fn a_trigger_without_its_status_is_not_taken_for_none() {
    let pipeline: Pipeline =
        serde_json::from_value(json!({"properties": {"trigger": {"sourceTrigger": {}}}})).unwrap();
    assert!(pipeline.properties.trigger.unwrap().source_trigger.is_some());
}

#[test]
fn policies_of_a_vault_are_a_list_also_when_there_are_none() {
    let vault = serde_json::to_value(Vault::default()).unwrap();
    assert_eq!(vault["properties"]["accessPolicies"], json!([]));
}

#[test]
fn members_that_mean_nothing_are_given_back() {
    let sent =
        json!({"properties": {"zoneRedundancy": "Disabled", "networkRuleSet": {"defaultAction": "Allow"}}});
    let registry: Registry = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(serde_json::to_value(registry).unwrap(), sent);
}

#[test]
fn secrets_are_not_in_debug_output() {
    let planted = "planted-secret";
    let shown = [
        format!("{:?}", ImportCredentials { username: None, password: planted.into() }),
        format!("{:?}", SecretBundle { value: Some(planted.into()), ..SecretBundle::default() }),
        format!("{:?}", SecretChange { value: Some(planted.into()), ..SecretChange::default() }),
        format!(
            "{:?}",
            TokenAnswer {
                token_type: "Bearer".into(),
                expires_in: 1,
                ext_expires_in: 1,
                expires_on: None,
                resource: None,
                access_token: planted.into()
            }
        ),
    ];
    assert!(shown.iter().all(|text| !text.contains(planted)), "{shown:?}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z/:]{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("properties".to_owned()),
        Just("request".to_owned()),
        Just("artifacts".to_owned()),
        Just("source".to_owned()),
        Just("identity".to_owned()),
        "[a-z]{1,4}"
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever is read is read the same after it was written.
    #[test]
    fn what_is_read_is_written_and_read_again(value in any_json()) {
        if let Ok(run) = serde_json::from_value::<PipelineRun>(value.clone()) {
            let again: PipelineRun = serde_json::from_value(serde_json::to_value(&run).unwrap()).unwrap();
            prop_assert_eq!(run, again);
        }
        if let Ok(registry) = serde_json::from_value::<Registry>(value) {
            let again: Registry = serde_json::from_value(serde_json::to_value(&registry).unwrap()).unwrap();
            prop_assert_eq!(registry, again);
        }
    }
}
