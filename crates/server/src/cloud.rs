//! What there is of a cloud: endpoints, a tenant, a subscription, namespaces.

use http::StatusCode;
use serde_json::json;
use transload_api::Listed;
use transload_api::cloud::{CloudAuthentication, CloudMetadata, CloudSuffixes, OwnMetadata};
use transload_api::group::{Provider, ProviderType, Subscription, Tenant};
use transload_control::ResourceId;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::links::Links;
use crate::map::Place;
use crate::unknown::{NAMESPACES, Namespace, namespace, no_namespace};

impl Face {
    pub(crate) fn tenant(&self) -> String {
        self.control.options().tenant.to_string()
    }

    /// What the wire needs to know of this server; `tenant` is [`tenant`](Self::tenant).
    pub(crate) fn place<'a>(&'a self, tenant: &'a str) -> Place<'a> {
        let set = self.control.options();
        Place {
            tenant,
            vault_suffix: &set.vault_suffix,
            storage_suffix: &set.storage_suffix,
            location: &self.options.location,
        }
    }

    /// The subscription that there is.
    pub(crate) fn subscription(&self) -> Subscription {
        let id = self.control.subscription();
        Subscription {
            id: id.to_string(),
            subscription_id: id.subscription().to_owned(),
            tenant_id: self.tenant(),
            display_name: self.options.subscription_name.clone(),
            state: "Enabled".to_owned(),
        }
    }
}

/// Endpoints of this cloud (contract, § 7). Versions of 2015 and 2019 want a list.
pub(crate) async fn metadata(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let version = call.query.get("api-version").unwrap_or_default();
    let data = cloud_metadata(face, &call.links);
    let wants_list = version.starts_with("2015") || version.starts_with("2019");
    Ok(if wants_list { Answer::ok(&[data]) } else { Answer::ok(&data) })
}

/// Endpoints of this cloud for a client that came by these names.
pub(crate) fn cloud_metadata(face: &Face, links: &Links) -> CloudMetadata {
    let base = links.base().to_owned();
    let set = face.control.options();
    let dotted = |suffix: &str| format!(".{}", suffix.trim_start_matches('.'));
    CloudMetadata {
        name: face.options.cloud_name.clone(),
        portal: base.clone(),
        resource_manager: base.clone(),
        graph: base.clone(),
        graph_audience: base.clone(),
        gallery: base.clone(),
        batch: base.clone(),
        media: base.clone(),
        sql_management: base.clone(),
        vm_image_alias_doc: String::new(),
        active_directory_data_lake: None,
        microsoft_graph_resource_id: format!("{base}/"),
        authentication: CloudAuthentication {
            login_endpoint: base.clone(),
            audiences: vec![base.clone(), format!("{base}/")],
            tenant: face.tenant(),
            identity_provider: "AAD".to_owned(),
        },
        suffixes: CloudSuffixes {
            storage: set.storage_suffix.trim_start_matches('.').to_owned(),
            key_vault_dns: dotted(&set.vault_suffix),
            acr_login_server: dotted(&set.registry_suffix),
            sql_server_hostname: "sql.invalid".to_owned(),
            azure_data_lake_store_file_system: "datalake.invalid".to_owned(),
            azure_data_lake_analytics_catalog_and_job: "analytics.invalid".to_owned(),
        },
        transload: face.options.connect_proxy.clone().map(|proxy| OwnMetadata { connect_proxy: Some(proxy) }),
    }
}

pub(crate) async fn tenants(face: &Face, _call: &Call) -> Result<Answer, Fault> {
    let tenant_id = face.tenant();
    let tenant = Tenant {
        id: format!("/tenants/{tenant_id}"),
        tenant_id,
        display_name: face.options.cloud_name.clone(),
        tenant_category: "Home".to_owned(),
    };
    Ok(Answer::ok(&Listed { value: vec![tenant], next_link: None }))
}

pub(crate) async fn subscriptions(face: &Face, _call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::ok(&Listed { value: vec![face.subscription()], next_link: None }))
}

pub(crate) async fn subscription(face: &Face, _call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::ok(&face.subscription()))
}

pub(crate) async fn locations(face: &Face, _call: &Call) -> Result<Answer, Fault> {
    let subscription = face.control.subscription();
    let name = &face.options.location;
    let location = json!({
        "id": format!("{subscription}/locations/{name}"),
        "name": name,
        "displayName": name,
    });
    Ok(Answer::ok(&json!({"value": [location]})))
}

pub(crate) async fn providers(face: &Face, _call: &Call) -> Result<Answer, Fault> {
    let subscription = face.control.subscription();
    let value = NAMESPACES.iter().map(|known| provider_of(known, &subscription, face)).collect();
    Ok(Answer::ok(&Listed { value, next_link: None }))
}

pub(crate) async fn provider(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let subscription = face.control.subscription();
    let name = call.params.get("namespace");
    let known = namespace(name).ok_or_else(|| no_namespace(name))?;
    Ok(Answer::json(StatusCode::OK, &provider_of(known, &subscription, face)))
}

fn provider_of(known: &Namespace, subscription: &ResourceId, face: &Face) -> Provider {
    let kind = |name: &&str| ProviderType {
        resource_type: (*name).to_owned(),
        api_versions: known.versions.iter().rev().map(|version| (*version).to_owned()).collect(),
        locations: vec![face.options.location.clone()],
    };
    Provider {
        id: format!("{subscription}/providers/{}", known.name),
        namespace: known.name.to_owned(),
        registration_state: "Registered".to_owned(),
        resource_types: known.types.iter().map(kind).collect(),
    }
}
