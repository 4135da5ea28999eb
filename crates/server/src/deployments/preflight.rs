//! `validate`: all that can be known of a deployment before anything is made.

use time::OffsetDateTime;
use transload_api as api;
use transload_api::deployment::DeploymentProperties;
use transload_control::deployment::{DeploymentMode, DeploymentText};
use transload_control::{Code, ResourceId};
use transload_templates::Planned;
use uuid::Uuid;

use super::ask::Asked;
use super::blot::Hidden;
use super::inside::{Inside, Whole};
use super::order::{dependencies, deployed, output_order, providers, references};
use super::prepare::{Boxed, Prepared, Unplanned, Which, shown_parameters};
use super::routes::{deployment_id, text_of};
use super::types;
use super::words::{preflight_fault, template_body, template_fault};
use super::world::{Known, Untold};
use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;

impl Face {
    /// A request's plan, for those who only ask.
    pub(super) async fn asked_plan(&self, call: &Call, verb: &str) -> Result<(ResourceId, Prepared), Fault> {
        let id = deployment_id(self, call).await?;
        self.control.may_deploy(&call.caller, &id, verb).await?;
        let asked = Asked::read(text_of(call)?, &self.options)?;
        let which = Which { id: id.clone(), seed: Uuid::new_v4(), now: OffsetDateTime::now_utc(), depth: 0 };
        match self.prepare(&call.caller, &which, asked, Hidden::default()).await {
            Ok(prepared) => Ok((id, prepared)),
            Err((Unplanned::Fault(fault), _)) => Err(fault),
            Err((Unplanned::Template(error), asked)) => Err(template_fault(&error, Some(&asked))),
        }
    }

    /// Whether what is asked for is under way already.
    ///
    /// # Errors
    /// Another deployment of its name that is under way: clients hide what the PUT itself is refused with (contract, § 0.2).
    async fn is_under_way(&self, call: &Call, id: &ResourceId, mode: DeploymentMode) -> Result<bool, Fault> {
        let text = DeploymentText { request: Some(text_of(call)?.to_owned()), ..DeploymentText::default() };
        Ok(self.control.same_deployment(id, &text, mode).await?.is_some())
    }

    /// What is wrong with each resource as far as that can be told without making it, with those of nested deployments too.
    pub(super) async fn preflight(
        &self,
        call: &Call,
        whole: &Whole,
        prepared: &Prepared,
    ) -> Result<Vec<api::ErrorBody>, Fault> {
        let mut wrong = Vec::new();
        self.preflight_in(call, whole, prepared, 0, &mut wrong).await?;
        Ok(wrong)
    }

    fn preflight_in<'a>(
        &'a self,
        call: &'a Call,
        whole: &'a Whole,
        prepared: &'a Prepared,
        depth: u32,
        wrong: &'a mut Vec<api::ErrorBody>,
    ) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            for (at, planned) in deployed(&prepared.plan) {
                let mut looked = self.look_at(whole, prepared, planned).await?;
                if looked.is_none() && planned.is_nested {
                    looked = match self.inside(&call.caller, whole, prepared, at, depth).await? {
                        Inside::Known(inner) => {
                            self.preflight_in(call, whole, &inner, depth + 1, wrong).await?;
                            None
                        }
                        Inside::Later => None,
                        Inside::Missing(_, body) | Inside::Wrong(body) => Some(body),
                    };
                } else if looked.is_none() {
                    looked = self.look_into(call, whole, prepared, at).await?;
                }
                // what was made of answers that will be others by then says nothing
                let looked = looked.filter(|_| !prepared.is_stale);
                wrong.extend(looked.map(|body| prepared.blots.body(named(prepared, at, body))));
            }
            Ok(())
        })
    }

    /// What is wrong with a resource's id, its type and its version.
    async fn look_at(
        &self,
        whole: &Whole,
        prepared: &Prepared,
        planned: &Planned,
    ) -> Result<Option<api::ErrorBody>, Fault> {
        let id = match types::resource_id(&planned.id) {
            Ok(id) => id,
            Err(fault) => return Ok(Some(fault.body())),
        };
        if types::is_unknown(&planned.id) {
            return Ok(Some(types::unknown(planned)));
        }
        if let Err(fault) = types::check_version(planned) {
            return Ok(Some(fault.body()));
        }
        if let Err(error) = self.control.check_name(&id) {
            return Ok(Some(Fault::from(error).body()));
        }
        self.parent_missing(whole, prepared, &id).await
    }

    /// What is wrong with what is sent for a resource.
    async fn look_into(
        &self,
        call: &Call,
        whole: &Whole,
        prepared: &Prepared,
        at: usize,
    ) -> Result<Option<api::ErrorBody>, Fault> {
        let (plan, mut known) = (&prepared.plan, Known::hiding(prepared));
        let Ok(id) = ResourceId::parse(&plan.resources()[at].id) else { return Ok(None) };
        let told = self.told(&call.caller, plan, &mut known, move |plan, world| plan.body(at, world)).await;
        match told {
            Ok(body) => match self.look_at_body(whole, &id, &body).await {
                Err(fault) if fault.status.is_server_error() => Err(fault),
                Err(fault) if whole.may_come(&fault) || whole.changes_outputs(&known) => Ok(None),
                looked => Ok(looked.err().map(|fault| known.blots.body(fault.body()))),
            },
            // it will be there when this one is made
            Err(Untold::Fault(fault, lookup)) if whole.is_own(&fault, &lookup) => Ok(None),
            Err(Untold::Fault(fault, _)) if fault.status.is_server_error() => Err(fault),
            // made of what was there before: it will be another
            Err(_) if whole.changes(&known) => Ok(None),
            Err(Untold::Fault(fault, _)) => Ok(Some(fault.body())),
            Err(Untold::Template(error)) => Ok(Some(template_body(&error, Some(&prepared.asked)))),
        }
    }

    /// What a resource is beneath has to be there, or to be made by the same template.
    async fn parent_missing(
        &self,
        whole: &Whole,
        prepared: &Prepared,
        id: &ResourceId,
    ) -> Result<Option<api::ErrorBody>, Fault> {
        let group = id.group_id();
        let Some(parent) = id.parent().filter(|parent| Some(parent) != group.as_ref()) else {
            return Ok(None);
        };
        let made =
            prepared.plan.resources().iter().any(|one| one.condition && same_id(&one.id, parent.as_str()));
        if made || whole.may_make(&parent) || self.control.ledger().get(&parent).await?.is_some() {
            return Ok(None);
        }
        let text = format!(
            "Failed to perform 'write' on resource(s) of type '{}', because the parent resource '{parent}' could not be \
             found. Create it first, or in the same template.",
            id.kind()
        );
        let error = transload_control::Error::new(Code::ParentResourceNotFound, text);
        Ok(Some(Fault::from(error).body()))
    }
}

/// What is wrong with a resource, and with which: a template may have many, and what refuses one speaks of its members.
fn named(prepared: &Prepared, at: usize, body: api::ErrorBody) -> api::ErrorBody {
    let planned = &prepared.plan.resources()[at];
    let target = Some(planned.id.clone());
    // what the template's language refuses has its place already
    if !body.additional_info.is_empty() {
        return api::ErrorBody { target, ..body };
    }
    let member = body.target.as_deref().and_then(|member| prepared.plan.place_of(at, member));
    let at = prepared.asked.place(member.map_or(planned.at, |(at, _)| at));
    let subject = format!("The resource '{}'", planned.name);
    let placed = format!("{subject} at line '{}' and column '{}'", at.line, at.column);
    let message = match body.message.strip_prefix(&subject) {
        Some(rest) => format!("{placed}{rest}"),
        None => format!("{placed}: {}", body.message),
    };
    api::ErrorBody { message, target, ..body }
}

fn same_id(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other)
}

/// Whether a template could be deployed.
pub(crate) async fn validate(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let (id, prepared) = face.asked_plan(call, "validate/action").await?;
    let wrong = match face.is_under_way(call, &id, prepared.asked.mode).await? {
        // its PUT is answered with what is under way
        true => Vec::new(),
        false => {
            let whole = face.whole(&call.caller, &prepared).await?;
            face.preflight(call, &whole, &prepared).await?
        }
    };
    if !wrong.is_empty() {
        let fault = preflight_fault(id.name(), &call.caller.correlation, wrong);
        return Err(prepared.blots.fault(fault));
    }
    let ids = deployed(&prepared.plan).map(|(_, one)| one.id.clone()).collect();
    let read = |kept| serde_json::from_value(kept).ok();
    Ok(Answer::ok(&api::Deployment {
        id: id.to_string(),
        name: id.name().to_owned(),
        kind: transload_control::resource::kind::DEPLOYMENT.to_owned(),
        properties: DeploymentProperties {
            template_hash: Some(prepared.hash.clone()),
            parameters: Some(shown_parameters(&prepared)),
            mode: prepared.asked.mode.name().to_owned(),
            provisioning_state: "Succeeded".to_owned(),
            timestamp: Some(crate::map::moment(call.now)),
            duration: Some("PT0S".to_owned()),
            correlation_id: Some(call.caller.correlation.clone()),
            providers: read(prepared.blots.json(providers(&prepared.plan))),
            dependencies: serde_json::from_value(prepared.blots.json(dependencies(&prepared.plan))).ok(),
            validated_resources: Some(references(&output_order(ids))),
            ..DeploymentProperties::default()
        },
        ..api::Deployment::default()
    }))
}
