//! Changes of a vault's access policies, which are no resources that could be looked at: what one of them would add.

use serde_json::{Value as Json, json};
use transload_api::deployment::{PropertyChange, WhatIfChange};

/// The type of changes to a vault's policies.
pub(crate) const ACCESS_POLICIES: &str = "Microsoft.KeyVault/vaults/accessPolicies";

/// What `add` with the policies of `after` would do to a vault.
pub(crate) fn added(id: &str, vault: &Json, after: &Json) -> WhatIfChange {
    let wanted = list(after);
    let there: Vec<&Json> = list(vault)
        .into_iter()
        .filter(|one| wanted.iter().any(|wanted| same_principal(one, wanted)))
        .collect();
    let lacks =
        |wanted: &&&Json| !there.iter().any(|one| same_principal(one, wanted) && includes(one, wanted));
    let new: Vec<&Json> = wanted.iter().filter(lacks).copied().collect();
    let kind = match (new.is_empty(), there.is_empty()) {
        (true, _) => "NoChange",
        (false, true) => "Create",
        (false, false) => "Modify",
    };
    let shown = |policies: &[&Json]| json!({"id": id, "properties": {"accessPolicies": policies}});
    let delta = new.iter().map(|one| PropertyChange {
        path: "properties.accessPolicies".to_owned(),
        property_change_type: "Create".to_owned(),
        after: Some((*one).clone()),
        ..PropertyChange::default()
    });
    WhatIfChange {
        resource_id: id.to_owned(),
        change_type: kind.to_owned(),
        before: (!there.is_empty()).then(|| shown(&there)),
        after: Some(after.clone()),
        delta: (kind == "Modify").then(|| delta.collect()),
        ..WhatIfChange::default()
    }
}

fn list(of: &Json) -> Vec<&Json> {
    let found = of.pointer("/properties/accessPolicies").and_then(Json::as_array);
    found.map(|policies| policies.iter().collect()).unwrap_or_default()
}

fn same_principal(one: &Json, other: &Json) -> bool {
    let who = |policy: &Json| policy["objectId"].as_str().map(str::to_ascii_lowercase);
    who(one).is_some() && who(one) == who(other)
}

/// Whether a policy gives all that another gives.
fn includes(has: &Json, wanted: &Json) -> bool {
    let permissions = |policy: &Json, of: &str| -> Vec<String> {
        let found = policy["permissions"][of].as_array();
        let words = found.into_iter().flatten().filter_map(Json::as_str);
        words.map(str::to_ascii_lowercase).collect()
    };
    ["secrets", "keys", "certificates", "storage"].iter().all(|of| {
        let has = permissions(has, of);
        permissions(wanted, of).iter().all(|one| has.contains(one) || has.iter().any(|has| has == "all"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(list: &[(&str, &[&str])]) -> Json {
        let one = |(who, may): &(&str, &[&str])| json!({"objectId": who, "permissions": {"secrets": may}});
        json!({"properties": {"accessPolicies": list.iter().map(one).collect::<Vec<_>>()}})
    }

    #[test]
    fn what_a_principal_may_already_is_no_change() {
        let vault = policies(&[("a", &["get", "list"]), ("b", &["all"])]);
        let kind = |wanted: &[(&str, &[&str])]| added("/x", &vault, &policies(wanted)).change_type;
        assert_eq!(kind(&[("A", &["Get"]), ("b", &["set"])]), "NoChange");
        assert_eq!(kind(&[("a", &["set"])]), "Modify");
        assert_eq!(kind(&[("c", &["get"])]), "Create");
        assert_eq!(kind(&[]), "NoChange");
    }
}
