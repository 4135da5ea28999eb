//! What would be different between a resource as it is and as a template would have it.

use serde_json::{Map, Value as Json, json};
use transload_api::deployment::PropertyChange;
use transload_templates::same_name;

/// Members that a resource has no longer when a template does not say them: all others stay as they are, or are the
/// server's own.
const GONE_WHEN_UNSAID: &[&str] = &["tags", "properties.options"];
/// Members that are the server's own, whatever a template says of them.
const NOISE: &[&str] = &["systemData", "etag", "provisioningState", "principalId", "clientId", "tenantId"];
/// The same, of vaults: what is deleted is gone there, and policies always count.
const OWN: &[&str] = &[
    "properties.enableSoftDelete",
    "properties.softDeleteRetentionInDays",
    "properties.enableRbacAuthorization",
    "properties.vaultUri",
];
/// Words of the owner, which may have any name.
const TAGS: &str = "tags";
/// Members whose text is the same in whatever case.
const CASELESS: &[&str] = &[
    "identity.type",
    "location",
    "sku.name",
    "properties.target.uri",
    "properties.source.uri",
    "properties.target.keyVaultUri",
    "properties.source.keyVaultUri",
    "properties.target.type",
    "properties.source.type",
    "properties.options",
];

/// What a PUT of `after` would change of `before`.
pub(crate) fn delta(before: &Json, after: &Json) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    compare_members("", before, after, &mut changes);
    changes.retain(|change: &PropertyChange| !is_own(&change.path));
    for path in GONE_WHEN_UNSAID {
        let pointer = format!("/{}", path.replace('.', "/"));
        let there = before.pointer(&pointer).filter(|there| !is_empty(there));
        if let Some(there) = there
            && find(after, path).is_none_or(is_empty)
            && !changes.iter().any(|change: &PropertyChange| change.path == *path)
        {
            changes.push(PropertyChange { before: Some(there.clone()), ..change(path, "Delete") });
        }
    }
    changes
}

fn change(path: &str, kind: &str) -> PropertyChange {
    PropertyChange {
        path: path.to_owned(),
        property_change_type: kind.to_owned(),
        ..PropertyChange::default()
    }
}

/// Whether a member is one that no template can change.
fn is_own(path: &str) -> bool {
    let is_noise = |(above, name): (&str, &str)| {
        !same_name(above, TAGS) && NOISE.iter().any(|noise| same_name(noise, name))
    };
    OWN.iter().any(|own| same_name(own, path)) || is_noise(path.rsplit_once('.').unwrap_or(("", path)))
}

/// A value by a path of names, in whatever case.
fn find<'a>(value: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(value, |value, name| member(value, name))
}

fn member<'a>(value: &'a Json, name: &str) -> Option<&'a Json> {
    let members = value.as_object()?;
    members.iter().find(|(known, _)| same_name(known, name)).map(|(_, value)| value)
}

/// Templates send every member, with empty ones for what is not meant.
fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(items) => items.iter().all(is_empty),
        Json::Object(members) => members.values().all(is_empty),
        _ => false,
    }
}

fn compare_members(path: &str, before: &Json, after: &Json, changes: &mut Vec<PropertyChange>) {
    let Some(wanted) = after.as_object() else { return };
    for (name, value) in wanted {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        compare(&path, member(before, name), value, changes);
    }
}

fn compare(path: &str, before: Option<&Json>, after: &Json, changes: &mut Vec<PropertyChange>) {
    match (before.filter(|before| !is_empty(before)), after) {
        (None, after) if is_empty(after) => {}
        (None, after) => {
            changes.push(PropertyChange { after: Some(after.clone()), ..change(path, "Create") });
        }
        // what is said to be nothing is left as it is
        (Some(before), after) if is_empty(after) && !after.is_array() => {
            let _ = before;
        }
        (Some(before @ Json::Object(_)), Json::Object(_)) => compare_members(path, before, after, changes),
        (Some(Json::Array(before)), Json::Array(after)) => {
            let children = items(path, before, after);
            if !children.is_empty() {
                changes.push(PropertyChange { children: Some(children), ..change(path, "Array") });
            }
        }
        (Some(before), after) if same(path, before, after) => {}
        (Some(before), after) => changes.push(PropertyChange {
            before: Some(before.clone()),
            after: Some(after.clone()),
            ..change(path, "Modify")
        }),
    }
}

/// Items of a list: those of texts as a set, others by their places.
fn items(path: &str, before: &[Json], after: &[Json]) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    if before.iter().chain(after).all(Json::is_string) {
        let lacks = |list: &[Json], item: &Json| !list.iter().any(|other| same(path, other, item));
        for (at, item) in before.iter().enumerate().filter(|(_, item)| lacks(after, item)) {
            changes.push(PropertyChange { before: Some(item.clone()), ..change(&at.to_string(), "Delete") });
        }
        for (at, item) in after.iter().enumerate().filter(|(_, item)| lacks(before, item)) {
            changes.push(PropertyChange { after: Some(item.clone()), ..change(&at.to_string(), "Create") });
        }
        return changes;
    }
    for at in 0..before.len().max(after.len()) {
        let name = at.to_string();
        match (before.get(at), after.get(at)) {
            (Some(before), Some(after)) => {
                let mut inner = Vec::new();
                compare(&name, Some(before), after, &mut inner);
                if !inner.is_empty() {
                    let (before, after) = (Some(before.clone()), Some(after.clone()));
                    changes.push(PropertyChange { before, after, ..change(&name, "Modify") });
                }
            }
            (Some(before), None) => {
                changes.push(PropertyChange { before: Some(before.clone()), ..change(&name, "Delete") });
            }
            (None, after) => {
                changes.push(PropertyChange { after: after.cloned(), ..change(&name, "Create") });
            }
        }
    }
    changes
}

fn same(path: &str, before: &Json, after: &Json) -> bool {
    let (Some(one), Some(other)) = (before.as_str(), after.as_str()) else { return before == after };
    let caseless = CASELESS.iter().any(|known| same_name(known, path)) || one.starts_with("/subscriptions/");
    if !caseless {
        return one == other;
    }
    // a place is a word for people (`West US`), and a slash at the end of a URI says nothing
    let word = |text: &str| {
        let text = text.trim_end_matches('/').to_lowercase();
        if same_name(path, "location") { text.replace(' ', "") } else { text }
    };
    word(one) == word(other)
}

/// A resource without what clients do not send: who made it, how far it is.
pub(crate) fn without_noise(resource: &Json) -> Json {
    match resource {
        Json::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !NOISE.contains(&name.as_str()));
            let clean = |name: &str, value: &Json| match name == TAGS {
                true => value.clone(),
                false => without_noise(value),
            };
            let kept: Map<String, Json> =
                kept.map(|(name, value)| (name.clone(), clean(name, value))).collect();
            Json::Object(kept)
        }
        Json::Array(items) if items.iter().any(Json::is_object) => json!(items.to_vec()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(before: &Json, after: &Json) -> Vec<String> {
        let line = |change: &PropertyChange| format!("{} {}", change.property_change_type, change.path);
        delta(before, after).iter().map(line).collect()
    }

    #[test]
    fn what_a_template_says_is_compared_and_nothing_else() {
        let before = json!({
            "id": "/x", "location": "westus", "systemData": {"createdBy": "a"},
            "identity": {"type": "systemAssigned", "principalId": "p"},
            "properties": {"target": {"uri": "https://a.example/c"}, "options": ["OverwriteBlobs"],
                "provisioningState": "Succeeded"},
        });
        let same = json!({
            "location": "West US", "identity": {"type": "SystemAssigned"},
            "properties": {"target": {"uri": "https://A.example/c/"}, "options": ["overwriteblobs"], "empty": ""},
        });
        assert_eq!(lines(&before, &same), [""; 0]);
        let other = json!({
            "tags": {"a": "b"},
            "properties": {"target": {"uri": "https://b.example/c"}, "options": ["ContinueOnErrors"]},
        });
        assert_eq!(
            lines(&before, &other),
            ["Array properties.options", "Modify properties.target.uri", "Create tags"]
        );
        assert_eq!(lines(&before, &json!({"properties": {}})), ["Delete properties.options"]);
    }

    #[test]
    fn what_is_the_servers_own_is_no_change() {
        let vault = json!({
            "tags": {"clientId": "a"}, "properties": {"tenantId": "t", "provisioningState": "Succeeded",
                "enableSoftDelete": false, "enableRbacAuthorization": false, "sku": {"family": "A"}},
        });
        let before = without_noise(&vault);
        assert_eq!(before["tags"]["clientId"], "a");
        assert_eq!(before["properties"].get("tenantId"), None);
        let wanted = |tag: &str| {
            json!({"tags": {"clientId": tag}, "properties": {"tenantId": "t", "enableSoftDelete": true,
                "softDeleteRetentionInDays": 90, "enableRbacAuthorization": true, "sku": {"family": "A"}}})
        };
        assert_eq!(lines(&before, &wanted("a")), [""; 0]);
        assert_eq!(lines(&before, &wanted("b")), ["Modify tags.clientId"]);
    }

    #[test]
    fn items_of_a_list_are_told_by_their_places() {
        let policy = |who: &str| json!({"objectId": who});
        let before = json!({"p": [policy("a"), policy("b")]});
        let changes = delta(&before, &json!({"p": [policy("a"), policy("c"), policy("d")]}));
        let children = changes[0].children.as_deref().unwrap();
        let kinds: Vec<_> =
            children.iter().map(|one| (one.path.as_str(), one.property_change_type.as_str())).collect();
        assert_eq!(kinds, [("1", "Modify"), ("2", "Create")]);
    }
}
