//! `whatIf`: what a deployment would create, change, leave and remove.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use transload_api::deployment::{WhatIf, WhatIfChange, WhatIfProperties};
use transload_control::deployment::DeploymentMode;
use transload_control::resource::Stored;
use transload_control::{Caller, ResourceId};
use transload_templates::Planned;

use super::blot::Blots;
use super::complete::kept;
use super::delta::{delta, without_noise};
use super::inside::{Inside, Whole};
use super::order::deployed;
use super::policies::{self, ACCESS_POLICIES};
use super::prepare::{Boxed, Prepared, is_passing};
use super::types;
use super::words::preflight_fault;
use super::world::{Known, Untold};
use crate::answer::Answer;
use crate::call::Call;
use crate::dispatch::{Found, find};
use crate::face::Face;
use crate::fault::Fault;

/// The version with which a resource is read that no template names.
const VERSION: &str = "2025-06-01-preview";

/// Why it is not said of a resource that complete mode removes it.
const PERHAPS: &str = "It is removed unless a nested deployment names it whose template is not known yet.";
/// What cannot be told before it is deployed.
const UNSUPPORTED: &str = "Unsupported";

/// What would happen, or why nothing can: clients read that out of an answer that is well (contract, § 0.2).
pub(crate) async fn what_if(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let told = match face.what_if(call).await {
        Ok(changes) => WhatIf {
            status: "Succeeded".to_owned(),
            properties: Some(WhatIfProperties { changes }),
            error: None,
        },
        Err(fault) if fault.status.is_client_error() && !is_passing(&fault) => {
            WhatIf { status: "Failed".to_owned(), properties: None, error: Some(fault.body()) }
        }
        Err(fault) => return Err(fault),
    };
    Ok(Answer::ok(&told))
}

impl Face {
    async fn what_if(&self, call: &Call) -> Result<Vec<WhatIfChange>, Fault> {
        let (id, prepared) = self.asked_plan(call, "whatIf/action").await?;
        let whole = self.whole(&call.caller, &prepared).await?;
        let wrong = self.preflight(call, &whole, &prepared).await?;
        if !wrong.is_empty() {
            let fault = preflight_fault(id.name(), &call.caller.correlation, wrong);
            return Err(prepared.blots.fault(fault));
        }
        let mut changes = self.changes(&call.caller, &whole, &prepared, 0).await?;
        let group = id.group_id().unwrap_or_else(|| self.control.subscription());
        let named: Vec<String> = changes.iter().map(|change| change.resource_id.clone()).collect();
        let kept = kept(&prepared.plan, &named)?;
        let unknown = changes.iter().any(|change| change.change_type == UNSUPPORTED);
        changes.extend(self.others(&call.caller, &group, &kept, prepared.asked.mode, unknown).await?);
        changes.sort_by_key(|change| change.resource_id.to_ascii_lowercase());
        if prepared.asked.ids_only {
            for change in &mut changes {
                (change.before, change.after, change.delta) = (None, None, None);
            }
        }
        Ok(changes)
    }

    /// What would happen to each resource of a template, those of nested ones too.
    fn changes<'a>(
        &'a self,
        caller: &'a Caller,
        whole: &'a Whole,
        prepared: &'a Prepared,
        depth: u32,
    ) -> Boxed<'a, Result<Vec<WhatIfChange>, Fault>> {
        Box::pin(async move {
            let mut changes = Vec::new();
            for (at, planned) in deployed(&prepared.plan) {
                if planned.is_nested {
                    changes.extend(self.nested_changes(caller, whole, prepared, at, depth).await?);
                } else {
                    changes.push(self.change(caller, whole, prepared, at).await?);
                }
            }
            Ok(changes)
        })
    }

    /// What one resource would become.
    async fn change(
        &self,
        caller: &Caller,
        all: &Whole,
        prepared: &Prepared,
        at: usize,
    ) -> Result<WhatIfChange, Fault> {
        let planned = &prepared.plan.resources()[at];
        let (plan, mut known) = (&prepared.plan, Known::hiding(prepared));
        let before = self.before(caller, planned).await?;
        let told = self.told(caller, plan, &mut known, move |plan, world| plan.body(at, world)).await;
        let change = WhatIfChange { resource_id: planned.id.clone(), ..WhatIfChange::default() };
        let after = match told {
            Ok(body) => whole(planned, body),
            // what it is made of is known when something else is there: that it is written is all that can be said
            Err(untold) if prepared.is_stale || all.is_known_later(&known, &untold) => {
                if let Untold::Fault(fault, _) = untold
                    && (fault.status.is_server_error() || is_passing(&fault))
                {
                    return Err(fault);
                }
                let kind = if before.is_some() || !is_shown(planned) { "Deploy" } else { "Create" };
                let after = Some(whole(planned, json!({})));
                let change = WhatIfChange { change_type: kind.to_owned(), before, after, ..change };
                return Ok(hidden(change, &known.blots));
            }
            Err(Untold::Fault(fault, _)) => return Err(fault),
            Err(Untold::Template(error)) => {
                return Err(super::words::template_fault(&error, Some(&prepared.asked)));
            }
        };
        if before.is_none()
            && let Some(change) = self.policies_change(caller, planned, &after).await?
        {
            return Ok(hidden(change, &known.blots));
        }
        let Some(before) = before else {
            let kind = if is_shown(planned) { "Create" } else { "Deploy" };
            let change = WhatIfChange { change_type: kind.to_owned(), after: Some(after), ..change };
            return Ok(hidden(change, &known.blots));
        };
        let found = delta(&before, &after);
        let found: Vec<_> = found
            .into_iter()
            .filter(|change| !["id", "name", "type", "apiVersion"].contains(&change.path.as_str()))
            .collect();
        let kind = if found.is_empty() { "NoChange" } else { "Modify" };
        let change = WhatIfChange {
            change_type: kind.to_owned(),
            before: Some(before),
            after: Some(after),
            delta: Some(found),
            ..change
        };
        Ok(hidden(change, &known.blots))
    }

    /// What becomes of a vault's policies; nothing, for what is no change of them or of a vault that is not there.
    async fn policies_change(
        &self,
        caller: &Caller,
        planned: &Planned,
        after: &Json,
    ) -> Result<Option<WhatIfChange>, Fault> {
        let Ok(id) = ResourceId::parse(&planned.id) else { return Ok(None) };
        if !id.is_kind(ACCESS_POLICIES) || !id.name().eq_ignore_ascii_case("add") {
            return Ok(None);
        }
        let Some(vault) = id.parent() else { return Ok(None) };
        let found = self.inner_get(caller, vault.as_str(), &planned.api_version).await?;
        Ok(found.map(|vault| policies::added(&planned.id, &vault, after)))
    }

    /// The resource as it is; none where it is not there, or is nothing that could be looked at.
    async fn before(&self, caller: &Caller, planned: &Planned) -> Result<Option<Json>, Fault> {
        if !is_shown(planned) {
            return Ok(None);
        }
        let found = self.inner_get(caller, &planned.id, &planned.api_version).await?;
        Ok(found.map(|found| without_noise(&found)))
    }

    /// Resources of a nested deployment; where its template is not known yet, that it would be deployed.
    async fn nested_changes(
        &self,
        caller: &Caller,
        whole: &Whole,
        prepared: &Prepared,
        at: usize,
        depth: u32,
    ) -> Result<Vec<WhatIfChange>, Fault> {
        let reason = match self.inside(caller, whole, prepared, at, depth).await? {
            Inside::Known(inner) => return self.changes(caller, whole, &inner, depth + 1).await,
            Inside::Later => {
                "The nested deployment's template is known when what it refers to has been deployed."
                    .to_owned()
            }
            // since it was looked at
            Inside::Missing(_, body) | Inside::Wrong(body) => prepared.blots.text(&body.message),
        };
        Ok(vec![WhatIfChange {
            resource_id: prepared.plan.resources()[at].id.clone(),
            change_type: UNSUPPORTED.to_owned(),
            unsupported_reason: Some(reason),
            ..WhatIfChange::default()
        }])
    }

    /// What is in the group and not in the template: it stays, or in complete mode goes. With a nested deployment that is
    /// `unknown` yet, that is not known either.
    async fn others(
        &self,
        caller: &Caller,
        group: &ResourceId,
        kept: &BTreeSet<String>,
        mode: DeploymentMode,
        unknown: bool,
    ) -> Result<Vec<WhatIfChange>, Fault> {
        let (kind, reason) = match mode {
            DeploymentMode::Incremental => ("Ignore", None),
            DeploymentMode::Complete if unknown => (UNSUPPORTED, Some(PERHAPS)),
            DeploymentMode::Complete => ("Delete", None),
        };
        let mut changes = Vec::new();
        for stored in self.leftovers(caller, group, kept).await? {
            let Stored { id, .. } = &stored;
            let before = self.inner_get(caller, id.as_str(), VERSION).await?;
            changes.push(WhatIfChange {
                resource_id: id.to_string(),
                change_type: kind.to_owned(),
                unsupported_reason: reason.map(str::to_owned),
                before: before.map(|before| without_noise(&before)),
                ..WhatIfChange::default()
            });
        }
        Ok(changes)
    }
}

/// Whether a resource can be looked at by itself. Changes of a vault's policies cannot.
fn is_shown(planned: &Planned) -> bool {
    !types::is_unknown(&planned.id) && matches!(find(&http::Method::GET, &planned.id), Found::Route(..))
}

/// A change without what is not to be shown. Clients take the differences as they are said: they pass through the same
/// blots.
fn hidden(change: WhatIfChange, blots: &Blots) -> WhatIfChange {
    let delta = change.delta.map(|delta| blots.json(json!(delta)));
    WhatIfChange {
        before: change.before.map(|value| blots.json(value)),
        after: change.after.map(|value| blots.json(value)),
        delta: delta.and_then(|delta| serde_json::from_value(delta).ok()),
        ..change
    }
}

/// A resource as a GET would show it, as far as the template says it.
fn whole(planned: &Planned, body: Json) -> Json {
    let mut members = Map::new();
    members.insert("apiVersion".to_owned(), json!(planned.api_version));
    members.insert("id".to_owned(), json!(planned.id));
    members.insert("name".to_owned(), json!(planned.id.rsplit('/').next().unwrap_or_default()));
    members.insert("type".to_owned(), json!(planned.kind));
    if let Json::Object(body) = body {
        members.extend(body);
    }
    Json::Object(members)
}
