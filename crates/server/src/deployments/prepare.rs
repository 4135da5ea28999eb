//! From a request to a plan: the place where it happens, secrets that parameters name, what must not be shown.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use transload_control::{Caller, Code, ResourceId};
use transload_templates::{
    Error, Limits, Named, ParameterGiven, Plan, Setting, Template, Value, plan, same_name,
};
use uuid::Uuid;

use secrecy::ExposeSecret as _;

use super::ask::Asked;
use super::blot::{Blots, HEAD_CHARS, Hidden, collect};
use super::world::aside;
use crate::face::Face;
use crate::fault::Fault;

/// A future that may wait for others of its kind.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request that has a plan.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) asked: Asked,
    pub(crate) plan: Arc<Plan>,
    /// What is not to be shown.
    pub(crate) blots: Blots,
    /// What of that is not told from other values.
    pub(crate) unmarked: Blots,
    pub(crate) hash: String,
    /// It was made of answers of resources that the deployment changes: they may answer otherwise by then.
    pub(crate) is_stale: bool,
}

/// Why there is no plan.
#[derive(Debug)]
pub(crate) enum Unplanned {
    /// The template, or what was given for its parameters.
    Template(Error),
    /// Something else: a secret that cannot be read, a group that is gone.
    Fault(Fault),
}

/// Which deployment it is.
#[derive(Debug, Clone)]
pub(crate) struct Which {
    pub(crate) id: ResourceId,
    /// What `newGuid()` is made from.
    pub(crate) seed: Uuid,
    /// What `utcNow()` says.
    pub(crate) now: OffsetDateTime,
    /// Deployments that it is nested in.
    pub(crate) depth: u32,
}

impl Face {
    /// The plan of a request; `hidden` is what must not be shown besides its own secrets.
    pub(crate) async fn prepare(
        &self,
        caller: &Caller,
        which: &Which,
        asked: Asked,
        hidden: Hidden,
    ) -> Result<Prepared, (Unplanned, Asked)> {
        let unmarked = hidden.unmarked.clone();
        match self.planned(caller, which, &asked, hidden).await {
            Ok((plan, blots)) => {
                let hash = template_hash(&asked.template.to_json());
                Ok(Prepared { asked, plan: Arc::new(plan), blots, unmarked, hash, is_stale: false })
            }
            Err(unplanned) => Err((unplanned, asked)),
        }
    }

    async fn planned(
        &self,
        caller: &Caller,
        which: &Which,
        asked: &Asked,
        hidden: Hidden,
    ) -> Result<(Plan, Blots), Unplanned> {
        let bounds = self.options.templates;
        let root = asked.template.clone();
        let read = aside(move || Template::read(&root, &bounds)).await.and_then(|read| read);
        let template = read.map_err(Unplanned::Template)?;
        let setting = self.setting(caller, which, asked).await.map_err(Unplanned::Fault)?;
        let mut given = BTreeMap::new();
        for (name, sent) in &asked.parameters {
            let one = self.given(caller, name, sent).await.map_err(Unplanned::Fault)?;
            given.insert(name.clone(), one);
        }
        let made = aside(move || made(template, given, &setting, &bounds, hidden)).await;
        made.and_then(|made| made).map_err(Unplanned::Template)
    }

    /// What was given for a parameter; a secret of a vault is read as the caller.
    async fn given(&self, caller: &Caller, name: &str, sent: &Value) -> Result<ParameterGiven, Fault> {
        let Some(reference) = member(sent, "reference").filter(|found| !found.is_null()) else {
            return Ok(ParameterGiven::Value(member(sent, "value").cloned().unwrap_or(Value::Null)));
        };
        let about = format!("properties.parameters.{name}.reference");
        let refuse = |text: &str| {
            Fault::bad("KeyVaultParameterReferenceInvalid", format!("The parameter '{name}' {text}"))
                .about(&about)
        };
        let vault =
            member(reference, "keyVault").and_then(|vault| member(vault, "id")).and_then(Value::as_text);
        let vault = vault.and_then(|id| ResourceId::parse(id).ok());
        let vault = vault.ok_or_else(|| refuse("names no vault: 'keyVault.id' is the id of one."))?;
        let secret = member(reference, "secretName").and_then(Value::as_text);
        let secret = secret.ok_or_else(|| refuse("names no secret: 'secretName' is required."))?;
        let version = member(reference, "secretVersion").and_then(Value::as_text);
        let version = version.filter(|version| !version.is_empty());
        let failed = |error: transload_control::Error| {
            let text =
                format!("The parameter '{name}' names a secret that cannot be read: {}", error.message);
            let fault = Fault::from(transload_control::Error { message: text, ..error });
            fault.about(&about)
        };
        let stored = self.control.get(caller, &vault).await.map_err(failed)?;
        if !stored.id.is_kind(transload_control::resource::kind::VAULT) {
            return Err(refuse("names no vault: 'keyVault.id' is the id of another resource."));
        }
        let found = self.control.secrets(caller).get(stored.id.name(), secret, version).await;
        let found = found.map_err(failed)?;
        Ok(ParameterGiven::Secret(Value::from(found.value.expose_secret())))
    }

    /// What functions of the template know of the place.
    async fn setting(&self, caller: &Caller, which: &Which, asked: &Asked) -> Result<Setting, Fault> {
        let group = which.id.group_id().unwrap_or_else(|| self.control.subscription());
        let stored = self.control.get(caller, &group).await?;
        let subscription = self.subscription();
        let mut answer = json!(crate::map::group(&stored)?);
        if let Some(members) = answer.as_object_mut() {
            members.entry("tags").or_insert_with(|| json!({}));
            members.entry("managedBy").or_insert(Json::Null);
        }
        Ok(Setting {
            subscription: subscription.subscription_id.clone(),
            group: stored.id.name().to_owned(),
            deployment: which.id.name().to_owned(),
            mode: asked.mode.name().to_owned(),
            subscription_answer: json!(subscription),
            group_answer: answer,
            tenant_answer: json!({
                "tenantId": self.tenant(),
                "displayName": self.options.cloud_name,
                "countryCode": "",
            }),
            environment_answer: environment(&json!(crate::cloud::cloud_metadata(self, &self.own_links()))),
            deployer_answer: json!({
                "objectId": caller.principal,
                "tenantId": self.tenant(),
                "userPrincipalName": caller.name,
            }),
            now: which.now,
            seed: which.seed,
            nested_in: which.depth as usize,
        })
    }
}

/// A plan with all that must not be shown of it. A parameter that an outer deployment made of a secret is hidden as well,
/// whatever its type says.
fn made(
    template: Template,
    mut given: BTreeMap<String, ParameterGiven>,
    setting: &Setting,
    limits: &Limits,
    hidden: Hidden,
) -> Result<(Plan, Blots), Error> {
    let Hidden { values: mut blots, unmarked, parameters } = hidden;
    let secure: Vec<String> = template
        .parameters()
        .filter(|(_, kind, _)| kind.is_some_and(|kind| kind.is_secure()))
        .map(|(name, _, _)| name.to_owned())
        .collect();
    let mut secrets = Vec::new();
    for (name, one) in &mut given {
        if let ParameterGiven::Value(value) = one
            && (secure.iter().chain(&parameters).any(|secret| same_name(secret, name))
                || unmarked.touch(value))
        {
            *one = ParameterGiven::Secret(std::mem::replace(value, Value::Null));
        }
        if let ParameterGiven::Secret(value) = one {
            collect(value, &mut secrets);
        }
    }
    match plan(Arc::new(template), &given, setting, limits) {
        Ok(plan) => {
            // those of defaults too
            secrets.extend(plan.secrets());
            blots.join(&Blots::of(secrets));
            blots.ready();
            Ok((plan, blots))
        }
        Err(error) => {
            // there may be more of them than can be looked for
            secrets.retain(|secret| may_show(&error, secret));
            blots.join(&Blots::of(secrets));
            Err(blots.error(error))
        }
    }
}

/// Whether an error shows a secret, or the beginning of it.
fn may_show(error: &Error, secret: &str) -> bool {
    let head = secret.char_indices().nth(HEAD_CHARS).map_or(secret, |(end, _)| &secret[..end]);
    error.message.contains(head) || error.path.as_ref().is_some_and(|path| path.contains(head))
}

/// A member, in whatever case.
fn member<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    of.as_object()?.get(name)
}

/// What `environment()` answers: names of the cloud's document in the case that templates know.
fn environment(metadata: &Json) -> Json {
    let mut answer = metadata.clone();
    if let Some(suffixes) = answer.get_mut("suffixes").and_then(Json::as_object_mut) {
        let keyvault = suffixes.get("keyVaultDns").cloned().unwrap_or_default();
        suffixes.insert("keyvaultDns".to_owned(), keyvault);
    }
    answer
}

/// Equal for equal templates: a number of 64 bits, as Azure's.
pub(crate) fn template_hash(template: &Json) -> String {
    let hash = digest::digest(&digest::SHA256, template.to_string().as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_ref()[..8]);
    u64::from_be_bytes(first).to_string()
}

/// Parameters as they are shown: `{name: {type, value}}`, secure ones without a value.
pub(crate) fn shown_parameters(prepared: &Prepared) -> Map<String, Json> {
    shown(&prepared.plan.parameters(), &prepared.blots)
}

/// Parameters or outputs as they are shown: without what is not to be.
fn shown(named: &[Named], blots: &Blots) -> Map<String, Json> {
    let one = |one: &Named| {
        let mut members = Map::new();
        members.insert("type".to_owned(), Json::String(one.kind.to_string()));
        if let Some(value) = &one.value {
            members.insert("value".to_owned(), blots.json(value.to_json()));
        }
        (one.name.clone(), Json::Object(members))
    };
    named.iter().map(one).collect()
}

/// Outputs as they are shown, and the values of those that are not. What an output has nothing to do with is not taken out of
/// it: scripts and other templates go on with what it says.
pub(crate) fn shown_outputs(
    mut outputs: Vec<Named>,
    unmarked: &Blots,
) -> (Map<String, Json>, Map<String, Json>) {
    for one in &mut outputs {
        if let Some(value) = one.value.take_if(|value| unmarked.touch(value)) {
            one.withheld = Some(value);
        }
    }
    let withheld =
        outputs.iter().filter_map(|one| Some((one.name.clone(), one.withheld.as_ref()?.to_json())));
    (shown(&outputs, &Blots::default()), withheld.collect())
}

/// Whether an error is of the ledger, and not of what was asked.
pub(crate) fn is_passing(fault: &Fault) -> bool {
    fault.code == Code::LedgerUnavailable.to_string() || fault.code == Code::TooManyRequests.to_string()
}
