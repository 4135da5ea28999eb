//! From a location on the command line to an open store.

use std::sync::Arc;

use futures_util::StreamExt;
use transload_blobstore::{BlobStore, Credential, Location, Provider, ProxyOptions, StoreOptions};
use transload_transfer::{Code, Error, are_parts};

use crate::cli::{StoreArgs, TrustArgs};
use crate::config::Environment;
use crate::registries::ca_pem;

mod aws;
mod azure;
mod google;

/// An open store, and the name within it that the location gave.
pub(crate) type Opened = (Arc<dyn BlobStore>, Option<String>);

/// Opens the place that a location names.
pub(crate) fn open(
    text: &str,
    args: &StoreArgs,
    trust: &TrustArgs,
    environment: &Environment,
) -> Result<Opened, Error> {
    let mut options = options(trust, environment)?;
    let location = Location::parse(text)?;
    check_fits(&location, args)?;
    if let Some(bucket) = location.bucket() {
        let credential = match bucket.provider {
            Provider::S3 => aws::set_up(args, &environment.aws, &mut options)?,
            Provider::Gcs => google::set_up(args, &environment.google, &mut options),
        };
        return Ok(transload_blobstore::open(&location, credential, &options)?);
    }
    if location.container().is_none() {
        return Ok(transload_blobstore::open(&location, Credential::None, &options)?);
    }
    let credential = azure::credential(&location, args, &environment.azure)?;
    Ok(transload_blobstore::open(&location, credential, &options)?)
}

/// What an end says, by the engine's table.
pub(crate) fn told(error: &transload_endpoints::Error) -> Error {
    let code = Code::ALL.iter().copied().find(|code| code.as_str() == error.code());
    Error::new(code.unwrap_or(Code::Usage), error.subject(), error.detail()).with_next(error.next_step())
}

/// Refuses options that mean nothing for this kind of location.
fn check_fits(location: &Location, args: &StoreArgs) -> Result<(), Error> {
    let refuse = |detail: &str| Err(Error::new(Code::Usage, location.to_string(), detail));
    let token = args.sas_token_env.is_some() || args.sas_token_file.is_some();
    let key = args.account_key_env.is_some() || args.account_key_file.is_some();
    if (token || key || args.managed_identity.is_some()) && location.container().is_none() {
        return refuse("a credential for Azure was given, and this is no Azure container");
    }
    let asks = args.endpoint.is_some() || args.region.is_some() || args.virtual_host || args.anonymous;
    if asks && location.bucket().is_none() {
        return refuse("--endpoint, --region, --virtual-host and --anonymous are for buckets (s3://, gs://)");
    }
    let google = location.bucket().is_some_and(|b| b.provider == Provider::Gcs);
    if google && (args.region.is_some() || args.virtual_host) {
        return refuse("--region and --virtual-host are for s3:// locations");
    }
    Ok(())
}

/// Opens a bundle: a location that names a blob, or is an image layout as a folder. That one's name is empty.
pub(crate) async fn open_bundle(
    text: &str,
    args: &StoreArgs,
    trust: &TrustArgs,
    environment: &Environment,
) -> Result<(Arc<dyn BlobStore>, String), Error> {
    let (store, name) = open(text, args, trust, environment)?;
    match name {
        Some(name) => Ok((store, name)),
        None if store.stat("oci-layout").await.is_ok_and(|found| found.is_some()) => {
            Ok((store, String::new()))
        }
        None => {
            let detail = "this is a folder, a bucket or a container, not a bundle";
            let place = Some(store.describe("")).filter(|place| !place.is_empty());
            Err(Error::new(Code::Usage, place.as_deref().unwrap_or("."), detail)
                .with_next(name_one_of(store.as_ref()).await))
        }
    }
}

/// Lets parts be listed that belong to a bundle anyway.
///
/// # Errors
/// `Usage` for anything that is no part of the same bundle: there is one at a time.
pub(crate) fn check_parts(bundle: &str, parts: &[String]) -> Result<(), Error> {
    let bare = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
    match parts.iter().find(|part| !are_parts(&bare(bundle), &bare(part))) {
        None => Ok(()),
        Some(other) => {
            Err(Error::new(Code::Usage, bare(other), format!("this is no part of {}", bare(bundle)))
                .with_next("name one bundle at a time; of a bundle in parts the first is enough"))
        }
    }
}

/// Asks for a bundle's name, with some of the names that there are.
async fn name_one_of(store: &dyn BlobStore) -> String {
    const SHOWN: usize = 5;
    let Ok(listed) = store.list("").await else { return "name the bundle in it".to_owned() };
    let names: Vec<String> = listed
        .filter_map(|blob| async { Some(store.describe(&blob.ok()?.name)) })
        .take(SHOWN + 1)
        .collect()
        .await;
    match names.len() {
        0 => "there is nothing in it: wait for the bundle, or look elsewhere".to_owned(),
        count if count > SHOWN => format!("name the bundle in it, such as {}, …", names[..SHOWN].join(", ")),
        _ => format!("name the bundle in it: {}", names.join(", ")),
    }
}

pub(crate) fn options(trust: &TrustArgs, environment: &Environment) -> Result<StoreOptions, Error> {
    Ok(StoreOptions {
        ca_pem: ca_pem(trust)?,
        proxy: ProxyOptions {
            https: environment.proxy.https.clone().map(Into::into),
            http: environment.proxy.http.clone().map(Into::into),
            no_proxy: environment.proxy.no_proxy.clone(),
        },
        ..StoreOptions::default()
    })
}
