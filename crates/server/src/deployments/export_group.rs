//! A template of what is in a group.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use transload_api::ErrorBody;
use transload_api::deployment::ExportedTemplate;
use transload_control::ResourceId;
use transload_control::resource::kind;

use super::delta::without_noise;
use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::manage::resources::DELETED_IN_COMPLETE_MODE;

/// The version that the template's resources have.
const VERSION: &str = "2025-06-01-preview";
/// What is beneath a registry and is deployed with it. Runs are left out: deploying one starts it.
const BENEATH: &[&str] = &[kind::EXPORT_PIPELINE, kind::IMPORT_PIPELINE];
/// Members that a server answers and nobody sends.
const ANSWERED: &[&str] = &["loginServer", "creationDate", "vaultUri", "primaryEndpoints", "id"];
const PAGE: usize = 500;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Ids, or `*`.
    resources: Vec<String>,
}

/// A template that would make what is in the group: registries with their pipelines, vaults with their policies, identities.
/// Secrets and images are not in it.
pub(crate) async fn export(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let group = call.id("group")?;
    let asked: Asked = call.json_or_default()?;
    let wanted = |id: &ResourceId| {
        let all = asked.resources.is_empty() || asked.resources.iter().any(|one| one == "*");
        all || asked.resources.iter().any(|one| ResourceId::parse(one).is_ok_and(|one| one == *id))
    };
    let mut resources = Vec::new();
    let mut unread = Vec::new();
    // what others refer to stands first: vaults and identities before registries
    for kind in DELETED_IN_COMPLETE_MODE.iter().rev().chain(BENEATH) {
        let mut after = None;
        loop {
            let page = face.control.list(&call.caller, &group, kind, after.as_deref(), PAGE).await?;
            for stored in page.items.iter().filter(|stored| wanted(&stored.id)) {
                match face.inner_get(&call.caller, stored.id.as_str(), VERSION).await {
                    Ok(Some(found)) => resources.push(resource(&stored.id, kind, &found)),
                    Ok(None) => {}
                    Err(fault) => unread.push(fault.body()),
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {},
        "variables": {},
        "resources": resources,
    });
    let error = (!unread.is_empty()).then(|| ErrorBody {
        code: "ExportTemplateCompletedWithErrors".to_owned(),
        message: "Some resources were not exported; details name them.".to_owned(),
        details: unread,
        ..ErrorBody::default()
    });
    Ok(Answer::ok(&ExportedTemplate { template, error }))
}

fn resource(id: &ResourceId, kind: &str, found: &Json) -> Json {
    let found = without_noise(found);
    let mut members = Map::new();
    members.insert("type".to_owned(), json!(kind));
    members.insert("apiVersion".to_owned(), json!(VERSION));
    members.insert("name".to_owned(), json!(super::order::node(id.as_str()).resource_name));
    for name in ["location", "tags", "sku", "kind", "identity", "properties"] {
        if let Some(value) = found.get(name).filter(|value| !value.is_null()) {
            members.insert(name.to_owned(), literal(&sent(value)));
        }
    }
    if let Some(parent) = id.parent().filter(|parent| Some(parent) != id.group_id().as_ref()) {
        let names: Vec<String> = super::order::node(parent.as_str())
            .resource_name
            .split('/')
            .map(|name| format!("'{name}'"))
            .collect();
        let reference = format!("[resourceId('{}', {})]", crate::map::kind_of(&parent), names.join(", "));
        members.insert("dependsOn".to_owned(), json!([reference]));
    }
    Json::Object(members)
}

/// Without what only a server says.
fn sent(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !ANSWERED.contains(&name.as_str()));
            Json::Object(kept.map(|(name, value)| (name.clone(), sent(value))).collect())
        }
        other => other.clone(),
    }
}

/// Texts that begin like an expression are said to be none.
fn literal(value: &Json) -> Json {
    match value {
        Json::String(text) if text.starts_with('[') && text.ends_with(']') => {
            Json::String(format!("[{text}"))
        }
        Json::Array(items) => items.iter().map(literal).collect(),
        Json::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.clone(), literal(value))).collect())
        }
        other => other.clone(),
    }
}
